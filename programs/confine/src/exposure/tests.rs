//! Readers on real and damaged texts; the table; scores.

use super::facts::{self, Facts, Profile};
use super::score::{self, Service, Verdict};
use crate::profile::Accepted;
use testkit::golden::{assert_matches, input};

/// A process from captured texts: `confined` is chronyd under its profile, `init` is process 1.
fn sample(name: &str) -> Facts {
    let text = |file: &str| input(&format!("proc/{name}.{file}"));
    Facts {
        pid: 100,
        status: facts::status(&text("status")).unwrap(),
        profile: facts::apparmor(&text("apparmor")),
        own_namespaces: text("own-namespaces").split_whitespace().map(str::to_owned).collect(),
        root: "/".into(),
        mounts: facts::mounts(&text("mountinfo")),
        mounts_of_init: facts::mounts(&input("proc/init.mountinfo")),
        core_limit: facts::limit(&text("limits"), "Max core file size"),
        memory_is_limited: name == "confined",
        processes_are_limited: name == "confined",
        has_network_sockets: false,
    }
}

#[test]
fn the_table_is_as_documented() {
    assert_matches("table", &score::explain());
    let mut ids: Vec<&str> = super::table::TABLE.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), super::table::TABLE.len());
}

#[test]
fn every_capability_weighs_in_exactly_one_row() {
    let full = sample("init");
    for bit in 0..crate::capability::COUNT {
        let mut one = full.clone();
        one.status.permitted.0 = 1 << bit;
        one.status.bounding.0 = 1 << bit;
        let rows = score::score(&one, &[]).lacking.iter().filter(|(id, _)| id.starts_with("cap-")).count();
        assert_eq!(rows, 1, "capability {bit}");
    }
}

#[test]
fn process_1_has_everything_and_a_confined_daemon_little() {
    let services = ["confined", "init"].map(|name| Service {
        name: name.to_owned(),
        processes: vec![score::score(&sample(name), &[])],
        accepted: None,
    });
    assert_matches("scores", &score::table(&services, 3.0, true));
    assert_matches("scores.json", &score::json(&services, 3.0));
    assert_eq!(services.map(|service| service.verdict(3.0)), [Verdict::Within, Verdict::Above]);
}

#[test]
fn an_exception_counts_up_to_its_score() {
    let mut service =
        Service { name: "init".into(), processes: vec![score::score(&sample("init"), &[])], accepted: None };
    for (accepted, want) in [(10.0, Verdict::Accepted), (4.0, Verdict::Above)] {
        service.accepted = Some(Accepted { accepted, reason: "Test".into() });
        assert_eq!(service.verdict(3.0), want);
    }
}

#[test]
fn taking_anything_away_never_makes_it_worse() {
    let full = sample("init");
    let before = score::score(&full, &[]).points;
    let weaker: [fn(&mut Facts); 8] = [
        |facts| facts.status.no_new_privileges = true,
        |facts| facts.status.seccomp = 2,
        |facts| facts.status.uids = [7; 4],
        |facts| facts.status.bounding.0 = 0,
        |facts| facts.profile = Profile::Enforced("x".into()),
        |facts| facts.own_namespaces.push("net".into()),
        |facts| facts.memory_is_limited = true,
        |facts| facts.core_limit = Some(0),
    ];
    for change in weaker {
        let mut facts = full.clone();
        change(&mut facts);
        assert!(score::score(&facts, &[]).points <= before);
    }
}

#[test]
fn an_empty_root_directory_hides_files_from_who_cannot_leave_it() {
    let mut facts = sample("init");
    (facts.root, facts.mounts) = ("/var/empty".into(), Vec::new());
    let files = [
        "system-read-only",
        "etc-read-only",
        "settings-read-only",
        "proc-subset",
        "homes-hidden",
        "own-tmp",
        "own-devices",
    ];
    let seen = |facts: &Facts| score::score(facts, &[]).lacking.iter().filter(|(id, _)| files.contains(id)).count();
    assert_ne!(seen(&facts), 0);
    (facts.status.uids, facts.status.no_new_privileges, facts.status.permitted.0) = ([68; 4], true, 0);
    assert_eq!(seen(&facts), 0);
}

#[test]
fn labels_of_apparmor() {
    for (text, want) in [
        ("unconfined\n", Profile::None),
        ("", Profile::None),
        ("sshd (enforce)\n", Profile::Enforced("sshd".into())),
        ("/usr/bin/sshd//session (enforce)", Profile::Enforced("/usr/bin/sshd//session".into())),
        ("a (b) (complain)\n", Profile::Weak("a (b)".into())),
        ("a//&b (unconfined)", Profile::Weak("a//&b".into())),
        ("strange", Profile::Weak("strange".into())),
    ] {
        assert_eq!(facts::apparmor(text), want, "{text:?}");
    }
}

#[test]
fn groups_limits_sockets() {
    assert_eq!(facts::control_group("0::/openrc.sshd/user\n"), Some("openrc.sshd/user"));
    assert_eq!(facts::control_group("0::/\n"), None);
    for (group, service) in
        [("openrc.sshd/user", Some("sshd")), ("openrc.net.eth0", Some("net.eth0")), ("openrc.", None), ("a", None)]
    {
        assert_eq!(facts::service_of(group), service);
    }
    let limits = "Limit  Soft Limit  Hard Limit  Units\nMax core file size        0      unlimited   bytes\nMax open files    unlimited 5 files\n";
    assert_eq!(facts::limit(limits, "Max core file size"), Some(0));
    assert_eq!(facts::limit(limits, "Max open files"), None);
    let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0\n";
    assert_eq!(facts::socket_numbers(tcp, 9), [1234]);
    assert_eq!(facts::socket_number("socket:[1234]"), Some(1234));
    assert_eq!(facts::socket_number("pipe:[1234]"), None);
}

#[test]
fn fuzz_damaged_texts_give_nothing_and_no_panic() {
    let texts: Vec<String> =
        ["init.status", "confined.status", "confined.mountinfo", "init.limits", "confined.apparmor"]
            .iter()
            .map(|file| input(&format!("proc/{file}")))
            .collect();
    testkit::fuzz::repeat(43, crate::FUZZ_ALPHABET, |random| {
        for text in &texts {
            let damaged = String::from_utf8_lossy(&random.damaged(text.as_bytes())).into_owned();
            let _status = facts::status(&damaged);
            let mounts = facts::mounts(&damaged);
            let _mount = facts::mount_of(&mounts, "/proc/sys");
            let _label = facts::apparmor(&damaged);
            let _limit = facts::limit(&damaged, "Max core file size");
            let _numbers = (facts::socket_numbers(&damaged, 9), facts::socket_number(&damaged));
            let _service = facts::control_group(&damaged).and_then(facts::service_of);
        }
    });
}
