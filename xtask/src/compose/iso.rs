//! The ISO in five stages. The plan of each names the outputs of the stages before it; the store records the outputs under the plan's
//! key, so each stage is cached and runs alone.

mod builder;
mod medium;
mod overlay;
mod security;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::Event;
use ashlar_core::base::name::PkgName;
use ashlar_core::model::hardening::apparmor;
use ashlar_core::model::profile::IsoProfile;
use ashlar_core::plan::Keyed;
pub use ashlar_core::plan::iso::IsoBuild;
use ashlar_core::plan::iso::{MediumPlan, OverlayPlan, RootPlan, StagePlan};
use ashlar_core::plan::policy::PolicyPlan;
use ashlar_core::verify::inventory;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use self::builder::IsoBuilder;
use crate::build::session::Session;
use crate::compose::Variant;
use crate::host::repository::Repository;
use crate::host::store::Record;
use crate::host::store::cache::OutputPlace;

/// The stages in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Stage {
    /// Seed env and sysroot.
    Bootstrap,
    /// Packages of the profile.
    Packages,
    /// The root tree, with hardening data applied and checked.
    Security,
    /// The profile's own files on top; root image and initramfs.
    Overlay,
    /// Unified kernel image and medium.
    Iso,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 5] = [Self::Bootstrap, Self::Packages, Self::Security, Self::Overlay, Self::Iso];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Packages => "packages",
            Self::Security => "security",
            Self::Overlay => "overlay",
            Self::Iso => "iso",
        }
    }

    /// The name in progress lines.
    fn title(self) -> &'static str {
        match self {
            Self::Bootstrap => "Bootstrap",
            Self::Packages => "Packages",
            Self::Security => "Security",
            Self::Overlay => "Overlay",
            Self::Iso => "ISO Creation",
        }
    }

    /// Its place, from 1.
    fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// What is built before anything for the target can be linked.
const BOOTSTRAP: &[&str] = &["linux-headers", "mimalloc", "musl", "compiler-rt", "libunwind", "libcxx", "rust-std"];
/// What every ISO needs beside its root.
const BOOT: &[&str] = &["linux", "init", "systemd-stub", "grub-bios", "apparmor-parser", "apparmor-load"];

/// Builds an ISO up to and including `last`.
pub fn build(session: &Session<'_>, repository: &Repository, variant: &Variant, last: Stage) -> Result<IsoBuild> {
    let builder = IsoBuilder::new(session, repository, variant)?;
    let mut made = IsoBuild::start();
    for stage in Stage::ALL.into_iter().filter(|stage| *stage <= last) {
        let started = Instant::now();
        let fresh = builder.run(stage, &mut made).with_context(|| format!("stage {} of the ISO", stage.as_str()))?;
        session.reporter().emit(Event::Stage {
            number: stage.number(),
            of: Stage::ALL.len() as u8,
            name: stage.title().to_owned(),
            milliseconds: started.elapsed().as_millis() as u64,
            cached: !fresh,
        });
    }
    Ok(made)
}

/// The plans of an ISO's stages up to and including `last`, each as the store has it and as steps. What the last one reads is built.
pub fn plans(
    session: &Session<'_>,
    repository: &Repository,
    variant: &Variant,
    last: Stage,
) -> Result<Vec<(Stage, Keyed, Vec<String>)>> {
    let builder = IsoBuilder::new(session, repository, variant)?;
    let mut made = IsoBuild::start();
    let mut plans = Vec::new();
    for stage in Stage::ALL.into_iter().filter(|stage| *stage <= last) {
        if let Some(plan) = builder.plan(stage, &made)? {
            plans.push((stage, plan.keyed(builder.common()?), plan.steps()));
        }
        if stage < last {
            builder.run(stage, &mut made).with_context(|| format!("stage {} of the ISO", stage.as_str()))?;
        }
    }
    Ok(plans)
}

/// The plans of an ISO's stages, made of `packages`, as far as the store holds what each reads. Builds nothing.
pub fn plans_of_stored(
    session: &Session<'_>,
    repository: &Repository,
    variant: &Variant,
    packages: BTreeMap<PkgName, Digest>,
) -> Result<Vec<(Stage, Keyed)>> {
    let builder = IsoBuilder::new(session, repository, variant)?;
    let mut made = IsoBuild { packages, ..IsoBuild::start() };
    let mut plans = Vec::new();
    for stage in Stage::ALL {
        let Some(plan) = builder.plan(stage, &made)? else { continue };
        let keyed = plan.keyed(builder.common()?);
        let record = session.lookup(&keyed, &places(&plan))?;
        plans.push((stage, keyed));
        let (Some((_, keyed)), Some(record)) = (plans.last(), record) else { break };
        made.take(&plan, keyed.key, &record.outputs)?;
    }
    Ok(plans)
}

