//! Container images (`image.toml`): model, meaning, and the merging of package manifests into one tree.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use serde::Deserialize;

use super::place::At;
use crate::base::diag::{Diagnostic, suggest};
use crate::base::glob;
use crate::base::name::PkgName;
use crate::base::schema::{self, Document};
use crate::formats::manifest::{EntryKind, Manifest, ManifestEntry, parents};

/// A container image as written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Image {
    /// One line, no full stop.
    pub summary: String,
    /// Packages whose files it holds; nothing is added on its own.
    pub packages: Vec<String>,
    /// Globs of the files taken; all when empty.
    pub files: Vec<String>,
    /// Program and fixed arguments.
    pub entrypoint: Vec<String>,
    /// Arguments that a caller replaces.
    pub cmd: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    /// Why its program runs as root, when it does.
    pub root_reason: String,
    /// Start directory.
    pub workdir: String,
    /// `8080/tcp` and the like.
    pub ports: BTreeSet<String>,
    /// Upper limit of the layer in bytes; composing fails above it.
    pub max_size: Option<u64>,
}

const IMAGE: Document = Document {
    noun: "image",
    syntax: "image::syntax",
    invisible: "image::invisible",
    unknown_key: "image::unknown-key",
    duplicate_key: "image::duplicate-key",
    wrong_type: "image::wrong-type",
    synonyms: &[("command", "cmd"), ("expose", "ports"), ("include", "files")],
};

impl Image {
    /// Reads an image; `packages` are all packages there are.
    ///
    /// # Errors
    /// Every finding.
    pub fn parse(text: &str, file: &Utf8Path, packages: &BTreeSet<&str>) -> Result<Self, Vec<Diagnostic>> {
        let image: Self = schema::read_all(text, file, &IMAGE)?;
        let mut findings = known(("packages", &image.packages), packages, "image::unknown-package", (text, file));
        let mut add = |code, message: &str, at: At<'_>, help: &str| {
            findings.push(at.point(text, Diagnostic::error(code, message).in_file(file).help(help)));
        };
        if image.packages.is_empty() {
            let help = "name at least one in `packages`";
            add("image::empty", "the image lists no packages", At("packages", None), help);
        }
        if let Some(program) = image.entrypoint.first().filter(|program| !program.starts_with('/')) {
            let help = "there is no PATH before a program runs";
            add("image::entrypoint", "the entrypoint is not an absolute path", At("entrypoint", Some(program)), help);
        }
        if image.entrypoint.is_empty() && image.cmd.is_empty() {
            let help = "entrypoint = [\"/usr/bin/NAME\"] with the path of its program";
            add("image::entrypoint", "the image names no program to start", At("entrypoint", None), help);
        }
        if let Some(pair) = image.env.iter().find(|pair| !pair.contains('=')) {
            add("image::env", "an `env` entry has no `=`", At("env", Some(pair)), "write NAME=value");
        }
        if let Some((code, message, help)) = image.user_fault() {
            add(code, &message, At("user", None), help);
        }
        for port in image.ports.iter().filter(|port| !is_port(port)) {
            let message = format!("`{port}` is not a port");
            add("image::port", &message, At("ports", Some(port)), "write number and protocol: 8080/tcp");
        }
        if findings.is_empty() { Ok(image) } else { Err(findings) }
    }

    /// Why the program cannot run as `user`, as (code, what is wrong, what to do).
    fn user_fault(&self) -> Option<(&'static str, String, &'static str)> {
        let Self { user, root_reason, .. } = self;
        let ids: Option<Vec<u32>> = user.split(':').map(|id| id.parse().ok()).collect();
        match ids.as_deref() {
            Some([0, _]) if root_reason.trim().is_empty() => Some((
                "image::root",
                "the image's program runs as root".to_owned(),
                "name another user, or say in `root_reason` why it must",
            )),
            Some([_, _]) => None,
            _ if user.is_empty() => Some((
                "image::user",
                "the image names no user, so its program would run as root".to_owned(),
                "user = \"65532:65532\" belongs to no account",
            )),
            _ => Some((
                "image::user",
                format!("`user` is `{user}`, and an image may lack the file that gives that name a number"),
                "write numbers: user = \"65532:65532\"",
            )),
        }
    }

    /// The packages as names.
    pub fn package_names(&self) -> Vec<PkgName> {
        names(&self.packages)
    }
}

