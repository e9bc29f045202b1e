//! `seed lock`: from the signed package index to a seed's lock.

use std::collections::BTreeMap;
use std::io::Read as _;

use anyhow::{Context as _, Result, anyhow, bail};
use ashlar_core::base::command::Command;
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::{Event, counted, size};
use ashlar_core::formats::archive::Limits;
use ashlar_core::model::seed::definition::Definition;
use ashlar_core::model::seed::derived::{DerivedDef, DerivedLock};
use ashlar_core::model::seed::index::{Index, ReleaseFile};
use ashlar_core::model::seed::lock::{Release, SeedLock};
use ashlar_core::model::seed::resolved::ResolvedSeed;
use ashlar_core::model::seed::{SeedDef, SeedName, freshness, resolve, signature};
use camino::{Utf8Path, Utf8PathBuf};

use crate::app::App;
use crate::cli::SeedCommand;
use crate::exit::Exit;
use crate::host::archive::Bounded;
use crate::host::fetch::Fetcher;
use crate::host::invalid::invalid;
use crate::host::mirror::{Location, Mirrors, Origin};
use crate::host::{checkout, clock, exec, seed, wheels};

/// The keys that may sign the index, relative to the repository.
const KEYRING: &str = "toolchain/keys/debian-archive-bookworm.gpg";

/// Runs a `seed` command.
pub fn run(app: &App, command: &SeedCommand) -> Result<Exit> {
    match command {
        SeedCommand::Lock { seed, check } => match seed::definition(&app.root, &seed.seed)? {
            Definition::Archive(def) => lock(app, &def, *check),
            Definition::Derived(def) => lock_derived(app, &def, *check),
        },
    }
}

fn lock(app: &App, def: &SeedDef, check: bool) -> Result<Exit> {
    let store = app.store()?;
    let mirrors = Mirrors::detect(Some(&def.snapshot))?;
    let fetcher = Fetcher::new(store.root(), mirrors, app.global.offline, &app.reporter)?;
    let path = app.root.join(def.name.lock_file());
    let old = committed(&path, &def.name)?;
    let (release, index) = signed_index(app, def, old.as_ref().map(|old| &old.release), &fetcher)?;
    let resolution = resolve::resolve(def, &index).map_err(|found| invalid(&app.root, &found))?;
    for warning in &resolution.warnings {
        app.reporter.emit(Event::Finding(warning.located(None)));
    }
    let mut new = SeedLock::new(release, resolution.packages);
    let changes = old.as_ref().map(|old| new.changes_since(old));
    changes.iter().flatten().for_each(|line| app.reporter.say(line));
    if check {
        let same = changes.is_some_and(|changes| changes.is_empty());
        let current = same && old.is_some_and(|old| old.check(def, ResolvedSeed::of(def, &old).key()).is_empty());
        return Ok(told(app, &def.name, current));
    }
    let resolved = ResolvedSeed::of(def, &new);
    let key = resolved.key();
    let tree = seed::ensure(store.root(), resolved, &fetcher)?.digest;
    new.record_tree(key, tree);
    replace(&path, &new.print(&def.name))?;
    let download: u64 = new.packages.iter().map(|package| package.size).sum();
    app.reporter.say(format!(
        "{}: {} packages, {} to download, tree {}",
        def.name.lock_file(),
        new.packages.len(),
        size(download),
        tree
    ));
    Ok(Exit::Good)
}

/// A derived seed: its packages are pinned by its base, so that the wheels are what is left.
fn lock_derived(app: &App, def: &DerivedDef, check: bool) -> Result<Exit> {
    let path = app.root.join(def.name.lock_file());
    let old = if path.exists() { DerivedLock::parse(&checkout::read_to_string(&path)?, &def.name).ok() } else { None };
    if check {
        let current = |old: &DerivedLock| -> Result<bool> {
            let Ok(pins) = old.pins(def) else { return Ok(false) };
            Ok(old.confirm(def, seed::derived(&app.root, def, &pins)?).is_ok())
        };
        return Ok(told(app, &def.name, old.as_ref().map_or(Ok(false), current)?));
    }
    let store = app.store()?;
    let mut pins = Vec::new();
    for wheel in &def.wheels {
        let pinned = old.as_ref().and_then(|old| old.pin(wheel));
        pins.push(pinned.map_or_else(|| wheels::pin(store.root(), &wheel.name, &wheel.version), Ok)?);
    }
    let resolved = seed::derived(&app.root, def, &pins)?;
    let mirrors = Mirrors::detect(Some(&resolved.snapshot))?;
    let fetcher = Fetcher::new(store.root(), mirrors, app.global.offline, &app.reporter)?;
    let tree = seed::ensure(store.root(), resolved.clone(), &fetcher)?.digest;
    replace(&path, &DerivedLock::new(&resolved, tree).print(&def.name))?;
    let wheels = counted(def.wheels.len(), "wheel");
    app.reporter.say(format!("{}: {wheels}, the packages of `{}`, tree {tree}", def.name.lock_file(), def.base));
    Ok(Exit::Good)
}

