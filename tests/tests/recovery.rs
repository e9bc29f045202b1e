//! Whatever interrupts or damages a run: the next one gives the right result, and a person is told what happened.
#![expect(clippy::disallowed_methods, reason = "mounts, kills and packs as a person would")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ashlar_core::base::digest::Digest;
use ashlar_tests::checkout::{Checkout, Ended, containers_of};
use ashlar_tests::server::{Mood, Server};
use camino::{Utf8Path, Utf8PathBuf};

/// Tests that look for the containers of the package `slow` run one after the other: they would find each other's.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn a_killed_build_leaves_nothing_that_hurts() {
    const KILLS: u32 = 10;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(checkout) = Checkout::new() else { return };
    let others = containers_of("slow");
    let expected = checkout.run(&["build-pkg", "slow"]).good();
    let started = Instant::now();
    forget_results(&checkout);
    assert_eq!(checkout.run(&["build-pkg", "slow"]).good(), expected);
    let whole = started.elapsed();
    for number in 0..KILLS {
        forget_results(&checkout);
        // One random moment in each tenth of a run.
        let chance = RandomState::new().hash_one(number) as u32;
        let moment = whole.mul_f64((f64::from(number) + f64::from(chance) / f64::from(u32::MAX)) / f64::from(KILLS));
        eprintln!("killed after {} ms of {} ms", moment.as_millis(), whole.as_millis());
        let mut run =
            checkout.command(&["build-pkg", "slow"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        run.kill().unwrap();
        run.wait().unwrap();
        let left = checkout.stored("work").iter().any(|name| !name.ends_with(".lock"));
        let texts: &[&str] = if left { &["cleared what a killed run left: "] } else { &[] };
        let next = checkout.run(&["build-pkg", "slow"]).told(0, texts);
        assert_eq!(next.stdout, expected);
        let remains: Vec<String> =
            checkout.stored("work").into_iter().filter(|name| !name.ends_with(".lock")).collect();
        assert!(remains.is_empty(), "{remains:?}");
        assert_eq!(containers_of("slow"), others);
    }
    assert!(checkout.stored("tmp").is_empty());
}

/// What of a second build is there: stores, and mounts below them.
fn second_builds(checkout: &Checkout) -> Vec<String> {
    let folder = checkout.store().join("second");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounted = mounts.lines().filter(|line| line.contains(folder.as_str())).map(str::to_owned);
    let stored = if folder.exists() { checkout.stored("second") } else { Vec::new() };
    stored.into_iter().filter(|name| !name.ends_with(".lock")).chain(mounted).collect()
}

#[test]
fn a_killed_verification_is_cleared_by_the_next_run() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(checkout) = Checkout::new() else { return };
    let others = containers_of("slow");
    // Long enough to be met in the second build, which is killed there.
    checkout.edit("slow", "sleep 0.1\nmkdir", "if [ \"$TZ\" != UTC ]; then sleep 60; fi\nmkdir");
    let mut run =
        checkout.command(&["verify-repro", "slow"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let is_building = || !second_builds(&checkout).is_empty() && containers_of("slow").len() > others.len();
    while !is_building() {
        assert!(Instant::now() < until && run.try_wait().unwrap().is_none(), "no second build was met");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Past the first build, and some way into the second.
    std::thread::sleep(Duration::from_millis(500));
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!second_builds(&checkout).is_empty());
    drop(checkout.run(&["build-pkg", "clean"]).told(0, &["cleared what a killed run left: verify-repro-"]));
    assert_eq!(second_builds(&checkout), Vec::<String>::new());
    assert_eq!(containers_of("slow"), others);
}

#[test]
fn ctrl_c_ends_the_run_and_its_containers_with_a_word() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(checkout) = Checkout::new() else { return };
    let others = containers_of("slow");
    checkout.edit("slow", "sleep 0.1\nmkdir", "sleep 60\nmkdir");
    let mut run = checkout.command(&["build-pkg", "clean", "slow"]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !checkout.store().join("logs/slow/install.log").exists() || checkout.stored("packages/clean").is_empty() {
        assert!(Instant::now() < until, "the build was not met");
        std::thread::sleep(Duration::from_millis(50));
    }
    let started = Instant::now();
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    let ended = Ended::of(run.wait_with_output().unwrap()).told(130, &[]);
    assert!(
        ended.stderr.ends_with("stopped; what was built is kept\n") && !ended.stderr.contains("error"),
        "{ended:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(9), "it ended by itself, in {:?}", started.elapsed());
    // A process that was killed is there until it has been waited for.
    let until = Instant::now() + Duration::from_secs(5);
    while containers_of("slow") != others && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(containers_of("slow"), others);
    assert!(checkout.stored("work").iter().all(|name| name.ends_with(".lock")), "{:?}", checkout.stored("work"));
    let next = checkout.run(&["build-pkg", "clean"]).told(0, &["cached clean"]);
    assert!(!next.stderr.contains("cleared"), "{}", next.stderr);
}

/// Makes the store forget what was built, so that the next run builds.
fn forget_results(checkout: &Checkout) {
    for folder in ["records", "packages", "plans", "last"] {
        fs::remove_dir_all(checkout.store().join(folder)).unwrap();
    }
}

/// A small disk; unmounted when it goes.
#[derive(Debug)]
struct Disk(Utf8PathBuf);

impl Disk {
    fn mount(at: Utf8PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        if mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "small", at.as_str()]) {
            return Some(Self(at));
        }
        testkit::skipped("mounting a small disk needs root");
        None
    }

    fn grow(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}"), self.0.as_str()]));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It may fail only where the test has failed already.
        drop(Command::new("umount").arg(&self.0).status());
    }
}

