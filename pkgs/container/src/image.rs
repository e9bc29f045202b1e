//! An image: a layout in a directory or a tar archive, verified, and unpacked below a root that only root can enter.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{fchown, lchown, symlink, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::archive::{Archive, Entry, Kind};
use crate::digest::{Digest, Hashed};
use crate::problem::{problem, Doing as _, Outcome};
use crate::step::{components, shown, step, Step};

/// Documents are read into memory.
const DOCUMENT_LIMIT: u64 = 4 << 20;
/// All a layer may unpack to.
const LAYER_LIMIT: u64 = 2 << 30;
const MOST_ENTRIES: usize = 200_000;
const MOST_LAYERS: usize = 128;
const MOST_LINKS: usize = 40;

/// Where blobs are.
enum Layout {
    Directory(PathBuf),
    /// Name to place and length.
    Archive(PathBuf, BTreeMap<Vec<u8>, (u64, u64)>),
}

impl Layout {
    fn open(path: &Path) -> Outcome<Self> {
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let mut archive = Archive::new(File::open(path).doing_at("opening the image", path)?);
        let mut files = BTreeMap::new();
        while let Some(Entry { name, kind, size, .. }) = archive.next_entry()? {
            if kind == Kind::File {
                files.insert(name.strip_prefix(b"./").unwrap_or(&name).to_vec(), (archive.offset(), size));
            }
            if files.len() > MOST_ENTRIES {
                return problem("the archive has too many entries");
            }
        }
        Ok(Self::Archive(path.to_owned(), files))
    }

    fn file(&self, name: &str) -> Outcome<Box<dyn Read>> {
        match self {
            Self::Directory(path) => {
                let path = path.join(name);
                if !fs::symlink_metadata(&path).doing_at("the image lacks", &path)?.is_file() {
                    return problem(format!("{} of the image is no regular file", path.display()));
                }
                Ok(Box::new(File::open(&path).doing_at("opening", &path)?))
            }
            Self::Archive(path, files) => {
                let Some((offset, size)) = files.get(name.as_bytes()) else {
                    return problem(format!("{} has no {name}: it is no archive of an OCI layout", path.display()));
                };
                let mut file = File::open(path).doing_at("opening", path)?;
                file.seek(SeekFrom::Start(*offset)).doing_at("reading", path)?;
                Ok(Box::new(file.take(*size)))
            }
        }
    }

    /// A verified document.
    fn document(&self, descriptor: &Value) -> Outcome<Value> {
        let (digest, size) = described(descriptor)?;
        let mut bytes = Vec::new();
        let blob = self.file(&format!("blobs/sha256/{}", digest.hex()))?;
        blob.take(size.min(DOCUMENT_LIMIT) + 1).read_to_end(&mut bytes).doing("reading a document of the image")?;
        if bytes.len() as u64 != size || Digest::of(&bytes) != digest {
            return problem(format!(
                "blob {digest} has other bytes than its digest says: the image is damaged or forged"
            ));
        }
        serde_json::from_slice(&bytes).map_err(io::Error::from).doing(&format!("blob {digest} is no JSON"))
    }
}

/// What a container is made from.
#[derive(Debug)]
pub struct Image {
    /// Digest of the manifest.
    pub digest: Digest,
    /// The member `config` of the image's configuration.
    pub config: Value,
    /// The unpacked files.
    pub root: PathBuf,
}

fn described(descriptor: &Value) -> Outcome<(Digest, u64)> {
    let Some(size) = descriptor["size"].as_u64() else { return problem("a descriptor of the image has no size") };
    Ok((Digest::parse(descriptor["digest"].as_str().unwrap_or_default())?, size))
}

