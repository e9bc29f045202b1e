//! Verifies an image, and unpacks it below a root that only root can enter.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use serde_json::Value;

use crate::account::Accounts;
use crate::archive::Archive;
use crate::digest::{Digest, Hashed};
use crate::layout::{DOCUMENT_LIMIT, Layout, described};
use crate::problem::{Doing as _, Outcome, problem};
use crate::step::{components, step};
use crate::store::{Held, Store};
use crate::tree::Tree;

/// The largest unpacked size of an image.
const LAYER_LIMIT: u64 = 2 << 30;
const MAX_LAYERS: usize = 128;
/// The largest size of an account file.
const ACCOUNTS_LIMIT: u64 = 1 << 20;

/// An unpacked image.
#[derive(Debug)]
pub struct Image {
    /// Digest of the manifest.
    pub digest: Digest,
    /// The member `config` of the image's configuration.
    pub config: Value,
    /// The unpacked files.
    pub root: PathBuf,
    /// A lock against removal of the image.
    #[allow(dead_code)] // its end is its use
    pub held: Held,
}

/// Reads and verifies the image, which must have the digest `wanted` if one is given, and unpacks it into the store
/// unless it is there.
pub fn load(path: &Path, store: &Store, wanted: Option<&Digest>) -> Outcome<Image> {
    let layout = Layout::open(path)?;
    let mut text = Vec::new();
    layout.file("index.json")?.take(DOCUMENT_LIMIT).read_to_end(&mut text).doing("reading index.json")?;
    let index: Value = serde_json::from_slice(&text).map_err(io::Error::from).doing("index.json is not valid JSON")?;
    let [chosen] = index["manifests"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        return problem(
            "index.json must name exactly one manifest; copy the one image you mean into a layout of its own",
        );
    };
    let (digest, _) = described(chosen)?;
    if let Some(wanted) = wanted.filter(|wanted| **wanted != digest) {
        return problem(format!(
            "{} is image {digest}, not the requested {wanted}: it is another version or another image",
            path.display()
        ));
    }
    let manifest = layout.document(chosen)?;
    let config = layout.document(&manifest["config"])?;
    if config["os"] != "linux" || config["architecture"] != "amd64" {
        return problem(format!(
            "the image is for {}/{}, this machine is linux/amd64",
            config["os"], config["architecture"]
        ));
    }
    let (root, held) = store.hold(&digest, |partial| unpack(&layout, &manifest, &config, partial))?;
    Ok(Image { digest, config: config["config"].clone(), root, held })
}

impl Image {
    /// The accounts of the image.
    pub fn accounts(&self) -> Outcome<Accounts> {
        Ok(Accounts { passwd: beneath(&self.root, "etc/passwd")?, group: beneath(&self.root, "etc/group")? })
    }
}

/// A file of an unpacked image as a container sees it: links stay below its root. Empty if it does not exist.
fn beneath(root: &Path, name: &str) -> Outcome<String> {
    let doing = |what: &str| format!("{what} /{name} of the image");
    let directory = File::open(root).doing_at("opening", root)?;
    // If it is a pipe or a terminal, opening it neither blocks nor changes anything.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(&directory, name, flags, Mode::empty(), resolve) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(String::new()),
        other => File::from(other.map_err(io::Error::from).doing(&doing("opening"))?),
    };
    if !file.metadata().doing(&doing("looking at"))?.is_file() {
        return problem(format!("/{name} of the image is not a regular file"));
    }
    let mut text = Vec::new();
    file.take(ACCOUNTS_LIMIT + 1).read_to_end(&mut text).doing(&doing("reading"))?;
    if text.len() as u64 > ACCOUNTS_LIMIT {
        return problem(format!("/{name} of the image is longer than {ACCOUNTS_LIMIT} bytes"));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn unpack(layout: &Layout, manifest: &Value, config: &Value, root: &Path) -> Outcome<()> {
    fs::set_permissions(root, Permissions::from_mode(0o755)).doing_at("opening", root)?;
    let none = Vec::new();
    let layers = manifest["layers"].as_array().unwrap_or(&none);
    let ids = config["rootfs"]["diff_ids"].as_array().unwrap_or(&none);
    if layers.len() != ids.len() || layers.len() > MAX_LAYERS {
        return problem("manifest and configuration of the image disagree about its layers");
    }
    let mut tree = Tree::new(root);
    for (layer, id) in layers.iter().zip(ids) {
        let (digest, size) = described(layer)?;
        let blob = Hashed::new(layout.file(&format!("blobs/sha256/{}", digest.hex()))?, size);
        let id = Digest::parse(id.as_str().unwrap_or_default())?;
        tree.begin_layer();
        let (blob, found) = match layer["mediaType"].as_str().unwrap_or_default() {
            "application/vnd.oci.image.layer.v1.tar" => unpack_layer(blob, &mut tree)?,
            "application/vnd.oci.image.layer.v1.tar+gzip" => {
                let (stream, found) = unpack_layer(flate2::read::GzDecoder::new(blob), &mut tree)?;
                (stream.into_inner(), found)
            }
            other => return problem(format!("layers of type `{other:.80}` are not read, only tar and tar+gzip")),
        };
        if blob.finish().doing("reading a layer")? != (digest, size) || found != id {
            return problem("a layer does not match its digest: the image is damaged or forged");
        }
    }
    // Mount points for the runtime; the root is read-only later. The limits of layers do not apply to them.
    tree.begin_layer();
    for point in ["dev", "proc", "run", "tmp"] {
        tree.make_directory(&components(point.as_bytes())?)?;
    }
    Ok(())
}

/// Unpacks one layer; returns the stream and the digest of all of it.
fn unpack_layer<R: Read>(stream: R, tree: &mut Tree) -> Outcome<(R, Digest)> {
    let mut stream = stream;
    let mut archive = Archive::new(Hashed::new(&mut stream, LAYER_LIMIT));
    while let Some(entry) = archive.next_entry()? {
        tree.apply(&step(&entry)?, &entry, &mut archive)?;
    }
    let (digest, _) = archive.into_stream().finish().doing("reading a layer")?;
    Ok((stream, digest))
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
