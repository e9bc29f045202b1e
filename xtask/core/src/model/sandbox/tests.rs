//! The configuration as a whole is a snapshot; tests of their own name what must never be in it.

use super::ids::Range;
use super::*;

fn sandbox(walls: Walls) -> Sandbox {
    Sandbox {
        root: "/run/ashlar".into(),
        hostname: "ashlar".to_owned(),
        mounts: vec![Mount::input("/store/seed/usr", "/usr"), Mount::output("/store/work/zlib-1/dest", "/dest")],
        walls,
        limits: Limits { memory: Some(1 << 30) },
        group: Some("ashlar-zlib-1".to_owned()),
    }
}

fn all() -> Walls {
    Walls::All(Ids::Nobody(Range { first: 1_879_048_192, count: 65_536 }))
}

fn argv() -> Vec<String> {
    ["/usr/bin/env", "-i", "/bin/sh", "-eu", "/scripts/build"].map(str::to_owned).to_vec()
}

#[test]
fn the_whole_configuration() {
    insta::assert_snapshot!(format!("{:#}", sandbox(all()).config(&argv(), false)));
}

#[test]
fn every_bind_mount_is_without_devices_and_set_id_bits() {
    let config = sandbox(all()).config(&argv(), false);
    let mounts = config["mounts"].as_array().unwrap();
    for mount in mounts {
        let has = |option: &str| mount["options"].as_array().unwrap().iter().any(|found| found == option);
        assert!(has("nosuid"), "{mount}");
        // The runtime puts its own few devices into these.
        let devices = ["/dev", "/dev/pts"].iter().any(|place| mount["destination"] == *place);
        assert!(has("nodev") || devices, "{mount}");
    }
    assert_eq!(mounts.iter().filter(|mount| mount["type"] == "bind").count(), 2);
}

#[test]
fn nobody_on_the_host_is_anybody_inside() {
    for ids in [
        Ids::Nobody(ids::of_build("x", "0 0 4294967295", "0 0 4294967295").unwrap()),
        Ids::Nobody(ids::of_build("x", "0 100000 65536", "0 100000 65536").unwrap()),
    ] {
        for (_, host, _) in ids.mappings().concat() {
            assert_ne!(host, 0, "root of the host must not be in the namespace");
        }
    }
}

#[test]
fn without_groups_nothing_is_asked_of_them() {
    let config = Sandbox { group: None, limits: Limits::without_groups(), ..sandbox(all()) }.config(&argv(), true);
    assert!(config["linux"].get("resources").is_none() && config["linux"].get("cgroupsPath").is_none());
    assert_eq!(config["process"]["rlimits"][0]["type"], "RLIMIT_NPROC");
}

#[test]
fn calls_are_named_once() {
    let filter = calls::filter();
    let mut names: Vec<&str> = Vec::new();
    for rule in filter["syscalls"].as_array().unwrap() {
        let conditional = rule.get("args").is_some();
        for name in rule["names"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            // `socket` has one rule a family. A call with and without conditions would lose its conditions.
            assert!(!names.contains(&name) || (conditional && name == "socket"), "{name}");
            names.push(name);
        }
    }
    for never in ["unshare", "setns", "mount", "keyctl", "bpf", "ptrace", "io_uring_setup", "userfaultfd", "kexec_load"]
    {
        let rule = filter["syscalls"]
            .as_array()
            .unwrap()
            .iter()
            .find(|rule| rule["names"].as_array().unwrap().contains(&json!(never)));
        assert_eq!(rule.unwrap()["action"], "SCMP_ACT_ERRNO", "{never}");
    }
    assert!(!names.contains(&"clone3"));
}
