//! Archives and layouts for tests.

use std::fs;
use std::os::unix::fs::lchown;
use std::path::Path;

use serde_json::{Value, json};
use testkit::TempDir;

use crate::digest::Digest;

/// A directory for a test, in which chown works; `None` with a note if it does not.
pub fn dir_of_root(name: &str) -> Option<TempDir> {
    let room = TempDir::new(name);
    let own = room.join("own");
    fs::write(&own, "").unwrap();
    let can = lchown(&own, Some(1), Some(1)).is_ok();
    fs::remove_file(&own).unwrap();
    if !can {
        testkit::skipped("not root, so owners cannot be set");
    }
    can.then_some(room)
}

/// A header and content.
pub fn entry(name: &[u8], kind: u8, content: &[u8]) -> Vec<u8> {
    linked(name, kind, b"", 0o644, content)
}

/// The same, with link and mode.
pub fn linked(name: &[u8], kind: u8, link: &[u8], mode: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bytes[..name.len()].copy_from_slice(name);
    bytes[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
    bytes[108..115].copy_from_slice(b"0001750");
    bytes[116..123].copy_from_slice(b"0001750");
    bytes[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    bytes[156] = kind;
    bytes[157..157 + link.len()].copy_from_slice(link);
    bytes[257..263].copy_from_slice(b"ustar\0");
    sum(&mut bytes);
    bytes.extend(content);
    bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    bytes
}

/// Puts the right checksum into the first header.
pub fn sum(bytes: &mut [u8]) {
    if bytes.len() >= 512 {
        bytes[148..156].fill(b' ');
        let sum: u64 = bytes[..512].iter().map(|byte| u64::from(*byte)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// An archive.
pub fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// A layout of plain layers at `path`; returns the digest of the manifest.
pub fn layout(path: &Path, layers: &[Vec<u8>]) -> Digest {
    fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    let put = |bytes: &[u8], kind: &str| -> Value {
        let digest = Digest::of(bytes);
        fs::write(path.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        json!({"mediaType": kind, "digest": digest.to_string(), "size": bytes.len()})
    };
    let ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    let layers: Vec<Value> = layers.iter().map(|layer| put(layer, "application/vnd.oci.image.layer.v1.tar")).collect();
    let config =
        json!({"os": "linux", "architecture": "amd64", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids}});
    let config = put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
    let manifest = put(
        json!({"config": config, "layers": layers}).to_string().as_bytes(),
        "application/vnd.oci.image.manifest.v1+json",
    );
    fs::write(path.join("index.json"), json!({"manifests": [manifest.clone()]}).to_string()).unwrap();
    Digest::parse(manifest["digest"].as_str().unwrap()).unwrap()
}
