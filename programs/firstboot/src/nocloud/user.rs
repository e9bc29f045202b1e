//! One entry of `users`.

use super::fields;
use crate::config::{Facts, User};
use crate::finding::Findings;
use crate::types::{FullName, PasswordHash, shown};
use crate::yaml::{Entry, Node};

/// The account, if it is valid.
pub fn resolve(line: usize, entries: &[Entry], facts: &Facts, findings: &mut Findings) -> Option<User> {
    let mut name = None;
    let mut full_name = None;
    let mut shell = None;
    let mut password = None;
    let mut locked = true;
    let (mut groups, mut ssh) = (Vec::new(), Vec::new());
    for Entry { line, key, node } in entries {
        let line = *line;
        match key.as_str() {
            "name" => name = given(node, key, findings, |text| facts.new_user(text)),
            "gecos" => full_name = given(node, key, findings, FullName::read),
            "shell" => shell = given(node, key, findings, |text| facts.shell(text)),
            "groups" => groups = group_list(node, facts, findings),
            "ssh_authorized_keys" | "ssh-authorized-keys" => ssh = fields::keys(node, key, findings),
            "passwd" | "hashed_passwd" => password = given(node, key, findings, PasswordHash::read).map(|hash| (line, hash)),
            "lock_passwd" | "lock-passwd" => locked = fields::truth(node, key, findings).unwrap_or(true),
            "plain_text_passwd" => {
                findings.refuse(line, "`plain_text_passwd`: plain-text passwords on a volume are refused; give `passwd` with a sha512-crypt hash");
            }
            "sudo" | "doas" => findings.refuse(
                line,
                format!("`{key}`: this system does not have it; members of the group wheel use `become`. Write `groups: [wheel]`"),
            ),
            "expiredate" | "inactive" => findings.refuse(
                line,
                format!("`{key}`: accounts do not expire here; without this line the account would stay for good"),
            ),
            "uid" | "homedir" | "no_create_home" | "system" | "primary_group" | "no_user_group" => {
                findings.ignore(line, format!("`{key}` cannot be set: an account gets the next free UID, its own group and /home/NAME"));
            }
            _ => findings.ignore(line, format!("`{}` of a user is not known here", shown(key))),
        }
    }
    if !entries.iter().any(|entry| entry.key == "name") {
        findings.refuse(line, "the user has no `name`");
    }
    let password = match password {
        Some((line, _)) if locked => {
            findings.ignore(line, "`passwd` without `lock_passwd: false`: the account gets no password");
            None
        }
        other => other.map(|(_, hash)| hash),
    };
    Some(User {
        name: name?,
        full_name,
        groups,
        shell: shell.unwrap_or_else(|| "/bin/sh".to_owned()),
        keys: ssh,
        password,
    })
}

/// A text that `read` accepts.
fn given<T>(node: &Node, key: &str, findings: &mut Findings, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
    let text = fields::text(node, key, findings)?;
    findings.take(node.line, read(text))
}

/// A list, or one text separated by commas.
fn group_list(node: &Node, facts: &Facts, findings: &mut Findings) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for (line, text) in fields::texts(node, "groups", findings) {
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name == "root" || !facts.has_group(name) {
                findings.refuse(
                    line,
                    format!("`{}` is not a group that a user can join; choose from: {}", shown(name), facts.groups()),
                );
            } else if !groups.iter().any(|group| group == name) {
                groups.push(name.to_owned());
            }
        }
    }
    groups
}
