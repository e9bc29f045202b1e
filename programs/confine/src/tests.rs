//! The shipped profiles and what they come to; wrong profiles and what is said of them; damaged ones.

use crate::plan::Plan;
use crate::plan::resolve::{Facts, resolve};
use crate::profile;
use base::findings::Source;
use testkit::golden::{assert_matches, input};

/// For profiles of tests. Shipped ones get the accounts that images have.
const FACTS: Facts<'_> = Facts {
    command: "/usr/bin/daemon",
    passwd: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/var/empty:/bin/false\n",
    group: "root:x:0:\nnogroup:x:65534:\nlog:x:7:nobody\n",
    memory: 1 << 30,
};

fn plan_of(file: &str, text: &str) -> Result<Plan, String> {
    plan_with(FACTS, file, text)
}

fn plan_with(facts: Facts<'_>, file: &str, text: &str) -> Result<Plan, String> {
    let source = Source { file, text };
    let profile = profile::read(text).map_err(|found| source.show(&found))?;
    resolve(&profile, facts).map_err(|found| source.show(&found))
}

#[test]
fn the_shipped_profiles_are_plans() {
    let Some(files) = testkit::repository::files("hardening/6-isolation") else { return };
    let account = |file: &str| testkit::repository::file(&format!("pkgs/filesystem/etc/{file}"));
    let (Some(passwd), Some(group)) = (account("passwd"), account("group")) else { return };
    let facts = Facts { passwd: &passwd, group: &group, ..FACTS };
    let profiles = files.iter().filter_map(|(name, text)| Some((name.strip_suffix(".toml")?, text)));
    let mut read = 0;
    for (name, text) in profiles.filter(|(name, _)| *name != "checks") {
        let plan = plan_with(facts, name, text).unwrap();
        assert_matches(&format!("plans/{name}"), &plan.render());
        crate::filter::compile(&plan.filter).unwrap();
        read += 1;
    }
    assert!(read >= 10, "only {read} profiles were found");
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
            "old-keys.toml",
            "summary = \"Test\"\n[[grant]]\nreason = \"Test\"\nlift = [\"files\"]\n\n[[grant]]\nreason = \"Test\"\nshare = [\"tmp\"]\n",
        ),
        (
            "user.toml",
            "summary = \"Test\"\nuser = \"nobody\"\n[[grant]]\nreason = \"Test\"\nallow = [\"new-privileges\"]\n",
        ),
    ] {
        all.push_str(&plan_of(name, text).unwrap_err());
        all.push('\n');
    }
    assert_matches("wrong/findings", &all);
}

#[test]
fn a_user_and_amounts_are_resolved() {
    let text = "summary = \"Test\"\nuser = \"nobody\"\numask = \"027\"\n[limits]\nmemory = \"50%\"\nprocesses = 3\n";
    let plan = plan_of("test.toml", text).unwrap();
    let user = plan.identity.unwrap();
    assert_eq!((user.uid, user.gid, user.groups), (65534, 65534, vec![65534, 7]));
    assert_eq!((plan.umask, plan.limits.memory, plan.limits.processes), (0o027, Some((1 << 30) / 100 * 50), Some(3)));
}

#[test]
fn fuzz_damaged_profiles_are_refused_without_harm() {
    let seed = input("wrong/all-at-once.toml");
    let good = "summary = \"Test\"\n[[grant]]\nreason = \"Test\"\nread = [\"/etc\"]\ncalls = [\"clock\"]\nallow = [\"all-files\"]\n";
    testkit::fuzz::repeat(41, crate::FUZZ_ALPHABET, |random| {
        for text in [seed.as_bytes(), good.as_bytes()] {
            let bytes = random.damaged(text);
            // Whatever is accepted still refuses what nobody granted.
            if let Ok(plan) = plan_of("damaged", &String::from_utf8_lossy(&bytes)) {
                assert!(plan.capabilities.names().len() < 2 && plan.no_new_privileges);
            }
        }
    });
}