fn mount(args: &[&str]) -> bool {
    Command::new("mount").args(args).stderr(Stdio::null()).status().unwrap().success()
}

/// `size` is room for the staging tree or not even for that.
fn full_disk(size: &str) -> Option<(Checkout, Disk, Ended)> {
    let mut checkout = Checkout::new()?;
    let disk = Disk::mount(checkout.root().join("small"), size)?;
    checkout.move_store(&disk.0.join("store"));
    let help = format!("help: the disk that holds {} is full", checkout.store());
    let ended = checkout.run(&["build-pkg", "bulky"]);
    let code = ended.code.filter(|code| *code != 0).unwrap();
    let ended = ended.told(code, &[&help, "`cargo xtask gc`", "ASHLAR_STORE"]);
    Some((checkout, disk, ended))
}

#[test]
fn a_disk_that_fills_up_in_a_phase_is_named_and_room_is_enough_to_go_on() {
    let Some((checkout, disk, ended)) = full_disk("6m") else { return };
    drop(ended.told(30, &["bulky failed in `install`"]));
    disk.grow("64m");
    drop(checkout.run(&["build-pkg", "bulky"]).told(0, &["built bulky 1"]));
    assert!(checkout.stored("work").is_empty());
}

#[test]
fn a_disk_that_fills_up_while_storing_is_named_and_room_is_enough_to_go_on() {
    let Some((checkout, disk, ended)) = full_disk("16m") else { return };
    drop(ended.told(1, &["writing the layer", "No space left on device"]));
    assert!(checkout.stored("records").is_empty());
    disk.grow("64m");
    drop(checkout.run(&["build-pkg", "bulky"]).told(0, &["built bulky 1"]));
    assert_eq!(checkout.run(&["build-pkg", "bulky"]).cached(), ["bulky"]);
}

#[test]
fn bad_downloads_are_refused_and_the_next_run_goes_on() {
    let Some(mut checkout) = Checkout::new() else { return };
    drop(checkout.run(&["build-pkg", "clean"]).good());
    // The seed is unpacked; from here on nothing may come out of the shared files.
    let own = checkout.root().join("own/store");
    checkout.move_store(&own);
    fs::remove_file(own.join("distfiles")).unwrap();
    let archive = archive(checkout.root());
    let half = archive.len() / 2;
    checkout.edit("sourced", &"0".repeat(64), &Digest::of(&archive).to_string());
    let server = Server::start(archive);
    let build =
        || Ended::of(checkout.command(&["build-pkg", "sourced"]).env("ASHLAR_MIRRORS", server.url()).output().unwrap());

    server.set(Mood::Wrong);
    let texts = [
        "fetching the sources of sourced",
        "wrong bytes: expected sha256",
        "distfiles mirror http://127.0.0.1",
        "help: check the network",
    ];
    drop(build().told(20, &texts));
    assert!(checkout.stored("distfiles/sha256").is_empty(), "wrong bytes are never stored");

    server.set(Mood::Half);
    drop(build().told(20, &["sourced-1.tar (sha256 ", &format!("broke off after {half} of ")]));
    assert!(checkout.stored("distfiles/sha256").is_empty(), "half a file is not a file");
    drop(server.asked());

    server.set(Mood::Good);
    drop(build().told(0, &["fetched sourced-1.tar", "built sourced 1"]));
    assert_eq!(server.asked(), [half], "the download goes on where it broke off");

    // A byte flipped later is noticed before it is used.
    let stored = own.join("distfiles/sha256").join(&checkout.stored("distfiles/sha256")[0]);
    flip(&stored, 1000);
    checkout.edit("sourced", "[phases]", "[build.env]\nAGAIN = \"yes\"\n\n[phases]");
    drop(build().told(0, &["was damaged", "it is removed and fetched again", "same bytes as before"]));
}

