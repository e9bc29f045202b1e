//! The user of a container: names or numbers from the image or the command line in, numbers out. Pure.
//!
//! Names are looked up in the image's own files. Those are as untrusted as the image, so their numbers pass the same
//! checks as a number from the command line.

use std::collections::BTreeSet;

use base::accounts::{self, MAX_ID, number};

use crate::problem::{Outcome, problem};

/// The group of a user without one.
const NO_GROUP: u32 = 65534;

/// The texts of `/etc/passwd` and `/etc/group`; empty where there are none.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Lines `name:password:uid:gid:…`.
    pub passwd: String,
    /// Lines `name:password:gid:member,…`.
    pub group: String,
}

/// The credentials of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// UID.
    pub uid: u32,
    /// GID.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: BTreeSet<u32>,
}

/// The requested user, and what the administrator allowed.
#[derive(Debug, Clone, Copy)]
pub struct UserRequest<'a> {
    /// `USER[:GROUP]`, each a number or a name; empty is root.
    pub written: &'a str,
    /// From the command line; otherwise from the image.
    pub by_administrator: bool,
    /// Root in the container is the host's root, so it must be allowed by name.
    pub allow_root: bool,
}

/// Resolves the request, and refuses users that a container may not have.
pub fn resolve_user(request: UserRequest<'_>, image: &Accounts, machine: &Accounts) -> Outcome<User> {
    let user = resolve(request.written, image)?;
    if user.numbers().any(|number| number == 0) && !request.allow_root {
        return problem(format!(
            "the container would run as root (user `{:.40}`), and without user namespaces that is the host's root. \
             Use --user 65534 (or another UID), or --allow-root",
            request.written
        ));
    }
    // Without user namespaces the kernel has one set of numbers, so the same UID is the same user.
    let mut chosen = request.written.splitn(2, ':').filter(|_| request.by_administrator).map(|word| word.parse().ok());
    let (chosen_uid, chosen_gid) = (chosen.next().flatten(), chosen.next().flatten());
    let known = |number: u32, chosen: Option<u32>| number == 0 || number == NO_GROUP || chosen == Some(number);
    if let Some(line) = lines(&machine.passwd).find(|line| line.number == user.uid && !known(user.uid, chosen_uid)) {
        return shared("user", user.uid, line.name);
    }
    let groups = user.groups.iter().chain([&user.gid]).filter(|gid| !known(**gid, chosen_gid));
    for gid in groups {
        if let Some(line) = lines(&machine.group).find(|line| line.number == *gid) {
            return shared("group", *gid, line.name);
        }
    }
    Ok(user)
}

fn shared<T>(kind: &str, number: u32, name: &str) -> Outcome<T> {
    problem(format!(
        "the container would run as {kind} {number}, which is `{name}` on the host. Without user namespaces it would share that \
         account's files, processes and limits. Use --user UID:GID with numbers that the host does not use, or repeat these \
         to confirm them"
    ))
}

impl User {
    fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        [self.uid, self.gid].into_iter().chain(self.groups.iter().copied())
    }
}

fn resolve(written: &str, image: &Accounts) -> Outcome<User> {
    if written.is_empty() {
        return Ok(User { uid: 0, gid: 0, groups: BTreeSet::new() });
    }
    let (user, group) = written.split_once(':').map_or((written, None), |(user, group)| (user, Some(group)));
    let (uid, account) = match word(user)? {
        Word::Number(uid) => (uid, lines(&image.passwd).find(|line| line.number == uid)),
        Word::Name(name) => {
            let line = named(&image.passwd, name, "/etc/passwd")?;
            (line.number, Some(line))
        }
    };
    let (gid, groups) = match (group, account) {
        (Some(group), _) => match word(group)? {
            Word::Number(gid) => (gid, BTreeSet::new()),
            Word::Name(name) => (named(&image.group, name, "/etc/group")?.number, BTreeSet::new()),
        },
        (None, None) => (NO_GROUP, BTreeSet::new()),
        (None, Some(account)) => {
            let Some(gid) = account.rest.split(':').next().and_then(number) else {
                return problem(format!("/etc/passwd of the image gives `{}` an invalid group", account.name));
            };
            (gid, memberships(&image.group, account.name)?)
        }
    };
    Ok(User { uid, gid, groups })
}

/// The groups that list the account as a member.
fn memberships(text: &str, name: &str) -> Outcome<BTreeSet<u32>> {
    let mut groups = BTreeSet::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [group, _, gid, members, ..] = fields[..] else { continue };
        if members.split(',').any(|member| member == name) {
            let Some(gid) = number(gid) else { return out_of_range("/etc/group", group, gid) };
            groups.insert(gid);
        }
    }
    Ok(groups)
}

enum Word<'a> {
    Number(u32),
    Name(&'a str),
}

/// A number in its canonical spelling, or a name that cannot be mistaken for one.
fn word(written: &str) -> Outcome<Word<'_>> {
    if let Some(number) = number(written) {
        return Ok(Word::Number(number));
    }
    let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let other = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if written.starts_with(first) && written.len() <= 32 && written.chars().all(other) {
        return Ok(Word::Name(written));
    }
    problem(format!(
        "invalid user or group `{written:.40}`: neither a name nor a decimal number from 1 to {MAX_ID}; use \
         --user UID[:GID]"
    ))
}

/// A line of either file.
#[derive(Clone, Copy)]
struct Line<'a> {
    name: &'a str,
    number: u32,
    /// The rest of the line, after the number.
    rest: &'a str,
}

/// The lines with a valid number.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    accounts::lines(text).filter_map(|line| Some(Line { name: line.name, number: line.number()?, rest: line.rest }))
}

/// The first line with that name, as C libraries choose it.
fn named<'a>(text: &'a str, name: &str, file: &str) -> Outcome<Line<'a>> {
    let first = text.lines().find(|line| line.split(':').next() == Some(name));
    let Some(first) = first else {
        return problem(format!("the image's user or group `{name}` is not in its {file}; use --user UID[:GID]"));
    };
    match lines(first).next() {
        Some(line) => Ok(line),
        None => out_of_range(file, name, first.split(':').nth(2).unwrap_or_default()),
    }
}

fn out_of_range<T>(file: &str, name: &str, digits: &str) -> Outcome<T> {
    problem(format!(
        "{file} of the image gives `{name:.40}` the invalid ID `{digits:.40}`, not from 0 to {MAX_ID}; use --user UID[:GID]"
    ))
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
