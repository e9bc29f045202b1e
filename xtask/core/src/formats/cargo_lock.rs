//! `Cargo.lock` as a list of pinned crates: what must be fetched before a build without network.
//!
//! Packages without `source` lie in the package's folder or in its sources; cargo itself fails when they do not.

pub mod member;

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::base::diag::Diagnostic;
use crate::base::digest::Digest;

/// A crate of the crates.io registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Crate {
    /// Name in the registry.
    pub name: String,
    /// Exact version.
    pub version: String,
    /// sha256 of the `.crate` file.
    pub sha256: Digest,
}

impl Crate {
    /// File name in the registry and, without `.crate`, the folder in a vendor directory.
    pub fn file_name(&self) -> String {
        format!("{}-{}.crate", self.name, self.version)
    }
}

/// Lock file formats whose checksums stand beside each package.
const VERSIONS: [i64; 2] = [3, 4];
/// The registry under the names cargo has for it.
const REGISTRIES: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

// Cargo adds keys over time, and they are its business: unknown ones are not refused here.
#[derive(Deserialize)]
struct RawLock {
    version: Option<Spanned<i64>>,
    #[serde(default)]
    package: Vec<Spanned<RawPackage>>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: Spanned<String>,
    version: Spanned<String>,
    source: Option<Spanned<String>>,
    checksum: Option<Spanned<String>>,
}

/// The registry crates of a lock file, sorted.
///
/// # Errors
/// Every package that is not pinned by a checksum or comes from elsewhere than crates.io.
pub fn parse(text: &str, file: &Utf8Path) -> Result<Vec<Crate>, Vec<Diagnostic>> {
    let lock: RawLock = toml::from_str(text).map_err(|error| {
        let finding = Diagnostic::error("cargo-lock::syntax", "this is not a Cargo.lock").in_file(file);
        let finding = finding.at(error.span().unwrap_or(0..0)).label(error.message().replace('\n', ", "));
        vec![finding.help("never edit it by hand; `cargo generate-lockfile` writes it")]
    })?;
    let mut found = Vec::new();
    found.extend(format_fault(lock.version.as_ref()));
    let mut crates: BTreeMap<(String, String), Crate> = BTreeMap::new();
    for package in &lock.package {
        match pinned(package) {
            Ok(None) => {}
            Ok(Some(pin)) => {
                let key = (pin.name.clone(), pin.version.clone());
                if let Some(other) = crates.insert(key, pin.clone()) {
                    let message = format!("`{} {}` is locked twice", other.name, other.version);
                    let finding = Diagnostic::error("cargo-lock::duplicate", message).at(package.span());
                    found.push(finding.label("second mention"));
                }
            }
            Err(finding) => found.push(*finding),
        }
    }
    if found.is_empty() {
        Ok(crates.into_values().collect())
    } else {
        Err(found.into_iter().map(|finding| finding.in_file(file)).collect())
    }
}

fn format_fault(version: Option<&Spanned<i64>>) -> Option<Diagnostic> {
    let number = version.map(|version| *version.get_ref());
    if number.is_some_and(|number| VERSIONS.contains(&number)) {
        return None;
    }
    let format = number.map_or_else(|| "does not name its format".to_owned(), |number| format!("has format {number}"));
    let finding =
        Diagnostic::error("cargo-lock::format", format!("the lock file {format}; formats 3 and 4 are supported"))
            .help("`cargo generate-lockfile` of a current cargo writes format 4");
    Some(match version {
        Some(version) => finding.at(version.span()).label("unknown format"),
        None => finding,
    })
}

/// The pin of a registry crate, `None` for a package of the tree itself.
fn pinned(package: &Spanned<RawPackage>) -> Result<Option<Crate>, Box<Diagnostic>> {
    let RawPackage { name, version, source, checksum } = package.get_ref();
    let Some(source) = source else { return Ok(None) };
    let title = format!("`{} {}`", name.get_ref(), version.get_ref());
    let from = source.get_ref();
    if !REGISTRIES.contains(&from.as_str()) {
        let kind = if from.starts_with("git+") { "a git repository" } else { "another registry" };
        let finding = Diagnostic::error("cargo-lock::source", format!("{title} comes from {kind}")).at(source.span());
        let help = "depend on a release in crates.io, or add the sources as `[[source]]` and use a path";
        return Err(Box::new(finding.label("not pinned by a sha256 of crates.io").help(help)));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '.');
    for text in [name, version] {
        // Both become parts of file names.
        let value = text.get_ref();
        if value.is_empty() || value.starts_with(['.', '-']) || !value.chars().all(plain) {
            let finding = Diagnostic::error("cargo-lock::name", format!("{title} has an impossible name or version"));
            return Err(Box::new(finding.at(text.span()).label("not from cargo")));
        }
    }
    let Some(checksum) = checksum else {
        let finding = Diagnostic::error("cargo-lock::checksum", format!("{title} has no checksum")).at(package.span());
        let help = "a lock file without checksums pins nothing; `cargo generate-lockfile` writes them";
        return Err(Box::new(finding.label("needs `checksum`").help(help)));
    };
    let sha256 = checksum.get_ref().parse().map_err(|error: crate::base::digest::ParseDigestError| {
        let finding = Diagnostic::error("cargo-lock::checksum", error.to_string()).at(checksum.span());
        Box::new(finding.label("not a sha256"))
    })?;
    Ok(Some(Crate { name: name.get_ref().clone(), version: version.get_ref().clone(), sha256 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

    #[test]
    fn lists_registry_crates_sorted() {
        let text = format!(
            "version = 4\n[[package]]\nname = \"me\"\nversion = \"0.1.0\"\ndependencies = [\"b\"]\n\
             [[package]]\nname = \"b\"\nversion = \"1.0.0+x\"\nsource = \"{REGISTRY}\"\nchecksum = \"{SHA}\"\n\
             [[package]]\nname = \"a_c\"\nversion = \"2.0.0\"\nsource = \"{REGISTRY}\"\nchecksum = \"{SHA}\"\n"
        );
        let crates = parse(&text, "Cargo.lock".into()).unwrap();
        let names: Vec<String> = crates.iter().map(Crate::file_name).collect();
        assert_eq!(names, ["a_c-2.0.0.crate", "b-1.0.0+x.crate"]);
        assert_eq!(crates[0].sha256.to_string(), SHA);
        assert_eq!(parse("version = 3\n", "Cargo.lock".into()), Ok(Vec::new()));
    }

    #[test]
    fn complaints() {
        let package = |rest: &str| format!("[[package]]\nname = \"a\"\nversion = \"1\"\n{rest}\n");
        let good = package(&format!("source = \"{REGISTRY}\"\nchecksum = \"{SHA}\""));
        let text = [
            "version = 9\n".to_owned(),
            package("source = \"git+https://a.b/c?rev=1#2\""),
            package("source = \"registry+https://a.b/index\""),
            package(&format!("source = \"{REGISTRY}\"")),
            package(&format!("source = \"{REGISTRY}\"\nchecksum = \"abc\"")),
            good.replace("\"a\"", "\"../a\""),
            good.clone(),
            good,
        ]
        .concat();
        let mut rendered: String =
            parse(&text, "Cargo.lock".into()).unwrap_err().iter().map(|finding| finding.render(Some(&text))).collect();
        for text in ["", "version = ", "version = 4\n[[package]]\nname = 'a'\n"] {
            let found = parse(text, "Cargo.lock".into()).unwrap_err();
            rendered.push_str(&found.iter().map(|finding| finding.render(Some(text))).collect::<String>());
        }
        insta::assert_snapshot!(rendered);
    }
}
