//! From a configuration to a list of steps, which is complete before the first step runs.

use std::fmt;

use crate::accounts;
use crate::config::{Config, Facts, Fixed, User};
use crate::types::TimeServer;

/// The file that marks the machine as configured.
pub const MARKER: &str = "/etc/ashlar/configured";
/// sshd's host key; the public half is beside it as NAME.pub.
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key";
/// The line in /etc/dhcpcd.conf before the settings of a static address.
const FIXED_BEGIN: &str = "# Fixed address; to the end of this file, written by ashlar-setup.";

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create a directory if it is missing.
    Directory {
        /// Where.
        path: String,
        /// Permission bits.
        mode: u32,
        /// User and group.
        owner: u32,
    },
    /// Replace a file as a whole.
    File {
        /// Where.
        path: String,
        /// Permission bits.
        mode: u32,
        /// User and group.
        owner: u32,
        /// Its text.
        content: String,
        /// A summary of the change for the log; never a secret.
        what: String,
    },
    /// Replace a symbolic link.
    Link {
        /// Where.
        path: String,
        /// Its target.
        target: String,
    },
    /// Set the host name in the kernel.
    Name(String),
    /// Run a command from the volume.
    Command(Vec<String>),
}

impl fmt::Display for Step {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, mode, owner } => write!(to, "make {path} ({mode:04o}, owner {owner})"),
            Self::File { path, mode, owner, what, .. } => {
                write!(to, "write {path} ({mode:04o}, owner {owner}): {what}")
            }
            Self::Link { path, target } => write!(to, "link {path} to {target}"),
            Self::Name(name) => write!(to, "set the host name to {name}"),
            Self::Command(words) => write!(to, "run {words:?}"),
        }
    }
}

fn file(path: impl Into<String>, content: String, what: impl Into<String>) -> Step {
    Step::File { path: path.into(), mode: 0o644, owner: 0, content, what: what.into() }
}

/// All steps, in order. The last one marks the machine as configured.
///
/// # Errors
/// When no UID is left for an account.
pub fn plan(config: &Config, facts: &Facts) -> Result<Vec<Step>, String> {
    let mut steps = people(config, facts)?;
    if let Some(host) = &config.host {
        let hosts = facts.hosts.lines().filter(|line| !line.starts_with("127.0.1.1")).map(|line| format!("{line}\n"));
        let names = if host.as_ref() == host.short() { host.to_string() } else { format!("{host} {}", host.short()) };
        let hosts = hosts.chain([format!("127.0.1.1 {names}\n")]).collect();
        steps.push(file("/etc/hosts", hosts, format!("127.0.1.1 is {names}")));
        steps.push(file("/etc/hostname", format!("{}\n", host.short()), host.short()));
        steps.push(Step::Name(host.short().to_owned()));
    }
    if let Some(zone) = &config.zone {
        let target = format!("/usr/share/zoneinfo/{zone}");
        steps.push(Step::Link { path: "/etc/localtime".to_owned(), target });
    }
    if let Some(servers) = &config.servers {
        steps.push(file("/etc/chrony.d/servers.conf", time_sources(servers), server_names(servers)));
    }
    if let Some(key) = &config.host_key {
        let (content, what) = (key.private().to_owned(), format!("the private half of {}", key.public().short()));
        steps.push(Step::File { path: HOST_KEY.to_owned(), mode: 0o600, owner: 0, content, what });
        steps.push(file(format!("{HOST_KEY}.pub"), format!("{}\n", key.public()), key.public().short()));
    }
    if let Some(fixed) = &config.fixed {
        let what = format!("{} on {}", fixed.network, fixed.interface);
        steps.push(file("/etc/dhcpcd.conf", dhcpcd(&facts.dhcpcd, fixed), what));
    }
    for extra in &config.files {
        let (path, content) = (extra.path.clone(), extra.content.clone());
        steps.push(Step::File { path, mode: extra.mode, owner: 0, content, what: "from write_files".to_owned() });
    }
    steps.extend(config.commands.iter().cloned().map(Step::Command));
    let source = if config.source.is_empty() { "unnamed" } else { &config.source };
    steps.push(Step::Directory { path: "/etc/ashlar".to_owned(), mode: 0o755, owner: 0 });
    steps.push(file(MARKER, format!("{source}\n"), format!("configured by {source}")));
    Ok(steps)
}

fn people(config: &Config, facts: &Facts) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let made = accounts::add(facts, &config.users)?;
    for (user, id) in config.users.iter().zip(&made.ids) {
        steps.extend(home(user, *id));
    }
    if !config.users.is_empty() {
        let names = config.users.iter().zip(&made.ids).map(|(user, id)| format!("{} ({id})", user.name));
        let names = names.collect::<Vec<_>>().join(", ");
        steps.push(file("/etc/group", made.group, format!("with {names}")));
        let shadow = made.shadow;
        let what = format!("with {}", config.users.iter().map(password_kind).collect::<Vec<_>>().join(", "));
        steps.push(Step::File { path: "/etc/shadow".to_owned(), mode: 0o600, owner: 0, content: shadow, what });
        // The account and everything that belongs to it exist from here on.
        steps.push(file("/etc/passwd", made.passwd, format!("with {names}")));
    }
    Ok(steps)
}

fn password_kind(user: &User) -> String {
    let kind = if user.password.is_some() { "a password for the console" } else { "no password" };
    format!("{kind} for {}", user.name)
}

fn home(user: &User, id: u32) -> Vec<Step> {
    let home = format!("/home/{}", user.name);
    let directory = |path: String| Step::Directory { path, mode: 0o700, owner: id };
    let mut steps = vec![directory(home.clone())];
    if !user.keys.is_empty() {
        steps.push(directory(format!("{home}/.ssh")));
        let content = user.keys.iter().map(|key| format!("{key}\n")).collect();
        let what = user.keys.iter().map(|key| key.short()).collect::<Vec<_>>().join(", ");
        steps.push(Step::File { path: format!("{home}/.ssh/authorized_keys"), mode: 0o600, owner: id, content, what });
    }
    steps
}

fn time_sources(servers: &[TimeServer]) -> String {
    let line = |server: &TimeServer| match server.pool {
        true => format!("pool {} iburst maxsources 4\n", server.host()),
        false => format!("server {} iburst\n", server.host()),
    };
    ["# Written by the first configuration.\n".to_owned()].into_iter().chain(servers.iter().map(line)).collect()
}

fn server_names(servers: &[TimeServer]) -> String {
    match servers {
        [] => "no servers".to_owned(),
        some => some.iter().map(TimeServer::host).collect::<Vec<_>>().join(", "),
    }
}

/// dhcpcd's settings with this static address instead of a previous one.
fn dhcpcd(old: &str, fixed: &Fixed) -> String {
    let mut text: String =
        old.lines().take_while(|line| *line != FIXED_BEGIN).map(|line| format!("{line}\n")).collect();
    let (address, router) = match fixed.network.address.is_ipv4() {
        true => ("ip_address", "routers"),
        false => ("ip6_address", "ip6_routers"),
    };
    text.push_str(&format!("{FIXED_BEGIN}\ninterface {}\nstatic {address}={}\n", fixed.interface, fixed.network));
    if let Some(ip) = fixed.router {
        text.push_str(&format!("static {router}={ip}\n"));
    }
    if !fixed.dns.is_empty() {
        let list = fixed.dns.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        text.push_str(&format!("static domain_name_servers={list}\n"));
    }
    text
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
