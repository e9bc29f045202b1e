//! Users and groups, from the text of `/etc/passwd` and `/etc/group`.

use crate::plan::Identity;

/// A user with all of its groups.
pub fn user(name: &str, passwd: &str, group: &str) -> Option<Identity> {
    let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let entry = entry.into_iter().find(|fields| fields.len() == 7 && fields[0] == name && !name.is_empty())?;
    let (uid, gid) = (entry[2].parse().ok()?, entry[3].parse().ok()?);
    let is_member = |members: &str| members.split(',').any(|member| member == name);
    let mut groups = vec![gid];
    for fields in group.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
        if let [_, _, number, members] = fields[..] {
            groups.extend(number.parse::<u32>().ok().filter(|number| is_member(members) && *number != gid));
        }
    }
    Some(Identity { name: name.to_owned(), uid, gid, groups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_its_groups() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nchrony:x:123:124::/var/empty:/bin/false\nbroken:x:no\n";
        let group = "root:x:0:\nchrony:x:124:\nlog:x:5:other,chrony\nbroken\n";
        let found = user("chrony", passwd, group).unwrap();
        assert_eq!((found.uid, found.gid, found.groups), (123, 124, vec![124, 5]));
        for missing in ["", "broken", "nobody"] {
            assert!(user(missing, passwd, group).is_none(), "{missing}");
        }
    }
}
