//! The shipped profiles and what they come to; wrong profiles and what is said of them; noise.

use std::fs;
use std::path::{Path, PathBuf};

use crate::noise;
use crate::plan::{self, Facts, Plan};
use crate::profile::{self, Source};
use crate::snapshot::{assert_matches, input};

const FACTS: Facts<'_> = Facts {
    command: "/usr/bin/daemon",
    passwd: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/var/empty:/bin/false\n",
    group: "root:x:0:\nnogroup:x:65534:\nlog:x:7:nobody\n",
    memory: 1 << 30,
};

fn judge(file: &str, text: &str) -> Result<Plan, String> {
    let source = Source { file, text };
    let profile = profile::read(source).map_err(|found| source.show(&found))?;
    plan::resolve(&profile, source, FACTS).map_err(|found| source.show(&found))
}

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hardening/6-isolation");
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_profile =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml") && !path.ends_with("checks.toml");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(is_profile).collect();
    files.sort();
    files
}

#[test]
#[allow(clippy::print_stderr)]
fn the_shipped_profiles_are_plans() {
    let files = shipped();
    if files.is_empty() {
        eprintln!("skipped: the profiles, hardening/6-isolation, are not part of this package");
    }
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let plan = judge(name, &fs::read_to_string(&file).unwrap()).unwrap();
        assert_matches(&format!("plans/{name}"), &plan.render());
        crate::filter::compile(&plan.filter).unwrap();
    }
}

#[test]
fn every_mistake_has_its_place_and_its_remedy() {
    let mut all = String::new();
    for (name, text) in [
        ("no-summary.toml", "umask = \"077\"\n"),
        ("unknown-key.toml", "summary = \"Test\"\nallow-everything = true\n"),
        ("no-reason.toml", "summary = \"Test\"\n\n[[grant]]\nread = [\"/etc\"]\n"),
        ("all-at-once.toml", include_str!("../tests/wrong/all-at-once.toml")),
        ("hidden.toml", include_str!("../tests/wrong/hidden.toml")),
        (
            "user.toml",
            "summary = \"Test\"\nuser = \"nobody\"\n[[grant]]\nreason = \"Test\"\nlift = [\"no-new-privileges\"]\n",
        ),
    ] {
        all.push_str(&judge(name, text).unwrap_err());
        all.push('\n');
    }
    assert_matches("wrong/findings", &all);
}

#[test]
fn a_user_and_amounts_are_resolved() {
    let text = "summary = \"Test\"\nuser = \"nobody\"\numask = \"027\"\n[limits]\nmemory = \"50%\"\nprocesses = 3\n";
    let plan = judge("test.toml", text).unwrap();
    let user = plan.identity.unwrap();
    assert_eq!((user.uid, user.gid, user.groups), (65534, 65534, vec![65534, 7]));
    assert_eq!((plan.umask, plan.limits.memory, plan.limits.processes), (0o027, Some((1 << 30) / 100 * 50), Some(3)));
}

#[test]
fn noise_is_refused_without_harm() {
    let seed = input("wrong/all-at-once.toml");
    let good = "summary = \"Test\"\n[[grant]]\nreason = \"Test\"\nread = [\"/etc\"]\ncalls = [\"clock\"]\nlift = [\"files\"]\n";
    noise::repeat(41, |noise| {
        for text in [seed.as_bytes(), good.as_bytes()] {
            let bytes = noise.damaged(text);
            // Whatever is accepted still refuses what nobody granted.
            if let Ok(plan) = judge("noise", &String::from_utf8_lossy(&bytes)) {
                assert!(plan.capabilities.names().len() < 2 && plan.no_new_privileges);
            }
        }
    });
}
