//! Users and groups by name or number, from `/etc/passwd` and `/etc/group`.

use std::fs;
use std::path::Path;

use base::accounts;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// UID.
    pub uid: u32,
    /// GID of its primary group.
    pub gid: u32,
    /// Name, if the number has one.
    pub name: Option<String>,
    /// Home directory, if known.
    pub home: Option<String>,
    /// Login shell, if known.
    pub shell: Option<String>,
}

/// The texts of both files.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    passwd: String,
    group: String,
}

impl Accounts {
    /// Reads them below a root (`/`, or a daemon's chroot). A missing file has no entries.
    pub fn read(root: &Path) -> Accounts {
        let text = |name: &str| fs::read(root.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned());
        Accounts { passwd: text("etc/passwd").unwrap_or_default(), group: text("etc/group").unwrap_or_default() }
    }

    /// The user with a name or number; a number need not be in the file.
    pub fn user(&self, word: &str) -> Option<User> {
        let number = accounts::number(word);
        // A numeric name is a name first.
        let entry = match accounts::has_name(&self.passwd, word) {
            true => Some(accounts::user(&self.passwd, word)?),
            false => number.and_then(|uid| accounts::user_of(&self.passwd, uid)),
        };
        match (entry, number) {
            (Some(user), _) => Some(User {
                uid: user.uid,
                gid: user.gid,
                name: Some(user.name.to_owned()),
                home: Some(user.home.to_owned()),
                shell: Some(user.shell.to_owned()),
            }),
            (None, Some(uid)) => Some(User { uid, gid: uid, name: None, home: None, shell: None }),
            (None, None) => None,
        }
    }

    /// The group with a name or number.
    pub fn group(&self, word: &str) -> Option<u32> {
        match accounts::has_name(&self.group, word) {
            true => Some(accounts::group(&self.group, word)?.gid),
            false => accounts::number(word),
        }
    }

    /// The supplementary groups of a user.
    pub fn groups_of(&self, name: &str) -> Vec<u32> {
        accounts::groups(&self.group).filter(|group| group.lists(name)).map(|group| group.gid).collect()
    }

    /// `user` or `user:group`, to run as or to find a user's processes. An empty part is an error: "no user" must not
    /// mean "unchanged", which is root.
    pub fn account(&self, text: &str) -> Result<(User, Option<u32>), String> {
        let text = text.trim();
        let (name, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        if name.is_empty() || group == Some("") {
            return Err(format!("invalid owner `{text}`: write USER or USER:GROUP, each a name or number"));
        }
        match self.owner(text)? {
            (Some(user), group) => Ok((user, group)),
            (None, _) => Err(format!("unknown user `{text}`")),
        }
    }

    /// `user`, `user:group` or `:group` as numbers; errors are for people.
    pub fn owner(&self, text: &str) -> Result<(Option<User>, Option<u32>), String> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
            None => (text, None),
        };
        let user = match user {
            "" => None,
            name => Some(self.user(name).ok_or_else(|| format!("user `{name}` is not in /etc/passwd"))?),
        };
        let group = match group {
            None => None,
            Some(name) => Some(self.group(name).ok_or_else(|| format!("group `{name}` is not in /etc/group"))?),
        };
        Ok((user, group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd:
                "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534:n:/:/bin/false\n12:x:1000:100::/h:/bin/sh\nbroken\n"
                    .into(),
            group: "root:x:0:\nlog:x:30:nobody,other\nusers:x:100:\n".into(),
        }
    }

    #[test]
    fn owners_by_name_and_number() {
        let table = [
            ("nobody", Some(65534), None),
            ("nobody:log", Some(65534), Some(30)),
            (":users", None, Some(100)),
            ("5:6", Some(5), Some(6)),
            ("12", Some(1000), None), // a numeric name is a name first
            ("root:", Some(0), None),
        ];
        for (text, uid, gid) in table {
            let (user, group) = accounts().owner(text).unwrap();
            assert_eq!((user.map(|user| user.uid), group), (uid, gid), "{text}");
        }
        assert!(accounts().owner("ghost").unwrap_err().contains("ghost"));
        assert!(accounts().owner("root:ghosts").unwrap_err().contains("ghosts"));
        assert_eq!(accounts().groups_of("nobody"), [30]);
    }

    #[test]
    fn an_account_is_never_nobody_in_particular() {
        for (text, uid, gid) in [("nobody", 65534, None), (" nobody:log\n", 65534, Some(30)), ("5:6", 5, Some(6))] {
            let (user, group) = accounts().account(text).unwrap();
            assert_eq!((user.uid, group), (uid, gid), "{text:?}");
        }
        for text in ["", " ", ":", ":log", "nobody:", "nobody:ghosts", "ghost"] {
            assert!(accounts().account(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn no_owner_makes_it_panic() {
        crate::testing::for_texts(|text| {
            drop(accounts().account(text));
            drop(accounts().owner(text));
            drop(Accounts { passwd: text.into(), group: text.into() }.owner("a:B"));
        });
    }
}
