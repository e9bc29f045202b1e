//! AppArmor's profiles as data: their texts, the features that they are compiled for, and the commands. `xtask/src/compose/policy.rs`
//! runs the compiler, which knows the profiles' language.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::layer::{Texts, text_of};
use crate::base::diag::Diagnostic;

/// The compiled profiles in the root. They tell how services are confined, so only root reads them.
pub const POLICY: &str = "usr/lib/apparmor/policy";
/// What a boot test tries against the profiles, in images that hold [`TRY`].
pub const REFUSALS: &str = "usr/lib/apparmor/refusals";
/// The program that tries it.
pub const TRY: &str = "usr/lib/apparmor/try";

const PROFILES: &str = "hardening/2-access/apparmor";
const FEATURES: &str = "hardening/2-access/features";
const TRIED: &str = "hardening/2-access/refusals";

/// Compiles `profiles/*` to `policy`, all of them even if one is broken, then lets the loader of the system read the result.
/// A warning is an error, except that the kernel has no finer rules for sockets than those of their families.
pub const SCRIPT: &str = "\
cd profiles
broken=
for profile in *; do
    test -f \"$profile\" || continue
    ../apparmor_parser --config-file=/dev/null --features-file=../features --base=. --skip-cache --skip-kernel-load --stdout \\
        --warn=all --warn=no-rule-downgraded --Werror \"$profile\" >> ../policy || broken=\"$broken $profile\"
done
cd ..
if [ -n \"$broken\" ]; then
    echo \"hardening/2-access/apparmor: these profiles are broken:$broken\" >&2
    exit 1
fi
./apparmor-load --list policy > names
";

/// What the compiler reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Text by path below the folder of the profiles.
    pub profiles: BTreeMap<Utf8PathBuf, String>,
    /// What the kernel mediates, in the compiler's form.
    pub features: String,
    /// The table of attempts for boot tests.
    pub refusals: String,
}

impl Sources {
    /// Name and program of each profile that is attached to a program.
    pub fn attachments(&self) -> Vec<(String, String)> {
        let head = |text: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix("profile "))?;
            let mut words = line.split_whitespace();
            let (name, program) = (words.next()?, words.next()?);
            program.starts_with('/').then(|| (name.to_owned(), program.to_owned()))
        };
        self.profiles.values().filter_map(|text| head(text)).collect()
    }

    /// Takes the profiles out of the layers' texts.
    ///
    /// # Errors
    /// Every finding in them that the compiler would not have.
    pub fn of(texts: &Texts) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Vec::new();
        let below = |(path, text): (&Utf8PathBuf, &String)| {
            path.strip_prefix(PROFILES).ok().map(|path| (path.to_owned(), text.clone()))
        };
        let profiles: BTreeMap<Utf8PathBuf, String> = texts.iter().filter_map(below).collect();
        for (name, text) in profiles.iter().filter(|(path, _)| is_profile(path)) {
            validate(name, text, &mut findings);
        }
        let features = text_of(texts, FEATURES, &mut findings).map(|(file, text)| features(text, file, &mut findings));
        let refusals = text_of(texts, TRIED, &mut findings).map(|(_, text)| text.to_owned());
        match (features, refusals) {
            (Some(features), Some(refusals)) if findings.is_empty() => Ok(Self { profiles, features, refusals }),
            _ => Err(findings),
        }
    }

    /// Compares with the names of the compiled profiles, a line each.
    ///
    /// # Errors
    /// What is missing or too much.
    pub fn expect(&self, compiled: &str) -> Result<(), String> {
        // A child profile comes with its parent.
        let compiled: BTreeSet<&str> = compiled.lines().filter(|name| !name.contains("//")).collect();
        let written: BTreeSet<&str> =
            self.profiles.keys().filter(|path| is_profile(path)).map(|path| path.as_str()).collect();
        match written.symmetric_difference(&compiled).next() {
            None => Ok(()),
            Some(name) => {
                Err(format!("profile {name} is in {PROFILES} or in what was compiled of it, but not in both"))
            }
        }
    }
}

/// Whether a path below the folder is a profile, not a part of several.
fn is_profile(path: &Utf8Path) -> bool {
    path.components().count() == 1
}

