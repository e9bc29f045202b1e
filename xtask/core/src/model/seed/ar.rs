//! The `ar` container of a .deb: a magic line, then members with a 60-byte header, padded to even offsets.
//!
//! A view over bytes in memory; nothing is unpacked here. Only what `dpkg-deb` writes is read: no BSD or GNU long names.

use std::ops::Range;

/// The magic line every archive starts with.
pub const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

/// A member: its name and where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name without padding and without a trailing `/`.
    pub name: String,
    /// Byte range in the archive.
    pub data: Range<usize>,
}

/// Why bytes are not an `ar` archive. Offsets are bytes from the start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArError {
    /// The magic line is missing.
    #[error("not an ar archive: it does not start with `!<arch>`")]
    Magic,
    /// The archive ends within a header.
    #[error("the archive ends within the member header at offset {at}")]
    ShortHeader {
        /// Where the header starts.
        at: usize,
    },
    /// A header is malformed.
    #[error("the member header at offset {at} has a bad {field}")]
    BadHeader {
        /// Where the header starts.
        at: usize,
        /// Which field.
        field: &'static str,
    },
    /// A member is longer than the archive.
    #[error("member `{name}` says it has {size} bytes, only {left} are left: the file is truncated")]
    Truncated {
        /// The member's name.
        name: String,
        /// Its declared size.
        size: usize,
        /// Bytes that are there.
        left: usize,
    },
}

/// Lists the members of `archive` in their order.
///
/// # Errors
/// When the archive is malformed or truncated; the message says at which offset.
pub fn members(archive: &[u8]) -> Result<Vec<Member>, ArError> {
    if !archive.starts_with(MAGIC) {
        return Err(ArError::Magic);
    }
    let mut at = MAGIC.len();
    let mut found = Vec::new();
    while at < archive.len() {
        let header = archive.get(at..at + HEADER).ok_or(ArError::ShortHeader { at })?;
        if &header[58..60] != b"`\n" {
            return Err(ArError::BadHeader { at, field: "end marker" });
        }
        let name = text(&header[..16]).ok_or(ArError::BadHeader { at, field: "name" })?;
        let name = name.strip_suffix('/').unwrap_or(name).to_owned();
        if name.is_empty() {
            return Err(ArError::BadHeader { at, field: "name" });
        }
        let size = text(&header[48..58])
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<usize>().ok())
            .ok_or(ArError::BadHeader { at, field: "size" })?;
        let start = at + HEADER;
        let left = archive.len() - start;
        if size > left {
            return Err(ArError::Truncated { name, size, left });
        }
        found.push(Member { name, data: start..start + size });
        at = start + size + size % 2;
    }
    Ok(found)
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok().map(|text| text.trim_end_matches(' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for (name, data) in members {
            out.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", data.len()).bytes());
            out.extend(data);
            if data.len() % 2 == 1 {
                out.push(b'\n');
            }
        }
        out
    }

    #[test]
    fn reads_members() {
        let bytes = archive(&[
            ("debian-binary".into(), b"2.0\n".to_vec()),
            ("odd/".into(), b"abc".to_vec()),
            ("e".into(), vec![]),
        ]);
        let found = members(&bytes).unwrap();
        let view: Vec<_> = found.iter().map(|m| (m.name.as_str(), &bytes[m.data.clone()])).collect();
        assert_eq!(view, [("debian-binary", &b"2.0\n"[..]), ("odd", b"abc"), ("e", b"")]);
    }

    #[test]
    fn says_what_is_wrong() {
        let good = archive(&[("a".into(), b"abcd".to_vec())]);
        let with = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            members(&bad).unwrap_err().to_string()
        };
        assert_eq!(members(b"hello").unwrap_err(), ArError::Magic);
        assert_eq!(members(&good[..20]).unwrap_err(), ArError::ShortHeader { at: 8 });
        assert!(members(&good[..70]).unwrap_err().to_string().contains("`a` says it has 4 bytes, only 2 are left"));
        assert!(with(8 + 58, b'x').contains("offset 8 has a bad end marker"));
        assert!(with(8 + 48, b'+').contains("bad size"));
        assert!(with(8, 0xff).contains("bad name"));
        assert!(with(8, b'/').contains("bad name"));
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(entries in prop::collection::vec(("[a-z][a-z.-]{0,14}", prop::collection::vec(any::<u8>(), 0..40)), 0..5)) {
            let bytes = archive(&entries);
            let found = members(&bytes).unwrap();
            prop_assert_eq!(found.len(), entries.len());
            for (member, (name, data)) in found.iter().zip(&entries) {
                prop_assert_eq!(&member.name, name);
                prop_assert_eq!(&bytes[member.data.clone()], &data[..]);
            }
        }

        #[test]
        fn never_panics_and_never_points_outside(noise in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..200, byte: u8) {
            let mut bytes = archive(&[("control.tar.xz".into(), noise.clone()), ("data.tar.xz".into(), vec![7; 9])]);
            let place = at % bytes.len();
            bytes[place] = byte;
            for input in [&bytes[..], &noise[..], &bytes[..place]] {
                if let Ok(found) = members(input) {
                    for member in found {
                        prop_assert!(member.data.end <= input.len());
                    }
                }
            }
        }
    }
}
