//! `mountinfo`: queries mounts, from `/proc/self/mounts`.

use sys::Regex;

use crate::fstab::unescape;
use crate::getopt::{self, Known, Parsed, option};
use crate::message;
use std::fs;

const OPTIONS: [Known; 17] = [
    option('f', "fstype-regex", true),
    option('F', "skip-fstype-regex", true),
    option('n', "node-regex", true),
    option('N', "skip-node-regex", true),
    option('o', "options-regex", true),
    option('O', "skip-options-regex", true),
    option('p', "point-regex", true),
    option('P', "skip-point-regex", true),
    option('e', "netdev", false),
    option('E', "nonetdev", false),
    option('i', "options", false),
    option('s', "fstype", false),
    option('t', "node", false),
    option('q', "quiet", false),
    option('v', "verbose", false),
    option('C', "nocolor", false),
    option('h', "help", false),
];

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    node: String,
    point: String,
    kind: String,
    options: String,
}

fn parse(text: &str) -> Vec<Mount> {
    let fields = |line: &str| {
        let words: Vec<String> = line.split(' ').map(unescape).collect();
        let [node, point, kind, options, ..] = words.as_slice() else { return None };
        Some(Mount { node: node.clone(), point: point.clone(), kind: kind.clone(), options: options.clone() })
    };
    text.lines().filter_map(fields).collect()
}

/// Runs it.
pub fn run(args: &[String]) -> u8 {
    match list(args) {
        Ok(code) => code,
        Err(text) => {
            message::eerror(&format!("mountinfo: {text}"));
            1
        }
    }
}

fn list(args: &[String]) -> Result<u8, String> {
    let parsed = getopt::parse(&OPTIONS, args, false)?;
    if parsed.has("help") {
        message::print("Usage: mountinfo [-f|-F|-n|-N|-o|-O|-p|-P REGEX] [-e|-E] [-i|-s|-t] [MOUNT-POINT]...");
        return Ok(0);
    }
    let text = fs::read("/proc/self/mounts").map_err(|error| format!("/proc/self/mounts: {error}"))?;
    let filters = Filters::new(&parsed)?;
    let mut found: Vec<Mount> =
        parse(&String::from_utf8_lossy(&text)).into_iter().filter(|m| filters.accept(m)).collect();
    // The last mount is on top, and must go first.
    found.reverse();
    if !parsed.rest.is_empty() {
        let real =
            |word: &String| fs::canonicalize(word).map_or_else(|_| word.clone(), |p| p.to_string_lossy().into_owned());
        let wanted: Vec<String> = parsed.rest.iter().map(real).collect();
        found.retain(|mount| wanted.contains(&mount.point));
    }
    if !parsed.has("quiet") {
        for mount in &found {
            message::print(match () {
                () if parsed.has("options") => &mount.options,
                () if parsed.has("fstype") => &mount.kind,
                () if parsed.has("node") => &mount.node,
                () => &mount.point,
            });
        }
    }
    Ok(u8::from(found.is_empty()))
}

/// Criteria for a mount.
struct Filters {
    /// Field, expression, whether it must match.
    regexes: Vec<(char, Regex, bool)>,
    network: Option<bool>,
}

impl Filters {
    fn new(parsed: &Parsed) -> Result<Filters, String> {
        let mut regexes = Vec::new();
        for (name, value) in &parsed.options {
            let (Some(value), wanted) = (value, !name.starts_with("skip-")) else { continue };
            let field = name.trim_start_matches("skip-").chars().next().unwrap_or('p');
            let regex = Regex::new(value).map_err(|error| format!("--{name}: `{value}`: {error}"))?;
            regexes.push((field, regex, wanted));
        }
        let network = if parsed.has("netdev") { Some(true) } else { parsed.has("nonetdev").then_some(false) };
        Ok(Filters { regexes, network })
    }

    fn accept(&self, mount: &Mount) -> bool {
        let is_network = mount.options.split(',').any(|option| option == "_netdev")
            || mount.kind.starts_with("nfs")
            || matches!(
                mount.kind.as_str(),
                "cifs" | "ceph" | "9p" | "fuse.sshfs" | "glusterfs" | "afs" | "ncpfs" | "smb3"
            );
        let text = |field: char| match field {
            'f' => &mount.kind,
            'n' => &mount.node,
            'o' => &mount.options,
            _ => &mount.point,
        };
        self.network.is_none_or(|wanted| wanted == is_network)
            && self.regexes.iter().all(|(field, regex, wanted)| regex.matches(text(*field)) == *wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let mounts = parse("proc /proc proc rw 0 0\nh:/x /mnt/a\\040b nfs4 rw,vers=4 0 0\nbroken\n");
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[1].point, "/mnt/a b");
        let chosen = |options: &str| {
            let words: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
            let filters = Filters::new(&getopt::parse(&OPTIONS, &words, false).unwrap()).unwrap();
            mounts.iter().filter(|mount| filters.accept(mount)).map(|mount| mount.kind.clone()).collect::<Vec<_>>()
        };
        for (options, kinds) in [
            ("", &["proc", "nfs4"][..]),
            ("-f ^(proc|sysfs)$", &["proc"]),
            ("--skip-fstype-regex proc", &["nfs4"]),
            ("-e", &["nfs4"]),
            ("-E", &["proc"]),
            ("-p ^/mnt", &["nfs4"]),
            ("-O vers", &["proc"]),
        ] {
            assert_eq!(chosen(options), kinds, "{options}");
        }
    }

    #[test]
    fn wrong_expressions_are_errors() {
        assert!(Regex::new("(").is_err());
        assert!(Regex::new("a+b?").unwrap().matches("xaab"));
    }
}
