//! Compositions of packages: container images and the ISO. Each is keyed and recorded in the store like a package.

pub mod image;
pub mod image_tools;
pub mod inventory;
pub mod iso;
pub mod policy;
pub mod root;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use ashlar_core::base::diag::Diagnostic;
use ashlar_core::base::name::PkgName;
use ashlar_core::model::hardening::{self, Hardening, Layer, Texts, apparmor, options};
use ashlar_core::model::image::Image;
use ashlar_core::model::profile::IsoProfile;
use ashlar_core::model::profile::extends::{extended, extended_one};
use ashlar_core::model::tree::{self, IMAGES, PROFILES};
use camino::Utf8Path;

use crate::host::checkout;
use crate::host::invalid::invalid;
use crate::host::repository::{self, Repository};

/// All images of the tree, valid.
pub fn images(repository: &Repository) -> Result<BTreeMap<String, Image>> {
    read(repository, "image", &IMAGES, Image::parse)?.all(repository)
}

/// All ISO profiles of the tree, valid.
pub fn profiles(repository: &Repository) -> Result<BTreeMap<String, IsoProfile>> {
    let written = written_profiles(repository)?.all(repository)?;
    extended(&written).map_err(|findings| invalid(&repository.root, &findings))
}

/// The image `name`.
pub fn image_named(repository: &Repository, name: &str) -> Result<Image> {
    read(repository, "image", &IMAGES, Image::parse)?.named(repository, "image", name)
}

/// The profile of a variant, with what that leaves out.
pub fn variant(repository: &Repository, variant: &Variant) -> Result<IsoProfile> {
    let mut profiles = written_profiles(repository)?;
    let faults = faults_below(&profiles, &variant.profile);
    if !faults.is_empty() {
        return Err(invalid(&repository.root, &faults));
    }
    let whole = extended_one(&variant.profile, &profiles.good).map_err(|found| invalid(&repository.root, &found))?;
    profiles.good.extend(whole.map(|profile| (variant.profile.clone(), profile)));
    let mut profile = profiles.named(repository, "ISO profile", &variant.profile)?;
    profile.layers_off.extend(variant.without.iter().cloned());
    Ok(profile)
}

/// The profiles of the tree as they are written.
fn written_profiles(repository: &Repository) -> Result<Documents<IsoProfile>> {
    // What is wrong with the data of the layers is told where that is rendered.
    let options = options::names(&repository.hardening_texts()?).ok();
    read(repository, "profile", &PROFILES, |text, file, packages| {
        let profile = IsoProfile::parse(text, file, packages)?;
        let unknown = options.as_ref().map(|known| profile.unknown_options(text, file, known)).unwrap_or_default();
        if unknown.is_empty() { Ok(profile) } else { Err(unknown) }
    })
}

/// What is wrong with a profile, or else with the next one below it that could not be read.
fn faults_below(profiles: &Documents<IsoProfile>, name: &str) -> Vec<Diagnostic> {
    let (mut name, mut seen) = (name, BTreeSet::new());
    while seen.insert(name) {
        match profiles.good.get(name).map(|profile| profile.extends.as_deref()) {
            Some(Some(base)) => name = base,
            Some(None) => break,
            None => return profiles.faults(name),
        }
    }
    Vec::new()
}

/// An ISO: a profile, and layers that it is built without beside those that the profile names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variant {
    /// Name of the profile's folder.
    pub profile: String,
    /// Names of layers' folders.
    pub without: Vec<String>,
}

impl Variant {
    /// The profile as it is.
    pub fn plain(profile: &str) -> Self {
        Self { profile: profile.to_owned(), without: Vec::new() }
    }

    /// In file names and in the ledger.
    pub fn name(&self) -> String {
        self.without.iter().fold(self.profile.clone(), |name, layer| format!("{name}-without-{layer}"))
    }
}

/// The documents of a kind by their names, and what is wrong with those that could not be read.
struct Documents<T> {
    good: BTreeMap<String, T>,
    findings: Vec<(String, Diagnostic)>,
}

