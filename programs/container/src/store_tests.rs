use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use super::*;
use testkit::TempDir;

fn digest() -> Digest {
    Digest::of(b"an image")
}

fn fill(root: &Path) -> Outcome<()> {
    fs::write(root.join("file"), "whole").doing_at("writing", root)
}

/// Both used the same `.partial`, and each removed the other's files.
#[test]
fn two_first_starts_at_one_moment() {
    let room = TempDir::new("at-once");
    let unpacked = AtomicU32::new(0);
    let start = || {
        let slowly = |root: &Path| {
            unpacked.fetch_add(1, Ordering::Relaxed);
            fs::create_dir(root.join("begun")).doing_at("making", root)?;
            thread::sleep(Duration::from_millis(100));
            fill(root)
        };
        let (root, _held) = Store::open(&room).unwrap().hold(&digest(), slowly).unwrap();
        assert!(root.join("begun").is_dir());
        assert_eq!(fs::read_to_string(root.join("file")).unwrap(), "whole");
    };
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(start);
        }
    });
    assert_eq!(unpacked.into_inner(), 1);
    assert_eq!(images(&room).unwrap(), [digest().hex()]);
}

/// The same if the first process fails: the next one tries itself.
#[test]
fn a_failed_start_is_not_in_the_way_of_others() {
    let room = TempDir::new("fails");
    let tries = AtomicU32::new(0);
    let start = || {
        let first_fails = |root: &Path| {
            fill(root)?;
            thread::sleep(Duration::from_millis(50));
            if tries.fetch_add(1, Ordering::Relaxed) == 0 { problem("bad layer") } else { Ok(()) }
        };
        Store::open(&room).unwrap().hold(&digest(), first_fails).map(drop)
    };
    let failed = thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        starts.into_iter().map(|start| start.join().unwrap()).filter(Result::is_err).count()
    });
    assert_eq!(failed, 1);
    assert_eq!(names(&room).unwrap(), [digest().hex()]);
}

#[test]
fn what_killed_processes_left_is_removed() {
    let room = TempDir::new("left");
    let partial = room.join(format!("{}.partial", digest().hex()));
    fs::create_dir_all(partial.join("a/b")).unwrap();
    fs::create_dir_all(room.join("other.partial/c")).unwrap();
    fs::create_dir_all(room.join(".removing/7/d")).unwrap();
    let working = Store(room.to_path_buf()).lock(digest().hex(), FlockOperation::LockExclusive).unwrap().unwrap();
    let store = Store::open(&room).unwrap();
    // The directory of a live process stays.
    assert!(partial.exists() && !room.join("other.partial").exists());
    assert_eq!(fs::read_dir(room.join(".removing")).unwrap().count(), 0);
    drop(working);
    let (root, _held) = store.hold(&digest(), fill).unwrap();
    assert!(!root.join("a").exists() && !partial.exists());
}

#[test]
fn images_are_removed_unless_used() {
    let room = TempDir::new("rmi");
    let store = Store::open(&room).unwrap();
    let nobody = || Ok(Vec::new());
    let (root, held) = store.hold(&digest(), fill).unwrap();
    assert!(store.remove(&digest(), nobody).unwrap_err().0.contains("is being started"));
    drop(held);
    assert!(store.remove(&digest(), || Ok(vec!["web".to_owned()])).unwrap_err().0.contains("used by web"));
    assert!(root.exists());
    store.remove(&digest(), nobody).unwrap();
    assert!(!root.exists() && images(&room).unwrap().is_empty());
    assert!(store.remove(&digest(), nobody).unwrap_err().0.contains("no image "));
}

/// A container can open its root, and lock it for as long as it runs.
#[test]
fn containers_cannot_hold_the_locks_of_their_images() {
    let room = TempDir::new("locks");
    let store = Store::open(&room).unwrap();
    let (root, held) = store.hold(&digest(), fill).unwrap();
    drop(held);
    let _container = claim(&root, FlockOperation::LockExclusive).unwrap().unwrap();
    let (done, came) = std::sync::mpsc::channel();
    thread::spawn(move || {
        store.hold(&digest(), fill).map(drop).unwrap();
        store.remove(&digest(), || Ok(Vec::new())).unwrap();
        done.send(()).unwrap();
    });
    came.recv_timeout(Duration::from_secs(20)).unwrap();
}
