//! ISO profiles (`profile.toml`): model and meaning.

pub mod extends;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use super::hardening::{Layer, options, unknown_layer};
use super::image::{known, names};
use super::place::{At, twice};
use crate::base::diag::Diagnostic;
use crate::base::name::PkgName;
use crate::base::schema::{self, Document};

/// An ISO profile as written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IsoProfile {
    /// The profile's folder, relative to the repository, behind those of the profiles that it extends.
    #[serde(skip)]
    pub folders: Vec<Utf8PathBuf>,
    /// The profile that this one starts from: it has the other's packages, overlay, command line and so on, where it does not
    /// say otherwise.
    pub extends: Option<String>,
    /// Packages of the root beside those of the profile that is extended.
    pub add: Vec<String>,
    /// Packages of the profile that is extended which the root does not have.
    pub remove: Vec<String>,
    /// One line, no full stop.
    pub summary: String,
    /// Version shown by the system.
    pub version: String,
    /// Raised when systems with a lower one must not run any more where this one has run: an update to them is refused then.
    pub generation: Option<u64>,
    /// Packages of the root file system.
    pub root: Vec<String>,
    /// Modes, as octal digits, of paths that are neither 0644 nor 0755.
    pub modes: BTreeMap<String, String>,
    /// Words of the kernel command line.
    pub cmdline: Vec<String>,
    /// Upper limit of the ISO in bytes.
    pub max_size: Option<u64>,
    /// Layers of `hardening/` left out, by the names of their folders: for tests and measurements.
    pub layers_off: Vec<String>,
    /// What this image has otherwise than the layers' data says: names of options in `hardening/layers.toml`.
    pub options: Vec<String>,
    /// Services from elsewhere, which run under layer 6's `default.toml`: for tests.
    pub foreign_services: Vec<String>,
    /// For others than tests: what it holds and opens is committed as `digests/inventory-<name>.txt`.
    pub published: bool,
}

const PROFILE: Document = Document {
    noun: "profile",
    syntax: "profile::syntax",
    invisible: "profile::invisible",
    unknown_key: "profile::unknown-key",
    duplicate_key: "profile::duplicate-key",
    wrong_type: "profile::wrong-type",
    synonyms: &[("packages", "root"), ("append", "cmdline"), ("switches", "options")],
};

impl IsoProfile {
    /// Path of the `profile.toml`, relative to the repository.
    pub fn file(&self) -> Utf8PathBuf {
        self.folders.last().map(|folder| folder.join("profile.toml")).unwrap_or_default()
    }

    /// Reads a profile; `packages` are all packages there are.
    ///
    /// # Errors
    /// Every finding.
    pub fn parse(text: &str, file: &Utf8Path, packages: &BTreeSet<&str>) -> Result<Self, Vec<Diagnostic>> {
        let mut profile: Self = schema::read_all(text, file, &PROFILE)?;
        profile.folders = file.parent().map(Utf8Path::to_owned).into_iter().collect();
        let mut findings = Vec::new();
        for (key, list) in [("root", &profile.root), ("add", &profile.add), ("remove", &profile.remove)] {
            findings.extend(known((key, list), packages, "profile::unknown-package", (text, file)));
        }
        // An option changes what the data says, so a second time it would find nothing to change.
        for (key, list) in [("layers_off", &profile.layers_off), ("options", &profile.options)] {
            findings.extend(twice(text, key, list).into_iter().map(|finding| finding.in_file(file)));
        }
        for name in profile.layers_off.iter().filter(|name| Layer::named(name).is_none()) {
            findings.push(At("layers_off", Some(name)).point(text, unknown_layer(name)).in_file(file));
        }
        // What a profile that extends another lacks, only the whole of both can tell.
        let whole = profile.extends.is_none();
        let lacks = |name: &str| whole && !profile.root.iter().any(|root| root == name);
        for (name, what) in ESSENTIAL.iter().filter(|(name, _)| lacks(name)) {
            let message = format!("`root` lacks {name}, so the system has {what}");
            let finding = Diagnostic::error("profile::lacks", message).help(format!("add \"{name}\" to `root`"));
            findings.push(At("root", None).point(text, finding).in_file(file));
        }
        // GRUB's configuration and the unified image both carry these words as they are.
        let plain = |word: &&String| {
            word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._,=:/+-@%".contains(&b))
        };
        for word in profile.cmdline.iter().filter(plain) {
            let message = format!("`{word}` cannot be a word of the kernel command line");
            let finding = Diagnostic::error("profile::cmdline", message)
                .help("letters, digits and . _ , = : / + - @ % only: the word stands unquoted in a boot menu");
            findings.push(At("cmdline", Some(word)).point(text, finding).in_file(file));
        }
        for (path, mode) in &profile.modes {
            if !u32::from_str_radix(mode, 8).is_ok_and(|mode| mode <= 0o1777) || path.starts_with('/') {
                let message = format!("`{path}` = `{mode}` is not a path with a mode");
                let finding = Diagnostic::error("profile::mode", message)
                    .help("write a path without leading slash and octal digits, such as \"etc/shadow\" = \"0600\"");
                findings.push(At("modes", Some(path)).point(text, finding).in_file(file));
            }
        }
        if findings.is_empty() { Ok(profile) } else { Err(findings) }
    }

