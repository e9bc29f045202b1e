//! Crates of crates.io: fetched by cargo's own client, kept by hash, unpacked as a vendor directory.
//!
//! cargo runs with the user's own configuration, so a configured registry mirror is used without being known here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::command::Command;
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::counted;
use ashlar_core::plan::PlannedCrate;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use tar::EntryType;

use super::beneath::Beneath;
use super::{archive, exec, hash};
use crate::exit::Exit;

/// Makes sure that the distfiles of `store` hold all `wanted` crates.
///
/// Looked for in the store, then in cargo's cache, then fetched by cargo.
///
/// # Errors
/// Every crate that could not be had, or has another checksum than pinned; or cargo's own error.
pub fn ensure(store: &Utf8Path, wanted: &[PlannedCrate], offline: bool) -> Result<()> {
    let distfiles = store.join("distfiles/sha256");
    fs_err::create_dir_all(&distfiles)?;
    let mut missing = Vec::new();
    for krate in wanted {
        if !stored(&distfiles, &krate.sha256)? {
            missing.push(krate);
        }
    }
    let mut refused = Vec::new();
    let home = cargo_home()?;
    missing = adopt(&distfiles, &home, missing, &mut refused)?;
    if !missing.is_empty() && !offline {
        let all: Vec<&PlannedCrate> = wanted.iter().collect();
        cargo_fetch(&all)?;
        missing = adopt(&distfiles, &home, missing, &mut refused)?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|krate| format!("{} {}", krate.name, krate.version)).collect();
    let mut message = format!("{} could not be fetched: {}", counted(names.len(), "crate"), names.join(", "));
    refused.sort();
    refused.dedup();
    refused.iter().for_each(|line| message.push_str(&format!("\n  {line}")));
    let help = if offline {
        "  they are not in the store, and `--offline` forbids downloads"
    } else {
        "help: check the checksums in Cargo.lock, or the recipe's `crate`"
    };
    Err(Exit::Source.error(format!("{message}\n{help}")))
}

/// Fetches a crate whose checksum is not known yet into the distfiles of `store`, for a person to pin. Gives its checksum.
///
/// # Errors
/// cargo's own error, or when what it fetched is not in its cache.
pub fn pin(store: &Utf8Path, name: &str, version: &str) -> Result<Digest> {
    let dir = tempfile::tempdir().context("making a temporary directory")?;
    let dir = Utf8Path::from_path(dir.path()).context("the temporary directory's path is not UTF-8")?;
    // The placeholder is not written: without a lock, cargo asks the registry.
    let krate = PlannedCrate { name: name.to_owned(), version: version.to_owned(), sha256: Digest::of("") };
    fetch_by_cargo(dir, &manifest(&[&krate]))?;
    let cache = cargo_home()?.join("registry/cache");
    let mut found = None;
    for registry in cache.read_dir_utf8()? {
        let file = registry?.into_path().join(format!("{name}-{version}.crate"));
        if file.exists() {
            found = Some(fs_err::read(&file)?);
        }
    }
    let bytes = found.with_context(|| format!("cargo fetched {name} {version}, but it is not in {cache}"))?;
    let distfiles = store.join("distfiles/sha256");
    fs_err::create_dir_all(&distfiles)?;
    let digest = Digest::of(&bytes);
    fs_err::write(distfiles.join(digest.to_string()), bytes)?;
    Ok(digest)
}

/// The newest version of a crate that its registry has.
///
/// # Errors
/// cargo's own error, or when it names no version.
pub fn newest(name: &str) -> Result<String> {
    let dir = tempfile::tempdir().context("making a temporary directory")?;
    let dir = Utf8Path::from_path(dir.path()).context("the temporary directory's path is not UTF-8")?;
    // In the checkout, cargo would name the version that the lock has.
    let info = Command::new(cargo()).args(["info", "--quiet", name]).cwd(dir);
    let text = exec::read(&info).map_err(|error| Exit::Source.error(format!("asking for {name}: {error:#}")))?;
    let version = text.lines().find_map(|line| line.strip_prefix("version: "));
    let version = version.and_then(|rest| rest.split_whitespace().next());
    version.map(str::to_owned).with_context(|| format!("`cargo info {name}` names no version"))
}