/// A tar archive of one file without a pattern, made in `dir`.
fn archive(dir: &Utf8Path) -> Vec<u8> {
    let folder = dir.join("packed/sourced-1");
    fs::create_dir_all(&folder).unwrap();
    let data: Vec<u8> = (0..9000_u32).flat_map(|number| Digest::of(number.to_le_bytes()).bytes()).collect();
    fs::write(folder.join("data"), data).unwrap();
    let output = Command::new("tar").args(["-C", dir.join("packed").as_str(), "-c", "sourced-1"]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn flip(file: &Utf8Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_flipped_byte_in_a_stored_layer_is_built_again() {
    let Some(checkout) = Checkout::new() else { return };
    let first = checkout.run(&["build-pkg", "chain-app"]).good();
    let id = checkout.stored("packages/chain-lib").remove(0);
    flip(&checkout.store().join("packages/chain-lib").join(&id).join("blobs/sha256").join(&id), 600);
    let texts =
        ["the stored layer of chain-lib is damaged (expected ", "it will be built again", "same bytes as before"];
    let ended = checkout.run(&["build-pkg", "chain-app", "-v"]).told(0, &texts);
    assert_eq!((ended.built(), ended.cached()), (vec!["chain-lib"], vec!["chain-app", "chain-mid"]));
    assert_eq!(ended.stdout, first);
}

#[test]
fn a_flipped_byte_in_a_record_or_beside_it_is_built_again() {
    let Some(checkout) = Checkout::new() else { return };
    let first = checkout.run(&["build-pkg", "clean"]).good();
    let record = checkout.store().join("records").join(&checkout.stored("records")[0]);
    flip(&record, 80);
    let ended =
        checkout.run(&["build-pkg", "clean"]).told(0, &["the record of clean is damaged", "it will be built again"]);
    assert_eq!((ended.built(), ended.stdout.as_str()), (vec!["clean"], first.as_str()));
    // What only `why` reads may be damaged without stopping a build.
    for damaged in ["last/clean".to_owned(), format!("plans/{}", checkout.stored("plans")[0])] {
        flip(&checkout.store().join(damaged), 5);
        fs::remove_file(&record).unwrap();
        let ended = checkout.run(&["build-pkg", "clean"]).told(0, &["built clean 1"]);
        assert_eq!(ended.stdout, first);
        assert!(checkout.run(&["why", "clean"]).good().contains("nothing changed"));
    }
}

#[test]
fn two_runs_share_a_store() {
    let Some(checkout) = Checkout::new() else { return };
    drop(checkout.run(&["build-pkg", "clean"]).good());
    let start =
        || checkout.command(&["build-pkg", "shared"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let first = start();
    std::thread::sleep(Duration::from_millis(700));
    let second = start();
    let ended = [first, second].map(|run| Ended::of(run.wait_with_output().unwrap()).told(0, &[]));
    assert_eq!(ended[0].stdout, ended[1].stdout);
    let built: usize = ended.iter().map(|ended| ended.built().len()).sum();
    let cached: usize = ended.iter().map(|ended| ended.cached().len()).sum();
    assert_eq!((built, cached), (1, 1), "one builds, the other takes its result");
    assert!(ended.iter().any(|ended| ended.stderr.contains("another run builds shared; waiting for it")));
    assert!(checkout.stored("work").is_empty());
}