    /// A finding for each name in `options` that is not in `known`; `text` is the profile's.
    pub fn unknown_options(&self, text: &str, file: &Utf8Path, known: &[String]) -> Vec<Diagnostic> {
        let unknown = self.options.iter().filter(|name| !known.contains(name));
        let finding = |name: &String| options::unknown(name, known.iter().map(String::as_str));
        unknown.map(|name| At("options", Some(name)).point(text, finding(name)).in_file(file)).collect()
    }

    /// The modes as numbers; reading the profile has refused what is none.
    pub fn octal_modes(&self) -> BTreeMap<String, u32> {
        let number = |(path, mode): (&String, &String)| Some((path.clone(), u32::from_str_radix(mode, 8).ok()?));
        self.modes.iter().filter_map(number).collect()
    }

    /// The packages of the root as names.
    pub fn root_names(&self) -> Vec<PkgName> {
        names(&self.root)
    }
}

/// Packages without which an ISO starts nothing, and what is missing then.
pub(super) const ESSENTIAL: [(&str, &str); 3] = [
    ("busybox", "no init and no shell, and does not start"),
    ("filesystem", "no /etc/passwd and no directories to mount on"),
    ("rc", "nothing that starts services"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> BTreeSet<&'static str> {
        ["busybox", "filesystem", "hello", "rc"].into()
    }

    #[test]
    fn profiles_name_their_mistakes() {
        let file = Utf8Path::new("iso/x/profile.toml");
        let found = IsoProfile::parse("root = [\"zzz\"]\ncmdline = [\"a b\", \"quiet\", \"x;y\"]", file, &packages())
            .unwrap_err();
        assert_eq!(found.len(), 6);
        let text = "summary = \"S\"\nroot = [\n  \"busybox\", \"helo\",\n  \"rc\",\n]\n";
        let found = IsoProfile::parse(text, file, &packages()).unwrap_err();
        insta::assert_snapshot!(found.iter().map(|finding| finding.render(Some(text))).collect::<String>());
        let text = "cmdline = [\"a b\", \"x;y\"]\noptions = [\n  \"debugger\",\n  \"open-output\",\n  \"debugger\",\n]\n\
                    root = [\"busybox\", \"filesystem\", \"rc\"]\n[modes]\n\"/etc\" = \"0700\"\n\"etc/x\" = \"4755\"\n";
        let found = IsoProfile::parse(text, file, &packages()).unwrap_err();
        insta::assert_snapshot!(
            "places_in_a_profile",
            found.iter().map(|finding| finding.render(Some(text))).collect::<String>()
        );
        let text = "root = [\"busybox\", \"filesystem\", \"rc\"]\nlayers_off = [\"4-shh\", \"2-access\"]\n";
        let found = IsoProfile::parse(text, file, &packages()).unwrap_err();
        let text_of_options = "extends = \"minimal\"\noptions = [\n  \"debugger\",\n  \"open-ouput\",\n]\n";
        let extending = IsoProfile::parse(text_of_options, file, &packages()).unwrap();
        let known = ["debugger", "open-output"].map(str::to_owned);
        let unknown = extending.unknown_options(text_of_options, file, &known);
        let found = found.iter().map(|finding| finding.render(Some(text)));
        let found = found.chain(unknown.iter().map(|finding| finding.render(Some(text_of_options))));
        insta::assert_snapshot!("layers_and_options_of_a_profile", found.collect::<String>());
        let profile = IsoProfile::parse(
            "root = [\"busybox\", \"filesystem\", \"rc\"]\ncmdline = [\"console=ttyS0,115200\"]",
            file,
            &packages(),
        )
        .unwrap();
        assert_eq!(profile.root_names()[0].as_str(), "busybox");
    }
}
