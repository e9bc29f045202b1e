//! Graders that run on this host or are sent to the machine: fetched once, pinned by hash, kept below the store.
//!
//! ```text
//! <store>/graders/<name>-<hash of what is pinned>/     an environment of Python; `made` is written last
//! ```
//! They evaluate outputs and never shape one.

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::model::seed::SeedName;
use ashlar_lab::grade::{lynis, ssh_audit};
use camino::{Utf8Path, Utf8PathBuf};

use super::fetch::{FetchEvents, Fetcher};
use super::lock::Lock;
use super::mirror::Mirrors;
use super::{pip, seed};

/// Lynis's archive, from the store or Debian's pool; `None` when it is not in the store and must not be fetched.
///
/// # Errors
/// When it could not be had, or has other bytes than pinned.
pub fn lynis(root: &Utf8Path, store: &Utf8Path, offline: bool, events: &dyn FetchEvents) -> Result<Option<Vec<u8>>> {
    let snapshot = seed::archive(root, &SeedName::default())?.snapshot;
    let fetcher = Fetcher::new(store, Mirrors::detect(Some(&snapshot))?, offline, events)?;
    let sha256: Digest = lynis::SHA256.parse()?;
    if offline && !fetcher.verify(&sha256)? {
        return Ok(None);
    }
    let label = format!("lynis {}", lynis::VERSION);
    let paths = fetcher.fetch(&[fetcher.wanted(&label, sha256, None, Some(lynis::POOL), &[])])?;
    let path = paths.first().context("fetching gives a path for each file")?;
    Ok(Some(fs_err::read(path)?))
}

/// The program of ssh-audit, installed by pip from its index by hash; `None` when it is not in the store and must not be fetched.
///
/// # Errors
/// When it could not be installed, for whatever reason.
pub fn ssh_audit(store: &Utf8Path, offline: bool, events: &dyn FetchEvents) -> Result<Option<Utf8PathBuf>> {
    let graders = store.join("graders");
    let dir = graders.join(format!("ssh-audit-{}", Digest::of(ssh_audit::REQUIREMENTS).short()));
    let program = dir.join("bin/ssh-audit");
    fs_err::create_dir_all(&graders)?;
    let waiting = || events.note("another run installs graders; waiting for it");
    let _held = Lock::take(&graders.join("lock"), waiting)?;
    if dir.join("made").is_file() {
        return Ok(Some(program));
    }
    if offline {
        return Ok(None);
    }
    // In its place from the start: the environment's programs name it. What a killed run left is not whole.
    if dir.exists() {
        fs_err::remove_dir_all(&dir)?;
    }
    let pip = pip::install(&dir)?;
    let requirements = dir.join("requirements.txt");
    fs_err::write(&requirements, ssh_audit::REQUIREMENTS)?;
    pip::run(&pip, &["install", "--require-hashes", "--only-binary", ":all:"], &requirements)
        .context("installing ssh-audit")?;
    fs_err::write(dir.join("made"), "")?;
    Ok(Some(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl FetchEvents for Silent {
        fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
        fn note(&self, _: &str) {}
        fn done(&self, _: &str, _: u64) {}
    }

    #[test]
    fn what_is_there_is_used_and_offline_fetches_nothing() {
        let guard = tempfile::tempdir().unwrap();
        let store = Utf8Path::from_path(guard.path()).unwrap();
        let reporter = Silent;
        assert_eq!(ssh_audit(store, true, &reporter).unwrap(), None);
        let repository = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        assert_eq!(lynis(repository, store, true, &reporter).unwrap(), None);
        let dir = store.join(format!("graders/ssh-audit-{}", Digest::of(ssh_audit::REQUIREMENTS).short()));
        fs_err::create_dir_all(&dir).unwrap();
        fs_err::write(dir.join("made"), "").unwrap();
        assert_eq!(ssh_audit(store, true, &reporter).unwrap(), Some(dir.join("bin/ssh-audit")));
    }

    #[test]
    fn the_pins_are_hashes() {
        assert!(lynis::SHA256.parse::<Digest>().is_ok());
        let (_, hash) = ssh_audit::REQUIREMENTS.trim().rsplit_once("sha256:").unwrap();
        assert!(hash.parse::<Digest>().is_ok());
        assert!(ssh_audit::REQUIREMENTS.starts_with(&format!("ssh-audit=={} ", ssh_audit::VERSION)));
    }
}
