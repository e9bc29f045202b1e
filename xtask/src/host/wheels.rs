//! Wheels of the Python package index: fetched by pip, kept by hash, and what a seed takes of them.
//!
//! pip runs with the user's own configuration, so a configured mirror of the index is used without being known here.

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::formats::archive::Limits;
use ashlar_core::model::seed::resolved::PinnedWheel;
use camino::{Utf8Path, Utf8PathBuf};
use zip::ZipArchive;

use super::archive::Bounded;
use super::deb::Unpacker;
use super::{hash, pip};
use crate::exit::Exit;

/// The distfiles of all `wanted` wheels, in order.
///
/// # Errors
/// pip's own error, or when a wheel has another hash than pinned.
pub fn ensure(store: &Utf8Path, wanted: &[PinnedWheel], offline: bool) -> Result<Vec<Utf8PathBuf>> {
    let mut files = Vec::new();
    for wheel in wanted {
        let PinnedWheel { name, version, sha256, .. } = wheel;
        let file = store.join("distfiles/sha256").join(sha256.to_string());
        if !file.exists() || hash::of_file(&file)?.0 != *sha256 {
            if offline {
                let message =
                    format!("the wheel {name} {version} is not in the store, and `--offline` forbids downloads");
                return Err(Exit::Source.error(message));
            }
            fetch(store, &format!("{name}=={version} --hash=sha256:{sha256}"))?;
        }
        files.push(file);
    }
    Ok(files)
}

/// Fetches a wheel whose hash is not known yet, for a person to pin. Gives its hash.
///
/// # Errors
/// pip's own error.
pub fn pin(store: &Utf8Path, name: &str, version: &str) -> Result<Digest> {
    fetch(store, &format!("{name}=={version}"))
}

/// Fetches one wheel for this machine into the distfiles; gives its hash.
fn fetch(store: &Utf8Path, requirement: &str) -> Result<Digest> {
    let dir = tempfile::tempdir_in(store.join("tmp")).context("making a temporary directory")?;
    let dir = Utf8Path::from_path(dir.path()).context("the temporary directory's path is not UTF-8")?;
    let pip = pip::install(&dir.join("pip"))?;
    fs_err::write(dir.join("requirements.txt"), requirement)?;
    let (requirements, wheels) = (dir.join("requirements.txt"), dir.join("wheels"));
    pip::run(&pip, &["download", "--no-deps", "--only-binary", ":all:", "--dest", wheels.as_str()], &requirements)
        .map_err(|error| Exit::Source.error(format!("fetching {requirement} by pip: {error:#}")))?;
    let mut found = wheels.read_dir_utf8()?;
    let file = found.next().with_context(|| format!("pip fetched no wheel for {requirement}"))??.into_path();
    let (digest, _) = hash::of_file(&file)?;
    fs_err::create_dir_all(store.join("distfiles/sha256"))?;
    fs_err::rename(&file, store.join("distfiles/sha256").join(digest.to_string()))?;
    Ok(digest)
}

/// Unpacks the members that a seed takes of a wheel.
///
/// # Errors
/// When the file is malformed, lacks a member, or a member is larger than any archive's content may be.
pub fn unpack(unpacker: &Unpacker<'_>, wheel: &PinnedWheel, file: &Utf8Path) -> Result<()> {
    let work = || -> Result<()> {
        let source = fs_err::File::open(file)?;
        let length = source.metadata()?.len();
        let mut archive = ZipArchive::new(std::io::BufReader::new(source))?;
        for (member, place) in &wheel.files {
            let content = archive.by_name(member).with_context(|| format!("it has no readable member `{member}`"))?;
            unpacker.add(
                &format!("the wheel {}", wheel.name),
                place,
                &mut Bounded::new(content, Limits::FOREIGN.stream(length)),
            )?;
        }
        Ok(())
    };
    work().with_context(|| format!("unpacking the wheel {} {} ({file})", wheel.name, wheel.version))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn wheel(member: &str) -> PinnedWheel {
        let files = [(member.to_owned(), "usr/bin/tool".to_owned())].into();
        PinnedWheel { name: "w".into(), version: "1".into(), sha256: Digest::of("w"), files }
    }

    #[test]
    fn a_member_becomes_an_executable() {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap();
        let mut zip = zip::ZipWriter::new(fs_err::File::create(dir.join("w.whl")).unwrap());
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file("w/tool", stored).unwrap();
        zip.write_all(b"tool").unwrap();
        zip.finish().unwrap();
        fs_err::create_dir(dir.join("tree")).unwrap();
        let root = dir.join("tree");
        let unpacker = Unpacker::new(&root, &[]);
        unpack(&unpacker, &wheel("w/tool"), &dir.join("w.whl")).unwrap();
        let twice = format!("{:#}", unpack(&unpacker, &wheel("w/tool"), &dir.join("w.whl")).unwrap_err());
        assert!(twice.contains("usr/bin/tool exists already"), "{twice}");
        let missing = format!("{:#}", unpack(&unpacker, &wheel("w/other"), &dir.join("w.whl")).unwrap_err());
        assert!(missing.contains("no readable member `w/other`"), "{missing}");
        let text = unpacker.finish().unwrap().print();
        assert!(text.contains(&format!("f 755 {} 4 usr/bin/tool", Digest::of("tool"))), "{text}");
        fs_err::write(dir.join("w.whl"), "no zip").unwrap();
        assert!(unpack(&Unpacker::new(&root, &[]), &wheel("w/tool"), &dir.join("w.whl")).is_err());
    }

    #[test]
    fn offline_names_what_is_missing() {
        let guard = tempfile::tempdir().unwrap();
        let store = Utf8Path::from_path(guard.path()).unwrap();
        let error = ensure(store, &[wheel("w/tool")], true).unwrap_err().to_string();
        assert!(error.contains("w 1") && error.contains("--offline"), "{error}");
    }
}
