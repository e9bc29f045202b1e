//! What an image holds and opens, as one text that is committed: programs, services, accounts, what can be written and what
//! listens. A program or a port more is a line more in a review.
//!
//! Most of it is read from the composed root. What can be written follows from the plan of `/init`, what listens from the promise
//! that `ashlar-audit` holds the running system to; the boot scenario `layers` compares the running mounts with the same plan.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::hardening::check::Check;
use crate::manifest::{Kind, Manifest};

/// The form of the text. Raise it when the same root gives another one: what was made of it before is stored.
pub const FORM: u32 = 2;

/// What `/init` does, as its own tests pin it.
const PLAN: &str = include_str!("../../../pkgs/init/plan.txt");

/// Files whose text is needed, by path or by folder.
const TEXTS: &[&str] = &["etc/passwd", "etc/group", "etc/shadow", "etc/init.d/"];
const SCRIPTS: &str = "etc/init.d/";
const RUNLEVELS: &str = "etc/runlevels/";
const CONFINED: &str = "usr/lib/confine/";
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// A composed root.
#[derive(Debug)]
pub struct Root<'a> {
    /// Every path with its mode.
    pub manifest: &'a Manifest,
    /// The package of a path; what a layer of `hardening/` adds has none.
    pub owners: &'a BTreeMap<String, String>,
    /// The files that [`is_text`] names.
    pub texts: &'a BTreeMap<String, String>,
    /// The promises.
    pub checks: &'a [Check],
    /// The AppArmor profiles: name and the program that it is for.
    pub profiles: &'a [(String, String)],
}

/// Whether the text of the file at `path` is needed.
pub fn is_text(path: &str) -> bool {
    // Beside the profiles may be programs that try them.
    let profile = path.starts_with(CONFINED) && path.ends_with(".toml");
    profile || TEXTS.iter().any(|text| path == *text || (text.ends_with('/') && path.starts_with(text)))
}

/// The file that holds the manifest of a profile, relative to the repository.
pub fn path(profile: &str) -> String {
    format!("digests/manifest-{profile}.txt")
}

/// The manifest of the image that the profile `name` makes.
pub fn render(name: &str, root: &Root<'_>) -> String {
    let mut out = format!("# What the image of profile {name} holds and opens. Written by `cargo xtask manifest`.\n");
    let sections = [
        ("programs: mode, bytes, package, path", root.programs()),
        ("names of programs: package, path, program", root.names()),
        ("files that run with another's rights", root.with_rights()),
        ("services: name, runlevels, program, profile of confine, profile of AppArmor", root.services()),
        ("users: name, number, group, home, shell, password", root.users()),
        ("groups: name, number, members", root.groups()),
        ("what can be written while it runs: path, file system, options", writable().iter().map(Mount::line).collect()),
        ("directories that everybody may write to, in those", root.world_writable()),
        ("what listens beyond loopback: protocol and port", root.listening()),
    ];
    for (title, lines) in sections {
        let _ = write!(out, "\n# {title}\n");
        let none = || vec!["none".to_owned()];
        for line in if lines.is_empty() { none() } else { lines } {
            out += line.trim_end();
            out.push('\n');
        }
    }
    out
}

