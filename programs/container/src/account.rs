//! Who a container runs as: words of the image or of the command line in, numbers out. Pure.
//!
//! Names are looked up in the image's own files. Those are as untrusted as the image, so what they say is judged like a number
//! that somebody wrote.

use std::collections::BTreeSet;

use base::accounts::{self, LARGEST, number};

use crate::problem::{Outcome, problem};

/// The group of who names none.
const NO_GROUP: u32 = 65534;

/// The texts of `/etc/passwd` and `/etc/group`; empty where there are none.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Lines `name:password:uid:gid:…`.
    pub passwd: String,
    /// Lines `name:password:gid:member,…`.
    pub group: String,
}

/// Numbers of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Further groups.
    pub groups: BTreeSet<u32>,
}

/// Who decides, and what was accepted.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// `USER[:GROUP]`, each a number or a name; empty is root.
    pub written: &'a str,
    /// The administrator wrote it. Otherwise the image did.
    pub said: bool,
    /// Root in the container is root of the machine; it must be said.
    pub allow_root: bool,
}

/// The numbers that `asked` means, if they are ones that a container may have.
pub fn judge(asked: Asked<'_>, image: &Accounts, machine: &Accounts) -> Outcome<User> {
    let user = resolve(asked.written, image)?;
    if user.numbers().any(|number| number == 0) && !asked.allow_root {
        return problem(format!(
            "the container would run as root (user `{:.40}`), which is root of this machine: there are no user namespaces. \
             Say --user 65534 (or another number), or --allow-root",
            asked.written
        ));
    }
    // Without user namespaces the kernel knows one set of numbers, so the same number is the same person.
    let mut chosen = asked.written.splitn(2, ':').filter(|_| asked.said).map(|word| word.parse().ok());
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
        "the container would be {kind} {number}, which is {name} of this machine: there are no user namespaces, so it would \
         share that account's files, processes and limits. Say --user UID:GID with numbers of nobody here, or these numbers \
         if that is meant"
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
                return problem(format!("/etc/passwd of the image gives `{}` no group that is a number", account.name));
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

/// A number in its one spelling, or a name that cannot be mistaken for one.
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
        "the user or group `{written:.40}` is neither a number from 1 to {LARGEST} in its plain spelling nor a name: say \
         --user UID[:GID]"
    ))
}

/// A line of either file.
#[derive(Clone, Copy)]
struct Line<'a> {
    name: &'a str,
    number: u32,
    /// What is behind the number.
    rest: &'a str,
}

/// Lines whose number can be one.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    accounts::lines(text).filter_map(|line| Some(Line { name: line.name, number: line.number()?, rest: line.rest }))
}

/// The first line of that name, as C libraries choose it.
fn named<'a>(text: &'a str, name: &str, file: &str) -> Outcome<Line<'a>> {
    let first = text.lines().find(|line| line.split(':').next() == Some(name));
    let Some(first) = first else {
        return problem(format!("the image's user or group `{name}` is not in its {file}: say --user UID[:GID]"));
    };
    match lines(first).next() {
        Some(line) => Ok(line),
        None => out_of_range(file, name, first.split(':').nth(2).unwrap_or_default()),
    }
}

fn out_of_range<T>(file: &str, name: &str, digits: &str) -> Outcome<T> {
    problem(format!(
        "{file} of the image gives `{name:.40}` the number `{digits:.40}`, which is none from 0 to {LARGEST}: say --user UID[:GID]"
    ))
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