/// Unpacks a `.crate` file to `<vendor>/<name>-<version>`, with the checksum file that cargo asks for.
///
/// # Errors
/// When the file is malformed or has entries outside of that folder.
pub fn unpack_crate(file: &Utf8Path, name: &str, version: &str, sha256: &Digest, vendor: &Utf8Path) -> Result<()> {
    let folder = format!("{name}-{version}");
    let mut dest = Beneath::make(vendor)?;
    archive::read(file, &format!("{folder}.crate"), |path, entry| {
        let inside = path.components().all(|part| matches!(part, Utf8Component::Normal(_)));
        if !inside || !path.starts_with(&folder) {
            bail!("it is outside of {folder}");
        }
        // cargo packs files only: whatever else is there has no place in a crate.
        match entry.header().entry_type() {
            EntryType::Directory => return Ok(()),
            EntryType::Regular => {}
            other => bail!("it is not a file ({other:?})"),
        }
        let executable = entry.header().mode()? & 0o100 != 0;
        let mut out = dest.create(path)?;
        std::io::copy(entry, &mut out)?;
        let mode = rustix::fs::Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
        Ok(rustix::fs::fchmod(&out, mode)?)
    })?;
    let checksums = serde_json::json!({ "files": {}, "package": sha256 });
    let mut out = dest.create(&Utf8Path::new(&folder).join(".cargo-checksum.json"))?;
    Ok(out.write_all(checksums.to_string().as_bytes())?)
}

/// Whether the store has a file with that hash; a damaged one is removed.
fn stored(distfiles: &Utf8Path, sha256: &Digest) -> Result<bool> {
    let path = distfiles.join(sha256.to_string());
    if !path.exists() {
        return Ok(false);
    }
    if hash::of_file(&path)?.0 == *sha256 {
        return Ok(true);
    }
    fs_err::remove_file(&path)?;
    Ok(false)
}

/// Copies crates out of cargo's cache into the store. Gives those that are not there; `refused` tells of wrong ones.
fn adopt<'a>(
    distfiles: &Utf8Path,
    home: &Utf8Path,
    missing: Vec<&'a PlannedCrate>,
    refused: &mut Vec<String>,
) -> Result<Vec<&'a PlannedCrate>> {
    let cache = home.join("registry/cache");
    let mut registries = Vec::new();
    if !missing.is_empty() && cache.exists() {
        for entry in cache.read_dir_utf8()? {
            registries.push(entry?.into_path());
        }
        registries.sort();
    }
    let mut left = Vec::new();
    'crates: for krate in missing {
        for registry in &registries {
            let file = registry.join(format!("{}-{}.crate", krate.name, krate.version));
            if !file.exists() {
                continue;
            }
            let bytes = fs_err::read(&file)?;
            let found = Digest::of(&bytes);
            if found == krate.sha256 {
                let new =
                    tempfile::NamedTempFile::new_in(distfiles).with_context(|| format!("writing into {distfiles}"))?;
                fs_err::write(new.path(), &bytes)?;
                new.persist(distfiles.join(found.to_string())).with_context(|| format!("storing {file}"))?;
                continue 'crates;
            }
            let (name, version, expected) = (&krate.name, &krate.version, krate.sha256);
            refused.push(format!("{name} {version}: pinned is sha256 {expected}, the registry's has {found}"));
        }
        left.push(krate);
    }
    Ok(left)
}

/// Lets cargo fetch exactly these versions, by way of a package that depends on all of them.
///
/// The lock that pins them may belong to a workspace we have no manifest of, such as that of Rust's standard library; a
/// made-up manifest with exact versions serves all cases. The checksums are compared by the caller.
fn cargo_fetch(wanted: &[&PlannedCrate]) -> Result<()> {
    let dir = tempfile::tempdir().context("making a temporary directory")?;
    let dir = Utf8Path::from_path(dir.path()).context("the temporary directory's path is not UTF-8")?;
    fs_err::write(dir.join("Cargo.lock"), lock(wanted))?;
    fetch_by_cargo(dir, &manifest(wanted))
}