impl Root<'_> {
    fn owner(&self, path: &str) -> &str {
        self.owners.get(path).map_or("(hardening)", String::as_str)
    }

    fn programs(&self) -> Vec<String> {
        let program = |entry: &crate::manifest::Entry| match entry.kind {
            Kind::File { size, .. } if entry.mode & 0o111 != 0 => {
                Some(format!("{:04o} {size:>9}  {:<16} /{}", entry.mode, self.owner(&entry.path), entry.path))
            }
            _ => None,
        };
        self.manifest.entries().iter().filter_map(program).collect()
    }

    /// Links to programs.
    fn names(&self) -> Vec<String> {
        let name = |entry: &crate::manifest::Entry| {
            let Kind::Symlink { target } = &entry.kind else { return None };
            let target = resolved(&entry.path, target);
            let found = self.manifest.get(&target)?;
            let program = matches!(found.kind, Kind::File { .. }) && found.mode & 0o111 != 0;
            let runlevel = entry.path.starts_with(RUNLEVELS);
            (program && !runlevel).then(|| format!("{:<16} /{} /{target}", self.owner(&entry.path), entry.path))
        };
        self.manifest.entries().iter().filter_map(name).collect()
    }

    fn with_rights(&self) -> Vec<String> {
        let entries = self.manifest.entries().iter().filter(|entry| !matches!(entry.kind, Kind::Symlink { .. }));
        entries
            .filter(|entry| entry.mode & 0o6000 != 0)
            .map(|entry| format!("{:04o} /{}", entry.mode, entry.path))
            .collect()
    }

    fn services(&self) -> Vec<String> {
        let scripts = self.texts.iter().filter_map(|(path, text)| Some((path.strip_prefix(SCRIPTS)?, text)));
        scripts.map(|(name, text)| self.service(name, text)).collect()
    }

    fn service(&self, name: &str, script: &str) -> String {
        let level = |path: &str| {
            let (level, service) = path.strip_prefix(RUNLEVELS)?.split_once('/')?;
            (service == name).then(|| level.to_owned())
        };
        let levels: Vec<String> = self.manifest.entries().iter().filter_map(|entry| level(&entry.path)).collect();
        let command = script.lines().find_map(|line| line.strip_prefix("command=")).unwrap_or_default();
        let command = command.trim_matches(['"', '\'']);
        let program = resolved("", command);
        let confined = self.texts.get(&format!("{CONFINED}{name}.toml"));
        // The kernel finds a program's profile by its path; where one program is many, `confine` names it.
        let named =
            confined.and_then(|text| Some(text.parse::<toml::Table>().ok()?.get("apparmor")?.as_str()?.to_owned()));
        let attached = self.profiles.iter().find(|(_, of)| !program.is_empty() && resolved("", of) == program);
        let profile = named.or_else(|| attached.map(|(name, _)| name.clone())).unwrap_or_default();
        let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        format!(
            "{name:<12} {:<16} {:<26} {:<10} {}",
            or_none(&levels.join(",")),
            or_none(command),
            if confined.is_some() { name } else { "-" },
            or_none(&profile)
        )
    }

    fn users(&self) -> Vec<String> {
        let shadow = self.texts.get("etc/shadow").map(String::as_str).unwrap_or_default();
        let password = |user: &str| {
            let hash = shadow.lines().find_map(|line| line.strip_prefix(user)?.strip_prefix(':')?.split(':').next());
            match hash {
                None => "none known",
                Some("") => "empty",
                Some(hash) if hash.starts_with(['!', '*']) => "locked",
                Some(_) => "set",
            }
        };
        let user = |fields: Vec<&str>| match fields[..] {
            [name, _, uid, gid, _, home, shell] => {
                format!("{name:<10} {uid:>5} {gid:>5} {home:<12} {shell:<12} {}", password(name))
            }
            _ => format!("not a line of /etc/passwd: {}", fields.join(":")),
        };
        self.lines("etc/passwd").map(user).collect()
    }

    fn groups(&self) -> Vec<String> {
        let group = |fields: Vec<&str>| match fields[..] {
            [name, _, gid, members] => format!("{name:<10} {gid:>5} {members}"),
            _ => format!("not a line of /etc/group: {}", fields.join(":")),
        };
        self.lines("etc/group").map(group).collect()
    }

    fn lines(&self, path: &str) -> impl Iterator<Item = Vec<&str>> {
        let text = self.texts.get(path).map(String::as_str).unwrap_or_default();
        text.lines().map(|line| line.split(':').collect())
    }

    fn world_writable(&self) -> Vec<String> {
        let dirs = self.manifest.entries().iter().filter(|entry| entry.kind == Kind::Dir && entry.mode & 0o002 != 0);
        dirs.map(|entry| format!("{:04o} /{}", entry.mode, entry.path)).collect()
    }

    fn listening(&self) -> Vec<String> {
        let checks = self.checks.iter().filter(|check| check.kind == "listening");
        checks.flat_map(|check| &check.keys).filter(|(key, _)| key == "only").map(|(_, value)| value.clone()).collect()
    }
}

