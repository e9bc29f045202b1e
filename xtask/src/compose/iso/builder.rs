//! Inputs that the stages of an ISO share.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::model::hardening::{Hardening, apparmor};
use ashlar_core::model::profile::IsoProfile;
use ashlar_core::plan::Input;
use ashlar_core::plan::iso::{Common, StagePlan};
use camino::{Utf8Path, Utf8PathBuf};

use crate::build::session::Session;
use crate::compose::{self, Variant};
use crate::host::repository::Repository;
use crate::host::{checkout, tree};

/// Plans the stages of one ISO and runs them.
pub struct IsoBuilder<'a> {
    pub session: &'a Session<'a>,
    pub repository: &'a Repository,
    pub variant: &'a Variant,
    /// The name of the ISO.
    pub name: String,
    pub profile: IsoProfile,
    pub hardening: Hardening,
    /// None when AppArmor's layer is off.
    pub policy: Option<apparmor::Sources>,
}

impl<'a> IsoBuilder<'a> {
    /// Reads and renders what the variant is made of.
    pub fn new(session: &'a Session<'a>, repository: &'a Repository, variant: &'a Variant) -> Result<Self> {
        let profile = compose::variant(repository, variant)?;
        let hardening = compose::hardening(repository, &profile)?;
        let policy = compose::policy_sources(repository, &profile)?;
        Ok(Self { session, repository, variant, name: variant.name(), profile, hardening, policy })
    }

    /// What the plans of all stages have.
    pub fn common(&self) -> Result<Common<'_>> {
        let seed = self.session.seed()?.digest;
        Ok(Common { variant: &self.name, name: &self.variant.profile, profile: &self.profile, seed })
    }

    /// One file of a stored package, from its verified layer.
    pub fn file_of(&self, input: &Input, path: &str) -> Result<Vec<u8>> {
        tree::read_file(&self.session.store().layer(&input.name, &input.diff_id), input.diff_id, path)
            .with_context(|| format!("reading {path} of {}", input.name))
    }

    /// The files of the overlay, as paths in the checkout by their paths in the root: those of the profiles that are extended,
    /// and over them the profile's own.
    pub fn overlay(&self) -> Result<BTreeMap<String, Utf8PathBuf>> {
        let mut overlay = BTreeMap::new();
        for folder in self.profile.folders.iter().map(|folder| folder.join("overlay")) {
            if self.repository.root.join(&folder).exists() {
                let files = checkout::files_below(&self.repository.root, &folder)?;
                overlay.extend(files.into_iter().map(|path| (path.clone(), folder.join(path))));
            }
        }
        Ok(overlay)
    }

    /// Every file of the overlay, with its digest.
    pub fn overlay_files(&self) -> Result<BTreeMap<String, Digest>> {
        let digest = |path: &Utf8PathBuf| -> Result<Digest> {
            Ok(Digest::of(checkout::read(&self.repository.root.join(path))?))
        };
        self.overlay()?.into_iter().map(|(path, file)| Ok((path, digest(&file)?))).collect()
    }
}

/// What a stage made: the name in the record, and the file.
pub type Files = Vec<(&'static str, Utf8PathBuf)>;

/// A plan and what carries it out.
pub trait Planned {
    /// The plan.
    fn plan(&self) -> &dyn StagePlan;

    /// Carries it out in the empty directory `dir`.
    fn make(&self, builder: &IsoBuilder<'_>, dir: &Utf8Path) -> Result<Files>;
}

/// A plan, and the function of its stage that carries it out.
pub struct WithMaker<P> {
    pub plan: P,
    pub make: fn(&IsoBuilder<'_>, &P, &Utf8Path) -> Result<Files>,
}

impl<P: StagePlan> Planned for WithMaker<P> {
    fn plan(&self) -> &dyn StagePlan {
        &self.plan
    }

    fn make(&self, builder: &IsoBuilder<'_>, dir: &Utf8Path) -> Result<Files> {
        (self.make)(builder, &self.plan, dir)
    }
}
