//! The content-addressed store: what was built, by input key and by digest. It holds nothing that cannot be made again.
//!
//! ```text
//! distfiles/sha256/<hex>               sources as fetched            (host/fetch.rs)
//! seed/<lock key>/                     the unpacked seed env         (host/seed.rs)
//! records/<input key>.json             what a build made: package names and diff ids, with a checksum
//! plans/<input key>.json               the plan that was hashed, for `why`
//! packages/<name>/<diff id>/           OCI layout of one package, and manifest.json
//! artifacts/<digest>                   files that are not packages: initramfs, ISO
//! logs/<package>/<phase>.log           of the last build
//! stamps.json                          files that were hashed and not written since; saves time only
//! work/<id>/, tmp/                     running or kept builds; files on their way to their place
//! second/<id>/                         the store of a running `verify-repro`
//! ```
//! Entries appear by rename, so a reader sees all of one or nothing. Each entry is verified when it is read; a damaged one is dropped.

pub mod cache;
mod stamps;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::PkgName;
use ashlar_core::model::seed::SeedName;
use ashlar_core::plan::Keyed;
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use self::stamps::Stamps;
use super::{exec, hash};

/// What one build made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Name and digest of every output.
    pub outputs: BTreeMap<String, Digest>,
    /// How long the build took, for reports.
    pub seconds: u64,
    /// The seed in whose env it was made; absent when no program of a seed had a part in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<SeedName>,
}

/// A store on disk.
#[derive(Debug, Clone)]
pub struct Store {
    root: Utf8PathBuf,
    stamps: Arc<Stamps>,
}

/// The disk that holds the store is full.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the disk that holds {store} is full")]
pub struct DiskFull {
    /// The store's directory.
    pub store: Utf8PathBuf,
}

/// Whether a store entry is what its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEntry {
    /// Present, and its bytes have the expected digest.
    Good,
    /// Not there.
    Missing,
    /// There, with other bytes.
    Damaged(Digest),
}

impl Store {
    /// Opens the store, creating it when needed.
    pub fn open(root: &Utf8Path) -> Result<Self> {
        for folder in [
            "distfiles/sha256",
            "records",
            "plans",
            "packages",
            "artifacts",
            "logs",
            "work",
            "tmp",
            "locks",
            "last",
            "second",
        ] {
            fs_err::create_dir_all(root.join(folder))
                .context("the store cannot be created; set ASHLAR_STORE to a writable directory")?;
        }
        let root = root.canonicalize_utf8().with_context(|| format!("resolving {root}"))?;
        let stamps = Arc::new(Stamps::open(root.join("stamps.json")));
        Ok(Self { root, stamps })
    }