/// Where a link at `path` leads, with the merged directories of /usr, relative to the root.
fn resolved(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => path.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect(),
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.first().is_some_and(|top| MERGED.contains(top)) {
        parts.insert(0, "usr");
    }
    if let Some(dir) = parts.get_mut(1).filter(|dir| **dir == "sbin") {
        *dir = "bin";
    }
    parts.join("/")
}

/// Something mounted writable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mount {
    /// Where.
    pub path: String,
    /// The type of file system.
    pub kind: String,
    /// Options of `/init`.
    pub options: String,
}

impl Mount {
    fn line(&self) -> String {
        format!("{:<22} {:<10} {}", self.path, self.kind, self.options)
    }
}

/// What services mount writable, in the words of `/init`'s plan: the place of audit's log. A test compares it with the scripts.
pub const BY_SERVICES: &str = "mount tmpfs on /var/log/audit (nosuid,nodev,noexec,mode=0700,size=24m)";

/// What `/init` and services mount writable, by path.
pub fn writable() -> Vec<Mount> {
    let mut mounts: Vec<Mount> = PLAN.lines().chain(BY_SERVICES.lines()).filter_map(mount).collect();
    mounts.sort();
    mounts
}

/// The writable mount that a line of the plan makes.
fn mount(line: &str) -> Option<Mount> {
    let (line, options) = line.strip_suffix(')')?.rsplit_once(" (")?;
    let (kind, path) = match line.strip_prefix("mount ") {
        Some(rest) => rest.split_once(" on ")?,
        None => ("overlay", line.strip_prefix("put a writable layer of ")?.split_once(" over ")?.1),
    };
    let read_only = options.split(',').any(|option| option == "ro");
    let mount = || Mount { path: path.to_owned(), kind: kind.to_owned(), options: options.to_owned() };
    (!read_only).then(mount)
}

/// A line of shell that prints path and type of everything that is mounted writable, as the first process sees it.
pub const SEE_WRITABLE: &str =
    r#"while read -r d p t o r; do case ",$o," in *,ro,*) ;; *) echo "$p $t" ;; esac; done </proc/1/mounts | sort"#;

/// What [`SEE_WRITABLE`] prints on a machine that mounts what its plan says and nothing else.
pub fn seen_writable() -> String {
    let mut lines: Vec<String> = writable().iter().map(|mount| format!("{} {}", mount.path, mount.kind)).collect();
    lines.sort();
    lines.join("\n")
}

