//! A whole configuration, resolved: the same whether a volume or a person gave it.

use std::net::IpAddr;

use base::accounts::has_name;

use crate::host_key::HostKey;
use crate::types::{FullName, HostName, Interface, Network, PasswordHash, SshKey, TimeServer, TimeZone, UserName};

/// What the machine is to become. What is absent stays as it is in the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Who gave it, for the record: `setup`, or the volume's instance.
    pub source: String,
    /// The machine's name.
    pub host: Option<HostName>,
    /// Accounts to make.
    pub users: Vec<User>,
    /// Time zone.
    pub zone: Option<TimeZone>,
    /// Time servers; an empty list asks nobody.
    pub servers: Option<Vec<TimeServer>>,
    /// The key by which SSH clients know it; otherwise it makes one at its first start.
    pub host_key: Option<HostKey>,
    /// A fixed address; otherwise the network gives one.
    pub fixed: Option<Fixed>,
    /// Files to write, where the command line allows them.
    pub files: Vec<ExtraFile>,
    /// Commands to run, where the command line allows them.
    pub commands: Vec<Vec<String>>,
}

/// An account of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: UserName,
    /// Whose it is.
    pub full_name: Option<FullName>,
    /// Groups that exist.
    pub groups: Vec<String>,
    /// A shell of /etc/shells.
    pub shell: String,
    /// Who may log in over SSH.
    pub keys: Vec<SshKey>,
    /// For the console; SSH never asks for it.
    pub password: Option<PasswordHash>,
}

/// An address that does not come from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Which card.
    pub interface: Interface,
    /// Its address.
    pub network: Network,
    /// The way out.
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

/// What is known of the machine before; decisions read it, nothing else.
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
    /// Zones that the image has. An image without time zone data has none, and then only UTC is known.
    pub zones: Vec<String>,
    /// Network cards.
    pub interfaces: Vec<String>,
    /// Whether the command line allows files and commands from a volume.
    pub full: bool,
    /// Today, in days since 1970: when a password was set.
    pub day: u64,
}

impl Facts {
    /// Whether an account or group of this name is there.
    pub fn is_taken(&self, name: &str) -> bool {
        has_name(&self.passwd, name) || has_name(&self.group, name)
    }

    /// Whether there is such a group.
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
        Err(format!(
            "there is no time zone `{text}` in this image; names are like Europe/Berlin, and UTC is always there"
        ))
    }

    /// The shell, if accounts may have it.
    pub fn shell(&self, text: &str) -> Result<String, String> {
        let known: Vec<_> = self.shells.lines().filter(|line| line.starts_with('/')).collect();
        if known.contains(&text) {
            return Ok(text.to_owned());
        }
        Err(format!("`{}` is no shell of this image; there is: {}", crate::types::shown(text), known.join(", ")))
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
