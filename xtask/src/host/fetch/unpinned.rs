//! Files whose hash is not known beforehand: new versions, signed indexes, and what a location really has.

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::digest::Digest;

use super::request::{Failure, Wanted};
use super::{Fetcher, download, guard, shown};
use crate::host::mirror::Location;

impl Fetcher<'_> {
    /// Fetches a file whose hash is not known yet into the store, for a person to pin. Gives its hash and the location.
    ///
    /// # Errors
    /// When offline, or when no location has it; every reason is listed.
    pub fn pin(&self, label: &str, locations: &[Location]) -> Result<(Digest, Location)> {
        if self.offline {
            bail!("`--offline` forbids downloads: the hash of {label} cannot be found out")
        }
        let (file, digest, location) = self.unpinned_file(label, locations)?;
        file.persist(self.path(&digest)).with_context(|| format!("storing {label}"))?;
        Ok((digest, location))
    }

    /// A file whose hash is not known beforehand, with its hash and the location that had it.
    ///
    /// # Errors
    /// When offline, or when no location has it; every reason is listed.
    pub fn unpinned_file(
        &self,
        label: &str,
        locations: &[Location],
    ) -> Result<(tempfile::NamedTempFile, Digest, Location)> {
        let Some(client) = &self.client else { bail!("`--offline` forbids downloads, and {label} is not kept") };
        let folder = self.distfiles.join("partial");
        let mut reasons = String::new();
        for location in locations {
            let mut file =
                tempfile::NamedTempFile::new_in(&folder).with_context(|| format!("writing into {folder}"))?;
            match download::unpinned(client, location, self.limits.file, file.as_file_mut()) {
                Ok(digest) => return Ok((file, digest, location.clone())),
                Err(Failure::Local(error)) => return Err(error.context(format!("fetching {label}"))),
                Err(Failure::Location(why) | Failure::WrongBytes(why) | Failure::Unreachable(why)) => {
                    reasons.push_str(&format!("\n  {}: {why}", shown(location)))
                }
            }
        }
        bail!("{label} could not be fetched{reasons}")
    }

    /// Fetches a file from each of its locations and drops it: the place, and why it has not the right bytes, if so.
    ///
    /// # Errors
    /// When offline, or the disk's error.
    pub fn probe(&self, wanted: &Wanted) -> Result<Vec<(String, Option<String>)>> {
        let Some(client) = &self.client else { bail!("`--offline` forbids to ask locations for what they have") };
        let folder = self.distfiles.join("partial");
        let mut answers = Vec::new();
        for location in &wanted.locations {
            let host = download::host(&location.url);
            let known = guard(&self.unreachable).get(&host).cloned();
            let mut file =
                tempfile::NamedTempFile::new_in(&folder).with_context(|| format!("writing into {folder}"))?;
            let found = match known {
                Some(reason) => Err(Failure::Location(format!("{reason} (not asked again)"))),
                None => download::unpinned(client, location, self.limits.file, file.as_file_mut()),
            };
            let fault = match found {
                Ok(digest) if digest == wanted.sha256 => None,
                Ok(digest) => Some(format!("wrong bytes: sha256 {digest}")),
                Err(Failure::Local(error)) => return Err(error.context(format!("fetching {}", wanted.label))),
                Err(Failure::Unreachable(reason)) => {
                    guard(&self.unreachable).insert(host, reason.clone());
                    Some(reason)
                }
                Err(Failure::Location(why) | Failure::WrongBytes(why)) => Some(why),
            };
            answers.push((shown(location), fault));
        }
        Ok(answers)
    }

    /// Why no location has a file, asked for without its bytes; nothing when one has.
    ///
    /// # Errors
    /// When offline.
    pub fn absent(&self, locations: &[Location]) -> Result<Option<String>> {
        let Some(client) = &self.client else { bail!("`--offline` forbids to ask") };
        let mut reason = "it has no location here".to_owned();
        for location in locations {
            match download::head(client, location) {
                Ok(()) => return Ok(None),
                Err(why) => reason = why,
            }
        }
        Ok(Some(reason))
    }

    /// The text of a file whose hash is not known yet: for signed files only. Gives the location that answered.
    ///
    /// # Errors
    /// When offline, or when no location answers; every reason is listed.
    pub fn unpinned_text(&self, locations: &[Location]) -> Result<(String, Location)> {
        let Some(client) = &self.client else {
            bail!("`--offline` forbids downloads, and this file is not pinned by a hash")
        };
        let mut reasons = String::new();
        for location in locations {
            match download::text(client, location) {
                Ok(text) => return Ok((text, location.clone())),
                Err(reason) => reasons.push_str(&format!("\n  {}: {reason}", shown(location))),
            }
        }
        bail!("no location answered{reasons}")
    }
}
