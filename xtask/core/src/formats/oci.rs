//! OCI image layouts (OCI 1.1): configuration, manifest, index, as bytes. The layers themselves are [`crate::formats::layer`]'s.
//!
//! Layers are stored uncompressed, so a layer's diff id is also the digest of its blob, and a digest depends on no
//! compressor. There is no history and no time but the epoch.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::digest::Digest;
use crate::base::name::{Arch, Epoch};

/// Media types of the documents and blobs.
pub mod media {
    /// The index document.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An image configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// An uncompressed layer.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
}

/// The annotation that carries the name podman lists the image under.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What a container of the image runs with. Serialises to the configuration's `config` object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunConfig {
    /// `uid:gid` or `uid`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `8080/tcp` and the like.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "as_keys")]
    pub exposed_ports: BTreeSet<String>,
    /// `NAME=value`, in the order given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Program and fixed arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Arguments that a caller replaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Start directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Free labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A layer by reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerRef {
    /// Digest of the tar, which is also its blob's name.
    pub diff_id: Digest,
    /// Length of the tar in bytes.
    pub size: u64,
}

/// An image before it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Name for the index, `hello:latest` for example.
    pub reference: Option<String>,
    /// The architecture of its programs.
    pub arch: Arch,
    /// The one time in it.
    pub epoch: Epoch,
    /// What containers run with.
    pub config: RunConfig,
    /// Layers, lowest first.
    pub layers: Vec<LayerRef>,
}

/// One file of a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Path below the layout's directory.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// All files of a layout except the layers' blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Configuration, manifest, index and marker, in the order they can be written.
    pub documents: Vec<Document>,
    /// The digest people pin: that of the manifest.
    pub manifest: Digest,
    /// The image id podman shows: the digest of the configuration.
    pub config: Digest,
}

/// Where the blob with this digest lies below the layout's directory.
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{digest}")
}

impl Image {
    /// The documents of a layout with this one image.
    pub fn layout(&self) -> Result<Layout, serde_json::Error> {
        let diff_ids: Vec<String> = self.layers.iter().map(|layer| layer.diff_id.oci()).collect();
        let config = json!({
            "created": rfc3339(self.epoch),
            "architecture": self.arch.oci(),
            "os": "linux",
            "config": self.config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = serde_json::to_vec(&config)?;
        let layers: Vec<Value> =
            self.layers.iter().map(|layer| descriptor(media::LAYER, &layer.diff_id, layer.size)).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::MANIFEST,
            "config": descriptor(media::CONFIG, &Digest::of(&config), config.len() as u64),
            "layers": layers,
        });
        let manifest = serde_json::to_vec(&manifest)?;
        let (config_digest, manifest_digest) = (Digest::of(&config), Digest::of(&manifest));
        let mut entry = descriptor(media::MANIFEST, &manifest_digest, manifest.len() as u64);
        entry["platform"] = json!({ "architecture": self.arch.oci(), "os": "linux" });
        if let Some(name) = &self.reference {
            entry["annotations"] = json!({ REF_NAME: name });
        }
        let index = json!({ "schemaVersion": 2, "mediaType": media::INDEX, "manifests": [entry] });
        let document = |path: &str, bytes: Vec<u8>| Document { path: path.to_owned(), bytes };
        Ok(Layout {
            documents: vec![
                document(&blob_path(&config_digest), config),
                document(&blob_path(&manifest_digest), manifest),
                document("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
                document("index.json", serde_json::to_vec(&index)?),
            ],
            manifest: manifest_digest,
            config: config_digest,
        })
    }
}

impl Layout {
    /// Path below the layout's directory and bytes of each document, blobs first.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.documents.iter().map(|document| (document.path.as_str(), document.bytes.as_slice()))
    }
}

fn descriptor(media_type: &str, digest: &Digest, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest.oci(), "size": size })
}

/// Ports are written as keys of empty objects: Go's way to say "set".
fn as_keys<S: serde::Serializer>(ports: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(ports.iter().map(|port| (port, BTreeMap::<(), ()>::new())))
}

/// `2026-01-01T00:00:00Z`: the one spelling of times in documents.
pub fn rfc3339(epoch: Epoch) -> String {
    let (day, second) = (epoch.0 / 86_400, epoch.0 % 86_400);
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of the Gregorian calendar, `day` days after 1970-01-01.
///
/// Counts in years that begin in March, so that the leap day is the last of its year.
pub fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Image {
        Image {
            reference: Some("hello:latest".to_owned()),
            arch: Arch::X86_64,
            epoch: Epoch::RELEASE,
            config: RunConfig {
                user: "65532:65532".to_owned(),
                exposed_ports: ["8080/tcp".to_owned()].into(),
                entrypoint: vec!["/hello".to_owned()],
                labels: [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into(),
                ..RunConfig::default()
            },
            layers: vec![LayerRef { diff_id: Digest::of("layer"), size: 5 }],
        }
    }

    #[test]
    fn documents_are_pinned() {
        let layout = sample().layout().unwrap();
        let text: Vec<String> =
            layout.files().map(|(path, bytes)| format!("{path}\n{}\n", String::from_utf8_lossy(bytes))).collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn manifest_digest_is_pinned() {
        let layout = sample().layout().unwrap();
        let expected = "7fec446a7348763c303c5236819b64d8720dc8acd7119c942a6ded2b2ee18832";
        assert_eq!(layout.manifest.to_string(), expected);
        assert_eq!(layout.documents[1].path, blob_path(&layout.manifest));
        assert_eq!(layout.documents[0].path, blob_path(&layout.config));
    }

    #[test]
    fn calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_799, "2024-02-28T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (Epoch::RELEASE.0, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Epoch(seconds)), text);
        }
    }
}
