//! The keys of `meta-data` and `user-data`.

use super::documents::Documents;
use super::{extra, fields, user};
use crate::config::{Config, Facts};
use crate::finding::{Finding, Findings, refused};
use crate::host_key::HostKey;
use crate::types::{HostName, TimeServer, shown};
use crate::yaml::{self, Entry, Node, Value};

const HOSTILE_PASSWORD: &str =
    "plain-text passwords on a volume are refused; give the user `passwd` with a sha512-crypt hash";

/// Keys of cloud-init that are always refused, and why.
const REFUSED: &[(&str, &str)] = &[
    ("bootcmd", "commands that run before the configuration are not supported"),
    ("chpasswd", HOSTILE_PASSWORD),
    ("password", HOSTILE_PASSWORD),
    ("packages", "this system has no package manager: it is built and replaced as a whole"),
    ("apt", "this system has no package manager: it is built and replaced as a whole"),
    ("ca_certs", "certificate authorities are part of the image"),
    ("ca-certs", "certificate authorities are part of the image"),
];

/// Both documents as one configuration, with all findings. Without a configuration, a finding says why.
pub fn resolve(documents: &Documents, facts: &Facts) -> (Option<Config>, Vec<Finding>) {
    let mut config = Config::default();
    let mut meta = Findings::of("meta-data");
    let mut user = Findings::of("user-data");
    match &documents.meta_data {
        Some(bytes) => meta_data(bytes, &mut config, &mut meta),
        None => meta.ignore(0, "the volume has no such file, so the machine gets no instance-id"),
    }
    match &documents.user_data {
        Some(bytes) => user_data(bytes, facts, &mut config, &mut user),
        None => user.refuse(0, "the volume has no such file, and so no user; it begins with the line #cloud-config"),
    }
    let mut findings = meta.into_list();
    findings.extend(user.into_list());
    if documents.network_config {
        let mut network = Findings::of("network-config");
        network.ignore(0, "not read: addresses come from DHCP and router advertisements, or from ashlar-setup");
        findings.extend(network.into_list());
    }
    (if refused(&findings) { None } else { Some(config) }, findings)
}

/// The entries of a document; an empty document has none.
fn entries(bytes: &[u8], findings: &mut Findings) -> Vec<Entry> {
    match yaml::read(bytes) {
        Ok(Node { value: Value::Map(entries), .. }) => return entries,
        Ok(Node { value: Value::Null, .. }) => {}
        Ok(Node { line, .. }) => findings.refuse(line, "the document is not a mapping; write lines `key: value`"),
        Err(broken) => findings.refuse(broken.line, broken.message),
    }
    Vec::new()
}

fn meta_data(bytes: &[u8], config: &mut Config, findings: &mut Findings) {
    for Entry { line, key, node } in entries(bytes, findings) {
        match key.as_str() {
            "instance-id" => config.source = fields::text(&node, &key, findings).map(shown).unwrap_or_default(),
            "local-hostname" | "hostname" => host(&node, &key, config, findings),
            _ => findings.ignore(line, format!("`{}` is not known here", shown(&key))),
        }
    }
}

fn user_data(bytes: &[u8], facts: &Facts, config: &mut Config, findings: &mut Findings) {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.trim_ascii() != b"#cloud-config" {
        return findings
            .refuse(1, "the first line is not #cloud-config; scripts, archives and other formats are not read");
    }
    let mut shared = None;
    for Entry { line, key, node } in entries(bytes, findings) {
        if let Some((_, why)) = REFUSED.iter().find(|(name, _)| *name == key) {
            findings.refuse(line, format!("`{key}`: {why}"));
            continue;
        }
        match key.as_str() {
            "hostname" | "fqdn" => host(&node, &key, config, findings),
            "users" => users(&node, facts, config, findings),
            "ssh_authorized_keys" => shared = Some((line, fields::keys(&node, &key, findings))),
            "timezone" => {
                let zone = fields::text(&node, &key, findings).map(|text| facts.zone(text));
                config.zone = zone.and_then(|zone| findings.take(line, zone));
            }
            "ssh_keys" => host_key(&node, config, findings),
            "ntp" => time_servers(&node, config, findings),
            "runcmd" | "write_files" if !facts.full => findings.refuse(
                line,
                format!("`{key}` is not allowed: the volume would run as root. An image whose kernel command line has ashlar.cloudinit=full allows it"),
            ),
            "runcmd" => config.commands = extra::commands(&node, findings),
            "write_files" => config.files = extra::files(&node, findings),
            "ssh_pwauth" => demand(&node, &key, false, "SSH never accepts passwords here", findings),
            "disable_root" => demand(&node, &key, true, "root never logs in here", findings),
            _ => findings.ignore(line, format!("`{}` is not known here", shown(&key))),
        }
    }
    if let Some((line, keys)) = shared {
        match config.users.as_mut_slice() {
            [only] => only.keys.extend(keys),
            _ => findings.refuse(
                line,
                "top-level `ssh_authorized_keys` needs exactly one user in `users`, because there is no default user; put the keys below a user",
            ),
        }
    }
    let can_log_in = config.users.iter().any(|user| !user.keys.is_empty() || user.password.is_some());
    // A consequence of another refusal is not reported.
    if !can_log_in && !findings.any_refused() {
        findings.refuse(0, "no user could log in: add an entry to `users` with a name and ssh_authorized_keys");
    }
}

