//! Readers and writers of bytes and texts, each with one spelling.

pub mod ar;
pub mod archive;
pub mod cargo_lock;
pub mod cpio;
pub mod deb822;
pub mod der;
pub mod efi_variable;
pub mod elf;
pub mod kconfig;
pub mod layer;
pub mod ledger;
pub mod manifest;
pub mod oci;
pub mod pkcs7;
pub mod sbom;
pub mod timeline;
pub mod toml_layout;
pub mod uki;
pub mod x509;