/// Lines of one text that the other lacks, marked with `-` for `old` and `+` for `new`.
pub fn difference(old: &str, new: &str) -> String {
    let lacking = |text: &str, other: &str, sign: char| -> String {
        let other: std::collections::BTreeSet<&str> = other.lines().collect();
        text.lines().filter(|line| !other.contains(line)).map(|line| format!("{sign} {line}\n")).collect()
    };
    lacking(old, new, '-') + &lacking(new, old, '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardening::Layer;
    use crate::manifest::Entry;

    fn text(path: &str, text: &str) -> (String, String) {
        (path.to_owned(), text.to_owned())
    }

    #[test]
    fn a_root_is_told_in_lines() {
        let manifest = Manifest::sorted(vec![
            Entry::dir("etc"),
            Entry::file("etc/init.d/sshd", 0o755, b"script"),
            Entry::symlink("etc/runlevels/default/sshd", "/etc/init.d/sshd"),
            Entry::file("etc/passwd", 0o644, b""),
            Entry::symlink("sbin", "usr/sbin"),
            Entry { mode: 0o1777, ..Entry::dir("tmp") },
            Entry::file("usr/bin/busybox", 0o755, b"1234567"),
            Entry::symlink("usr/bin/ls", "busybox"),
            Entry::symlink("usr/bin/init", "/bin/busybox"),
            Entry::file("usr/bin/sshd", 0o755, b"123"),
            Entry::file("usr/bin/su", 0o4755, b"x"),
            Entry::file("usr/lib/confine/sshd.toml", 0o644, b""),
            Entry::symlink("usr/lib/data", "/etc/passwd"),
            Entry::symlink("usr/sbin", "bin"),
        ])
        .unwrap();
        let owners =
            [text("usr/bin/busybox", "busybox"), text("usr/bin/ls", "busybox"), text("usr/bin/sshd", "openssh")];
        let texts = [
            text("etc/group", "root:x:0:\nwheel:x:10:ada,bob\n"),
            text("etc/init.d/sshd", "#!/sbin/openrc-run\ncommand=\"/sbin/sshd\"\n"),
            text("etc/init.d/local", "#!/sbin/openrc-run\n"),
            text("etc/init.d/klogd", "#!/sbin/openrc-run\ncommand=/sbin/klogd\n"),
            text("usr/lib/confine/klogd.toml", "apparmor = \"klogd\" # as the shell is\n"),
            text("usr/lib/confine/sshd.toml", "summary = \"Logins\"\n"),
            text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nada:x:1:1::/home/ada:/bin/sh\nbroken\n"),
            text("etc/shadow", "root:!*:1:0:::::\nada::1:::::\n"),
        ];
        let check = Check {
            layer: Layer::Ssh,
            id: "only-ssh-listens".to_owned(),
            summary: String::new(),
            reason: String::new(),
            kind: "listening".to_owned(),
            keys: vec![text("only", "tcp 22"), text("only", "udp 68")],
        };
        let root = Root {
            manifest: &manifest,
            owners: &owners.into(),
            texts: &texts.into(),
            checks: &[check],
            profiles: &[text("sshd", "/usr/bin/sshd")],
        };
        insta::assert_snapshot!(render("minimal", &root));
    }

    #[test]
    fn texts_are_asked_for_by_name() {
        for path in ["etc/passwd", "etc/init.d/sshd", "usr/lib/confine/sshd.toml"] {
            assert!(is_text(path), "{path}");
        }
        for path in ["etc/passwd-", "usr/lib/confine/misbehave", "usr/bin/sshd"] {
            assert!(!is_text(path), "{path}");
        }
    }

    #[test]
    fn links_are_followed_within_the_root() {
        for (path, target, to) in [
            ("usr/bin/ls", "busybox", "usr/bin/busybox"),
            ("usr/bin/ls", "/bin/busybox", "usr/bin/busybox"),
            ("sbin/init", "../usr/sbin/init", "usr/bin/init"),
            ("usr/lib/x", "../../../../etc/y", "etc/y"),
            ("a", "./b//c/.", "b/c"),
            ("", "", ""),
        ] {
            assert_eq!(resolved(path, target), to, "{path} {target}");
        }
    }

    #[test]
    fn what_can_be_written_is_the_plan_of_init() {
        let found = writable();
        let paths: Vec<&str> = found.iter().map(|mount| mount.path.as_str()).collect();
        for path in ["/etc", "/home", "/run", "/tmp", "/var"] {
            assert!(paths.contains(&path), "{paths:?}");
        }
        // The image is mounted, and not writable; what is moved keeps its place in the list.
        assert!(!paths.contains(&"/sysroot") && !paths.contains(&"/"), "{paths:?}");
        assert!(seen_writable().contains("/etc overlay\n/home overlay\n"));
        for line in ["start /sbin/init", "mount proc on /proc", "mount x on /y (ro,nodev)", "()", ")", " ("] {
            assert_eq!(mount(line), None, "{line}");
        }
    }

    #[test]
    fn a_difference_has_both_sides() {
        assert_eq!(difference("a\nb\n", "b\nc\n"), "- a\n+ c\n");
        assert_eq!(difference("a\n", "a\n"), "");
    }
}
