//! ISO profiles that extend another: what they say for themselves, over what the other says.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::{ESSENTIAL, IsoProfile};
use crate::base::diag::{Diagnostic, suggest};

/// The profiles with what they extend filled in, by the names of their folders.
///
/// # Errors
/// Every finding: a base that is not there or that leads back, packages added twice or removed in vain.
pub fn extended(written: &BTreeMap<String, IsoProfile>) -> Result<BTreeMap<String, IsoProfile>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let mut resolved = BTreeMap::new();
    for name in written.keys() {
        if let Some(profile) = resolve(name, written, &mut BTreeSet::new(), &mut findings) {
            resolved.insert(name.clone(), profile);
        }
    }
    // A fault of a base is met again by each profile that extends it.
    findings.dedup_by(|a, b| a.message == b.message && a.file == b.file);
    let mut seen = BTreeSet::new();
    findings.retain(|finding| seen.insert((finding.file.clone(), finding.message.clone())));
    if findings.is_empty() { Ok(resolved) } else { Err(findings) }
}

/// The profile `name` with what it extends filled in; nothing when there is no profile of that name.
///
/// # Errors
/// Every finding about it and the profiles that it extends.
pub fn extended_one(name: &str, written: &BTreeMap<String, IsoProfile>) -> Result<Option<IsoProfile>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let resolved = resolve(name, written, &mut BTreeSet::new(), &mut findings);
    if findings.is_empty() { Ok(resolved) } else { Err(findings) }
}

fn resolve(
    name: &str,
    written: &BTreeMap<String, IsoProfile>,
    above: &mut BTreeSet<String>,
    findings: &mut Vec<Diagnostic>,
) -> Option<IsoProfile> {
    let own = written.get(name)?;
    let file = own.file();
    let Some(base) = &own.extends else {
        if !own.add.is_empty() || !own.remove.is_empty() {
            findings.push(finding(
                &file,
                "`add` and `remove` need a profile to start from",
                "write `extends = \"minimal\"`",
            ));
        }
        return Some(own.clone());
    };
    if !above.insert(name.to_owned()) {
        findings.push(finding(&file, &format!("`{name}` extends itself, by way of others"), "break the circle"));
        return None;
    }
    if !written.contains_key(base) {
        let help = match suggest(base, written.keys().map(String::as_str)) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "`ls iso tests/iso` shows what there is".to_owned(),
        };
        findings.push(finding(&file, &format!("there is no profile `{base}` to extend"), &help));
        return None;
    }
    let base = resolve(base, written, above, findings)?;
    Some(over(base, own, &file, findings))
}

/// What `own` says, over `base`.
fn over(base: IsoProfile, own: &IsoProfile, file: &Utf8Path, findings: &mut Vec<Diagnostic>) -> IsoProfile {
    let mut add = |message: &str, help: &str| findings.push(finding(file, message, help));
    if !own.root.is_empty() {
        add(
            "a profile that extends another lists no `root` of its own",
            "name what is more in `add`, what is less in `remove`",
        );
    }
    let mut root: BTreeSet<String> = base.root.into_iter().collect();
    for package in &own.remove {
        if !root.remove(package) {
            add(&format!("`{package}` is removed, and is not there"), "take it out of `remove`");
        }
    }
    for (name, what) in ESSENTIAL.iter().filter(|(name, _)| own.remove.iter().any(|package| package == name)) {
        add(&format!("without {name} the system has {what}"), "take it out of `remove`");
    }
    for package in &own.add {
        if !root.insert(package.clone()) {
            add(&format!("`{package}` is added, and is there already"), "take it out of `add`");
        }
    }
    fn list<T: Clone>(own: &[T], base: Vec<T>) -> Vec<T> {
        if own.is_empty() { base } else { own.to_vec() }
    }
    IsoProfile {
        folders: base.folders.into_iter().chain(own.folders.iter().cloned()).collect(),
        summary: own.summary.clone(),
        version: if own.version.is_empty() { base.version } else { own.version.clone() },
        root: root.into_iter().collect(),
        modes: base.modes.into_iter().chain(own.modes.clone()).collect(),
        cmdline: list(&own.cmdline, base.cmdline),
        generation: own.generation.or(base.generation),
        max_size: own.max_size.or(base.max_size),
        layers_off: list(&own.layers_off, base.layers_off),
        options: list(&own.options, base.options),
        foreign_services: list(&own.foreign_services, base.foreign_services),
        published: own.published,
        extends: None,
        add: Vec::new(),
        remove: Vec::new(),
    }
}

fn finding(file: &Utf8Path, message: &str, help: &str) -> Diagnostic {
    Diagnostic::error("profile::extends", message).in_file(file).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(texts: &[(&str, &str)]) -> BTreeMap<String, IsoProfile> {
        let packages = ["busybox", "crun", "filesystem", "nft", "rc"].into();
        let parsed = |(name, text): &(&str, &str)| {
            let file = format!("iso/{name}/profile.toml");
            ((*name).to_owned(), IsoProfile::parse(text, Utf8Path::new(&file), &packages).unwrap())
        };
        texts.iter().map(parsed).collect()
    }

    #[test]
    fn a_profile_over_another() {
        let written = profiles(&[
            (
                "minimal",
                "version = \"1\"\nroot = [\"busybox\", \"filesystem\", \"nft\", \"rc\"]\ncmdline = [\"quiet\"]\npublished = true",
            ),
            ("host", "summary = \"More\"\nextends = \"minimal\"\nadd = [\"crun\"]\nremove = [\"nft\"]"),
            ("test", "extends = \"host\"\ncmdline = [\"debug\"]"),
        ]);
        let resolved = extended(&written).unwrap();
        let host = &resolved["host"];
        assert_eq!(
            (host.root.as_slice(), host.cmdline.as_slice()),
            (&["busybox", "crun", "filesystem", "rc"].map(str::to_owned)[..], &["quiet".to_owned()][..])
        );
        assert_eq!((host.version.as_str(), host.summary.as_str(), host.published), ("1", "More", false));
        let folders: Vec<&str> = resolved["test"].folders.iter().map(|folder| folder.as_str()).collect();
        assert_eq!(folders, ["iso/minimal", "iso/host", "iso/test"]);
        assert_eq!(resolved["test"].cmdline, ["debug"]);
        assert_eq!(resolved["test"].file(), "iso/test/profile.toml");
    }

    #[test]
    fn mistakes() {
        let written = profiles(&[
            ("minimal", "root = [\"busybox\", \"filesystem\", \"rc\"]"),
            ("a", "extends = \"minimol\""),
            ("b", "extends = \"c\""),
            ("c", "extends = \"b\""),
            ("d", "extends = \"minimal\"\nroot = [\"rc\"]\nadd = [\"busybox\"]\nremove = [\"crun\", \"filesystem\"]"),
            ("e", "root = [\"busybox\", \"filesystem\", \"rc\"]\nadd = [\"nft\"]"),
        ]);
        let found: Vec<String> = extended(&written).unwrap_err().iter().map(|finding| finding.render(None)).collect();
        insta::assert_snapshot!(found.join("\n"));
    }
}