/// The packages of an ISO, and what it is started with.
pub fn packages(profile: &IsoProfile) -> Vec<PkgName> {
    let mut wanted = profile.root_names();
    wanted.extend(names(BOOT));
    wanted
}

fn places(plan: &StagePlan) -> Vec<(&'static str, OutputPlace<'static>)> {
    plan.outputs().iter().map(|name| (*name, OutputPlace::Artifact)).collect()
}

impl IsoBuilder<'_> {
    /// The plan of a stage; `None` for one that only builds packages. The outputs of the stages before it must be there.
    fn plan(&self, stage: Stage, made: &IsoBuild) -> Result<Option<StagePlan>> {
        let common = self.common()?;
        let root = self.profile.root_names();
        Ok(Some(match stage {
            Stage::Bootstrap | Stage::Packages => return Ok(None),
            Stage::Security => {
                let policy = |sources: &apparmor::Sources| -> Result<PolicyPlan> {
                    Ok(PolicyPlan::new(sources.clone(), made.input("apparmor-parser")?, made.input("apparmor-load")?))
                };
                let policy = self.policy.as_ref().map(policy).transpose()?;
                StagePlan::Root(RootPlan::new(common, made.inputs(&root)?, self.hardening.files.clone(), policy))
            }
            Stage::Overlay => {
                let layer = made.root.context("the stage security gives a root")?;
                let (packages, init) = (made.inputs(&root)?, made.input("init")?);
                let files = self.overlay_files()?;
                StagePlan::Overlay(OverlayPlan::new(common, layer, packages, init, files, inventory::FORM))
            }
            Stage::Iso => {
                let initramfs = made.overlay.context("the stage overlay gives an initramfs")?.initramfs;
                let (linux, stub, grub) = (made.input("linux")?, made.input("systemd-stub")?, made.input("grub-bios")?);
                StagePlan::Medium(MediumPlan::new(common, linux, stub, grub, initramfs))
            }
        }))
    }

    /// Runs a stage, and says whether it made anything.
    fn run(&self, stage: Stage, made: &mut IsoBuild) -> Result<bool> {
        let Some(plan) = self.plan(stage, made)? else {
            let wanted = if stage == Stage::Bootstrap { names(BOOTSTRAP) } else { packages(&self.profile) };
            let built = self.session.build(&wanted)?;
            made.packages.extend(built.iter().map(|(name, built)| (name.clone(), built.diff_id)));
            made.key = Digest::of(json!(made.packages).to_string());
            return Ok(built.values().any(|built| built.fresh));
        };
        let keyed = plan.keyed(self.common()?);
        let (record, fresh) = self.session.cached(&keyed, &places(&plan), || self.make(stage, &plan))?;
        made.take(&plan, keyed.key, &record.outputs)?;
        if let Some(medium) = made.medium {
            self.session.enforce_ledger_of(&format!("iso/{}", self.name), &keyed, medium.iso)?;
        }
        Ok(fresh)
    }

    /// Carries a plan out in an empty directory.
    fn make(&self, stage: Stage, plan: &StagePlan) -> Result<Record> {
        let started = Instant::now();
        let prefix = format!("{}-", stage.as_str());
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir_in(self.session.scratch())?;
        let dir = Utf8Path::from_path(dir.path()).context("the store's path is not UTF-8")?;
        let files = match plan {
            StagePlan::Root(plan) => security::make(self, plan, dir)?,
            StagePlan::Overlay(plan) => overlay::make(self, plan, dir)?,
            StagePlan::Medium(plan) => medium::make(self, plan, dir)?,
        };
        let publish = |(name, file): (&str, Utf8PathBuf)| -> Result<(String, Digest)> {
            Ok((name.to_owned(), self.session.store().publish_artifact(&file)?))
        };
        let outputs = files.into_iter().map(publish).collect::<Result<_>>()?;
        Ok(Record { outputs, seconds: started.elapsed().as_secs(), seed: Some(self.session.seed_name().clone()) })
    }
}

fn names(texts: &[&str]) -> Vec<PkgName> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}
