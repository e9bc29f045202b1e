//! The inventory of an image, as one committed text: programs, services, accounts, writable places and open ports. Each added program
//! or open port shows up as an added line in review.
//!
//! Most of it comes from the composed root. The writable places follow from the plan of `/init`, the open ports from the check that
//! `ashlar-audit` makes on the running system; the boot scenario `layers` compares the running mounts with the same plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::formats::manifest::{EntryKind, Manifest};
use crate::model::hardening::check::HardeningCheck;
use crate::model::mounts::{WritableMount, writable};

/// The form of the text. Raise it when the same root gives another text: the store keeps the earlier ones.
pub const FORM: u32 = 4;

/// Files whose text is needed, by path or by folder.
const TEXTS: &[&str] = &["etc/passwd", "etc/group", "etc/shadow", INITTAB, SCRIPTS];
const INITTAB: &str = "etc/inittab";
const SCRIPTS: &str = "etc/init.d/";
const RUNLEVELS: &str = "etc/runlevels/";
const CONFINED: &str = "usr/lib/confine/";
/// Owner of a path that comes from the data of `hardening/`.
pub const LAYER: &str = "(hardening)";
/// Owner of a path that comes from the profile's own overlay.
pub const PROFILE: &str = "(profile)";

/// A composed root.
#[derive(Debug)]
pub struct Root<'a> {
    /// Every path with its mode.
    pub manifest: &'a Manifest,
    /// The package of a path, or [`PROFILE`]; what a layer of `hardening/` adds has none.
    pub owners: &'a BTreeMap<String, String>,
    /// The files that [`is_text`] names.
    pub texts: &'a BTreeMap<String, String>,
    /// The promises.
    pub checks: &'a [HardeningCheck],
    /// The AppArmor profiles: name and the program that it is for.
    pub profiles: &'a [(String, String)],
}

/// Whether the text of the file at `path` is needed.
pub fn is_text(path: &str) -> bool {
    // Beside the profiles may be programs that try them.
    let profile = path.starts_with(CONFINED) && path.ends_with(".toml");
    profile || TEXTS.iter().any(|text| path == *text || (text.ends_with('/') && path.starts_with(text)))
}

/// The file that holds the inventory of a profile, relative to the repository.
pub fn path(profile: &str) -> String {
    format!("digests/inventory-{profile}.txt")
}

