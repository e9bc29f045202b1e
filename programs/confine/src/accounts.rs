//! Users and groups, from the text of `/etc/passwd` and `/etc/group`.

use base::accounts;

use crate::plan::Identity;

/// A user with all of its groups.
pub fn user(name: &str, passwd: &str, group: &str) -> Option<Identity> {
    let user = accounts::user(passwd, name)?;
    let further = accounts::groups(group).filter(|group| group.lists(name) && group.gid != user.gid);
    let groups = std::iter::once(user.gid).chain(further.map(|group| group.gid)).collect();
    Some(Identity { name: name.to_owned(), uid: user.uid, gid: user.gid, groups })
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