/// Reads and verifies the image, and unpacks it below `store` unless it is there.
pub fn load(path: &Path, store: &Path) -> Outcome<Image> {
    let layout = Layout::open(path)?;
    let mut text = Vec::new();
    layout.file("index.json")?.take(DOCUMENT_LIMIT).read_to_end(&mut text).doing("reading index.json")?;
    let index: Value = serde_json::from_slice(&text).map_err(io::Error::from).doing("index.json is no JSON")?;
    let [chosen] = index["manifests"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        return problem(
            "index.json must name exactly one manifest; copy the one image you mean into a layout of its own",
        );
    };
    let (digest, _) = described(chosen)?;
    let manifest = layout.document(chosen)?;
    let config = layout.document(&manifest["config"])?;
    if config["os"] != "linux" || config["architecture"] != "amd64" {
        return problem(format!(
            "the image is for {}/{}, this machine is linux/amd64",
            config["os"], config["architecture"]
        ));
    }
    let root = store.join(digest.hex());
    if !root.is_dir() {
        let partial = store.join(format!("{}.partial", digest.hex()));
        if partial.exists() {
            fs::remove_dir_all(&partial).doing_at("removing", &partial)?;
        }
        fs::create_dir_all(&partial).doing_at("making", &partial)?;
        let unpacked = unpack(&layout, &manifest, &config, &partial);
        if let Err(failure) = unpacked {
            fs::remove_dir_all(&partial).doing_at("removing", &partial)?;
            return Err(failure);
        }
        fs::rename(&partial, &root).doing_at("naming", &root)?;
    }
    Ok(Image { digest, config: config["config"].clone(), root })
}

fn unpack(layout: &Layout, manifest: &Value, config: &Value, root: &Path) -> Outcome<()> {
    fs::set_permissions(root, Permissions::from_mode(0o755)).doing_at("opening", root)?;
    let none = Vec::new();
    let layers = manifest["layers"].as_array().unwrap_or(&none);
    let ids = config["rootfs"]["diff_ids"].as_array().unwrap_or(&none);
    if layers.len() != ids.len() || layers.len() > MOST_LAYERS {
        return problem("manifest and configuration of the image disagree about its layers");
    }
    for (layer, id) in layers.iter().zip(ids) {
        let (digest, size) = described(layer)?;
        let blob = Hashed::new(layout.file(&format!("blobs/sha256/{}", digest.hex()))?, size);
        let id = Digest::parse(id.as_str().unwrap_or_default())?;
        let (blob, found) = match layer["mediaType"].as_str().unwrap_or_default() {
            "application/vnd.oci.image.layer.v1.tar" => unpack_layer(blob, root)?,
            "application/vnd.oci.image.layer.v1.tar+gzip" => {
                let (stream, found) = unpack_layer(flate2::read::GzDecoder::new(blob), root)?;
                (stream.into_inner(), found)
            }
            other => return problem(format!("layers of type `{other:.80}` are not read, only tar and tar+gzip")),
        };
        if blob.finish().doing("reading a layer")? != (digest, size) || found != id {
            return problem("a layer has other bytes than its digest says: the image is damaged or forged");
        }
    }
    // What the runtime mounts onto; the root is read-only by then.
    for point in ["dev", "proc", "run", "tmp"] {
        directory(root, &components(point.as_bytes())?)?;
    }
    Ok(())
}

/// Unpacks one layer; gives the stream back, and the digest of all of it.
fn unpack_layer<R: Read>(stream: R, root: &Path) -> Outcome<(R, Digest)> {
    let mut stream = stream;
    let mut archive = Archive::new(Hashed::new(&mut stream, LAYER_LIMIT));
    let mut count = 0;
    let mut made = Vec::new();
    while let Some(entry) = archive.next_entry()? {
        count += 1;
        if count > MOST_ENTRIES {
            return problem("a layer has too many entries");
        }
        apply(root, &step(&entry)?, &entry, &mut archive, &mut made)?;
    }
    let (digest, _) = archive.into_stream().finish().doing("reading a layer")?;
    Ok((stream, digest))
}