    /// Where the store lives: `$ASHLAR_STORE`, else `ashlar` in the user's cache directory.
    pub fn default_root() -> Result<Utf8PathBuf> {
        let from = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Utf8PathBuf::from);
        from("ASHLAR_STORE")
            .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("ashlar")))
            .or_else(|| from("HOME").map(|dir| dir.join(".cache/ashlar")))
            .context("neither ASHLAR_STORE nor HOME is set; set ASHLAR_STORE to a directory with 15 GB of room")
    }

    /// The store's directory.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// Where `verify-repro` puts the stores of second builds, each for the time of its run.
    pub fn second_stores(&self) -> Utf8PathBuf {
        self.root.join("second")
    }

    /// The log directory of a package.
    pub fn logs(&self, package: &PkgName) -> Utf8PathBuf {
        self.root.join("logs").join(package.as_str())
    }

    /// The layer file of a package.
    pub fn layer(&self, package: &PkgName, diff_id: &Digest) -> Utf8PathBuf {
        self.package_dir(package, diff_id).join("blobs/sha256").join(diff_id.to_string())
    }

    /// The OCI layout of a package.
    pub fn package_dir(&self, package: &PkgName, diff_id: &Digest) -> Utf8PathBuf {
        self.root.join("packages").join(package.as_str()).join(diff_id.to_string())
    }

    /// The file of an artifact.
    pub fn artifact(&self, digest: &Digest) -> Utf8PathBuf {
        self.root.join("artifacts").join(digest.to_string())
    }

    /// Whether there is a file for the record of an input key, intact or not.
    pub fn has_record_file(&self, key: &Digest) -> bool {
        self.record_path(key).exists()
    }

    /// The record of an input key. A record whose checksum is wrong is removed and counts as absent.
    pub fn record(&self, key: &Digest) -> Result<Option<Record>> {
        let path = self.record_path(key);
        let text = match fs_err::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => String::new(),
            Err(error) => return Err(error.into()),
        };
        let intact = text.split_once('\n').filter(|(sum, body)| *sum == Digest::of(body).to_string());
        let record = intact.and_then(|(_, body)| serde_json::from_str(body).ok());
        if record.is_none() {
            fs_err::remove_file(&path)?;
        }
        Ok(record)
    }

    /// Writes the record of an input key, and the plan's text for `why`.
    pub fn put_record(&self, plan: &Keyed, record: &Record) -> Result<()> {
        let Keyed { label, key, text } = plan;
        let body = serde_json::to_string_pretty(record)?;
        self.write_atomic(&self.root.join("plans").join(format!("{key}.json")), text.as_bytes())?;
        self.write_atomic(&self.record_path(key), format!("{}\n{body}", Digest::of(&body)).as_bytes())?;
        self.put_last(label, key)
    }

    /// Notes which key of `label` was used last, for `why` and `gc`.
    pub fn put_last(&self, label: &str, key: &Digest) -> Result<()> {
        let path = self.root.join("last").join(label);
        let text = key.to_string();
        if read_if_there(&path)?.is_some_and(|bytes| bytes == text.as_bytes()) {
            return Ok(());
        }
        self.write_atomic(&path, text.as_bytes())
    }

    /// The key that `label` was last built from or found under. A damaged one counts as absent.
    pub fn last_key(&self, label: &str) -> Result<Option<Digest>> {
        let text = read_if_there(&self.root.join("last").join(label))?.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| text.trim().parse().ok()))
    }

    /// Key and plan text that `label` was last built from or found under. Damaged ones count as absent: they only explain.
    pub fn last_plan(&self, label: &str) -> Result<Option<(Digest, String)>> {
        let Some(key) = self.last_key(label)? else { return Ok(None) };
        let plan = read_if_there(&self.root.join("plans").join(format!("{key}.json")))?;
        let plan = plan.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(plan.filter(|plan| Digest::of(plan) == key).map(|plan| (key, plan)))
    }

    /// Adds to an error that the store's disk is full, when that is its reason.
    pub fn explain_full(&self, error: anyhow::Error) -> anyhow::Error {
        if exec::met_full_disk(&error) || exec::disk_full(&self.root) {
            error.context(DiskFull { store: self.root.clone() })
        } else {
            error
        }
    }

    /// Checks a file against the digest it is stored under. One that had it before and was not written since is not read again.
    pub fn check(&self, path: &Utf8Path, expected: &Digest) -> Result<StoreEntry> {
        if self.stamps.hold(path, expected) {
            return Ok(StoreEntry::Good);
        }
        match hash::of_file(path).map(|(digest, _)| digest) {
            Ok(found) if found == *expected => {
                self.stamps.note(path, found);
                Ok(StoreEntry::Good)
            }
            Ok(found) => Ok(StoreEntry::Damaged(found)),
            Err(error) if !path.exists() => {
                drop(error);
                Ok(StoreEntry::Missing)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a file by rename, synced to disk first.
    pub fn write_atomic(&self, path: &Utf8Path, bytes: &[u8]) -> Result<()> {
        let parent = path.parent().unwrap_or(&self.root);
        // Readable for others, as far as the umask allows: an ISO may be built by root and started by somebody else.
        let readable = std::fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new()
            .permissions(readable)
            .tempfile_in(parent)
            .with_context(|| format!("writing {path}"))?;
        std::io::Write::write_all(&mut file, bytes).with_context(|| format!("writing {path}"))?;
        file.as_file().sync_data().with_context(|| format!("writing {path}"))?;
        file.persist(path).with_context(|| format!("writing {path}"))?;
        Ok(())
    }

    /// Moves a finished directory into its place. When another run was first, theirs stays: both hold the same bytes.
    pub fn publish_dir(&self, from: &Utf8Path, to: &Utf8Path) -> Result<()> {
        if let Some(parent) = to.parent() {
            fs_err::create_dir_all(parent)?;
        }
        match fs_err::rename(from, to) {
            Ok(()) => Ok(()),
            Err(_) if to.exists() => Ok(fs_err::remove_dir_all(from)?),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves a finished file into `artifacts` under its digest.
    pub fn publish_artifact(&self, from: &Utf8Path) -> Result<Digest> {
        fs_err::File::open(from)?.sync_data()?;
        let (digest, _) = hash::of_file(from)?;
        fs_err::rename(from, self.artifact(&digest))?;
        Ok(digest)
    }

    fn record_path(&self, key: &Digest) -> Utf8PathBuf {
        self.root.join("records").join(format!("{key}.json"))
    }
}

fn read_if_there(path: &Utf8Path) -> Result<Option<Vec<u8>>> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Copies a directory of plain files.
pub fn copy_dir(from: &Utf8Path, to: &Utf8Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(entry.path(), &target)?;
        } else {
            fs_err::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Utf8Path::from_path(dir.path()).unwrap()).unwrap();
        (dir, store)
    }

    fn record() -> Record {
        Record { outputs: [("a".to_owned(), Digest::of("x"))].into(), seconds: 3, seed: None }
    }

    #[test]
    fn records_come_back_and_any_flipped_byte_is_noticed() {
        let (_dir, store) = store();
        let key = Digest::of("plan");
        assert_eq!(store.record(&key).unwrap(), None);
        store.put_record(&Keyed::new("a".to_owned(), "plan".to_owned()), &record()).unwrap();
        let path = store.record_path(&key);
        let good = fs_err::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x80;
            fs_err::write(&path, &bad).unwrap();
            assert_eq!(store.record(&key).unwrap(), None, "byte {at}");
            assert!(!path.exists());
        }
        fs_err::write(&path, &good).unwrap();
        assert_eq!(store.record(&key).unwrap(), Some(record()));
        assert_eq!(store.last_plan("a").unwrap(), Some((key, "plan".to_owned())));
    }

    #[test]
    fn artifacts_are_checked_against_their_name() {
        let (_dir, store) = store();
        let file = store.root().join("work/x");
        fs_err::write(&file, "bytes").unwrap();
        let digest = store.publish_artifact(&file).unwrap();
        let path = store.artifact(&digest);
        assert_eq!(store.check(&path, &digest).unwrap(), StoreEntry::Good);
        fs_err::write(&path, "bytez").unwrap();
        assert_eq!(store.check(&path, &digest).unwrap(), StoreEntry::Damaged(Digest::of("bytez")));
        fs_err::remove_file(&path).unwrap();
        assert_eq!(store.check(&path, &digest).unwrap(), StoreEntry::Missing);
    }

    #[test]
    fn the_first_of_two_publishers_wins() {
        let (_dir, store) = store();
        let place = store.root().join("packages/p/d");
        for name in ["one", "two"] {
            let from = store.root().join("work").join(name);
            fs_err::create_dir_all(&from).unwrap();
            fs_err::write(from.join("f"), name).unwrap();
            store.publish_dir(&from, &place).unwrap();
            assert!(!from.exists());
        }
        assert_eq!(fs_err::read_to_string(place.join("f")).unwrap(), "one");
    }
}
