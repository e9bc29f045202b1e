//! Shape of the tree: permissions, places, leftovers of build systems.

use std::collections::BTreeSet;

use super::rule::{Hit, Lint, LintPolicy, Rule};
use crate::base::diag::Severity;
use crate::formats::manifest::{EntryKind, Manifest, ManifestEntry, parents};
use crate::model::recipe::install::not_ours;

const fn lint(
    name: &'static str,
    description: &'static str,
    remedy: &'static str,
    rule: fn(&Manifest, &LintPolicy) -> Vec<Hit>,
) -> Lint {
    Lint { name, severity: Severity::Error, description, remedy, rule: Rule::Tree(rule) }
}

/// No privilege comes from a mode bit.
pub const SET_ID: Lint = lint(
    "lint::rootfs-set-id",
    "no file is setuid or setgid",
    "remove the bits in the install phase; a service that needs a privilege gets it from its profile in hardening/6-isolation",
    |manifest, _| {
        each(manifest, |entry| {
            (entry.mode & 0o6000 != 0).then(|| format!("`{}` has mode {:04o}", entry.path, entry.mode))
        })
    },
);
/// Files that all users read, only their owner can write.
pub const WORLD_WRITABLE: Lint = lint(
    "lint::rootfs-world-writable",
    "nothing is writable for everybody, except directories with the sticky bit",
    "install with modes 0644 and 0755",
    |manifest, _| {
        each(manifest, |entry| {
            let sticky_dir = entry.kind == EntryKind::Dir && entry.mode & 0o1000 != 0;
            let symlink = matches!(entry.kind, EntryKind::Symlink { .. });
            let bad = entry.mode & 0o002 != 0 && !sticky_dir && !symlink;
            bad.then(|| format!("`{}` has mode {:04o}", entry.path, entry.mode))
        })
    },
);
/// Packages do not install where administrators do.
pub const USR_LOCAL: Lint =
    lint("lint::rootfs-usr-local", "nothing lies in /usr/local", "configure with --prefix=/usr", |manifest, _| {
        each(manifest, |entry| {
            let inside = entry.path == "usr/local" || entry.path.starts_with("usr/local/");
            inside.then(|| format!("`{}` lies in /usr/local", entry.path))
        })
    });
/// One place for programs and libraries.
pub const MERGED_USR: Lint = lint(
    "lint::rootfs-merged-usr",
    "bin, sbin, lib and lib64 at the top are symlinks into usr",
    "install into usr/bin, usr/lib and so on",
    |manifest, _| {
        each(manifest, |entry| {
            let top = MERGED.contains(&entry.path.as_str()) && !matches!(entry.kind, EntryKind::Symlink { .. });
            top.then(|| format!("`{}` is a {}, not a symlink into usr", entry.path, entry.kind.word()))
        })
    },
);
/// Packages fill the usual directories.
pub const TOP: Lint = lint(
    "lint::rootfs-top",
    "nothing lies at the top but the directories of the file system's hierarchy, and files in those of packages only",
    "install below usr, etc or var: configure with --prefix=/usr",
    |manifest, _| each(manifest, top),
);
/// What nobody packaged lies where administrators put it. A warning: programs that come as one directory go there, too.
pub const SITE: Lint = Lint {
    severity: Severity::Warning,
    ..lint(
        "lint::rootfs-site",
        "no file lies in /opt or /srv",
        "install below usr: configure with --prefix=/usr",
        |manifest, _| {
            each(manifest, |entry| {
                let (top, _) = entry.path.split_once('/').filter(|(top, _)| SITES.contains(top))?;
                let file = entry.kind != EntryKind::Dir;
                file.then(|| format!("`{}` is in /{top}, which is the administrator's", entry.path))
            })
        },
    )
};
/// A link into the build is a link to nothing.
pub const BUILD_LINK: Lint = lint(
    "lint::rootfs-build-link",
    "no symlink points into the build",
    "make it relative, or let the install phase write it without the build's directories",
    |manifest, _| {
        each(manifest, |entry| {
            let EntryKind::Symlink { target } = &entry.kind else { return None };
            let into = BUILD
                .iter()
                .any(|dir| target.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
            into.then(|| format!("`{}` points to `{target}`, a directory of the build", entry.path))
        })
    },
);
/// Absolute links lead somewhere.
pub const DANGLING: Lint = Lint {
    severity: Severity::Warning,
    ..lint(
        "lint::rootfs-dangling",
        "absolute symlinks point to something in the same tree",
        "make the link relative, or leave it to the package that has its target",
        |manifest, _| {
            let folders: BTreeSet<&str> = manifest.entries().iter().flat_map(|entry| parents(&entry.path)).collect();
            each(manifest, |entry| dangling(manifest, &folders, entry))
        },
    )
};
/// No by-products of build systems.
pub const LEFTOVERS: Lint = lint(
    "lint::rootfs-leftovers",
    "no libtool archives and no compiled Python files",
    "delete them in the install phase: they name build paths or hold times",
    |manifest, _| {
        each(manifest, |entry| {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            let leftover = name.ends_with(".la") || name.ends_with(".pyc") || name == "__pycache__";
            leftover.then(|| format!("`{}` is a by-product of the build", entry.path))
        })
    },
);

/// What may lie at the top.
const TOPS: [&str; 18] = [
    "bin", "boot", "dev", "etc", "home", "lib", "lib64", "mnt", "opt", "proc", "root", "run", "sbin", "srv", "sys",
    "tmp", "usr", "var",
];
/// Directories at the top that administrators fill.
const SITES: [&str; 2] = ["opt", "srv"];
/// Directories that only a build has.
const BUILD: [&str; 8] = ["/build", "/dest", "/sysroot", "/tools", "/toolchain", "/files", "/patches", "/scripts"];
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];
/// Directories that are filled only when the system runs.
const RUN_TIME: [&str; 6] = ["proc", "sys", "dev", "run", "tmp", "var"];

fn each(manifest: &Manifest, test: impl Fn(&ManifestEntry) -> Option<String>) -> Vec<Hit> {
    let hit = |entry: &ManifestEntry| test(entry).map(|message| Hit::new(&entry.path, message));
    manifest.entries().iter().filter_map(hit).collect()
}

fn top(entry: &ManifestEntry) -> Option<String> {
    let ManifestEntry { path, kind, .. } = entry;
    let (top, _) = path.split_once('/').unwrap_or((path, ""));
    if !TOPS.contains(&top) {
        return Some(format!("`{path}` lies outside of the hierarchy, in /{top}"));
    }
    // The directories themselves are what others mount on.
    let why = not_ours(path).filter(|_| *kind != EntryKind::Dir && !SITES.contains(&top))?;
    Some(format!("`{path}` is a {} in /{top}, {why}", kind.word()))
}

fn dangling(manifest: &Manifest, folders: &BTreeSet<&str>, entry: &ManifestEntry) -> Option<String> {
    let EntryKind::Symlink { target } = &entry.kind else { return None };
    let path = target.strip_prefix('/')?.trim_end_matches('/');
    let (top, rest) = path.split_once('/').unwrap_or((path, ""));
    // `/bin/sh` is usr/bin/sh, whether or not this tree has the link `bin`.
    let merged = if MERGED.contains(&top) { format!("usr/{path}") } else { path.to_owned() };
    let there = [path, merged.as_str()].iter().any(|path| manifest.get(path).is_some() || folders.contains(path));
    let known = path.is_empty() || RUN_TIME.contains(&top) || (rest.is_empty() && MERGED.contains(&top));
    (!there && !known).then(|| format!("`{}` points to `{target}`, which is not in this tree", entry.path))
}
