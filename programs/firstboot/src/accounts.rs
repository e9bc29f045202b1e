//! Adds new users to the account files: texts in, texts out.

use base::accounts;

use crate::config::{Facts, User};

/// The files after new accounts were added.
#[derive(Debug, PartialEq, Eq)]
pub struct Accounts {
    /// /etc/passwd
    pub passwd: String,
    /// /etc/group
    pub group: String,
    /// /etc/shadow
    pub shadow: String,
    /// The UID of each new user, in their order; each user's own group has the same number.
    pub ids: Vec<u32>,
}

/// The group whose members sshd lets in (its AllowGroups). A key in a home directory alone does not open the machine.
const SSH: &str = "ssh";
/// UIDs of users; lower ones are the system's.
const PEOPLE: std::ops::Range<u32> = 1000..60_000;

/// Adds `users`.
///
/// # Errors
/// When there are no numbers left, or no group for who comes in by SSH.
pub fn add(facts: &Facts, users: &[User]) -> Result<Accounts, String> {
    let mut made = Accounts {
        passwd: whole_lines(&facts.passwd),
        group: whole_lines(&facts.group),
        shadow: whole_lines(&facts.shadow),
        ids: Vec::new(),
    };
    for user in users {
        // Malformed lines count too: a number that a line claims is not free.
        let lines = accounts::lines(&made.passwd).chain(accounts::lines(&made.group));
        let taken: Vec<u32> = lines.filter_map(|line| line.digits.parse().ok()).collect();
        let id = PEOPLE.into_iter().find(|id| !taken.contains(id)).ok_or("every account number is in use")?;
        let (name, shell) = (&user.name, &user.shell);
        let full_name = user.full_name.as_ref().map_or("", |name| name.as_ref());
        // A password that begins with `!` would lock the account for sshd too; `*` only matches no password.
        let hash = user.password.as_ref().map_or("*", |hash| hash.as_ref());
        let mut groups = user.groups.clone();
        if !user.keys.is_empty() && !groups.iter().any(|group| group == SSH) {
            if !facts.has_group(SSH) {
                return Err(format!(
                    "/etc/group has no group `{SSH}`, whose members alone may log in: add `{SSH}:x:21:`"
                ));
            }
            groups.push(SSH.to_owned());
        }
        made.group = join_groups(&made.group, name.as_ref(), &groups);
        made.group.push_str(&format!("{name}:x:{id}:\n"));
        made.passwd.push_str(&format!("{name}:x:{id}:{id}:{full_name}:/home/{name}:{shell}\n"));
        made.shadow.push_str(&format!("{name}:{hash}:{}:0:99999:7:::\n", facts.day));
        made.ids.push(id);
    }
    Ok(made)
}

fn whole_lines(text: &str) -> String {
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("{line}\n")).collect()
}

fn join_groups(text: &str, user: &str, groups: &[String]) -> String {
    let joined = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        match groups.iter().any(|group| group == name) {
            true if line.ends_with(':') => format!("{line}{user}\n"),
            true => format!("{line},{user}\n"),
            false => format!("{line}\n"),
        }
    };
    text.lines().map(joined).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{KEY_OF_TESTS, SshKey, UserName};

    fn user(name: &str, groups: &[&str]) -> User {
        User {
            name: UserName::read(name).unwrap(),
            full_name: None,
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            shell: "/bin/sh".to_owned(),
            keys: Vec::new(),
            password: None,
        }
    }

    #[test]
    fn who_has_a_key_may_come_in_by_ssh() {
        let key = SshKey::read(KEY_OF_TESTS).unwrap();
        let with_key = |name, groups| User { keys: vec![key.clone()], ..user(name, groups) };
        let mut facts = Facts { group: "wheel:x:10:\nssh:x:21:\n".to_owned(), ..Facts::default() };
        let people = [user("anna", &["wheel"]), with_key("bert", &[]), with_key("cleo", &["ssh", "wheel"])];
        let made = add(&facts, &people).unwrap();
        assert!(made.group.starts_with("wheel:x:10:anna,cleo\nssh:x:21:bert,cleo\n"), "{}", made.group);
        facts.group = "wheel:x:10:\n".to_owned();
        add(&facts, &people[..1]).unwrap();
        assert!(add(&facts, &people).unwrap_err().contains("no group `ssh`"));
    }

    #[test]
    fn new_people_get_the_next_numbers_and_no_password() {
        let facts = Facts {
            passwd: "root:x:0:0:root:/root:/bin/sh\nold:x:1001:1001::/home/old:/bin/sh".to_owned(),
            group: "root:x:0:\nwheel:x:10:old\naudio:x:18:\n".to_owned(),
            shadow: "root:!*:20454:0:::::\n".to_owned(),
            day: 20_500,
            ..Facts::default()
        };
        let made = add(&facts, &[user("anna", &["wheel", "audio"]), user("bert", &["wheel"])]).unwrap();
        assert_eq!(made.ids, [1000, 1002]);
        assert_eq!(
            made.passwd,
            "root:x:0:0:root:/root:/bin/sh\nold:x:1001:1001::/home/old:/bin/sh\n\
             anna:x:1000:1000::/home/anna:/bin/sh\nbert:x:1002:1002::/home/bert:/bin/sh\n"
        );
        assert_eq!(made.group, "root:x:0:\nwheel:x:10:old,anna,bert\naudio:x:18:anna\nanna:x:1000:\nbert:x:1002:\n");
        assert_eq!(made.shadow, "root:!*:20454:0:::::\nanna:*:20500:0:99999:7:::\nbert:*:20500:0:99999:7:::\n");
    }
}
