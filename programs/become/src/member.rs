//! Decides from the account files who may run commands as root.

use base::accounts;

/// Who may use the service.
pub const GROUP: &str = "wheel";

/// The name of the account with this UID, if it may become root: root itself, and members of `group`.
pub fn allowed(uid: u32, group: &str, passwd: &str, groups: &str) -> Result<String, String> {
    let Some(user) = accounts::user_of(passwd, uid) else {
        return Err(format!("no account has the UID {uid}"));
    };
    let member = accounts::group(groups, group).is_some_and(|group| group.lists(user.name) || group.gid == user.gid);
    if uid == 0 || member {
        return Ok(user.name.to_owned());
    }
    Err(format!("{} is not in the group {group}", user.name))
}

/// The GID of a group.
pub fn group_number(group: &str, groups: &str) -> Option<u32> {
    Some(accounts::group(groups, group)?.gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\nann:x:1001:1001::/:/bin/sh\n\
                          bert:x:1002:10::/:/bin/sh\n:x:1003:1003::/:/bin/sh\nodd:x:1004:::/bin/sh\n";
    const GROUP: &str = "root:x:0:\nwheel:x:10:anna,\nother:x:11:ann\n";

    #[test]
    fn members_only() {
        let check = |uid| allowed(uid, "wheel", PASSWD, GROUP);
        assert_eq!(check(0), Ok("root".to_owned()));
        assert_eq!(check(1000), Ok("anna".to_owned()));
        assert_eq!(check(1001), Err("ann is not in the group wheel".to_owned()));
        assert_eq!(check(1002), Ok("bert".to_owned()));
        // Malformed lines belong to no account.
        assert_eq!(check(1003), Err("no account has the UID 1003".to_owned()));
        assert_eq!(check(1004), Err("no account has the UID 1004".to_owned()));
        assert_eq!(check(1005), Err("no account has the UID 1005".to_owned()));
        assert!(allowed(1000, "none", PASSWD, GROUP).is_err());
        assert!(allowed(1000, "wheel", PASSWD, "wheel\nwheel:x\n").is_err());
        assert!(allowed(1000, "wheel", "", GROUP).is_err());
        assert_eq!(group_number("wheel", GROUP), Some(10));
        assert_eq!(group_number("whee", GROUP), None);
    }
}