/// Says whether a lock is current, by the exit status as well.
fn told(app: &App, name: &SeedName, current: bool) -> Exit {
    let state = if current { "current".to_owned() } else { format!("out of date; run `{}`", name.lock_command()) };
    app.reporter.say(format!("{} is {state}", name.lock_file()));
    if current { Exit::Good } else { Exit::OutOfDate }
}

/// The committed lock; none when there is none or it cannot be read, since it is about to be written anyway.
fn committed(path: &Utf8Path, name: &SeedName) -> Result<Option<SeedLock>> {
    if !path.exists() {
        return Ok(None);
    }
    match SeedLock::parse(&checkout::read_to_string(path)?, name) {
        Ok(lock) => Ok(Some(lock)),
        Err(findings) => {
            findings.iter().for_each(|finding| eprint!("{}", finding.render(None)));
            Ok(None)
        }
    }
}

/// Release file and package index, once the signature was found good and the index no older than the committed one.
fn signed_index(
    app: &App,
    def: &SeedDef,
    committed: Option<&Release>,
    fetcher: &Fetcher<'_>,
) -> Result<(Release, Index)> {
    let base = format!("dists/{}", def.suite);
    let at = |mirror: &String| Location { origin: Origin::Pool, url: format!("{mirror}/{base}/InRelease") };
    let locations: Vec<Location> = fetcher.mirrors().debian().iter().map(at).collect();
    let (signed, location) = fetcher.unpinned_text(&locations).context("fetching the signed package index")?;
    let text = verified(&app.root.join(KEYRING), &signed, &def.signed_by)
        .with_context(|| format!("the signature of {} is not accepted", location.shown()))?;
    let file = ReleaseFile::parse(&text).map_err(|why| anyhow!(why))?;
    if file.codename != def.suite {
        bail!("{} is the release `{}`, not `{}`", location.shown(), file.codename, def.suite);
    }
    freshness::verify(&file, committed, clock::now()).map_err(|why| {
        Exit::Source.error(format!("the signed package index at {} is refused: {why}", location.shown()))
    })?;
    let mut packages = BTreeMap::new();
    let mut all = String::new();
    for component in &def.components {
        let name = format!("{component}/binary-{}/Packages.xz", def.arch);
        let (digest, size) = file.file(&name).with_context(|| format!("the release file does not list {name}"))?;
        let paths =
            fetcher.fetch(&[fetcher.wanted(&name, digest, Some(size), Some(&format!("{base}/{name}")), &[])])?;
        paths.iter().try_for_each(|path| read_xz(path, &mut all))?;
        packages.insert(component.clone(), digest);
    }
    let index = Index::parse(&all).map_err(|why| anyhow!(why))?;
    let inrelease = Digest::of(&signed);
    Ok((Release { suite: file.codename, version: file.version, date: file.date, inrelease, packages }, index))
}

fn read_xz(path: &Utf8PathBuf, text: &mut String) -> Result<()> {
    let file = fs_err::File::open(path)?;
    let limit = Limits::FOREIGN.stream(file.metadata()?.len());
    let decoder = liblzma::bufread::XzDecoder::new_multi_decoder(std::io::BufReader::new(file));
    Bounded::new(decoder, limit).read_to_string(text).with_context(|| format!("decompressing {path}"))?;
    text.push('\n');
    Ok(())
}

/// The text that `gpgv` found signed: only what it hands out is believed, never our own reading of the frame.
fn verified(keyring: &Utf8Path, signed: &str, allowed: &[String]) -> Result<String> {
    let dir = tempfile::tempdir().context("making a temporary directory")?;
    let dir = Utf8Path::from_path(dir.path()).context("the temporary directory's path is not UTF-8")?;
    fs_err::write(dir.join("InRelease"), signed)?;
    let gpgv = Command::new("gpgv")
        .args(["--status-fd", "1", "--keyring", keyring.as_str(), "--output", dir.join("Release").as_str()])
        .arg(dir.join("InRelease"));
    let status = exec::read(&gpgv)?;
    signature::valid_signers(&status, allowed).map_err(|why| anyhow!(why))?;
    Ok(fs_err::read_to_string(dir.join("Release"))?)
}

/// Replaces a file whole or not at all.
fn replace(path: &Utf8Path, text: &str) -> Result<()> {
    let new = Utf8PathBuf::from(format!("{path}.new"));
    fs_err::write(&new, text)?;
    Ok(fs_err::rename(new, path)?)
}
