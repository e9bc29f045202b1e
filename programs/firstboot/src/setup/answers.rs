//! The answers so far. They are kept in memory (/run) until the configuration is applied, so that an interrupted
//! dialogue continues where it stopped.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::config::{Config, Facts, Fixed, User};
use crate::types::{HostName, Interface, Network, PasswordHash, SshKey, TimeServer, TimeZone, UserName, host_address};

/// Answers; `None` is an open question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Host name.
    pub host: Option<HostName>,
    /// The administrator's name.
    pub user: Option<UserName>,
    /// Keys, once their question is closed.
    pub keys: Option<Vec<SshKey>>,
    /// The hash of a password; inner `None` for no password.
    pub password: Option<Option<PasswordHash>>,
    /// A static address; inner `None` for DHCP.
    pub network: Option<Option<Network>>,
    /// The interface of the static address.
    pub interface: Option<Interface>,
    /// Its router; inner `None` for none.
    pub router: Option<Option<IpAddr>>,
    /// Name servers.
    pub dns: Option<Vec<IpAddr>>,
    /// Time zone.
    pub zone: Option<TimeZone>,
    /// Time servers.
    pub servers: Option<Vec<TimeServer>>,
}

impl Answers {
    /// The answers as a configuration.
    pub fn config(&self, facts: &Facts) -> Option<Config> {
        let fixed = match self.network? {
            None => None,
            Some(network) => Some(Fixed {
                interface: self.interface.clone()?,
                network,
                router: self.router?,
                dns: self.dns.clone()?,
            }),
        };
        let user = User {
            name: self.user.clone()?,
            full_name: None,
            groups: if facts.has_group("wheel") { vec!["wheel".to_owned()] } else { Vec::new() },
            shell: "/bin/sh".to_owned(),
            keys: self.keys.clone()?,
            password: self.password.clone()?,
        };
        Some(Config {
            source: "setup".to_owned(),
            host: Some(self.host.clone()?),
            users: vec![user],
            zone: Some(self.zone.clone()?),
            servers: Some(self.servers.clone()?),
            fixed,
            ..Config::default()
        })
    }

    /// As text: one `name=value` per line.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _written = writeln!(text, "{name}={value}");
            }
        };
        let none = || "none".to_owned();
        line("host", self.host.as_ref().map(ToString::to_string));
        line("user", self.user.as_ref().map(ToString::to_string));
        for key in self.keys.iter().flatten() {
            line("key", Some(key.to_string()));
        }
        line("keys", self.keys.as_ref().map(|_| "done".to_owned()));
        line("password", self.password.as_ref().map(|hash| hash.as_ref().map_or_else(none, ToString::to_string)));
        line("network", self.network.map(|network| network.map_or("dhcp".to_owned(), |network| network.to_string())));
        line("interface", self.interface.as_ref().map(ToString::to_string));
        line("router", self.router.map(|router| router.map_or_else(none, |router| router.to_string())));
        line("dns", self.dns.as_ref().map(|list| words(list.iter())));
        line("zone", self.zone.as_ref().map(ToString::to_string));
        line("servers", self.servers.as_ref().map(|list| words(list.iter().map(TimeServer::host))));
        text
    }

    /// Parses that text. Ignores a malformed line, so that its question comes up again.
    pub fn from_text(text: &str, facts: &Facts) -> Self {
        let mut answers = Self::default();
        let mut keys = Vec::new();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let none = value == "none";
            match name {
                "host" => answers.host = HostName::read(value).ok(),
                "user" => answers.user = facts.new_user(value).ok(),
                "key" => keys.extend(SshKey::read(value)),
                "keys" => answers.keys = Some(std::mem::take(&mut keys)),
                "password" if none => answers.password = Some(None),
                "password" => answers.password = PasswordHash::read(value).ok().map(Some),
                "network" if value == "dhcp" => answers.network = Some(None),
                "network" => answers.network = Network::read(value).ok().map(Some),
                "interface" => answers.interface = Interface::read(value).ok(),
                "router" if none => answers.router = Some(None),
                "router" => answers.router = host_address(value).ok().map(Some),
                "dns" => answers.dns = value.split_whitespace().map(|word| host_address(word).ok()).collect(),
                "zone" => answers.zone = facts.zone(value).ok(),
                "servers" => answers.servers = time_servers(value).ok(),
                _ => {}
            }
        }
        answers
    }
}

/// Time servers by name; a name of pool.ntp.org stands for many servers.
pub fn time_servers(text: &str) -> Result<Vec<TimeServer>, String> {
    text.split_whitespace().map(|host| TimeServer::read(host, host.ends_with("pool.ntp.org"))).collect()
}

/// Joins words with spaces.
pub fn words<T: ToString>(list: impl Iterator<Item = T>) -> String {
    list.map(|word| word.to_string()).collect::<Vec<_>>().join(" ")
}