/// A profile is called like its file, so that a service's profile is found, and it is enforced.
fn validate(name: &Utf8Path, text: &str, findings: &mut Vec<Diagnostic>) {
    let file = Utf8Path::new(PROFILES).join(name);
    let mut offset = 0;
    let mut heads = 0;
    for line in text.split_inclusive('\n') {
        let span = offset..offset + line.trim_end().len();
        offset += line.len();
        let Some(head) = line.strip_prefix("profile ") else { continue };
        heads += 1;
        let mut complain = |code, message: String, help: &str| {
            findings.push(Diagnostic::error(code, message).in_file(&file).at(span.clone()).help(help));
        };
        if head.split_whitespace().next() != Some(name.as_str()) {
            let message = format!("this profile is not called `{name}`, as its file is");
            complain("apparmor::name", message, "rename one of them: services name their profile by it");
        }
        for lax in ["complain", "unconfined", "default_allow", "prompt"] {
            if head.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == lax) {
                let message = format!("profile `{name}` has the flag `{lax}`, with which it enforces nothing");
                complain("apparmor::lax", message, "remove the flag; the kernel's log says what is refused");
            }
        }
    }
    if heads != 1 {
        let message = format!("{heads} profiles begin at the start of a line, and it should be one");
        findings.push(
            Diagnostic::error("apparmor::heads", message)
                .in_file(file)
                .help("one file for each profile, `profile NAME {`"),
        );
    }
}

/// A file or a directory of the kernel's features.
#[derive(Debug, Default)]
struct Node<'a> {
    value: Option<&'a str>,
    below: BTreeMap<&'a str, Node<'a>>,
}

impl Node<'_> {
    fn render(&self, into: &mut String) {
        for (name, node) in &self.below {
            *into += name;
            *into += " {";
            if let Some(value) = node.value {
                *into += value;
                *into += "\n";
            }
            node.render(into);
            *into += "}\n";
        }
    }
}

/// The compiler's form of the lines `path = value`.
fn features(text: &str, file: &Utf8Path, findings: &mut Vec<Diagnostic>) -> String {
    let mut root = Node::default();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let span = offset..offset + line.trim_end().len();
        offset += line.len();
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(" = ") {
            Some((path, value)) if !value.contains(['{', '}']) => {
                path.split('/').fold(&mut root, |node, name| node.below.entry(name).or_default()).value = Some(value);
            }
            _ => findings.push(
                Diagnostic::error("apparmor::features", "this line is not `path = value`".to_owned())
                    .in_file(file)
                    .at(span)
                    .help("write the file anew on a running system: `apparmor-load --features`"),
            ),
        }
    }
    let mut rendered = String::new();
    root.render(&mut rendered);
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(files: &[(&str, &str)]) -> Texts {
        files.iter().map(|(path, text)| (Utf8PathBuf::from(*path), (*text).to_owned())).collect()
    }

    #[test]
    fn features_in_the_form_of_the_compiler() {
        let mut findings = Vec::new();
        let text = "# of a kernel\ncapability = 0xffffff\ndomain/stack = yes\ndomain/version = 1.2\nmount/mask = mount umount\n";
        let rendered = features(text, Utf8Path::new("features"), &mut findings);
        assert_eq!(findings, []);
        insta::assert_snapshot!(rendered, @r"
        capability {0xffffff
        }
        domain {stack {yes
        }
        version {1.2
        }
        }
        mount {mask {mount umount
        }
        }
        ");
    }

    #[test]
    fn sources_are_profiles_parts_features_and_refusals() {
        let sources = Sources::of(&texts(&[
            ("hardening/2-access/apparmor/klogd", "# why\nprofile klogd /usr/bin/klogd {\n}\n"),
            ("hardening/2-access/apparmor/abstractions/base", "/dev/null rw,\n"),
            ("hardening/2-access/features", "capability = 0xffffff\n"),
            ("hardening/2-access/refusals", "klogd clock\n"),
            ("hardening/4-ssh/sshd.toml", ""),
        ]))
        .unwrap();
        assert_eq!(
            sources.profiles.keys().map(|path| path.as_str()).collect::<Vec<_>>(),
            ["abstractions/base", "klogd"]
        );
        assert_eq!(sources.expect("klogd\nklogd//child\n"), Ok(()));
        assert_eq!(sources.attachments(), [("klogd".to_owned(), "/usr/bin/klogd".to_owned())]);
        let missing = "profile klogd is in hardening/2-access/apparmor or in what was compiled of it, but not in both";
        assert_eq!(sources.expect(""), Err(missing.to_owned()));
    }

    #[test]
    fn every_mistake_that_the_compiler_does_not_see() {
        let found = Sources::of(&texts(&[
            ("hardening/2-access/apparmor/klogd", "profile syslogd flags=(attach_disconnected,complain) {\n}\n"),
            ("hardening/2-access/apparmor/two", "profile two {\n}\nprofile three {\n}\n"),
            ("hardening/2-access/features", "capability: 0xffffff\n"),
        ]))
        .unwrap_err();
        let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(
            codes,
            [
                "apparmor::name",
                "apparmor::lax",
                "apparmor::name",
                "apparmor::heads",
                "apparmor::features",
                "hardening::missing"
            ]
        );
    }
}
