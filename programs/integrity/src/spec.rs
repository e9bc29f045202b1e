//! The baseline as text: an mtree(5) specification, in the full-path form that NetBSD's mtree and libarchive read. No effects.
//!
//! After a line that names the format and one that names its version there is a line per entry, in the order of paths:
//!
//! ```text
//! #mtree
//! # integrity 3
//! . type=dir
//! ./etc type=dir mode=0755 uid=0 gid=0
//! ./etc/localtime type=link mode=0777 uid=0 gid=0 link=/usr/share/zoneinfo/UTC
//! ./etc/motd type=file mode=0644 uid=0 gid=0 size=6 sha256digest=5891b5b5…
//! # next: content=too-long xattrs=2d711642…
//! ./etc/large type=file mode=0644 uid=0 gid=0 size=99999999
//! # sha256 66a045b4…
//! ```
//!
//! * Names and targets are written as vis(3) does in octal, `\040`, wherever a byte is not printable or could mean something to a
//!   reader of mtree(5), so a line is a line and a word a word.
//! * A directory that is only on the way to what is watched has its type and nothing else: NetBSD's mtree wants every parent named,
//!   and compares no more than the keywords say.
//! * A directory with too much in it has the keyword `ignore`, which means to others what it means here: nobody looks inside.
//! * For the rest there is no keyword, and others know none that is invented. So it is in a comment directly before its entry,
//!   `# next:`, which others pass over: why there is no digest or target (`content=`), and the digest of extended attributes
//!   (`xattrs=`). The entry itself then simply lacks the keyword, and others compare the rest.
//! * The last line is the digest of all before: a baseline that was cut off or changed by accident is told from one that differs.
//!
//! Two things others cannot read, whoever wrote them: NetBSD's mtree takes a name with `*`, `?` or `[` for a pattern, however it is
//! spelled (its own specifications have the same fault), and libarchive 3.6 knows no `type=socket`: it says so, and takes it for a
//! file.

use std::collections::BTreeMap;

use crate::entry::{Attributes, Content, Entry, Kind, MAX_PATHS, State, Sum, ancestors, digest, hex};

const HEAD: &str = "#mtree\n# integrity 3\n";
const SUM: &str = "# sha256 ";
const NOTE: &str = "# next: ";
const ON_THE_WAY: &str = "type=dir";

/// Bytes as printable ASCII, with everything escaped that mtree(5) interprets: spaces separate words, `=` separates a
/// keyword from its value, `*`, `?` and `[` make a name a pattern.
pub fn spell(bytes: &[u8]) -> String {
    let spelled = |byte: &u8| match byte {
        b'\\' | b'#' | b'=' | b'*' | b'?' | b'[' => format!("\\{byte:03o}"),
        b'!'..=b'~' => char::from(*byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    bytes.iter().map(spelled).collect()
}

/// Reverses the escaping.
fn unspell(text: &str) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        read.push(match byte {
            b'\\' => {
                let digits = [bytes.next()?, bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()?
            }
            _ => byte,
        });
    }
    // One notation per text, and no file name has a NUL.
    (spell(&read) == text && !read.contains(&0)).then_some(read)
}

/// A path as the first word of its line, and for messages about a specification.
pub fn spell_path(path: &[u8]) -> String {
    match path {
        b"/" => ".".to_owned(),
        _ => format!(".{}", spell(path)),
    }
}

fn unspell_path(text: &str) -> Option<Vec<u8>> {
    if text == "." {
        return Some(b"/".to_vec());
    }
    let path = unspell(text.strip_prefix('.')?)?;
    let mut parts = path.split(|byte| *byte == b'/');
    let fits = parts.next() == Some(b"") && parts.all(|part| !matches!(part, b"" | b"." | b".."));
    (fits && path.len() > 1).then_some(path)
}

/// The baseline as text.
pub fn to_text(state: &State) -> String {
    let mut text = HEAD.to_owned();
    text.extend(lines(state));
    let sum = last_line(&text);
    text + &sum
}

/// The line with the digest of everything before.
fn last_line(body: &str) -> String {
    format!("{SUM}{}\n", hex(&digest(body.as_bytes())))
}

/// The lines between head and digest: entries, and parents without an entry.
fn lines(state: &State) -> impl Iterator<Item = String> + '_ {
    let on_the_way = state.keys().flat_map(|path| ancestors(path)).map(|path| (path, None));
    let mut lines: BTreeMap<&[u8], Option<&Entry>> = on_the_way.collect();
    lines.extend(state.iter().map(|(path, entry)| (path.as_slice(), Some(entry))));
    lines.into_iter().map(|(path, entry)| {
        let path = spell_path(path);
        match entry {
            Some(entry) => format!("{}{path} {}\n", note(entry), keywords(entry)),
            None => format!("{path} {ON_THE_WAY}\n"),
        }
    })
}

fn keywords(entry: &Entry) -> String {
    let Entry { kind, mode, uid, gid, size, content, .. } = entry;
    let mut text = format!("type={} mode={mode:04o} uid={uid} gid={gid}", kind.name());
    if *kind == Kind::File {
        text += &format!(" size={size}");
    }
    text += &match content {
        Content::Digest(digest) => format!(" sha256digest={}", hex(digest)),
        Content::Target(target) => format!(" link={}", spell(target)),
        Content::Device { major, minor } => format!(" device=linux,{major},{minor}"),
        Content::TooMany => " ignore".to_owned(),
        Content::None | Content::Unreadable | Content::TooLong => String::new(),
    };
    text
}