/// Performs one step. Nobody else can change the tree, so what was looked at stays as it is.
fn apply(root: &Path, step: &Step, entry: &Entry, content: &mut impl Read, made: &mut Vec<PathBuf>) -> Outcome<()> {
    let place = |path: &[CString]| -> Outcome<PathBuf> {
        let Some((name, parents)) = path.split_last() else { return Ok(root.to_owned()) };
        Ok(directory(root, parents)?.join(OsStr::from_bytes(name.as_bytes())))
    };
    let at = match step {
        Step::LeaveOut(_) => return Ok(()),
        Step::Remove(path) => return clear(&place(path)?),
        Step::Empty(path) => {
            let at = directory(root, path)?;
            for child in fs::read_dir(&at).doing_at("reading", &at)? {
                let child = child.doing_at("reading", &at)?.path();
                if !made.iter().any(|path| path.starts_with(&child)) {
                    clear(&child)?;
                }
            }
            return Ok(());
        }
        Step::Directory(path, mode) => {
            let at = place(path)?;
            if !fs::symlink_metadata(&at).is_ok_and(|found| found.is_dir()) {
                clear(&at)?;
                fs::create_dir(&at).doing_at("making", &at)?;
            }
            lchown(&at, Some(entry.uid), Some(entry.gid)).doing_at("giving away", &at)?;
            fs::set_permissions(&at, Permissions::from_mode(*mode)).doing_at("setting the mode of", &at)?;
            at
        }
        Step::File(path, mode) => {
            let at = place(path)?;
            clear(&at)?;
            let mut file = File::create_new(&at).doing_at("making", &at)?;
            io::copy(content, &mut file).doing_at("writing", &at)?;
            fchown(&file, Some(entry.uid), Some(entry.gid)).doing_at("giving away", &at)?;
            file.set_permissions(Permissions::from_mode(*mode)).doing_at("setting the mode of", &at)?;
            at
        }
        Step::Symlink(path, text) => {
            let at = place(path)?;
            clear(&at)?;
            symlink(OsStr::from_bytes(text.as_bytes()), &at).doing_at("making", &at)?;
            lchown(&at, Some(entry.uid), Some(entry.gid)).doing_at("giving away", &at)?;
            at
        }
        Step::HardLink(path, target) => {
            let (at, target) = (place(path)?, place(target)?);
            if at != target {
                clear(&at)?;
                fs::hard_link(&target, &at).doing_at("linking", &at)?;
            }
            at
        }
    };
    made.push(at);
    Ok(())
}

fn clear(path: &Path) -> Outcome<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).doing_at("removing", path),
        Ok(_) => fs::remove_file(path).doing_at("removing", path),
        Err(_) => Ok(()),
    }
}

/// The directory of that name, made where it is missing. Symbolic links are followed as if `root` were `/`.
fn directory(root: &Path, path: &[CString]) -> Outcome<PathBuf> {
    let mut left: Vec<Vec<u8>> = path.iter().rev().map(|name| name.as_bytes().to_vec()).collect();
    let (mut at, mut links) = (root.to_owned(), 0);
    while let Some(name) = left.pop() {
        if name.is_empty() || name == b"." {
            continue;
        }
        if name == b".." {
            if at != root {
                at.pop();
            }
            continue;
        }
        let next = at.join(OsStr::from_bytes(&name));
        match fs::symlink_metadata(&next) {
            Ok(found) if found.is_dir() => at = next,
            Ok(found) if found.is_symlink() => {
                links += 1;
                if links > MOST_LINKS {
                    return problem(format!("too many symbolic links on the way to {}", shown(path).display()));
                }
                let text = fs::read_link(&next).doing_at("reading", &next)?;
                let text = text.as_os_str().as_bytes();
                if text.starts_with(b"/") {
                    at = root.to_owned();
                }
                left.extend(text.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
            }
            Ok(_) => return problem(format!("{} is no directory in the image", shown(path).display())),
            Err(_) => {
                fs::create_dir(&next).doing_at("making", &next)?;
                fs::set_permissions(&next, Permissions::from_mode(0o755)).doing_at("setting the mode of", &next)?;
                at = next;
            }
        }
    }
    Ok(at)
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
