//! The part of a workspace's `Cargo.lock` and `Cargo.toml` that one member needs: what cargo would keep if the other members were
//! not there. The build of that member reads nothing else, so another program's crates do not change its key.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use camino::Utf8Path;
use serde::Deserialize;

use super::{Crate, parse};
use crate::base::diag::Diagnostic;

/// What one member needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// A lock file with nothing else in it.
    pub text: String,
    /// Crates of the registry, sorted.
    pub crates: Vec<Crate>,
    /// Other members of the workspace that it depends on, sorted.
    pub members: BTreeSet<String>,
    /// Names of all crates and members in the lock file.
    names: BTreeSet<String>,
}

impl Member {
    /// The workspace's manifest `text` for this member alone: `members` are folders. Leaves out comments and dependencies that no
    /// member needs.
    ///
    /// # Errors
    /// A file that is not a workspace's.
    pub fn manifest(&self, text: &str, file: &Utf8Path, members: &[String]) -> Result<String, Vec<Diagnostic>> {
        let fault = |what: String| vec![Diagnostic::error("cargo-lock::manifest", what).in_file(file)];
        let mut manifest: toml::Table = toml::from_str(text).map_err(|error| fault(error.message().to_owned()))?;
        let Some(workspace) = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut) else {
            return Err(fault("there is no `[workspace]`".to_owned()));
        };
        workspace.insert("members".to_owned(), members.to_vec().into());
        if let Some(dependencies) = workspace.get_mut("dependencies").and_then(toml::Value::as_table_mut) {
            dependencies.retain(|key, value| {
                self.names.contains(value.get("package").and_then(toml::Value::as_str).unwrap_or(key))
            });
        }
        toml::to_string(&manifest).map_err(|error| fault(error.to_string()))
    }
}

#[derive(Deserialize)]
struct Lock {
    version: i64,
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Package {
    /// Whether `dependency`, which is `NAME`, `NAME VERSION` or `NAME VERSION (SOURCE)`, is this package.
    fn is(&self, dependency: &str) -> bool {
        let mut words = dependency.split(' ');
        words.next() == Some(&self.name) && words.next().is_none_or(|version| version == self.version)
    }

    /// As cargo writes it.
    fn render(&self) -> String {
        let mut text = format!("\n[[package]]\nname = \"{}\"\nversion = \"{}\"\n", self.name, self.version);
        for (key, value) in [("source", &self.source), ("checksum", &self.checksum)] {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = \"{value}\"");
            }
        }
        if !self.dependencies.is_empty() {
            let lines: String = self.dependencies.iter().map(|name| format!(" \"{name}\",\n")).collect();
            let _ = writeln!(text, "dependencies = [\n{lines}]");
        }
        text
    }
}

