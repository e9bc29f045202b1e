//! What a ruleset can name and only this machine knows: its interfaces, users and groups.

/// Numbers and names.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub interfaces: Vec<(u32, String)>,
    pub users: Vec<(u32, String)>,
    pub groups: Vec<(u32, String)>,
}

impl Facts {
    /// Names with numbers out of `/etc/passwd` or `/etc/group`.
    pub fn accounts(text: &str) -> Vec<(u32, String)> {
        let account = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
        };
        text.lines().filter_map(account).collect()
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
