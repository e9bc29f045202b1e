//! Compiled profiles, as `apparmor_parser` writes them and the kernel unpacks them.
//!
//! A file is a sequence of typed values. This module walks them to the end, to know the name, format and mode of each
//! profile before loading. The kernel interprets the values inside a profile, and checks them again
//! (`CONFIG_SECURITY_APPARMOR_PARANOID_LOAD`).

use std::collections::BTreeSet;
use std::fmt;

/// The parts of a profile that this program reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name; a child's is `parent//child`.
    pub name: String,
    /// Whether it is in enforce mode.
    pub enforced: bool,
}

/// Why a file is not a set of profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The offset in bytes.
    pub at: usize,
    /// The reason.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "byte {}: {}", self.at, self.what)
    }
}

/// The kernel's formats: `v5` to `v9` of its ABI, in the low 10 bits of the version.
const FORMATS: std::ops::RangeInclusive<u32> = 5..=9;
const FORMAT: u32 = 0x3ff;
/// The version flag that loads the whole file without enforcing it.
const COMPLAIN: u32 = 0x800;
/// None of our profiles nests deeper, and a reader of untrusted bytes needs a limit.
const MAX_DEPTH: usize = 16;

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Name(&'a str),
    Text(&'a str),
    Blob,
    Open(u8),
    Close(u8),
}

const STRUCT: u8 = 7;
const LIST: u8 = 9;
const ARRAY: u8 = 11;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn broken<T>(&self, what: impl Into<String>) -> Result<T, Broken> {
        Err(Broken { at: self.at, what: what.into() })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..count)) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => self.broken("the file ends in the middle of a value"),
        }
    }

    /// A little-endian number of `size` bytes.
    fn number(&mut self, size: usize) -> Result<u64, Broken> {
        Ok(self.take(size)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A length in two bytes, and a text of that length that ends with NUL.
    fn text(&mut self) -> Result<&'a str, Broken> {
        let length = self.number(2)? as usize;
        match self.take(length)?.split_last() {
            Some((0, text)) if !text.contains(&0) => match std::str::from_utf8(text) {
                Ok(text) => Ok(text),
                Err(_) => self.broken("a text that is not UTF-8"),
            },
            _ => self.broken("a text without its end"),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Broken> {
        let code = self.number(1)? as u8;
        Ok(match code {
            0..=3 => Value::Number(self.number(1 << code)?),
            4 => Value::Name(self.text()?),
            5 => Value::Text(self.text()?),
            6 => {
                let length = self.number(4)? as usize;
                self.take(length)?;
                Value::Blob
            }
            STRUCT | LIST => Value::Open(code),
            ARRAY => {
                self.number(2)?;
                Value::Open(code)
            }
            8 | 10 | 12 => Value::Close(code - 1),
            _ => return self.broken(format!("{code} is not a value type")),
        })
    }

    fn expect(&mut self, wanted: Value<'_>, what: &str) -> Result<(), Broken> {
        let start = self.at;
        if self.value()? == wanted {
            return Ok(());
        }
        self.at = start;
        self.broken(format!("{what} is missing"))
    }

    /// The rest of a structure after its beginning. Returns the numbers of the structure `flags` directly inside it.
    fn rest(&mut self) -> Result<Option<Vec<u64>>, Broken> {
        let (mut open, mut flags, mut in_flags, mut last) = (vec![STRUCT], None, None::<Vec<u64>>, "");
        loop {
            match self.value()? {
                Value::Name(name) => {
                    last = name;
                    continue;
                }
                Value::Open(kind) => {
                    if open.len() == MAX_DEPTH {
                        return self.broken("values are nested too deeply");
                    }
                    if kind == STRUCT && open.len() == 1 && last == "flags" {
                        in_flags = Some(Vec::new());
                    }
                    open.push(kind);
                }
                Value::Close(kind) => {
                    if open.pop() != Some(kind) {
                        return self.broken("the end of something that did not begin");
                    }
                    match open.len() {
                        0 => return Ok(flags),
                        1 => flags = in_flags.take().or(flags),
                        _ => {}
                    }
                }
                Value::Number(number) => {
                    if let Some(numbers) = &mut in_flags {
                        numbers.push(number);
                    }
                }
                Value::Text(_) | Value::Blob => {}
            }
            last = "";
        }
    }

    fn profile(&mut self) -> Result<Profile, Broken> {
        self.expect(Value::Name("version"), "the version of a profile's format")?;
        let Value::Number(version) = self.value()? else { return self.broken("the version is not a number") };
        let version = version as u32;
        if !FORMATS.contains(&(version & FORMAT)) {
            return self.broken(format!("format {} is not one of those that the kernel reads", version & FORMAT));
        }
        // A namespace would come here: the image has none.
        self.expect(Value::Name("profile"), "the beginning of a profile")?;
        self.expect(Value::Open(STRUCT), "the beginning of a profile")?;
        let Value::Text(name) = self.value()? else { return self.broken("the profile has no name") };
        if name.is_empty() || name.starts_with(':') || name.chars().any(char::is_control) {
            return self.broken(format!("{name:?} is not a valid profile name"));
        }
        let Some(flags) = self.rest()? else { return self.broken(format!("profile {name} has no flags")) };
        let [_, mode, _] = flags[..] else { return self.broken(format!("profile {name} has other flags than three")) };
        Ok(Profile { name: name.to_owned(), enforced: mode == 0 && version & COMPLAIN == 0 })
    }
}

/// All profiles of a file.
pub fn read(bytes: &[u8]) -> Result<Vec<Profile>, Broken> {
    let mut reader = Reader { bytes, at: 0 };
    let mut profiles = Vec::new();
    let mut names = BTreeSet::new();
    while reader.at < bytes.len() {
        let profile = reader.profile()?;
        if !names.insert(profile.name.clone()) {
            return reader.broken(format!("duplicate profile {}", profile.name));
        }
        profiles.push(profile);
    }
    if profiles.is_empty() {
        return reader.broken("it contains no profile");
    }
    Ok(profiles)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
pub mod tests;
