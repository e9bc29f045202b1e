//! The Debian that `bench boot` starts: made once a day by the host's mmdebstrap, kept below the store.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ashlar_lab::reference;
use ashlar_lab::ssh;
use camino::{Utf8Path, Utf8PathBuf};

use super::{clock, exec, mirror, tools};

/// A made image.
#[derive(Debug)]
pub struct ReferenceSystem {
    /// Where its files are.
    dir: Utf8PathBuf,
    /// Whether it was made now.
    pub fresh: bool,
}

/// Seconds for which an image counts as of the same day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl ReferenceSystem {
    /// The image below `store`; made when there is none, or when it is older than a day and the network may be used.
    pub fn obtain(store: &Utf8Path, offline: bool, log: &Utf8Path) -> Result<Self> {
        let all = store.join("reference-systems");
        let dir = all.join(format!("debian-{}", reference::key().short()));
        let made = dir.join("made");
        if made.is_file() {
            let at: u64 = fs_err::read_to_string(&made)?.trim().parse().with_context(|| format!("reading {made}"))?;
            if offline || clock::now().saturating_sub(at) < DAY.as_secs() {
                return Ok(Self { dir, fresh: false });
            }
        } else if offline {
            anyhow::bail!("there is no Debian image in the store, and --offline forbids making one");
        }
        fs_err::create_dir_all(&all)?;
        // Beside its place, so that it appears there whole or not at all.
        let scratch = tempfile::Builder::new().prefix("making-").tempdir_in(&all)?;
        let scratch = Utf8Path::from_path(scratch.path()).context("the store's path is not UTF-8")?;
        exec::read(&ssh::keygen(&scratch.join("key"), "ashlar bench"))?;
        // The user ids of a container must be able to read it; the private key stays closed.
        open_to_all(scratch)?;
        let mirror = std::env::var(mirror::DEBIAN_VARIABLE).unwrap_or_default();
        let install = reference::install(scratch, &scratch.join("key.pub"), mirror.split_whitespace().next());
        exec::logged(&install, log, None)?;
        exec::logged(&reference::finish(scratch, tools::is_root()), log, None)?;
        fs_err::write(scratch.join("made"), format!("{}\n", clock::now()))?;
        if dir.exists() {
            fs_err::remove_dir_all(&dir)?;
        }
        fs_err::create_dir(&dir)?;
        for name in ["kernel", "initrd", "disk", "key", "key.pub", "made"] {
            fs_err::rename(scratch.join(name), dir.join(name))?;
        }
        Ok(Self { dir, fresh: true })
    }

    /// One of its files: `kernel`, `initrd`, `disk`, `key`.
    pub fn file(&self, name: &str) -> Utf8PathBuf {
        self.dir.join(name)
    }
}

fn open_to_all(dir: &Utf8Path) -> Result<()> {
    Ok(fs_err::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_today_is_used_and_an_old_one_too_when_offline() {
        let guard = tempfile::tempdir().unwrap();
        let store = Utf8Path::from_path(guard.path()).unwrap();
        let dir = store.join(format!("reference-systems/debian-{}", reference::key().short()));
        let log = store.join("log");
        let error = ReferenceSystem::obtain(store, true, &log).unwrap_err().to_string();
        assert!(error.contains("--offline"), "{error}");
        fs_err::create_dir_all(&dir).unwrap();
        fs_err::write(dir.join("made"), format!("{}\n", clock::now())).unwrap();
        assert!(!ReferenceSystem::obtain(store, false, &log).unwrap().fresh);
        fs_err::write(dir.join("made"), "1\n").unwrap();
        let system = ReferenceSystem::obtain(store, true, &log).unwrap();
        assert_eq!(system.file("disk"), dir.join("disk"));
    }
}
