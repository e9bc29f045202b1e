//! UEFI's signature databases and the variables that hold them, as the UEFI specification (2.10, chapters 8 and 32) has them.

pub mod store;

pub use slots::Guid;
pub use slots::entry::GLOBAL;

use slots::entry;

use super::oci::civil;
use super::pkcs7;
use super::x509::Certificate;
use crate::base::name::Epoch;

/// Attributes of PK, KEK, db and dbx: kept, seen by firmware and system, and written with a time and a signature only.
pub const SIGNED: u32 = 0x27;

/// Attributes of variables that firmware and system keep for themselves: kept, seen by both.
pub const SYSTEM: u32 = 0x07;

/// `EFI_IMAGE_SECURITY_DATABASE_GUID`.
pub const IMAGE_SECURITY: Guid = Guid::new(0xd719_b2cb, 0x3d3a, 0x4596, 0xa3bc_dad0_0e67_656f);
/// `EFI_CERT_X509_GUID`: a signature list of certificates.
const CERTIFICATES: Guid = Guid::new(0xa5c0_59a1, 0x94e4, 0x4aa7, 0x87b5_ab15_5c2b_f072);
/// `EFI_CERT_TYPE_PKCS7_GUID`: an authenticated write is signed by PKCS #7.
const PKCS7: Guid = Guid::new(0x4aaf_d29d, 0x68df, 0x49ee, 0x8aa9_347d_3756_65a7);
/// Whose entries these are: Ashlar's own.
pub const OWNER: Guid = Guid::new(0x4153_4c41, 0x5200, 0x4000, 0x8000_0000_0000_0010);

/// A variable that decides what the firmware starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyVariable {
    /// The platform key: its owner decides about the KEK.
    Pk,
    /// Key exchange keys: their owners decide about db and dbx.
    Kek,
    /// Who may sign what starts.
    Db,
}

impl KeyVariable {
    /// All, in the order in which they are enrolled: with a PK, the firmware leaves setup mode.
    pub const ALL: [Self; 3] = [Self::Db, Self::Kek, Self::Pk];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pk => "PK",
            Self::Kek => "KEK",
            Self::Db => "db",
        }
    }

    /// Whose key signs a write of it.
    pub const fn signer(self) -> Self {
        match self {
            Self::Pk | Self::Kek => Self::Pk,
            Self::Db => Self::Kek,
        }
    }

    /// Its vendor.
    pub const fn vendor(self) -> Guid {
        match self {
            Self::Pk | Self::Kek => GLOBAL,
            Self::Db => IMAGE_SECURITY,
        }
    }
}

/// `EFI_TIME` in UTC, in whole seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time {
    /// Year.
    pub year: u16,
    /// Month, day, hour, minute, second.
    pub rest: [u8; 5],
}

impl Time {
    /// The time so many seconds after 1970.
    pub fn at(epoch: Epoch) -> Self {
        let (day, second) = (epoch.0 / 86_400, epoch.0 % 86_400);
        let (year, month, day) = civil(day);
        let rest = [month, day, second / 3600, second / 60 % 60, second % 60].map(|number| number as u8);
        Self { year: year as u16, rest }
    }

    fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&self.year.to_le_bytes());
        bytes[2..7].copy_from_slice(&self.rest);
        bytes
    }
}

/// `EFI_SIGNATURE_LIST` of one certificate: what the variables hold.
pub fn signature_list(certificate: &Certificate) -> Vec<u8> {
    let entry = [&OWNER.0[..], &certificate.der].concat();
    let length = |bytes: usize| (bytes as u32).to_le_bytes();
    // Type, length of the list, of its header (none) and of each entry.
    [&CERTIFICATES.0[..], &length(28 + entry.len()), &length(0), &length(entry.len()), &entry].concat()
}

/// An authenticated write of a variable that lacks its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    time: Time,
    content: Vec<u8>,
    to_sign: Vec<u8>,
}

impl Update {
    /// Sets `variable` to `content` at `time`. The firmware refuses a time that is not after that of the last write.
    pub fn new(variable: KeyVariable, content: Vec<u8>, time: Time) -> Self {
        // Without the end that it has in memory.
        let name = entry::text(variable.name());
        let name = &name[..name.len() - 2];
        let to_sign = [name, &variable.vendor().0, &SIGNED.to_le_bytes(), &time.bytes(), &content].concat();
        Self { time, content, to_sign }
    }

    /// What is to be signed, with RSASSA-PKCS1-v1_5 and SHA-256.
    pub fn to_sign(&self) -> &[u8] {
        &self.to_sign
    }

    /// `EFI_VARIABLE_AUTHENTICATION_2` and the content: the file `.auth`, which firmware and `efivarfs` take.
    pub fn with(&self, certificate: &Certificate, signature: &[u8]) -> Vec<u8> {
        let signed = pkcs7::detached(certificate, signature);
        // Length, revision 2.0, WIN_CERT_TYPE_EFI_GUID, and the type.
        let length = (24 + signed.len()) as u32;
        let mut bytes = self.time.bytes().to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(0x0200_u16.to_le_bytes());
        bytes.extend(0x0ef1_u16.to_le_bytes());
        bytes.extend(PKCS7.0);
        bytes.extend(signed);
        bytes.extend(&self.content);
        bytes
    }
}

#[cfg(test)]
mod tests;
