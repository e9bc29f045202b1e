//! `fstabinfo`: queries `/etc/fstab`, and mounts its entries.

use crate::getopt::{self, Known, option};
use crate::message;
use crate::paths::Paths;
use std::fs;
use std::process::Command;

const OPTIONS: [Known; 11] = [
    option('M', "mount", false),
    option('R', "remount", false),
    option('b', "blockdevice", false),
    option('m', "mountargs", false),
    option('o', "options", false),
    option('p', "passno", true),
    option('t', "fstype", true),
    option('q', "quiet", false),
    option('v', "verbose", false),
    option('C', "nocolor", false),
    option('h', "help", false),
];

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    device: String,
    point: String,
    kind: String,
    options: String,
    pass: u32,
}

fn parse(text: &str) -> Vec<Entry> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Entry> {
    if line.trim_start().starts_with('#') {
        return None;
    }
    let fields: Vec<String> = line.split_whitespace().map(unescape).collect();
    let [device, point, kind, rest @ ..] = fields.as_slice() else { return None };
    Some(Entry {
        device: device.clone(),
        point: point.clone(),
        kind: kind.clone(),
        options: rest.first().cloned().unwrap_or_else(|| "defaults".into()),
        pass: rest.get(2).and_then(|text| text.parse().ok()).unwrap_or(0),
    })
}

/// Decodes `\040` and the like, which stand for blanks in fstab and the kernel's tables.
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes
            .get(at + 1..at + 4)
            .filter(|_| bytes[at] == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok()));
        out.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Runs it.
pub fn run(args: &[String]) -> u8 {
    let parsed = match getopt::parse(&OPTIONS, args, false) {
        Ok(parsed) => parsed,
        Err(text) => {
            message::eerror(&format!("fstabinfo: {text}"));
            return 1;
        }
    };
    if parsed.has("help") {
        message::print("Usage: fstabinfo [-b | -m | -o | -M | -R] [-p NUMBER] [-t TYPE[,TYPE]] [MOUNT-POINT]...");
        return 0;
    }
    // A missing file counts as empty.
    let text = fs::read(Paths::system().root.join("etc/fstab")).unwrap_or_default();
    let all = parse(&String::from_utf8_lossy(&text));
    let mut chosen: Vec<&Entry> = match parsed.rest.is_empty() {
        true => all.iter().collect(),
        false => parsed.rest.iter().filter_map(|word| find(&all, word)).collect(),
    };
    let missing = chosen.len() < parsed.rest.len();
    if let Some(kinds) = parsed.value("fstype") {
        chosen.retain(|entry| kinds.split(',').any(|kind| kind == entry.kind));
    }
    let pass = parsed.value("passno");
    if let Some(compare) = pass.filter(|text| text.starts_with(['=', '<', '>'])) {
        chosen.retain(|entry| compares(entry.pass, compare));
    }
    let quiet = parsed.has("quiet");
    let mut code = u8::from(missing || chosen.is_empty());
    for entry in chosen {
        if parsed.has("mount") || parsed.has("remount") {
            code |= mount(entry, parsed.has("remount"));
        } else if !quiet {
            message::print(&match () {
                () if parsed.has("blockdevice") => entry.device.clone(),
                () if parsed.has("mountargs") => {
                    format!("-o {} -t {} {} {}", entry.options, entry.kind, entry.device, entry.point)
                }
                () if parsed.has("options") => entry.options.clone(),
                () if pass.is_some_and(|text| !text.starts_with(['=', '<', '>'])) => entry.pass.to_string(),
                () => entry.point.clone(),
            });
        }
    }
    code
}

fn find<'a>(all: &'a [Entry], word: &str) -> Option<&'a Entry> {
    let wanted = if word.len() > 1 { word.trim_end_matches('/') } else { word };
    all.iter().find(|entry| entry.point == wanted || entry.device == word)
}

fn compares(pass: u32, text: &str) -> bool {
    let Ok(number) = text[1..].parse::<u32>() else { return false };
    match text.as_bytes()[0] {
        b'=' => pass == number,
        b'<' => pass < number && pass != 0,
        _ => pass > number,
    }
}

fn mount(entry: &Entry, again: bool) -> u8 {
    let options = if again { format!("{},remount", entry.options) } else { entry.options.clone() };
    let status = Command::new("mount").args(["-o", &options, "-t", &entry.kind, &entry.device, &entry.point]).status();
    match status {
        Ok(status) if status.success() => 0,
        Ok(_) => 1, // mount printed the reason
        Err(error) => {
            message::eerror(&format!("fstabinfo: cannot run mount: {error}"));
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let entries = parse("# x\n/dev/a /mnt/a\\040b ext4 ro,noatime 0 2\ntmpfs\t/tmp tmpfs\nbroken line\n\n");
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].point.as_str(), entries[0].pass), ("/mnt/a b", 2));
        assert_eq!((entries[1].options.as_str(), entries[1].pass), ("defaults", 0));
        assert!(compares(2, ">1") && compares(1, "=1") && !compares(0, "<1"));
        crate::testing::for_texts(|text| drop(parse(text)));
    }
}
