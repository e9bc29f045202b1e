//! Unpacks source tarballs. What is unpacked has been verified by sha256, but is treated as untrusted all the same.

use std::io::Read;

use anyhow::{Context as _, Result, bail};
use ashlar_core::plan::PlannedSource;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// The decompressed stream of an archive, by the archive's first bytes.
pub fn decompressed(file: &Utf8Path) -> Result<Box<dyn Read>> {
    let mut magic = [0; 6];
    let count = fs_err::File::open(file)?.read(&mut magic)?;
    let input = std::io::BufReader::with_capacity(1 << 20, fs_err::File::open(file)?);
    Ok(match &magic[..count] {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(input)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(
            ruzstd::decoding::StreamingDecoder::new(input).map_err(|error| anyhow::anyhow!("{file}: {error}"))?,
        ),
        _ => Box::new(input),
    })
}

/// Unpacks `archive` into `root` as the plan says: leading components dropped, only the named prefixes, below `to`.
/// Fails when nothing was unpacked, since then the recipe's `strip` or `include` is wrong.
pub fn unpack_source(archive: &Utf8Path, source: &PlannedSource, root: &Utf8Path) -> Result<()> {
    let dest = if source.to == "." { root.to_owned() } else { root.join(&source.to) };
    fs_err::create_dir_all(&dest)?;
    let mut count = 0;
    let mut tar = tar::Archive::new(decompressed(archive)?);
    for entry in tar.entries()? {
        let mut entry = entry.with_context(|| format!("reading {}", source.file))?;
        let path = entry.path()?.into_owned();
        let path = Utf8PathBuf::from_path_buf(path)
            .map_err(|p| anyhow::anyhow!("{}: {} is not UTF-8", source.file, p.display()))?;
        let Some(inner) = place(&path, source)? else { continue };
        let target = dest.join(inner);
        write_entry(&mut entry, &target, &dest, source)
            .with_context(|| format!("unpacking {path} of {}", source.file))?;
        count += 1;
    }
    if count == 0 {
        bail!("{}: nothing was unpacked; check `strip` and `include` of this source", source.file);
    }
    Ok(())
}

/// Where an entry goes, if anywhere. Refuses paths that leave the tree.
fn place(path: &Utf8Path, source: &PlannedSource) -> Result<Option<Utf8PathBuf>> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Utf8Component::Normal(name) => parts.push(name),
            Utf8Component::CurDir => {}
            _ => bail!("{}: entry {path} leaves the source tree", source.file),
        }
    }
    if parts.len() <= source.strip as usize {
        return Ok(None);
    }
    let inner: Utf8PathBuf = parts[source.strip as usize..].iter().collect();
    let wanted = source.include.is_empty() || source.include.iter().any(|prefix| inner.starts_with(prefix));
    Ok(wanted.then_some(inner))
}

fn write_entry(
    entry: &mut tar::Entry<'_, impl Read>,
    target: &Utf8Path,
    dest: &Utf8Path,
    source: &PlannedSource,
) -> Result<()> {
    let kind = entry.header().entry_type();
    if let Some(parent) = target.parent() {
        make_parents(parent, dest)?;
    }
    if kind.is_dir() {
        return make_parents(target, dest);
    }
    if kind.is_symlink() || kind.is_hard_link() {
        let link = entry.link_name()?.context("a link without target")?.into_owned();
        let link = Utf8PathBuf::from_path_buf(link).map_err(|p| anyhow::anyhow!("{} is not UTF-8", p.display()))?;
        replace(target)?;
        if kind.is_symlink() {
            fs_err::os::unix::fs::symlink(&link, target)?;
        } else if let Some(inner) = place(&link, source)? {
            fs_err::hard_link(dest.join(inner), target)?;
        }
        return Ok(());
    }
    if !kind.is_file() {
        // Global headers and the like carry no file; devices have no place in sources.
        return Ok(());
    }
    replace(target)?;
    let mode = if entry.header().mode()? & 0o100 == 0 { 0o644 } else { 0o755 };
    let mut file = fs_err::File::create_new(target)?;
    std::io::copy(entry, &mut file)?;
    rustix::fs::fchmod(file.file(), rustix::fs::Mode::from_raw_mode(mode))?;
    // Makefiles compare time stamps of generated and source files.
    let modified = std::time::UNIX_EPOCH + std::time::Duration::from_secs(entry.header().mtime()?);
    file.set_modified(modified)?;
    Ok(())
}

