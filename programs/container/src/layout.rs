//! An OCI layout in a directory or in a tar archive: files by name, documents by digest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::archive::{Archive, Entry, Kind};
use crate::digest::Digest;
use crate::problem::{Doing as _, Outcome, problem};

/// The largest document, which is held in memory.
pub const DOCUMENT_LIMIT: u64 = 4 << 20;
const MAX_ENTRIES: usize = 200_000;

/// The blobs.
pub enum Layout {
    /// A directory.
    Directory(PathBuf),
    /// An archive: name to offset and length.
    Archive(PathBuf, BTreeMap<Vec<u8>, (u64, u64)>),
}

impl Layout {
    /// Opens the directory or archive.
    pub fn open(path: &Path) -> Outcome<Self> {
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let mut archive = Archive::new(File::open(path).doing_at("opening the image", path)?);
        let mut files = BTreeMap::new();
        while let Some(Entry { name, kind, size, .. }) = archive.next_entry()? {
            if kind == Kind::File {
                files.insert(name.strip_prefix(b"./").unwrap_or(&name).to_vec(), (archive.offset(), size));
            }
            if files.len() > MAX_ENTRIES {
                return problem("the archive has too many entries");
            }
        }
        Ok(Self::Archive(path.to_owned(), files))
    }

    /// A file of the layout.
    pub fn file(&self, name: &str) -> Outcome<Box<dyn Read>> {
        match self {
            Self::Directory(path) => {
                let path = path.join(name);
                if !fs::symlink_metadata(&path).doing_at("the image lacks", &path)?.is_file() {
                    return problem(format!("{} of the image is not a regular file", path.display()));
                }
                Ok(Box::new(File::open(&path).doing_at("opening", &path)?))
            }
            Self::Archive(path, files) => {
                let Some((offset, size)) = files.get(name.as_bytes()) else {
                    return problem(format!("{} has no {name}: it is not an archive of an OCI layout", path.display()));
                };
                let mut file = File::open(path).doing_at("opening", path)?;
                file.seek(SeekFrom::Start(*offset)).doing_at("reading", path)?;
                Ok(Box::new(file.take(*size)))
            }
        }
    }

    /// A verified document.
    pub fn document(&self, descriptor: &Value) -> Outcome<Value> {
        let (digest, size) = described(descriptor)?;
        let mut bytes = Vec::new();
        let blob = self.file(&format!("blobs/sha256/{}", digest.hex()))?;
        blob.take(size.min(DOCUMENT_LIMIT) + 1).read_to_end(&mut bytes).doing("reading a document of the image")?;
        if bytes.len() as u64 != size || Digest::of(&bytes) != digest {
            return problem(format!("blob {digest} does not match its digest: the image is damaged or forged"));
        }
        serde_json::from_slice(&bytes).map_err(io::Error::from).doing(&format!("blob {digest} is not valid JSON"))
    }
}

/// Digest and size in a descriptor.
pub fn described(descriptor: &Value) -> Outcome<(Digest, u64)> {
    let Some(size) = descriptor["size"].as_u64() else { return problem("a descriptor of the image has no size") };
    Ok((Digest::parse(descriptor["digest"].as_str().unwrap_or_default())?, size))
}
