//! Who is allowed, judged from the account files.

/// The name of the account with this number, if it may become root: root itself, and members of `group`.
pub fn allowed(uid: u32, group: &str, passwd: &str, groups: &str) -> Result<String, String> {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let number = |field: Option<&String>| field.and_then(|text| text.parse::<u32>().ok());
    let account = passwd.lines().map(fields).find(|fields| number(fields.get(2)) == Some(uid));
    let Some(account) = account else { return Err(format!("there is no account with the number {uid}")) };
    let name = account.first().cloned().unwrap_or_default();
    let line = groups.lines().map(fields).find(|fields| fields.first().is_some_and(|name| name == group));
    let member = line.is_some_and(|line| {
        let listed = line.get(3).is_some_and(|list| list.split(',').any(|member| member == name && !name.is_empty()));
        let primary = number(line.get(2)).is_some() && number(line.get(2)) == number(account.get(3));
        listed || primary
    });
    if uid == 0 || member {
        return Ok(name);
    }
    Err(format!("{name} is not in the group {group}"))
}

/// The number of a group.
pub fn group_number(group: &str, groups: &str) -> Option<u32> {
    let line = groups.lines().find(|line| line.split(':').next() == Some(group))?;
    line.split(':').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\nann:x:1001:1001::/:/bin/sh\n\
                          bert:x:1002:10::/:/bin/sh\n:x:1003:1003::/:/bin/sh\nodd:x:1004:::/bin/sh\n";
    const GROUP: &str = "root:x:0:\nwheel:x:10:anna,\nother:x:11:ann\n";

    #[test]
    fn members_only() {
        let judge = |uid| allowed(uid, "wheel", PASSWD, GROUP);
        assert_eq!(judge(0), Ok("root".to_owned()));
        assert_eq!(judge(1000), Ok("anna".to_owned()));
        assert_eq!(judge(1001), Err("ann is not in the group wheel".to_owned()));
        assert_eq!(judge(1002), Ok("bert".to_owned()));
        assert_eq!(judge(1003), Err(" is not in the group wheel".to_owned()));
        assert!(judge(1004).is_err());
        assert_eq!(judge(1005), Err("there is no account with the number 1005".to_owned()));
        assert!(allowed(1000, "none", PASSWD, GROUP).is_err());
        assert!(allowed(1000, "wheel", PASSWD, "wheel\nwheel:x\n").is_err());
        assert!(allowed(1000, "wheel", "", GROUP).is_err());
        assert_eq!(group_number("wheel", GROUP), Some(10));
        assert_eq!(group_number("whee", GROUP), None);
    }
}