/// Creates directories one by one, refusing to pass through a symbolic link that an earlier entry planted.
fn make_parents(dir: &Utf8Path, dest: &Utf8Path) -> Result<()> {
    let inner = dir.strip_prefix(dest)?;
    let mut at = dest.to_owned();
    for component in inner.components() {
        at.push(component);
        match at.symlink_metadata() {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => bail!("{at} is not a directory"),
            Err(_) => fs_err::create_dir(&at)?,
        }
    }
    Ok(())
}

fn replace(target: &Utf8Path) -> Result<()> {
    match target.symlink_metadata() {
        Ok(meta) if !meta.is_dir() => Ok(fs_err::remove_file(target)?),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ashlar_core::digest::Digest;

    fn archive(dir: &Utf8Path, entries: &[(&str, tar::EntryType, &str)]) -> Utf8PathBuf {
        let path = dir.join("a.tar");
        let mut tar = tar::Builder::new(fs_err::File::create(&path).unwrap());
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_ustar();
            // Written raw: the library itself would refuse the hostile names.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            header.set_mtime(77);
            if *kind == tar::EntryType::Regular {
                header.set_size(content.len() as u64);
                header.set_cksum();
                tar.append(&header, content.as_bytes()).unwrap();
            } else {
                header.set_size(0);
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
                header.set_cksum();
                tar.append(&header, std::io::empty()).unwrap();
            }
        }
        tar.finish().unwrap();
        path
    }

    fn source(include: &[&str]) -> PlannedSource {
        PlannedSource {
            sha256: Digest::of(""),
            file: "a.tar".to_owned(),
            strip: 1,
            include: include.iter().map(|&text| text.to_owned()).collect(),
            to: ".".to_owned(),
        }
    }

    fn unpack(
        entries: &[(&str, tar::EntryType, &str)],
        include: &[&str],
    ) -> (tempfile::TempDir, Utf8PathBuf, Result<()>) {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap().to_owned();
        let file = archive(&dir, entries);
        let root = dir.join("root");
        let result = unpack_source(&file, &source(include), &root);
        (guard, root, result)
    }

    #[test]
    fn strips_filters_and_keeps_times() {
        let file = tar::EntryType::Regular;
        let (_guard, root, result) = unpack(&[("p/a/x", file, "1"), ("p/b/y", file, "2"), ("top", file, "3")], &["a"]);
        result.unwrap();
        assert_eq!(fs_err::read_to_string(root.join("a/x")).unwrap(), "1");
        assert!(!root.join("b").exists() && !root.join("top").exists());
        let modified = fs_err::metadata(root.join("a/x")).unwrap().modified().unwrap();
        assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 77);
    }

    #[test]
    fn refuses_to_leave_the_tree() {
        let (file, link) = (tar::EntryType::Regular, tar::EntryType::Symlink);
        let (_guard, root, result) = unpack(&[("p/../../evil", file, "x")], &[]);
        assert!(result.unwrap_err().to_string().contains("leaves the source tree"));
        assert!(!root.join("../evil").exists());
        let (_guard, _, result) = unpack(&[("p/d", link, "/tmp"), ("p/d/evil", file, "x")], &[]);
        assert!(format!("{:#}", result.unwrap_err()).contains("is not a directory"));
        let (_guard, _, result) = unpack(&[("p/x", file, "x")], &["nothing"]);
        assert!(result.unwrap_err().to_string().contains("check `strip` and `include`"));
    }
}
