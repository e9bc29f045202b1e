//! Names that depend on the machine: interfaces, users and groups.

use base::accounts;

/// Numbers and names.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub interfaces: Vec<(u32, String)>,
    pub users: Vec<(u32, String)>,
    pub groups: Vec<(u32, String)>,
}

impl Facts {
    /// Names and numbers from `/etc/passwd` or `/etc/group`. A line that is not UTF-8, usually because of somebody's
    /// full name, must not prevent a ruleset from loading.
    pub fn accounts(file: &[u8]) -> Vec<(u32, String)> {
        let text = String::from_utf8_lossy(file);
        accounts::lines(&text).filter_map(|line| Some((line.number()?, line.name.to_owned()))).collect()
    }

    /// The name of an interface.
    pub fn interface(&self, index: u32) -> Option<&str> {
        self.interfaces.iter().find(|(of, _)| *of == index).map(|(_, name)| name.as_str())
    }
}

/// The number of a name.
pub fn number(of: &[(u32, String)], name: &str) -> Option<u32> {
    of.iter().find(|(_, known)| known == name).map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_whatever_else_is_in_the_file() {
        let file = b"root:x:0:0:root:/root:/bin/sh\njos\xe9:x:7:7:Jos\xe9:/:/bin/sh\n+\nweb:x:80:80::/:/bin/false\n";
        let accounts = Facts::accounts(file);
        assert_eq!(number(&accounts, "root"), Some(0));
        assert_eq!(number(&accounts, "web"), Some(80));
        assert_eq!(accounts.len(), 3);
    }
}