/// Facts for which mtree(5) has no keyword.
fn note(entry: &Entry) -> String {
    let gap = entry.content.gap().filter(|_| entry.content != Content::TooMany);
    let content = gap.map(|gap| format!("content={gap}"));
    let attributes = entry.attributes.word().map(|word| format!("xattrs={word}"));
    let notes: Vec<String> = content.into_iter().chain(attributes).collect();
    if notes.is_empty() { String::new() } else { format!("{NOTE}{}\n", notes.join(" ")) }
}

/// The digest at the end of a baseline, which identifies it.
pub fn sum(text: &str) -> Option<&str> {
    text.lines().last()?.strip_prefix(SUM)
}

/// Parses a baseline. Refuses a text that [`to_text`] did not write, whatever its digest.
pub fn from_text(text: &str) -> Result<State, String> {
    let cut = "it is damaged: the digest at its end is not that of its lines";
    let Some(rest) = text.strip_prefix(HEAD) else {
        return Err("it does not begin as this version of the program writes: it is damaged, or another program's \
                    or another version's"
            .to_owned());
    };
    let end = text.trim_end_matches('\n').rfind('\n').ok_or(cut)? + 1;
    let (body, sum) = text.split_at(end);
    if sum != last_line(body) {
        return Err(cut.to_owned());
    }
    let mut rest = rest.get(..end - HEAD.len()).ok_or(cut)?;
    let state = entries(rest)?;
    // Line by line: a second copy of the text would double the memory.
    let same = lines(&state).all(|line| rest.strip_prefix(&line).map(|left| rest = left).is_some());
    if !same || !rest.is_empty() {
        return Err("it is not written as this program writes".to_owned());
    }
    Ok(state)
}

/// The entries of the lines between head and digest.
fn entries(lines: &str) -> Result<State, String> {
    let mut state = State::new();
    let mut last: Option<Vec<u8>> = None;
    let mut note = None;
    for (number, line) in lines.lines().enumerate() {
        let fault = |what: &str| format!("line {}: {what}", number + 3);
        if state.len() >= MAX_PATHS {
            return Err(fault("there are too many entries"));
        }
        if let (None, Some(text)) = (note, line.strip_prefix(NOTE)) {
            note = Some(text);
            continue;
        }
        let (path, entry) = entry(line, note.take()).ok_or_else(|| fault("this is not an entry"))?;
        if last.is_some_and(|last| last >= path) {
            return Err(fault("its path is not after that of the previous line"));
        }
        if let Some(entry) = entry {
            drop(state.insert(path.clone(), entry));
        }
        last = Some(path);
    }
    Ok(state)
}

/// Path and entry of a line; no entry for a mere parent. Writing everything again detects words that do not belong.
fn entry(line: &str, note: Option<&str>) -> Option<(Vec<u8>, Option<Entry>)> {
    let (path, words) = line.split_once(' ')?;
    let path = unspell_path(path)?;
    if words == ON_THE_WAY && note.is_none() {
        return Some((path, None));
    }
    let word = |name: &str| words.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let noted = |name: &str| note?.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let kind = Kind::ALL.into_iter().find(|known| Some(known.name()) == word("type"))?;
    let content = match (kind, noted("content")) {
        (Kind::File | Kind::Link, Some("unreadable")) => Content::Unreadable,
        (Kind::File, Some("too-long")) => Content::TooLong,
        (_, Some(_)) => return None,
        (Kind::File, None) => Content::Digest(word("sha256digest").and_then(hexadecimal)?),
        (Kind::Link, None) => Content::Target(unspell(word("link")?)?),
        (Kind::Block | Kind::Char, None) => device(word("device")?)?,
        (Kind::Dir, None) if words.ends_with(" ignore") => Content::TooMany,
        (Kind::Dir | Kind::Fifo | Kind::Socket, None) => Content::None,
    };
    let attributes = match noted("xattrs") {
        None => Attributes::None,
        Some("unreadable") => Attributes::Unreadable,
        Some(text) => Attributes::Digest(hexadecimal(text)?),
    };
    let entry = Entry {
        kind,
        mode: u32::from_str_radix(word("mode")?, 8).ok().filter(|mode| *mode <= 0o7777)?,
        uid: word("uid")?.parse().ok()?,
        gid: word("gid")?.parse().ok()?,
        size: if kind == Kind::File { word("size")?.parse().ok()? } else { 0 },
        content,
        attributes,
    };
    Some((path, Some(entry)))
}

/// A digest; writing everything again detects another notation.
fn hexadecimal(text: &str) -> Option<Sum> {
    let bytes: Option<Vec<u8>> =
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes?.try_into().ok()
}

fn device(text: &str) -> Option<Content> {
    let (major, minor) = text.strip_prefix("linux,")?.split_once(',')?;
    Some(Content::Device { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

#[cfg(test)]
mod tests;
