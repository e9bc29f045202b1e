//! The cache of dependency data: the gathered text, and the state of every file that it came from. Pure.
//!
//! It is at `/run/openrc/deptree`; the image ships one at `/usr/lib/rc/deptree`, without times, so that a boot needs no
//! shell for it. `survey` reads and compares the files.
//!
//! ```text
//! rc-deptree 1
//! file 512 1732480000000000000 9d3f06a1c4e2b587 etc/init.d/sshd
//! gone etc/sshd.extra
//! text
//! service sshd
//! …
//! ```

/// First line: format and version.
pub const HEAD: &str = "rc-deptree 1";

/// A file at the time of gathering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Relative to the root.
    pub path: String,
    /// `None`: the file did not exist; creating it makes the cache stale.
    pub content: Option<Content>,
}

/// The recorded state of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970; `None` in a shipped cache, because packing the image sets the times.
    pub modified: Option<i128>,
    /// `fingerprint` of the bytes.
    pub fingerprint: u64,
}

/// A parsed cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache<'a> {
    /// All files it depends on.
    pub stamps: Vec<Stamp>,
    /// The body, for `text::parse`.
    pub text: &'a [u8],
}

/// Parses a cache. `None` if it is malformed or incomplete: then it is rebuilt.
pub fn parse(bytes: &[u8]) -> Option<Cache<'_>> {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        std::str::from_utf8(line).ok()
    };
    if line()? != HEAD {
        return None;
    }
    let mut stamps = Vec::new();
    loop {
        match line()?.split_once(' ') {
            Some(("file", record)) => stamps.push(parse_file(record)?),
            Some(("gone", path)) => stamps.push(Stamp { path: path.to_owned(), content: None }),
            Some(("text", length)) => {
                // The length detects a truncated file.
                return (length.parse() == Ok(rest.len())).then_some(Cache { stamps, text: rest });
            }
            _ => return None,
        }
    }
}

fn parse_file(record: &str) -> Option<Stamp> {
    let mut words = record.splitn(4, ' ');
    let size = words.next()?.parse().ok()?;
    let modified = match words.next()? {
        "-" => None,
        number => Some(number.parse().ok()?),
    };
    let fingerprint = u64::from_str_radix(words.next()?, 16).ok()?;
    Some(Stamp { path: words.next()?.to_owned(), content: Some(Content { size, modified, fingerprint }) })
}

/// Writes a cache.
pub fn render(cache: &Cache<'_>) -> Vec<u8> {
    let mut head = format!("{HEAD}\n");
    for Stamp { path, content } in &cache.stamps {
        head.push_str(&match content {
            Some(Content { size, modified, fingerprint }) => {
                let modified = modified.map_or_else(|| "-".to_owned(), |time| time.to_string());
                format!("file {size} {modified} {fingerprint:016x} {path}\n")
            }
            None => format!("gone {path}\n"),
        });
    }
    head.push_str(&format!("text {}\n", cache.text.len()));
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(cache.text);
    bytes
}

/// FNV-1a, 64 bits. Detects changes, not forgery: who can write /etc/init.d needs no forged cache.
pub fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let content = Content { size: 3, modified: Some(-7), fingerprint: fingerprint(b"abc") };
        let cache = Cache {
            stamps: vec![
                Stamp { path: "etc/init.d/a b".into(), content: Some(content.clone()) },
                Stamp { path: "x".into(), content: Some(Content { modified: None, ..content }) },
                Stamp { path: "etc/none".into(), content: None },
            ],
            text: b"service a\nend 0\n",
        };
        let bytes = render(&cache);
        assert_eq!(parse(&bytes), Some(cache));
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), None, "cut after {cut}");
        }
    }

    #[test]
    fn what_is_no_cache() {
        for text in [
            "",
            "rc-deptree 2\ntext 0\n",
            "rc-deptree 1\nfile x\ntext 0\n",
            "rc-deptree 1\nfile 1 - zz a\ntext 0\n",
            "depinfo_0_service='a'\n",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn known_fingerprints() {
        assert_eq!(fingerprint(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn what_is_taken_for_a_cache_is_one() {
        crate::testing::for_texts(|text| {
            for text in [text.to_owned(), format!("rc-deptree 1\nfile 3 - 0a {text}")] {
                if let Some(cache) = parse(text.as_bytes()) {
                    assert_eq!(parse(&render(&cache)), Some(cache), "{text:?}");
                }
            }
        });
    }
}