impl<T> Documents<T> {
    /// All of them, or every finding at once.
    fn all(self, repository: &Repository) -> Result<BTreeMap<String, T>> {
        let findings: Vec<Diagnostic> = self.findings.into_iter().map(|(_, finding)| finding).collect();
        if findings.is_empty() { Ok(self.good) } else { Err(invalid(&repository.root, &findings)) }
    }

    /// What is wrong with the one of this name.
    fn faults(&self, name: &str) -> Vec<Diagnostic> {
        self.findings.iter().filter(|(other, _)| other == name).map(|(_, finding)| finding.clone()).collect()
    }

    /// The one of this name, whatever is wrong with others.
    fn named(mut self, repository: &Repository, kind: &str, name: &str) -> Result<T> {
        let own = self.faults(name);
        if !own.is_empty() {
            return Err(invalid(&repository.root, &own));
        }
        let found = self.good.remove(name);
        found.ok_or_else(|| repository::unknown(kind, name, self.good.keys().map(String::as_str)))
    }
}

/// The documents `NOUN.toml` in the folders below `places`, by the folder's name.
fn read<T>(
    repository: &Repository,
    noun: &str,
    places: &[&str],
    parse: impl Fn(&str, &Utf8Path, &BTreeSet<&str>) -> Result<T, Vec<Diagnostic>>,
) -> Result<Documents<T>> {
    let packages = repository.graph.packages().map(PkgName::as_str).chain(repository.broken.packages());
    let packages: BTreeSet<&str> = packages.collect();
    let (folders, others) = checkout::folders_of(&repository.root, places)?;
    let beside = others.into_iter().map(|finding| (String::new(), finding));
    let (mut good, mut findings, mut paths) = (BTreeMap::new(), beside.collect::<Vec<_>>(), BTreeMap::new());
    for folder in &folders {
        // With what lies beside the document, such as an overlay.
        let files = checkout::files_below(&repository.root, folder)?;
        let file = folder.join(format!("{noun}.toml"));
        let (Some(name), true) = (folder.file_name(), files.contains(file.file_name().unwrap_or_default())) else {
            continue;
        };
        let mut add = |finding| findings.push((name.to_owned(), finding));
        tree::taken(noun, name, folder, &mut paths).into_iter().for_each(&mut add);
        match parse(&checkout::read_to_string(&repository.root.join(&file))?, &file, &packages) {
            Ok(document) => drop(good.insert(name.to_owned(), document)),
            Err(found) => found.into_iter().for_each(add),
        }
    }
    Ok(Documents { good, findings })
}

/// The layers' data, rendered for a profile.
pub fn hardening(repository: &Repository, profile: &IsoProfile) -> Result<Hardening> {
    let off = layers_off(repository, profile)?;
    let texts = hardening_texts(repository, profile)?;
    Hardening::render(&texts, &off).map_err(|findings| invalid(&repository.root, &findings))
}

/// The AppArmor profiles of an ISO's services, unless it is built without their layer.
pub fn policy_sources(repository: &Repository, profile: &IsoProfile) -> Result<Option<apparmor::Sources>> {
    if layers_off(repository, profile)?.contains(&Layer::Access) {
        return Ok(None);
    }
    let sources = apparmor::Sources::of(&hardening_texts(repository, profile)?);
    sources.map(Some).map_err(|findings| invalid(&repository.root, &findings))
}

/// The layers' data, with the profile's options.
fn hardening_texts(repository: &Repository, profile: &IsoProfile) -> Result<Texts> {
    let changed = options::with_options(&repository.hardening_texts()?, &profile.options, &profile.file());
    changed.map_err(|findings| invalid(&repository.root, &findings))
}

/// The layers that a profile is built without.
fn layers_off(repository: &Repository, profile: &IsoProfile) -> Result<BTreeSet<Layer>> {
    hardening::switched_off(&profile.layers_off, &profile.file())
        .map_err(|findings| invalid(&repository.root, &findings))
}
