//! The ISO in stages. The plan of each names the outputs of the stages before it; the store records the outputs under the plan's
//! key, so each stage is cached and runs alone.

mod builder;
mod medium;
mod overlay;
mod security;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::Event;
use ashlar_core::base::name::PkgName;
use ashlar_core::model::profile::IsoProfile;
use ashlar_core::plan::Keyed;
pub use ashlar_core::plan::iso::IsoBuild;
use ashlar_core::plan::iso::StagePlan;
use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum as _;
use serde_json::json;

use self::builder::{IsoBuilder, Planned};
use crate::build::session::Session;
use crate::compose::Variant;
use crate::host::repository::Repository;
use crate::host::store::Record;
use crate::host::store::cache::OutputPlace;

/// The stages in their order, with their names on the command line. [`Stage::entry`] has the work of each.
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

/// What a stage does.
enum Work {
    /// It builds packages of the profile.
    Build(fn(&IsoProfile) -> Vec<PkgName>),
    /// It carries out a plan, made of what the stages before it gave.
    Plan(fn(&IsoBuilder<'_>, &IsoBuild) -> Result<Box<dyn Planned>>),
}

impl Stage {
    /// All stages.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The name in progress lines, and the work.
    fn entry(self) -> (&'static str, Work) {
        match self {
            Self::Bootstrap => ("Bootstrap", Work::Build(|_| names(BOOTSTRAP))),
            Self::Packages => ("Packages", Work::Build(packages)),
            Self::Security => ("Security", Work::Plan(security::plan)),
            Self::Overlay => ("Overlay", Work::Plan(overlay::plan)),
            Self::Iso => ("ISO Creation", Work::Plan(medium::plan)),
        }
    }

    /// Its place, from 1.
    fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// The name on the command line.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| f.write_str(value.get_name()))
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
    for &stage in Stage::all().iter().filter(|stage| **stage <= last) {
        let started = Instant::now();
        let fresh = builder.run(stage, &mut made).with_context(|| format!("stage {stage} of the ISO"))?;
        session.reporter().emit(Event::Stage {
            number: stage.number(),
            of: Stage::all().len() as u8,
            name: stage.entry().0.to_owned(),
            milliseconds: started.elapsed().as_millis() as u64,
            cached: !fresh,
        });
    }
    Ok(made)
}

/// Writes the medium of an ISO that was built to `output`, with its unified kernel image signed by `sign`.
pub fn signed(
    session: &Session<'_>,
    repository: &Repository,
    variant: &Variant,
    made: &IsoBuild,
    sign: &dyn Fn(&[u8]) -> Result<Vec<u8>>,
    output: &Utf8Path,
) -> Result<()> {
    let builder = IsoBuilder::new(session, repository, variant)?;
    let dir = tempfile::Builder::new().prefix("signed-").tempdir_in(session.scratch())?;
    let dir = Utf8Path::from_path(dir.path()).context("the store's path is not UTF-8")?;
    let iso = medium::signed(&builder, made, dir, sign)?;
    if let Some(parent) = output.parent() {
        fs_err::create_dir_all(parent)?;
    }
    session.store().write_atomic(output, &fs_err::read(&iso)?)
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
    for &stage in Stage::all().iter().filter(|stage| **stage <= last) {
        if let Some(planned) = builder.plan(stage, &made)? {
            let plan = planned.plan();
            plans.push((stage, plan.keyed(builder.common()?), plan.steps()));
        }
        if stage < last {
            builder.run(stage, &mut made).with_context(|| format!("stage {stage} of the ISO"))?;
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
    for &stage in Stage::all() {
        let Some(planned) = builder.plan(stage, &made)? else { continue };
        let plan = planned.plan();
        let keyed = plan.keyed(builder.common()?);
        let record = session.lookup(&keyed, &places(plan))?;
        plans.push((stage, keyed));
        let (Some((_, keyed)), Some(record)) = (plans.last(), record) else { break };
        made.take(plan, keyed.key, &record.outputs)?;
    }
    Ok(plans)
}

/// The packages of an ISO, and what it is started with.
pub fn packages(profile: &IsoProfile) -> Vec<PkgName> {
    let mut wanted = profile.root_names();
    wanted.extend(names(BOOT));
    wanted
}

fn places(plan: &dyn StagePlan) -> Vec<(&'static str, OutputPlace<'static>)> {
    plan.outputs().iter().map(|name| (*name, OutputPlace::Artifact)).collect()
}

impl IsoBuilder<'_> {
    /// The plan of a stage; `None` for one that only builds packages. The outputs of the stages before it must be there.
    fn plan(&self, stage: Stage, made: &IsoBuild) -> Result<Option<Box<dyn Planned>>> {
        match stage.entry().1 {
            Work::Build(_) => Ok(None),
            Work::Plan(plan) => plan(self, made).map(Some),
        }
    }

    /// Runs a stage, and says whether it made anything.
    fn run(&self, stage: Stage, made: &mut IsoBuild) -> Result<bool> {
        let planned = match stage.entry().1 {
            Work::Build(wanted) => return self.build(&wanted(&self.profile), made),
            Work::Plan(plan) => plan(self, made)?,
        };
        let plan = planned.plan();
        let keyed = plan.keyed(self.common()?);
        let (record, fresh) = self.session.cached(&keyed, &places(plan), || self.make(stage, &*planned))?;
        made.take(plan, keyed.key, &record.outputs)?;
        if let Ok(iso) = made.output("iso") {
            self.session.enforce_ledger_of(&format!("iso/{}", self.name), &keyed, iso)?;
        }
        Ok(fresh)
    }

    fn build(&self, wanted: &[PkgName], made: &mut IsoBuild) -> Result<bool> {
        let built = self.session.build(wanted)?;
        made.packages.extend(built.iter().map(|(name, built)| (name.clone(), built.diff_id)));
        made.key = Digest::of(json!(made.packages).to_string());
        Ok(built.values().any(|built| built.fresh))
    }

    /// Carries a plan out in an empty directory.
    fn make(&self, stage: Stage, planned: &dyn Planned) -> Result<Record> {
        let started = Instant::now();
        let prefix = format!("{stage}-");
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir_in(self.session.scratch())?;
        let dir = Utf8Path::from_path(dir.path()).context("the store's path is not UTF-8")?;
        let files = planned.make(self, dir)?;
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
