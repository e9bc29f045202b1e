//! A file in front of the rules, taken apart once for all of them.

use std::borrow::Cow;

use crate::formats::manifest::{ElfFacts, ManifestEntry};
use crate::formats::{ar, elf};

/// A file in front of the rules.
#[derive(Debug)]
pub struct File<'a> {
    /// Its entry.
    pub entry: &'a ManifestEntry,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The file itself, or the members when it is an `ar` archive.
    pub parts: Vec<Part<'a>>,
    /// Why it is a broken archive, when it is.
    pub broken: Option<&'static str>,
}

/// A file or archive member.
#[derive(Debug)]
pub struct Part<'a> {
    /// Member name, when it is one.
    pub member: Option<ar::Member<'a>>,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What it says about itself, when it is ELF.
    pub elf: Option<Result<Cow<'a, ElfFacts>, String>>,
}

impl Part<'_> {
    /// ` (member x.o)` for members, nothing for whole files.
    pub fn suffix(&self) -> String {
        self.member.as_ref().map_or_else(String::new, |member| format!(" (member {})", member.name))
    }
}

impl<'a> File<'a> {
    /// Takes a file apart.
    pub fn new(entry: &'a ManifestEntry, bytes: &'a [u8]) -> Self {
        let whole = |broken| {
            // The scan that hashed the file read them already.
            let elf = entry.elf.as_ref().map_or_else(|| facts(bytes), |facts| Some(Ok(Cow::Borrowed(facts))));
            Self { entry, bytes, parts: vec![Part { member: None, bytes, elf }], broken }
        };
        match ar::members(bytes) {
            None => whole(None),
            Some(Err(reason)) => whole(Some(reason)),
            Some(Ok(members)) => {
                let part = |member: ar::Member<'a>| {
                    let bytes = member.bytes;
                    Part { member: Some(member), bytes, elf: facts(bytes) }
                };
                Self { entry, bytes, parts: members.into_iter().map(part).collect(), broken: None }
            }
        }
    }
}

fn facts<'a>(bytes: &[u8]) -> Option<Result<Cow<'a, ElfFacts>, String>> {
    Some(elf::facts(bytes)?.map(Cow::Owned))
}