/// The part of the lock file `text` that the member `name` needs.
///
/// # Errors
/// Everything that [`parse`] finds in the whole file; a member that is not there, or a crate that something depends on.
pub fn of_member(text: &str, file: &Utf8Path, name: &str) -> Result<Member, Vec<Diagnostic>> {
    parse(text, file)?;
    let stale = |what: String| {
        let finding = Diagnostic::error("cargo-lock::stale", what).in_file(file);
        let workspace = file.parent().unwrap_or(Utf8Path::new(""));
        let help = format!("`cargo metadata --manifest-path {}` brings it up to date", workspace.join("Cargo.toml"));
        vec![finding.help(help)]
    };
    let lock: Lock = toml::from_str(text).map_err(|error| stale(error.message().to_owned()))?;
    let mut kept = BTreeSet::new();
    let mut pending = vec![name];
    while let Some(wanted) = pending.pop() {
        let found = lock.package.iter().position(|package| package.is(wanted));
        let Some(index) = found else {
            return Err(stale(format!("`{wanted}` is not in the lock file")));
        };
        if kept.insert(index) {
            pending.extend(lock.package[index].dependencies.iter().map(String::as_str));
        }
    }
    let kept = || kept.iter().map(|index| &lock.package[*index]);
    let packages: String = kept().map(Package::render).collect();
    let text = format!("version = {}\n{packages}", lock.version);
    let crates = parse(&text, file)?;
    let members = kept().filter(|package| package.source.is_none() && package.name != name);
    let members = members.map(|package| package.name.clone()).collect();
    Ok(Member { crates, members, names: kept().map(|package| package.name.clone()).collect(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn lock() -> String {
        let package = |name: &str, version: &str, pinned: bool, needs: &[&str]| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            source: pinned.then(|| super::super::REGISTRIES[0].to_owned()),
            checksum: pinned.then(|| SHA.to_owned()),
            dependencies: needs.iter().map(|name| (*name).to_owned()).collect(),
        };
        let packages = [
            package("app", "0.1.0", false, &["base", "syn 2.0.1"]),
            package("base", "0.1.0", false, &["libc"]),
            package("libc", "0.2.1", true, &[]),
            package("other", "0.1.0", false, &["base", "syn 3.0.0"]),
            package("syn", "2.0.1", true, &[]),
            package("syn", "3.0.0", true, &["libc"]),
        ];
        format!("# Generated.\nversion = 4\n{}", packages.iter().map(Package::render).collect::<String>())
    }

    #[test]
    fn holds_what_the_member_needs_and_nothing_else() {
        let member = of_member(&lock(), "Cargo.lock".into(), "app").unwrap();
        let crates: Vec<String> = member.crates.iter().map(Crate::file_name).collect();
        assert_eq!(crates, ["libc-0.2.1.crate", "syn-2.0.1.crate"]);
        assert_eq!(member.members.iter().collect::<Vec<_>>(), ["base"]);
        assert!(!member.text.contains("other") && !member.text.contains("3.0.0"), "{}", member.text);
        assert_eq!(of_member(&member.text, "Cargo.lock".into(), "app").unwrap(), member);
        // A change of what another member needs changes nothing.
        let more = lock().replace("\"base\",\n \"syn 3.0.0\"", "\"syn 3.0.0\"");
        assert_ne!(more, lock());
        assert_eq!(of_member(&more, "Cargo.lock".into(), "app").unwrap(), member);
    }

    #[test]
    fn the_manifest_names_what_is_there() {
        let member = of_member(&lock(), "Cargo.lock".into(), "app").unwrap();
        let text = "# Comment.\n[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"lib/base\", \"other\"]\n\
                    [workspace.dependencies]\nbase = { path = \"lib/base\" }\nserde = \"1\"\ntwo = { package = \"syn\", version = \"2\" }\n\
                    [profile.release]\nlto = \"fat\"\n";
        let members = ["app", "lib/base"].map(str::to_owned);
        let manifest = member.manifest(text, "Cargo.toml".into(), &members).unwrap();
        insta::assert_snapshot!(manifest);
        assert!(member.manifest("[package]\n", "Cargo.toml".into(), &members).is_err());
    }

    #[test]
    fn a_lock_file_that_is_not_up_to_date_is_told() {
        let file = Utf8Path::new("programs/Cargo.lock");
        let text = |found: Vec<Diagnostic>| found.iter().map(|finding| finding.render(None)).collect::<String>();
        let without = lock().replace("name = \"libc\"", "name = \"libd\"");
        let rendered =
            text(of_member(&lock(), file, "new").unwrap_err()) + &text(of_member(&without, file, "app").unwrap_err());
        insta::assert_snapshot!(rendered, @r"
        error[cargo-lock::stale]: `new` is not in the lock file
          --> programs/Cargo.lock
        help: `cargo metadata --manifest-path programs/Cargo.toml` brings it up to date
        error[cargo-lock::stale]: `libc` is not in the lock file
          --> programs/Cargo.lock
        help: `cargo metadata --manifest-path programs/Cargo.toml` brings it up to date
        ");
    }
}
