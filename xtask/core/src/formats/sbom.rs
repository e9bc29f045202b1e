//! Software bills of materials for images: SPDX 2.3 and CycloneDX 1.6, from the same list of packages.
//!
//! Identifiers are derived from the content and the one time is the epoch, so a document is as reproducible as its image.

use serde_json::{Value, json};

use crate::base::digest::Digest;
use crate::base::name::Epoch;
use crate::formats::oci::rfc3339;

/// What a bill is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Name of the image.
    pub name: String,
    /// Version of the image.
    pub version: String,
    /// Digest of the image's OCI manifest.
    pub digest: Digest,
    /// Packages whose files are in the image.
    pub packages: Vec<Component>,
}

/// A package in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Package name.
    pub name: String,
    /// Upstream version.
    pub version: String,
    /// SPDX licence expression.
    pub license: String,
    /// Home page.
    pub upstream: String,
    /// `vendor:product` for vulnerability matching.
    pub cpe: Option<String>,
    /// What it was built from.
    pub sources: Vec<SourceRef>,
    /// Digest of its layer.
    pub diff_id: Digest,
}

/// A source tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRef {
    /// First upstream location.
    pub url: String,
    /// sha256 of the file.
    pub sha256: Digest,
}

impl Component {
    /// The package's `pkg:generic` URL.
    pub fn purl(&self) -> String {
        format!("pkg:generic/{}@{}", percent(&self.name), percent(&self.version))
    }

    /// The CPE 2.3 name, when the recipe gives vendor and product.
    pub fn cpe23(&self) -> Option<String> {
        let (vendor, product) = self.cpe.as_deref()?.split_once(':')?;
        let quote = |text: &str| {
            text.chars()
                .flat_map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { vec![c] } else { vec!['\\', c] })
                .collect::<String>()
        };
        Some(format!("cpe:2.3:a:{}:{}:{}:*:*:*:*:*:*:*", quote(vendor), quote(product), quote(&self.version)))
    }

    fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

impl Subject {
    /// The packages by name, so that the caller's order does not matter.
    fn sorted(&self) -> Vec<&Component> {
        let mut packages: Vec<&Component> = self.packages.iter().collect();
        packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        packages
    }

    /// The SPDX 2.3 document as JSON text.
    pub fn spdx(&self, epoch: Epoch) -> Result<String, serde_json::Error> {
        let packages = self.sorted();
        let mut relationships = vec![json!({
            "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-Image",
        })];
        relationships.extend(packages.iter().map(|package| {
            json!({
                "spdxElementId": "SPDXRef-Image", "relationshipType": "CONTAINS",
                "relatedSpdxElement": spdx_id(package),
            })
        }));
        let image = json!({
            "SPDXID": "SPDXRef-Image", "name": self.name, "versionInfo": self.version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "primaryPackagePurpose": "CONTAINER",
            "checksums": [checksum(&self.digest)],
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
            "supplier": "Organization: Ashlar",
        });
        let document = json!({
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": format!("{}-{}", self.name, self.version),
            // Must be unique per document and need not resolve; the image's digest makes it both unique and stable.
            "documentNamespace": format!("urn:ashlar:sbom:{}:sha256:{}", percent(&self.name), self.digest),
            "creationInfo": { "created": rfc3339(epoch), "creators": ["Tool: ashlar-xtask", "Organization: Ashlar"] },
            "packages": std::iter::once(image).chain(packages.iter().map(|package| spdx_package(package))).collect::<Vec<_>>(),
            "relationships": relationships,
        });
        pretty(&document)
    }

    /// The CycloneDX 1.6 document as JSON text.
    pub fn cyclonedx(&self, epoch: Epoch) -> Result<String, serde_json::Error> {
        let packages = self.sorted();
        let root = format!("{}@{}", self.name, self.version);
        let mut dependencies = vec![json!({
            "ref": format!("image:{root}"), "dependsOn": packages.iter().map(|package| package.reference()).collect::<Vec<_>>(),
        })];
        dependencies.extend(packages.iter().map(|package| json!({ "ref": package.reference() })));
        let document = json!({
            "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
            "serialNumber": serial(&self.digest),
            "metadata": {
                "timestamp": rfc3339(epoch),
                "tools": { "components": [{ "type": "application", "name": "ashlar-xtask" }] },
                "component": {
                    "type": "container", "bom-ref": format!("image:{root}"), "name": self.name, "version": self.version,
                    "hashes": [hash(&self.digest)],
                },
            },
            "components": packages.iter().map(|package| cyclonedx_component(package)).collect::<Vec<_>>(),
            "dependencies": dependencies,
        });
        pretty(&document)
    }
}

