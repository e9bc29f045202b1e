//! Plans of stages: their texts and steps, and that every input is in the key.

use super::*;
use crate::model::hardening::RootFile;
use crate::model::profile::IsoProfile;
use crate::plan::policy::PolicyPlan;

fn input(name: &str) -> Input {
    Input { name: name.parse().unwrap(), diff_id: Digest::of(name) }
}

fn profile() -> IsoProfile {
    IsoProfile {
        version: "1".to_owned(),
        root: vec!["busybox".to_owned()],
        modes: [("etc/secret".to_owned(), "0600".to_owned())].into(),
        cmdline: vec!["quiet".to_owned(), "lockdown=integrity".to_owned()],
        foreign_services: vec!["elsewhere".to_owned()],
        ..IsoProfile::default()
    }
}

fn plans(common: Common<'_>) -> [Box<dyn StagePlan>; 3] {
    let file = RootFile { text: "kernel.dmesg_restrict = 1\n".to_owned(), mode: 0o644 };
    let sources = crate::model::hardening::apparmor::Sources {
        profiles: [("web".into(), "profile web /usr/bin/web {}\n".to_owned())].into(),
        features: "caps {}\n".to_owned(),
        refusals: String::new(),
    };
    let policy = PolicyPlan::new(sources, input("apparmor-parser"), input("apparmor-load"));
    let root = vec![input("busybox")];
    let files = [("etc/sysctl.conf".to_owned(), file)].into();
    let overlay = [("etc/motd".to_owned(), Digest::of("welcome"))].into();
    [
        Box::new(RootPlan::new(common, root.clone(), files, Some(policy))),
        Box::new(OverlayPlan::new(common, Digest::of("root"), root, input("init"), overlay, 1)),
        Box::new(MediumPlan::new(
            common,
            input("linux"),
            input("systemd-stub"),
            input("grub-bios"),
            Digest::of("initramfs"),
        )),
    ]
}

#[test]
fn plans_and_steps_are_pinned() {
    let profile = profile();
    let common = Common { variant: "tiny", name: "tiny", profile: &profile, seed: Digest::of("seed") };
    for plan in plans(common) {
        let keyed = plan.keyed(common);
        let text = format!("{}\nkey {}\n{}\n\n{}", keyed.label, keyed.key, keyed.text, plan.steps().join("\n"));
        insta::assert_snapshot!(keyed.label.replace('.', "-"), text);
    }
}

#[test]
fn a_variant_has_labels_of_its_own() {
    let profile = profile();
    let plain = Common { variant: "tiny", name: "tiny", profile: &profile, seed: Digest::of("seed") };
    let without = Common { variant: "tiny-without-4-ssh", ..plain };
    for (plan, other) in plans(plain).iter().zip(plans(without)) {
        assert_eq!(plan.keyed(plain).key, other.keyed(without).key);
        assert_ne!(plan.keyed(plain).label, other.keyed(without).label);
    }
}

#[test]
fn every_input_is_in_the_key() {
    let profile = profile();
    let common = Common { variant: "tiny", name: "tiny", profile: &profile, seed: Digest::of("seed") };
    let others = [
        IsoProfile { cmdline: vec!["quiet".to_owned()], ..profile.clone() },
        IsoProfile { modes: BTreeMap::new(), ..profile.clone() },
        IsoProfile { foreign_services: Vec::new(), ..profile.clone() },
        IsoProfile { version: "2".to_owned(), ..profile.clone() },
    ];
    let keys = |common: Common<'_>| plans(common).map(|plan| plan.keyed(common).key);
    for other in &others {
        assert_ne!(keys(common), keys(Common { profile: other, ..common }), "{other:?}");
    }
    let other = keys(Common { seed: Digest::of("another"), ..common });
    assert!(keys(common).iter().zip(other).all(|(a, b)| *a != b));
}

#[test]
fn what_a_stage_made_is_taken_over_by_name() {
    let profile = profile();
    let common = Common { variant: "tiny", name: "tiny", profile: &profile, seed: Digest::of("seed") };
    let mut made = IsoBuild::start();
    for plan in plans(common) {
        let outputs: BTreeMap<String, Digest> =
            plan.outputs().iter().map(|name| ((*name).to_owned(), Digest::of(name))).collect();
        let last = plan.outputs()[0];
        let mut fewer = outputs.clone();
        fewer.remove(last);
        assert_eq!(made.clone().take(&*plan, Digest::of("k"), &fewer), Err(Missing::Output(last)));
        made.take(&*plan, plan.keyed(common).key, &outputs).unwrap();
        assert_eq!(made.key, plan.keyed(common).key);
    }
    let names: Vec<&str> = made.files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["root", "inventory", "initramfs", "uki", "iso"]);
    assert_eq!(made.output("uki"), Ok(Digest::of("uki")));
    assert_eq!(made.output("none"), Err(Missing::Output("none")));
    assert_eq!(made.input("busybox").unwrap_err().to_string(), "busybox was not built");
}