/// The inventory of the image that the profile `name` makes.
pub fn render(name: &str, root: &Root<'_>) -> String {
    let mut out = format!("# What the image of profile {name} holds and opens. Written by `cargo xtask inventory`.\n");
    let sections = [
        ("programs: mode, bytes, package, path", root.programs()),
        ("names of programs: package, path, program", root.names()),
        ("files that run with another's rights", root.with_rights()),
        ("services: name, runlevels, program, profile of confine, profile of AppArmor", root.services()),
        ("what the first process starts itself: console, when, command", root.by_init()),
        ("users: name, number, group, home, shell, password", root.users()),
        ("groups: name, number, members", root.groups()),
        (
            "what can be written while it runs: path, file system, options",
            writable().iter().map(WritableMount::line).collect(),
        ),
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
        self.owners.get(path).map_or(LAYER, String::as_str)
    }

    fn programs(&self) -> Vec<String> {
        let program = |entry: &crate::formats::manifest::ManifestEntry| match entry.kind {
            EntryKind::File { size, .. } if entry.mode & 0o111 != 0 => {
                Some(format!("{:04o} {size:>9}  {:<16} /{}", entry.mode, self.owner(&entry.path), entry.path))
            }
            _ => None,
        };
        self.manifest.entries().iter().filter_map(program).collect()
    }

    /// Links to programs.
    fn names(&self) -> Vec<String> {
        let name = |entry: &crate::formats::manifest::ManifestEntry| {
            let EntryKind::Symlink { .. } = entry.kind else { return None };
            let target = self.manifest.real(&entry.path);
            let found = self.manifest.get(&target)?;
            let program = matches!(found.kind, EntryKind::File { .. }) && found.mode & 0o111 != 0;
            let runlevel = entry.path.starts_with(RUNLEVELS);
            (program && !runlevel).then(|| format!("{:<16} /{} /{target}", self.owner(&entry.path), entry.path))
        };
        self.manifest.entries().iter().filter_map(name).collect()
    }

    fn with_rights(&self) -> Vec<String> {
        let entries = self.manifest.entries().iter().filter(|entry| !matches!(entry.kind, EntryKind::Symlink { .. }));
        entries
            .filter(|entry| entry.mode & 0o6000 != 0)
            .map(|entry| format!("{:04o} /{}", entry.mode, entry.path))
            .collect()
    }

    fn services(&self) -> Vec<String> {
        let script = |entry: &crate::formats::manifest::ManifestEntry| {
            let name = entry.path.strip_prefix(SCRIPTS)?;
            // A link is a service of its own, by the same script.
            Some(self.service(name, self.texts.get(&self.manifest.real(&entry.path))?))
        };
        self.manifest.entries().iter().filter_map(script).collect()
    }

    /// The runlevels that a service is in. A runlevel may be a link to another.
    fn runlevels(&self, service: &str) -> Vec<&str> {
        let below = self.manifest.entries().iter().filter_map(|entry| entry.path.strip_prefix(RUNLEVELS));
        let levels: BTreeSet<&str> = below.filter_map(|path| path.split('/').next()).collect();
        let has = |level: &&str| {
            let level = self.manifest.real(&format!("{RUNLEVELS}{level}"));
            self.manifest.get(&format!("{level}/{service}")).is_some()
        };
        levels.into_iter().filter(has).collect()
    }

    /// Lines of /etc/inittab: what runs beside services, consoles above all.
    fn by_init(&self) -> Vec<String> {
        let lines = self.lines(INITTAB).filter(|fields| !fields[0].starts_with('#') && fields != &[""]);
        let told = |fields: Vec<&str>| match fields[..] {
            [console, _, when, ref command @ ..] => {
                let console = if console.is_empty() { "-" } else { console };
                format!("{console:<12} {when:<16} {}", command.join(":"))
            }
            _ => format!("not a line of /etc/inittab: {}", fields.join(":")),
        };
        lines.map(told).collect()
    }

    fn service(&self, name: &str, script: &str) -> String {
        let levels = self.runlevels(name);
        let command = script.lines().find_map(|line| line.strip_prefix("command=")).unwrap_or_default();
        let command = command.trim_matches(['"', '\'']);
        let program = self.manifest.real(command);
        let confined = self.texts.get(&format!("{CONFINED}{name}.toml"));
        // The kernel finds a program's profile by the path that it has without links; where one program is many, `confine` names it.
        let named =
            confined.and_then(|text| Some(text.parse::<toml::Table>().ok()?.get("apparmor")?.as_str()?.to_owned()));
        let attached = self.profiles.iter().find(|(_, of)| of.strip_prefix('/') == Some(program.as_str()));
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
        let state = |hash: Option<&str>| match hash {
            None => "none known",
            Some("") => "empty",
            Some(hash) if hash.starts_with(['!', '*']) => "locked",
            Some(_) => "set",
        };
        let password = |user: &str, own: &str| match own {
            "x" => {
                let mut lines = shadow.lines();
                let hash = lines.find_map(|line| line.strip_prefix(user)?.strip_prefix(':')?.split(':').next());
                state(hash).to_owned()
            }
            // Anybody may read that file, and what stands in it is what counts.
            own => format!("{} in /etc/passwd", state(Some(own))),
        };
        let user = |fields: Vec<&str>| match fields[..] {
            [name, own, uid, gid, _, home, shell] => {
                format!("{name:<10} {uid:>5} {gid:>5} {home:<12} {shell:<12} {}", password(name, own))
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
        let dirs =
            self.manifest.entries().iter().filter(|entry| entry.kind == EntryKind::Dir && entry.mode & 0o002 != 0);
        dirs.map(|entry| format!("{:04o} /{}", entry.mode, entry.path)).collect()
    }

    fn listening(&self) -> Vec<String> {
        let checks = self.checks.iter().filter(|check| check.kind == "listening");
        checks.flat_map(|check| &check.keys).filter(|(key, _)| key == "only").map(|(_, value)| value.clone()).collect()
    }
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
mod tests;
