//! A file as the baseline knows it, and the baseline as text. No effects.
//!
//! One line per entry, in the order of paths: kind, mode, owner, group, size, digest, digest of its extended attributes, path. A path
//! is written with `%XX` for every byte that is not a printable ASCII character, so a line is a line. The last line is the digest
//! of all before: a baseline that was cut off or changed by accident is told from one that differs.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

const HEAD: &str = "integrity 2";
/// No baseline has more entries.
pub const MOST_PATHS: usize = 100_000;

/// Entries by path.
pub type State = BTreeMap<Vec<u8>, Entry>;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with content.
    File,
    /// A directory.
    Dir,
    /// A symbolic link; its digest is that of its target.
    Link,
    /// A device, a pipe, a socket: never opened.
    Other,
}

impl Kind {
    const ALL: [Self; 4] = [Self::File, Self::Dir, Self::Link, Self::Other];

    /// In messages and in the baseline.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Dir => "dir",
            Self::Link => "link",
            Self::Other => "other",
        }
    }
}

/// One path's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, setuid and its like included.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a file, else 0.
    pub size: u64,
    /// Of a file's content or a link's target, in hexadecimal; `-` for others. A word where there is none: `unreadable`, `too-long`
    /// for a file past the limit, `too-many` for a directory with more in it than is looked at.
    pub digest: String,
    /// Of its extended attributes; `-` when it has none.
    pub attributes: String,
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path as printable ASCII.
pub fn spell(path: &[u8]) -> String {
    let spelled = |byte: &u8| match byte {
        b'!'..=b'~' if *byte != b'%' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.iter().map(spelled).collect()
}

/// The path that was spelled so.
fn unspell(text: &str) -> Option<Vec<u8>> {
    let mut path = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        path.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'!'..=b'~' => byte,
            _ => return None,
        });
    }
    // One spelling per path.
    (spell(&path) == text).then_some(path)
}

/// The baseline as text.
pub fn to_text(state: &State) -> String {
    let mut text = format!("{HEAD}\n");
    for (path, entry) in state {
        let Entry { kind, mode, uid, gid, size, digest, attributes } = entry;
        text += &format!("{} {mode:04o} {uid} {gid} {size} {digest} {attributes} {}\n", kind.name(), spell(path));
    }
    let sum = digest(text.as_bytes());
    text + &format!("sha256 {sum}\n")
}

/// The digest at the end of a baseline, which says all of it in one line.
pub fn sum(text: &str) -> Option<&str> {
    text.lines().last()?.strip_prefix("sha256 ")
}

/// Reads a baseline. What was not written by [`to_text`] is refused, whatever its digest says.
pub fn from_text(text: &str) -> Result<State, String> {
    let cut = "it is damaged: the digest at its end is not that of its lines";
    let start = text.trim_end_matches('\n').rfind('\n').ok_or(cut)? + 1;
    let (body, sum) = text.split_at(start);
    if sum != format!("sha256 {}\n", digest(body.as_bytes())) {
        return Err(cut.to_owned());
    }
    let mut lines = body.lines();
    if lines.next() != Some(HEAD) {
        return Err("another version of this program wrote it".to_owned());
    }
    let mut state = State::new();
    for (number, line) in lines.enumerate() {
        let fault = |what: &str| format!("line {}: {what}", number + 2);
        if state.len() >= MOST_PATHS {
            return Err(fault("there are too many entries"));
        }
        let (path, entry) = entry(line).ok_or_else(|| fault("this is no entry"))?;
        if state.last_key_value().is_some_and(|(last, _)| *last >= path) {
            return Err(fault("its path is not behind that of the line before"));
        }
        drop(state.insert(path, entry));
    }
    if to_text(&state) != text {
        return Err("it is not written as this program writes".to_owned());
    }
    Ok(state)
}

fn entry(line: &str) -> Option<(Vec<u8>, Entry)> {
    let fields: Vec<&str> = line.split(' ').collect();
    let [kind, mode, uid, gid, size, digest, attributes, path] = fields.as_slice() else { return None };
    let entry = Entry {
        kind: Kind::ALL.into_iter().find(|known| known.name() == *kind)?,
        mode: u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777)?,
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        size: size.parse().ok()?,
        digest: word(digest)?,
        attributes: word(attributes)?,
    };
    Some((unspell(path)?, entry))
}

/// A digest, or what stands in its place.
fn word(text: &str) -> Option<String> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits.then(|| text.to_owned())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::noise::{self, Noise};

    /// Any state.
    pub fn any(noise: &mut Noise) -> State {
        let mut state = State::new();
        for _ in 0..noise.below(8) {
            let kind = Kind::ALL[noise.below(4)];
            let entry = Entry {
                kind,
                mode: noise.below(0o10000) as u32,
                uid: noise.below(3) as u32,
                gid: noise.below(3) as u32,
                size: noise.below(9) as u64,
                digest: if noise.below(2) == 0 { "-".to_owned() } else { digest(&noise.bytes(4)) },
                attributes: if noise.below(4) > 0 { "-".to_owned() } else { digest(&noise.bytes(2)) },
            };
            state.insert(noise.bytes(6), entry);
        }
        state
    }

    #[test]
    fn there_and_back() {
        noise::repeat(1, |noise| {
            let state = any(noise);
            assert_eq!(from_text(&to_text(&state)), Ok(state));
        });
    }

    #[test]
    fn a_damaged_baseline_is_never_taken_for_another() {
        noise::repeat(2, |noise| {
            let text = to_text(&any(noise));
            let damaged = noise.damaged(text.as_bytes());
            if let Ok(damaged) = std::str::from_utf8(&damaged) {
                assert!(damaged == text || from_text(damaged).is_err(), "{damaged}");
            }
        });
    }

    #[test]
    fn a_forged_baseline_is_read_only_as_it_would_be_written() {
        noise::repeat(8, |noise| {
            let text = to_text(&any(noise));
            let body = text.rfind("sha256 ").map_or("", |end| &text[..end]);
            let forged = String::from_utf8_lossy(&noise.damaged(body.as_bytes())).into_owned();
            let forged = format!("{forged}sha256 {}\n", digest(forged.as_bytes()));
            if let Ok(state) = from_text(&forged) {
                assert_eq!(to_text(&state), forged);
            }
        });
    }

    #[test]
    fn one_line_whatever_the_name() {
        assert_eq!(spell(b"/etc/a b%\n\xff"), "/etc/a%20b%25%0A%FF");
        assert_eq!(unspell("/etc/a%20b%25%0A%FF").unwrap(), b"/etc/a b%\n\xff");
        for text in ["%", "%4", "%4x", "a b", "%41", "%0a", "\u{e4}"] {
            assert_eq!(unspell(text), None, "{text}");
        }
    }

    #[test]
    fn digests_are_sha256() {
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
