//! `nft` of programs/nft and the original understand the same rulesets alike.
//!
//! `alike`: every file of `rulesets/nft` is loaded by each of them in a network namespace, and listed by both, as JSON and as text;
//! what is in `rulesets/nft-broken` is refused by ours, with its place. `loading`: what a load does to what was there. `traffic`: what
//! packets meet. Needs the original, and the right to make network namespaces; says so and passes where one is missing, but not
//! where `CI` is set.
#![expect(clippy::disallowed_methods, reason = "runs programs as a user does")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

mod alike;
mod loading;
mod traffic;

use std::process::Command;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

fn root() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Our program, built for this machine; what was compiled is kept.
fn ours() -> &'static Utf8Path {
    static PROGRAM: OnceLock<Utf8PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let target = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("nft");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--manifest-path"])
            .arg(root().join("programs/nft/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .unwrap();
        assert!(status.success(), "programs/nft is compiled");
        target.join("debug/nft")
    })
}

/// Files of a folder with rulesets.
fn rulesets(folder: &str) -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("rulesets").join(folder);
    let mut files: Vec<Utf8PathBuf> = folder.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no rulesets");
    files
}

/// The ruleset that the image ships.
fn shipped() -> Utf8PathBuf {
    root().join("hardening/3-network/nftables.conf")
}

/// The rulesets that are compared: the one that the image ships, and those made for it.
fn understood() -> Vec<Utf8PathBuf> {
    [vec![shipped()], rulesets("nft")].concat()
}

/// How to run a script in a network namespace of its own, or why that cannot be.
fn namespace() -> Result<Vec<&'static str>, String> {
    let version = Command::new("nft")
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // Others print some things otherwise.
    if !version.is_ok_and(|version| version.starts_with("nftables v1.0.6 ")) {
        return Err("there is no nft of nftables 1.0.6, whose output is known here".to_owned());
    }
    for unshare in [vec!["unshare", "--net"], vec!["unshare", "--net", "--map-root-user"]] {
        let tried = Command::new(unshare[0]).args(&unshare[1..]).args(["nft", "list", "ruleset"]).output();
        if tried.is_ok_and(|output| output.status.success()) {
            return Ok(unshare);
        }
    }
    Err("there is no right to make network namespaces".to_owned())
}

/// The same; `None`, with the reason, where that cannot be.
fn namespace_or_skip() -> Option<Vec<&'static str>> {
    namespace().inspect_err(|why| testkit::skipped(why)).ok()
}

/// Runs a script; `None` where that cannot be.
fn run(script: &str, directory: &Utf8Path) -> Option<()> {
    let unshare = namespace_or_skip()?;
    let status = Command::new(unshare[0])
        .args(&unshare[1..])
        .args(["sh", "-eu", "-c", script])
        .env("OURS", ours())
        .current_dir(directory)
        .status()
        .unwrap();
    assert!(status.success(), "the script ran to its end");
    Some(())
}

fn directory() -> (TempDir, Utf8PathBuf) {
    let directory = tempfile::Builder::new().prefix("ashlar-nft-").tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap().to_owned();
    (directory, path)
}