pub(super) fn names(texts: &[String]) -> Vec<PkgName> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Whether `port` is a number and a protocol.
fn is_port(port: &str) -> bool {
    port.split_once('/').is_some_and(|(number, kind)| {
        number.parse::<u16>().is_ok_and(|number| number > 0) && matches!(kind, "tcp" | "udp" | "sctp")
    })
}

/// A finding for each name in the list `key` that no package has.
pub(super) fn known(
    (key, wanted): (&str, &[String]),
    packages: &BTreeSet<&str>,
    code: &'static str,
    (text, file): (&str, &Utf8Path),
) -> Vec<Diagnostic> {
    let unknown = wanted.iter().filter(|name| !packages.contains(name.as_str()));
    unknown
        .map(|name| {
            let finding = Diagnostic::error(code, format!("there is no package `{name}`")).in_file(file);
            let finding = At(key, Some(name)).point(text, finding);
            match suggest(name, packages.iter().copied()) {
                Some(close) => finding.help(format!("did you mean `{close}`?")),
                None => finding.help("`ls programs pkgs tests/pkgs` shows what there is"),
            }
        })
        .collect()
}

/// A path that two packages claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "/{path} is in both {first} and {second}; a file has one owner: drop one package, or take the file out of one recipe"
)]
pub struct Conflict {
    path: String,
    first: String,
    second: String,
}

/// Puts the trees of several packages into one. Directories may be shared; any other path has one owner.
///
/// # Errors
/// Every conflict.
pub fn merge<'a>(trees: impl IntoIterator<Item = (&'a str, &'a Manifest)>) -> Result<Manifest, Vec<Conflict>> {
    let mut owners: BTreeMap<&str, (&str, &ManifestEntry)> = BTreeMap::new();
    let mut conflicts = Vec::new();
    for (package, tree) in trees {
        for entry in tree.entries() {
            match owners.get(entry.path.as_str()) {
                Some((_, before)) if before.kind == EntryKind::Dir && entry.kind == EntryKind::Dir => {
                    // A directory with a narrower mode wins: 0700 /root stays closed whoever else mentions it.
                    if entry.mode < before.mode {
                        owners.insert(&entry.path, (package, entry));
                    }
                }
                Some((first, _)) => conflicts.push(Conflict {
                    path: entry.path.clone(),
                    first: (*first).to_owned(),
                    second: package.to_owned(),
                }),
                None => drop(owners.insert(&entry.path, (package, entry))),
            }
        }
    }
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    let entries = owners.into_values().map(|(_, entry)| entry.clone()).collect();
    Ok(Manifest::sorted(entries).map(Manifest::with_parents).unwrap_or_default())
}

/// The part of a tree that `globs` select, with the directories above; all of it when there are no globs.
pub fn select(tree: &Manifest, globs: &[String]) -> Manifest {
    if globs.is_empty() {
        return tree.clone();
    }
    let chosen = |entry: &&ManifestEntry| globs.iter().any(|pattern| glob::matches(pattern, &entry.path));
    let paths: BTreeSet<&str> = tree
        .entries()
        .iter()
        .filter(chosen)
        .flat_map(|entry| parents(&entry.path).chain(std::iter::once(entry.path.as_str())))
        .collect();
    let entries = tree.entries().iter().filter(|entry| paths.contains(entry.path.as_str())).cloned().collect();
    Manifest::sorted(entries).unwrap_or_default()
}

