//! `ar` archives (static libraries): their members.

use std::ops::Range;

const MAGIC: &[u8] = b"!<arch>\n";

const HEADER: usize = 60;

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Name, long names resolved.
    pub name: String,
    /// Where its bytes lie in the archive.
    pub range: Range<usize>,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Time, user and group are all zero.
    pub anonymous: bool,
}

/// The members of an archive without its indexes; `None` when the bytes are not an archive.
pub fn members(bytes: &[u8]) -> Option<Result<Vec<Member<'_>>, &'static str>> {
    if bytes.starts_with(b"!<thin>\n") {
        return Some(Err("it is a thin archive, which only points to object files"));
    }
    bytes.starts_with(MAGIC).then(|| parse(bytes))
}

fn parse(bytes: &[u8]) -> Result<Vec<Member<'_>>, &'static str> {
    let mut members = Vec::new();
    let mut long_names: &[u8] = b"";
    let mut at = MAGIC.len();
    while at < bytes.len() {
        let header = bytes.get(at..at + HEADER).ok_or("a member's header is cut off")?;
        if !header.ends_with(b"`\n") {
            return Err("a member's header has no end mark");
        }
        let field = |range: Range<usize>| std::str::from_utf8(&header[range]).map_or("?", str::trim_end);
        let size: usize = field(48..58).parse().map_err(|_| "a member's size is not a number")?;
        let start = at + HEADER;
        let range = start..start.checked_add(size).ok_or("a member's size is out of range")?;
        let content = bytes.get(range.clone()).ok_or("a member is cut off")?;
        let zero = |text: &str| text.is_empty() || text == "0";
        match field(0..16) {
            "/" | "/SYM64/" => {}
            "//" => long_names = content,
            name => members.push(Member {
                name: resolve(name, long_names),
                bytes: content,
                anonymous: [16..28, 28..34, 34..40].into_iter().all(|range| zero(field(range))),
                range,
            }),
        }
        at = (start + size).next_multiple_of(2);
    }
    Ok(members)
}

/// `/12` points into the table of long names, where a slash and a newline end each.
fn resolve(name: &str, long_names: &[u8]) -> String {
    let long =
        name.strip_prefix('/').and_then(|offset| offset.parse::<usize>().ok()).and_then(|at| long_names.get(at..));
    match long {
        Some(rest) => {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            String::from_utf8_lossy(&rest[..end]).trim_end_matches('/').to_owned()
        }
        None => name.strip_suffix('/').unwrap_or(name).to_owned(),
    }
}
