//! What the stages of an ISO make.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::PkgName;
use ashlar_core::plan::Input;
use ashlar_core::plan::iso::StagePlan;

use crate::host::store::Record;

/// What the stages of an ISO made, as far as they ran.
#[derive(Debug, Clone)]
pub struct IsoBuild {
    /// Input key of the last stage that ran.
    pub key: Digest,
    /// Packages, by their diff ids.
    pub packages: BTreeMap<PkgName, Digest>,
    /// The layer of the root.
    pub root: Option<Digest>,
    /// Files of the stage `overlay`.
    pub overlay: Option<Overlay>,
    /// Files of the stage `iso`.
    pub medium: Option<Medium>,
}

/// What the stage `overlay` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlay {
    /// The initramfs, with the image of the root in it.
    pub initramfs: Digest,
    /// The text about what the image holds and opens.
    pub inventory: Digest,
}

/// What the stage `iso` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// The unified kernel image.
    pub uki: Digest,
    /// The ISO.
    pub iso: Digest,
}

impl IsoBuild {
    /// Nothing yet.
    pub fn start() -> Self {
        Self { key: Digest::of(""), packages: BTreeMap::new(), root: None, overlay: None, medium: None }
    }

    /// A package that was built, by what it is.
    pub fn input(&self, name: &PkgName) -> Result<Input> {
        let diff_id = *self.packages.get(name).with_context(|| format!("{name} was not built"))?;
        Ok(Input { name: name.clone(), diff_id })
    }

    /// Packages that were built, in their order.
    pub fn inputs(&self, names: &[PkgName]) -> Result<Vec<Input>> {
        names.iter().map(|name| self.input(name)).collect()
    }

    /// A package that a stage needs beside those of the root.
    pub fn boot(&self, name: &str) -> Result<Input> {
        self.input(&name.parse()?)
    }

    /// Takes over what a stage made.
    pub fn take(&mut self, plan: &StagePlan, key: Digest, record: &Record) -> Result<()> {
        let output =
            |name: &str| record.outputs.get(name).copied().with_context(|| format!("no `{name}` was recorded"));
        self.key = key;
        match plan {
            StagePlan::Root(_) => self.root = Some(output("root")?),
            StagePlan::Overlay(_) => {
                self.overlay = Some(Overlay { initramfs: output("initramfs")?, inventory: output("inventory")? });
            }
            StagePlan::Medium(_) => self.medium = Some(Medium { uki: output("uki")?, iso: output("iso")? }),
        }
        Ok(())
    }

    /// The files that were made, from the inside out, with their names.
    pub fn files(&self) -> Vec<(&'static str, Digest)> {
        let mut files: Vec<_> = self.root.map(|root| ("root", root)).into_iter().collect();
        if let Some(overlay) = self.overlay {
            files.extend([("inventory", overlay.inventory), ("initramfs", overlay.initramfs)]);
        }
        if let Some(medium) = self.medium {
            files.extend([("unified image", medium.uki), ("iso", medium.iso)]);
        }
        files
    }
}