/// Those of `globs` that match nothing in a tree.
pub fn unmatched<'a>(tree: &Manifest, globs: &'a [String]) -> Vec<&'a str> {
    let matches = |pattern: &str| tree.entries().iter().any(|entry| glob::matches(pattern, &entry.path));
    globs.iter().map(String::as_str).filter(|pattern| !matches(pattern)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> BTreeSet<&'static str> {
        ["busybox", "filesystem", "hello", "rc"].into()
    }

    fn tree(entries: Vec<ManifestEntry>) -> Manifest {
        Manifest::sorted(entries).unwrap().with_parents()
    }

    #[test]
    fn images_name_their_mistakes() {
        let file = Utf8Path::new("images/x/image.toml");
        let show = |found: Vec<Diagnostic>| found.iter().map(|f| f.render(None)).collect::<String>();
        let bad = "packages = [\"helo\"]\nentrypoint = [\"hello\"]\nenv = [\"A\"]\n";
        let found = show(Image::parse(bad, file, &packages()).unwrap_err());
        assert!(
            found.contains("did you mean `hello`?")
                && found.contains("not an absolute path")
                && found.contains("no `=`"),
            "{found}"
        );
        assert!(show(Image::parse("", file, &packages()).unwrap_err()).contains("lists no packages"));
        assert!(show(Image::parse("expose = 1", file, &packages()).unwrap_err()).contains("ports"));
        let text = "# \"80\"\npackages = [\"hello\", \"zzz\"]\nentrypoint = [\"hello\"]\nenv = [\"A=1\", \"80\"]\nuser = \"web\"\n\
                    ports = [\"8080/tcp\", \"80\", \"0/udp\"]\n";
        let found = Image::parse(text, file, &packages()).unwrap_err();
        let root = "packages = []\nuser = \"0:0\"\n";
        let found = found.iter().map(|finding| finding.render(Some(text)));
        let of_root = Image::parse(root, file, &packages()).unwrap_err();
        let found = found.chain(of_root.iter().map(|finding| finding.render(Some(root))));
        insta::assert_snapshot!("places_in_an_image", found.collect::<String>());
        let good = "packages = [\"hello\"]\nentrypoint = [\"/usr/bin/hello\"]\nports = [\"8080/tcp\"]\nuser = ";
        let image = Image::parse(&format!("{good}\"65532:65532\""), file, &packages()).unwrap();
        for (user, why) in
            [("", "names no user"), ("0:0", "runs as root"), ("web", "may lack the file"), ("1", "`user` is `1`")]
        {
            let found = show(Image::parse(&format!("{good}\"{user}\""), file, &packages()).unwrap_err());
            assert!(found.contains(why), "{user}: {found}");
        }
        let root = Image::parse(&format!("{good}\"0:0\"\nroot_reason = \"it mounts\""), file, &packages());
        assert!(root.is_ok());
        for port in ["8080", "0/tcp", "80/http"] {
            let text = good.replace("8080/tcp", port) + "\"1:1\"";
            assert!(show(Image::parse(&text, file, &packages()).unwrap_err()).contains("is not a port"), "{port}");
        }
        assert_eq!(image.package_names().len(), 1);
    }

    #[test]
    fn merging_shares_directories_and_refuses_shared_files() {
        let a = tree(vec![ManifestEntry::file("usr/bin/a", 0o755, b"a"), ManifestEntry::dir("root")]);
        let mut closed = ManifestEntry::dir("root");
        closed.mode = 0o700;
        let b = tree(vec![ManifestEntry::file("usr/bin/b", 0o755, b"b"), closed]);
        for order in [[("a", &a), ("b", &b)], [("b", &b), ("a", &a)]] {
            let merged = merge(order).unwrap();
            let paths: Vec<&str> = merged.entries().iter().map(|e| e.path.as_str()).collect();
            assert_eq!(paths, ["root", "usr", "usr/bin", "usr/bin/a", "usr/bin/b"]);
            assert_eq!(merged.get("root").unwrap().mode, 0o700);
        }
        let found = merge([("a", &a), ("c", &a)]).unwrap_err();
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("/usr/bin/a is in both a and c"));
    }

    #[test]
    fn selecting_keeps_the_directories_above() {
        let all =
            tree(vec![ManifestEntry::file("usr/bin/a", 0o755, b"a"), ManifestEntry::file("usr/share/x", 0o644, b"x")]);
        let some = select(&all, &["usr/bin/*".to_owned()]);
        let paths: Vec<&str> = some.entries().iter().map(|e| e.path.as_str()).collect();
        assert_eq!(paths, ["usr", "usr/bin", "usr/bin/a"]);
        assert_eq!(select(&all, &[]), all);
        let globs = ["usr/bin/*", "usr/bin/b*", "usr/**"].map(str::to_owned);
        assert_eq!(unmatched(&all, &globs), ["usr/bin/b*"]);
    }
}
