//! The protocol of everything that the store keeps under a plan: packages, images, stages of an ISO.

use anyhow::Result;
use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::PkgName;
use ashlar_core::plan::Keyed;
use camino::Utf8PathBuf;

use super::{Record, Store, StoreEntry};
use crate::host::lock::Lock;

/// Where an output of a plan lies.
#[derive(Debug, Clone, Copy)]
pub enum OutputPlace<'a> {
    /// It is the layer of the package of this name.
    Layer(&'a PkgName),
    /// It is a file of its own.
    Artifact,
    /// Nowhere: its digest is all that is wanted.
    Recorded,
}

/// The outputs of a plan: the name in the record, and the place.
pub type Outputs<'a> = [(&'a str, OutputPlace<'a>)];

impl Store {
    /// What the store holds of a plan, which is not used by that: its record, when each of `outputs` is there with the bytes that were recorded. What is
    /// damaged is dropped, and `note` is told.
    pub fn lookup(&self, plan: &Keyed, outputs: &Outputs<'_>, note: &dyn Fn(String)) -> Result<Option<Record>> {
        let on_disk = self.has_record_file(&plan.key);
        let Some(record) = self.record(&plan.key)? else {
            if on_disk && !self.has_record_file(&plan.key) {
                note(format!("the record of {} is damaged; dropped, it will be built again", plan.label));
            }
            return Ok(None);
        };
        let mut whole = true;
        for (name, place) in outputs {
            let Some(digest) = record.outputs.get(*name) else { return Ok(None) };
            whole &= self.is_good(plan, name, *place, digest, note)?;
        }
        Ok(whole.then_some(record))
    }

    fn is_good(
        &self,
        plan: &Keyed,
        name: &str,
        place: OutputPlace<'_>,
        digest: &Digest,
        note: &dyn Fn(String),
    ) -> Result<bool> {
        let (what, path): (String, Utf8PathBuf) = match place {
            OutputPlace::Layer(package) => (format!("layer of {package}"), self.layer(package, digest)),
            OutputPlace::Artifact => (format!("file `{name}` of {}", plan.label), self.artifact(digest)),
            OutputPlace::Recorded => return Ok(true),
        };
        match self.check(&path, digest)? {
            StoreEntry::Good => Ok(true),
            StoreEntry::Missing => Ok(false),
            StoreEntry::Damaged(found) => {
                note(format!(
                    "the stored {what} is damaged (expected {}, found {}); dropped, it will be built again",
                    digest.short(),
                    found.short()
                ));
                match place {
                    OutputPlace::Layer(package) => fs_err::remove_dir_all(self.package_dir(package, digest))?,
                    OutputPlace::Artifact | OutputPlace::Recorded => fs_err::remove_file(path)?,
                }
                Ok(false)
            }
        }
    }

    /// What the store holds of a plan, else what `make` makes of it, which is then recorded. Gives the record, and whether it was
    /// made now. Of several runs one makes it, and the others wait.
    pub fn cached(
        &self,
        plan: &Keyed,
        outputs: &Outputs<'_>,
        note: &dyn Fn(String),
        make: impl FnOnce() -> Result<Record>,
    ) -> Result<(Record, bool)> {
        let stored = || -> Result<Option<(Record, bool)>> {
            let Some(record) = self.lookup(plan, outputs, note)? else { return Ok(None) };
            self.put_last(&plan.label, &plan.key)?;
            Ok(Some((record, false)))
        };
        if let Some(found) = stored()? {
            return Ok(found);
        }
        let lock = self.root().join("locks").join(plan.key.to_string());
        let _lock = Lock::take(&lock, || note(format!("another run builds {}; waiting for it", plan.label)))?;
        if let Some(found) = stored()? {
            return Ok(found);
        }
        let record = make()?;
        self.put_record(plan, &record)?;
        Ok((record, true))
    }
}
