//! Layer 6: every service of an image that starts a daemon has a profile of its own.
//!
//! `rc` starts a service without one under `default.toml`, so that a script from elsewhere works. For a service of the image itself,
//! a missing profile would be an oversight.

use std::collections::{BTreeMap, BTreeSet};

use super::rendered::Hardening;
use crate::base::diag::Diagnostic;

/// Where the profiles are in the root.
const PROFILES: &str = "usr/lib/confine/";

/// A finding for each service script, by name, that starts a daemon and has no profile; those in `foreign` need none. Empty when
/// the layer is off.
pub fn unconfined(made: &Hardening, scripts: &BTreeMap<String, String>, foreign: &[String]) -> Vec<Diagnostic> {
    let profile = |path: &String| Some(path.strip_prefix(PROFILES)?.strip_suffix(".toml")?.to_owned());
    let profiles: BTreeSet<String> = made.files.keys().filter_map(profile).collect();
    if !profiles.contains("default") {
        return Vec::new();
    }
    let lacks = |name: &&String| !profiles.contains(*name) && !foreign.contains(name);
    let daemons = scripts.iter().filter(|(_, text)| starts_a_daemon(text)).map(|(name, _)| name);
    daemons
        .filter(lacks)
        .map(|name| {
            Diagnostic::error(
                "isolation::no-profile",
                format!("the service `{name}` starts a daemon and has no profile"),
            )
            .in_file(format!("hardening/6-isolation/{name}.toml"))
            .help("write what it needs, each grant with its reason (`confine --words` lists the words)")
        })
        .collect()
}

/// Whether a service script has a daemon: by variables, or by calling what starts one.
fn starts_a_daemon(script: &str) -> bool {
    let starts = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
        line.starts_with("command=")
            || has(&["start-stop-daemon", "supervise-daemon"]) && has(&["--start", "-S", "-Sb"])
    };
    script.lines().map(str::trim_start).filter(|line| !line.starts_with('#')).any(starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hardening::RootFile;

    fn made(profiles: &[&str]) -> Hardening {
        let file = |name: &&str| (format!("{PROFILES}{name}.toml"), RootFile { mode: 0o644, text: String::new() });
        Hardening { files: profiles.iter().map(file).collect(), checks: Vec::new() }
    }

    #[test]
    fn a_daemon_without_a_profile_is_named() {
        let scripts: BTreeMap<String, String> = [
            ("confined", "command=/bin/a\n"),
            ("foreign", "command=/bin/b\n"),
            ("by-variable", "description=x\n\tcommand=\"/bin/c\"\n"),
            ("by-call", "start() {\n\tstart-stop-daemon --start --exec /bin/d\n}\n"),
            ("once", "# command=\nstart() {\n\tmount -a\n}\nreload() {\n\tstart-stop-daemon --signal HUP\n}\n"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
        let found = unconfined(&made(&["default", "confined"]), &scripts, &["foreign".to_owned()]);
        let places: Vec<String> =
            found.iter().filter_map(|finding| finding.file.as_ref()).map(ToString::to_string).collect();
        assert_eq!(places, ["hardening/6-isolation/by-call.toml", "hardening/6-isolation/by-variable.toml"]);
        // Without the layer there is nothing to have.
        assert!(unconfined(&made(&[]), &scripts, &[]).is_empty());
    }
}
