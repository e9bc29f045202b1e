//! A whole configuration, resolved: the same from a volume and from the dialogue.

use std::net::IpAddr;

use base::accounts::has_name;

use crate::host_key::HostKey;
use crate::types::{FullName, HostName, Interface, Network, PasswordHash, SshKey, TimeServer, TimeZone, UserName};

/// A configuration. What is absent stays as in the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Its source, for the record: `setup`, or the volume's instance.
    pub source: String,
    /// Host name.
    pub host: Option<HostName>,
    /// Accounts to create.
    pub users: Vec<User>,
    /// Time zone.
    pub zone: Option<TimeZone>,
    /// Time servers; an empty list disables them.
    pub servers: Option<Vec<TimeServer>>,
    /// The SSH host key; without one, sshd makes one at its first start.
    pub host_key: Option<HostKey>,
    /// A static address; without one, DHCP.
    pub fixed: Option<Fixed>,
    /// Files to write, where the command line allows them.
    pub files: Vec<ExtraFile>,
    /// Commands to run, where the command line allows them.
    pub commands: Vec<Vec<String>>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: UserName,
    /// Full name.
    pub full_name: Option<FullName>,
    /// Groups that exist.
    pub groups: Vec<String>,
    /// A shell of /etc/shells.
    pub shell: String,
    /// Keys for SSH.
    pub keys: Vec<SshKey>,
    /// Password hash for the console; SSH never asks for it.
    pub password: Option<PasswordHash>,
}

/// A static address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Network interface.
    pub interface: Interface,
    /// Its address.
    pub network: Network,
    /// Router.
    pub router: Option<IpAddr>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
}

/// A file of `write_files`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// Absolute, without `..`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Text.
    pub content: String,
}

/// Facts about the machine; decisions read nothing else.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Text of /etc/passwd.
    pub passwd: String,
    /// Text of /etc/group.
    pub group: String,
    /// Text of /etc/shadow.
    pub shadow: String,
    /// Text of /etc/shells.
    pub shells: String,
    /// Text of /etc/dhcpcd.conf.
    pub dhcpcd: String,
    /// Text of /etc/hosts.
    pub hosts: String,
    /// Time zones of the image. An image without time zone data knows only UTC.
    pub zones: Vec<String>,
    /// Network cards.
    pub interfaces: Vec<String>,
    /// Whether the command line allows files and commands from a volume.
    pub full: bool,
    /// Today, in days since 1970: the date of new passwords.
    pub day: u64,
}

impl Facts {
    /// Whether an account or group with this name exists.
    pub fn is_taken(&self, name: &str) -> bool {
        has_name(&self.passwd, name) || has_name(&self.group, name)
    }

    /// Whether the group exists.
    pub fn has_group(&self, name: &str) -> bool {
        has_name(&self.group, name)
    }

    /// The names of all groups, for a message.
    pub fn groups(&self) -> String {
        self.group.lines().filter_map(|line| line.split(':').next()).collect::<Vec<_>>().join(", ")
    }

    /// The zone, if the image has it.
    pub fn zone(&self, text: &str) -> Result<TimeZone, String> {
        let zone = TimeZone::read(text)?;
        if text == "UTC" || self.zones.iter().any(|known| known == text) {
            return Ok(zone);
        }
        Err(format!("time zone `{text}` is not in this image; write a name like Europe/Berlin, or UTC"))
    }

    /// The shell, if /etc/shells lists it.
    pub fn shell(&self, text: &str) -> Result<String, String> {
        let known: Vec<_> = self.shells.lines().filter(|line| line.starts_with('/')).collect();
        if known.contains(&text) {
            return Ok(text.to_owned());
        }
        Err(format!("shell `{}` is not in this image; choose one of: {}", crate::types::shown(text), known.join(", ")))
    }

    /// A name for a new account.
    pub fn new_user(&self, text: &str) -> Result<UserName, String> {
        let name = UserName::read(text)?;
        match (text, self.is_taken(text)) {
            ("root", _) => Err("root is locked here and stays so; make an account in group wheel".to_owned()),
            (_, true) => Err(format!("`{text}` is an account or group of the system; choose another name")),
            _ => Ok(name),
        }
    }
}