fn host(node: &Node, key: &str, config: &mut Config, findings: &mut Findings) {
    let name = fields::text(node, key, findings).map(HostName::read);
    if let Some(name) = name.and_then(|name| findings.take(node.line, name)) {
        // The longer name includes the domain; otherwise user-data, which is read later, decides.
        let longer =
            config.host.as_ref().is_some_and(|old| key != "fqdn" && old.as_ref().starts_with(&format!("{name}.")));
        if !longer {
            config.host = Some(name);
        }
    }
}

fn users(node: &Node, facts: &Facts, config: &mut Config, findings: &mut Findings) {
    for element in fields::elements(node, "users", findings) {
        let user = match &element.value {
            Value::Map(entries) => user::resolve(element.line, entries, facts, findings),
            Value::Scalar(name) if name == "default" => {
                findings.refuse(
                    element.line,
                    "`default`: this system has no default user; add `- name: …` with ssh_authorized_keys",
                );
                None
            }
            _ => {
                findings.refuse(element.line, "a user is a mapping that begins with `- name: …`");
                None
            }
        };
        let Some(user) = user else { continue };
        if config.users.iter().any(|other| other.name == user.name) {
            findings.refuse(element.line, format!("user `{}` stands here twice", user.name));
        } else {
            config.users.push(user);
        }
    }
}

/// The host key. Reports and ignores keys of types that sshd does not offer here.
fn host_key(node: &Node, config: &mut Config, findings: &mut Findings) {
    let Value::Map(entries) = &node.value else {
        return findings.refuse(node.line, "`ssh_keys` is a mapping with `ed25519_private` and `ed25519_public`");
    };
    let (mut private, mut public) = (None, None);
    for Entry { line, key, node } in entries {
        match key.as_str() {
            "ed25519_private" => private = fields::text(node, key, findings),
            "ed25519_public" => public = fields::text(node, key, findings),
            _ => findings.ignore(*line, format!("`ssh_keys: {}`: sshd offers an ed25519 key alone", shown(key))),
        }
    }
    match (private, public) {
        (Some(private), Some(public)) => config.host_key = findings.take(node.line, HostKey::read(private, public)),
        (None, None) => findings.refuse(node.line, "`ssh_keys` has no ed25519 key, and sshd offers no other"),
        _ => findings.refuse(node.line, "`ssh_keys` needs both `ed25519_private` and `ed25519_public`"),
    }
}

fn time_servers(node: &Node, config: &mut Config, findings: &mut Findings) {
    let Value::Map(entries) = &node.value else {
        return findings.refuse(node.line, "`ntp` is a mapping with `servers` and `pools`");
    };
    let mut servers = Vec::new();
    for Entry { line, key, node } in entries {
        match key.as_str() {
            "servers" | "pools" => {
                for (line, text) in fields::texts(node, key, findings) {
                    servers.extend(findings.take(line, TimeServer::read(text, key == "pools")));
                }
            }
            "enabled" => demand(node, "ntp: enabled", true, "the clock is always kept", findings),
            _ => findings.ignore(*line, format!("`ntp: {}` is not known here", shown(key))),
        }
    }
    config.servers = (!servers.is_empty()).then_some(servers);
}

/// A key whose only accepted value is the present state.
fn demand(node: &Node, key: &str, only: bool, why: &str, findings: &mut Findings) {
    if fields::truth(node, key, findings) == Some(!only) {
        findings.refuse(node.line, format!("`{key}: {}`: {why}", !only));
    }
}