fn pretty(document: &Value) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}

fn spdx_package(package: &Component) -> Value {
    let mut references = vec![json!({
        "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl(),
    })];
    references.extend(
        package.cpe23().map(
            |cpe| json!({ "referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": cpe }),
        ),
    );
    let lines: Vec<String> =
        package.sources.iter().map(|source| format!("{} sha256:{}", source.url, source.sha256)).collect();
    json!({
        "SPDXID": spdx_id(package), "name": package.name, "versionInfo": package.version,
        "downloadLocation": package.sources.first().map_or("NOASSERTION", |source| source.url.as_str()),
        "homepage": package.upstream, "filesAnalyzed": false,
        "checksums": [checksum(&package.diff_id)],
        "sourceInfo": format!("built from: {}", if lines.is_empty() { "files in this repository".to_owned() } else { lines.join(", ") }),
        "licenseConcluded": package.license, "licenseDeclared": package.license, "copyrightText": "NOASSERTION",
        "supplier": "Organization: Ashlar", "externalRefs": references,
    })
}

fn cyclonedx_component(package: &Component) -> Value {
    let mut references = vec![json!({ "type": "website", "url": package.upstream })];
    references.extend(
        package.sources.iter().map(
            |source| json!({ "type": "source-distribution", "url": source.url, "hashes": [hash(&source.sha256)] }),
        ),
    );
    let mut component = json!({
        "type": "library", "bom-ref": package.reference(), "name": package.name, "version": package.version,
        "licenses": [{ "expression": package.license }], "purl": package.purl(),
        "hashes": [hash(&package.diff_id)], "externalReferences": references,
    });
    if let Some(cpe) = package.cpe23() {
        component["cpe"] = Value::String(cpe);
    }
    component
}

fn checksum(digest: &Digest) -> Value {
    json!({ "algorithm": "SHA256", "checksumValue": digest.to_string() })
}

fn hash(digest: &Digest) -> Value {
    json!({ "alg": "SHA-256", "content": digest.to_string() })
}

/// SPDX ids hold letters, digits, `.` and `-` only.
fn spdx_id(package: &Component) -> String {
    let text = format!("{}-{}", package.name, package.version);
    let text: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '-' }).collect();
    // Names that differ only in replaced characters still get different ids.
    format!("SPDXRef-Package-{text}-{}", &Digest::of(package.reference()).short()[..6])
}

/// A version 8 UUID (RFC 9562: content is the maker's business) of the digest.
fn serial(digest: &Digest) -> String {
    let mut bytes = digest.bytes();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn percent(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Subject {
        let package = |name: &str, cpe: Option<&str>| Component {
            name: name.to_owned(),
            version: "1.3.1".to_owned(),
            license: "Apache-2.0 OR MIT".to_owned(),
            upstream: "https://example.org".to_owned(),
            cpe: cpe.map(str::to_owned),
            sources: cpe
                .map(|_| SourceRef { url: "https://example.org/z.tar.gz".to_owned(), sha256: Digest::of("source") })
                .into_iter()
                .collect(),
            diff_id: Digest::of(name),
        };
        Subject {
            name: "base".to_owned(),
            version: "0.1.0".to_owned(),
            digest: Digest::of("image"),
            packages: vec![package("zlib", Some("zlib:z+lib")), package("hello", None)],
        }
    }

    #[test]
    fn spdx_is_pinned() {
        insta::assert_snapshot!(sample().spdx(Epoch::RELEASE).unwrap());
    }

    #[test]
    fn cyclonedx_is_pinned() {
        insta::assert_snapshot!(sample().cyclonedx(Epoch::RELEASE).unwrap());
    }

    #[test]
    fn order_of_packages_does_not_matter() {
        let mut other = sample();
        other.packages.reverse();
        assert_eq!(other.spdx(Epoch(0)).unwrap(), sample().spdx(Epoch(0)).unwrap());
        assert_eq!(other.cyclonedx(Epoch(0)).unwrap(), sample().cyclonedx(Epoch(0)).unwrap());
    }

    #[test]
    fn ids_and_names() {
        let mut package = sample().packages[0].clone();
        package.version = "1:2+3".to_owned();
        assert_eq!(package.purl(), "pkg:generic/zlib@1%3A2%2B3");
        assert_eq!(package.cpe23().unwrap(), "cpe:2.3:a:zlib:z\\+lib:1\\:2\\+3:*:*:*:*:*:*:*");
        assert!(spdx_id(&package).starts_with("SPDXRef-Package-zlib-1-2-3-"));
        package.cpe = Some("broken".to_owned());
        assert_eq!(package.cpe23(), None);
    }
}