/// Runs `cargo fetch` in `dir` for a made-up package.
fn fetch_by_cargo(dir: &Utf8Path, manifest: &str) -> Result<()> {
    fs_err::write(dir.join("Cargo.toml"), manifest)?;
    fs_err::create_dir(dir.join("src"))?;
    fs_err::write(dir.join("src/lib.rs"), "")?;
    let fetch = Command::new(cargo()).args(["fetch", "--quiet"]).cwd(dir);
    exec::read(&fetch).map(drop).map_err(|error| Exit::Source.error(format!("fetching crates by cargo: {error:#}")))
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn manifest(wanted: &[&PlannedCrate]) -> String {
    let mut out =
        String::from("[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[dependencies]\n");
    for (number, krate) in wanted.iter().enumerate() {
        // Several versions of one crate need several names.
        let _infallible = writeln!(
            out,
            "c{number} = {{ package = \"{}\", version = \"={}\", default-features = false }}",
            krate.name, krate.version
        );
    }
    out
}

/// A lock that pins the same versions, so that withdrawn ones are still found; cargo completes the rest.
fn lock(wanted: &[&PlannedCrate]) -> String {
    let mut out = String::from("version = 4\n");
    for krate in wanted {
        let _infallible = write!(
            out,
            "\n[[package]]\nname = \"{}\"\nversion = \"{}\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
             checksum = \"{}\"\n",
            krate.name, krate.version, krate.sha256
        );
    }
    out
}

fn cargo_home() -> Result<Utf8PathBuf> {
    let from: BTreeMap<&str, String> =
        ["CARGO_HOME", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?))).collect();
    match (from.get("CARGO_HOME"), from.get("HOME")) {
        (Some(home), _) => Ok(home.into()),
        (None, Some(home)) => Ok(Utf8Path::new(home).join(".cargo")),
        (None, None) => bail!("neither CARGO_HOME nor HOME is set: cargo's cache cannot be found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(name: &str, content: &[u8]) -> PlannedCrate {
        PlannedCrate { name: name.into(), version: "1.0.0".into(), sha256: Digest::of(content) }
    }

    fn crate_file(entries: &[(&str, tar::EntryType)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, kind) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o600);
            header.set_size(0);
            header.set_cksum();
            tar.append(&header, std::io::empty()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(entries: &[(&str, tar::EntryType)]) -> (tempfile::TempDir, Result<()>) {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap();
        let bytes = crate_file(entries);
        fs_err::write(dir.join("x.crate"), &bytes).unwrap();
        let result = unpack_crate(&dir.join("x.crate"), "x", "1.0.0", &Digest::of(&bytes), &dir.join("vendor"));
        (guard, result)
    }

    #[test]
    fn unpacks_as_cargo_wants_it() {
        let (guard, result) = unpacked(&[("x-1.0.0/src/lib.rs", tar::EntryType::Regular)]);
        result.unwrap();
        let folder = guard.path().join("vendor/x-1.0.0");
        assert!(folder.join("src/lib.rs").is_file());
        let text = fs_err::read_to_string(folder.join(".cargo-checksum.json")).unwrap();
        assert!(text.starts_with("{\"files\":{},\"package\":\"") && text.len() == 23 + 64 + 2, "{text}");
    }

    #[test]
    fn refuses_entries_outside_of_the_crate() {
        for (name, kind, why) in [
            ("x-1.0.0/../evil", tar::EntryType::Regular, "outside of x-1.0.0"),
            ("y/lib.rs", tar::EntryType::Regular, "outside of x-1.0.0"),
            ("x-1.0.0/link", tar::EntryType::Symlink, "is not a file"),
        ] {
            let error = format!("{:#}", unpacked(&[(name, kind)]).1.unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn adopts_only_what_is_pinned() {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap();
        let cache = dir.join("registry/cache/index");
        fs_err::create_dir_all(&cache).unwrap();
        fs_err::write(cache.join("good-1.0.0.crate"), "good").unwrap();
        fs_err::write(cache.join("bad-1.0.0.crate"), "evil").unwrap();
        let crates = [planned("good", b"good"), planned("bad", b"bad"), planned("none", b"none")];
        let mut refused = Vec::new();
        let left = adopt(dir, dir, crates.iter().collect(), &mut refused).unwrap();
        assert_eq!(left, [&crates[1], &crates[2]]);
        assert!(refused[0].starts_with("bad 1.0.0: pinned is sha256"), "{refused:?}");
        assert!(stored(dir, &Digest::of("good")).unwrap());
        fs_err::write(dir.join(Digest::of("good").to_string()), "flipped").unwrap();
        assert!(!stored(dir, &Digest::of("good")).unwrap());
    }

    #[test]
    fn offline_names_what_is_missing() {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap();
        let error = ensure(dir, &[planned("no-such-crate-anywhere", b"?")], true).unwrap_err().to_string();
        assert!(error.contains("1 crate could not be fetched: no-such-crate-anywhere 1.0.0"), "{error}");
        assert!(error.contains("--offline"), "{error}");
    }

    #[test]
    fn the_made_up_package_takes_two_versions_of_one_crate() {
        let (a, mut b) = (planned("x", b"1"), planned("x", b"2"));
        b.version = "2.0.0".into();
        let text = manifest(&[&a, &b]);
        assert!(
            text.contains("c0 = { package = \"x\", version = \"=1.0.0\", default-features = false }\nc1 = {"),
            "{text}"
        );
        assert_eq!(lock(&[&a, &b]).matches("[[package]]").count(), 2);
    }
}
