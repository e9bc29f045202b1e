//! Authenticode signatures of EFI programs: the digest that firmware compares, and the signature's place in the file.
//!
//! What is signed and what a signature looks like is in Microsoft's "Windows Authenticode Portable Executable Signature Format".

use slots::pe::{self, ALIGN, CHECK_SUM, NoProgram, Pe, parse, u16_at, u32_at};

use super::check_sum;
use crate::base::digest::Digest;
use crate::formats::der::{
    BIT_STRING, DerError, OCTET_STRING, Reader, SEQUENCE, context, object_identifier, sequence, value,
};
use crate::formats::pkcs7::{self, Attributes, SHA256, SignatureError, SignedContent};
use crate::formats::x509::algorithm;

/// `SPC_INDIRECT_DATA_OBJID`: content that names the digest of something else.
const INDIRECT_DATA: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 4];
/// `SPC_PE_IMAGE_DATAOBJ`: that something is a PE image.
const PE_IMAGE: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 15];
/// Bytes of a header in the certificate table: length, revision, type.
const ENTRY: usize = 8;
/// `WIN_CERT_REVISION_2_0`.
const REVISION: u16 = 0x0200;
/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const PKCS_SIGNED_DATA: u16 = 0x0002;

/// Why a signature cannot be put on, or is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticodeError {
    /// The image.
    #[error(transparent)]
    Image(#[from] NoProgram),
    /// The encoding of what is signed.
    #[error(transparent)]
    Der(#[from] DerError),
    /// The signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// There is none.
    #[error("the image is not signed")]
    Unsigned,
    /// There is one already.
    #[error("the image is signed already")]
    Signed,
    /// The certificate table is not at the end, or has other contents than one signature.
    #[error("the image's certificate table is {0}")]
    Table(&'static str),
    /// The signature is of another image.
    #[error(
        "the signature is of an image with the digest {signed}, and this one has {found}: it was changed after it was signed"
    )]
    Changed {
        /// Digest in the signature.
        signed: String,
        /// Digest of the image.
        found: Digest,
    },
}

/// The digest of an image, signed or not: what firmware compares.
///
/// # Errors
/// When it is no PE image, or its certificate table does not end it.
pub fn digest(bytes: &[u8]) -> Result<Digest, AuthenticodeError> {
    Ok(Digest::from_bytes(pe::digest(bytes)?))
}

/// What is to be signed for an image: its digest, as firmware looks for it.
///
/// # Errors
/// As [`digest`].
pub fn attributes(bytes: &[u8]) -> Result<Attributes, AuthenticodeError> {
    Ok(Attributes::new(INDIRECT_DATA, indirect_data(digest(bytes)?))?)
}

/// `SpcIndirectDataContent` of a PE image with this digest. The name of a file in it is unused, and empty.
fn indirect_data(digest: Digest) -> Vec<u8> {
    let name = value(context(0), &value(context(2), &value(0x80, &[])));
    let image = sequence(&[&value(BIT_STRING, &[0]), &name]);
    sequence(&[
        &sequence(&[&object_identifier(PE_IMAGE), &image]),
        &sequence(&[&algorithm(SHA256), &value(OCTET_STRING, &digest.bytes())]),
    ])
}

/// The image with a signature, in DER, that was made of its [`attributes`].
///
/// # Errors
/// When it is no PE image, or is signed already.
pub fn attach(image: &[u8], signature: &[u8]) -> Result<Vec<u8>, AuthenticodeError> {
    let pe = parse(image)?;
    if pe.signed {
        return Err(AuthenticodeError::Signed);
    }
    let mut bytes = image.to_vec();
    bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
    let begin = bytes.len();
    let size = (ENTRY + signature.len()).next_multiple_of(ALIGN);
    let number = |value: usize| u32::try_from(value).map_err(|_| AuthenticodeError::Table("beyond 4 GiB"));
    bytes.extend(number(size)?.to_le_bytes());
    bytes.extend(REVISION.to_le_bytes());
    bytes.extend(PKCS_SIGNED_DATA.to_le_bytes());
    bytes.extend(signature);
    bytes.resize(begin + size, 0);
    point(&mut bytes, &pe, number(begin)?, number(size)?);
    Ok(bytes)
}

/// The image without its signature, byte for byte what [`attach`] was given, and the signature in DER.
///
/// # Errors
/// When it is no PE image, is not signed, or has something else beside one signature.
pub fn detach(signed: &[u8]) -> Result<(Vec<u8>, &[u8]), AuthenticodeError> {
    let pe = parse(signed)?;
    if !pe.signed {
        return Err(AuthenticodeError::Unsigned);
    }
    let (image, entry) = signed.split_at(pe.end(signed)?);
    let header = u32_at(entry, 0).zip(u16_at(entry, 4)).zip(u16_at(entry, 6));
    if header != Some(((entry.len() as u32, REVISION), PKCS_SIGNED_DATA)) {
        return Err(AuthenticodeError::Table("not one PKCS #7 signature"));
    }
    let signature = Reader::new(&entry[ENTRY..]).next(SEQUENCE)?.encoded;
    let padding = &entry[ENTRY + signature.len()..];
    if padding.len() >= ALIGN || padding.iter().any(|byte| *byte != 0) {
        return Err(AuthenticodeError::Table("followed by something"));
    }
    let mut bytes = image.to_vec();
    point(&mut bytes, &pe, 0, 0);
    Ok((bytes, signature))
}

/// Writes where the certificate table lies, and the checksum that follows from it.
fn point(bytes: &mut [u8], pe: &Pe, begin: u32, size: u32) {
    let directory = pe.certificates();
    bytes[directory..directory + 4].copy_from_slice(&begin.to_le_bytes());
    bytes[directory + 4..directory + 8].copy_from_slice(&size.to_le_bytes());
    let sum = check_sum(bytes, pe.optional + CHECK_SUM);
    bytes[pe.optional + CHECK_SUM..][..4].copy_from_slice(&sum.to_le_bytes());
}

/// The signature of a signed image, which is of this very image. Whether its key made it is for the caller to verify, over
/// [`SignedContent::attributes`].
///
/// # Errors
/// When the image is not signed, its signature has another form, or it is of an image with another digest.
pub fn signature(bytes: &[u8]) -> Result<SignedContent, AuthenticodeError> {
    let signed = pkcs7::parse(detach(bytes)?.1)?;
    let found = digest(bytes)?;
    if signed.kind != object_identifier(INDIRECT_DATA) || signed.content != indirect_data(found) {
        let named: Vec<u8> = signed.content.iter().copied().skip(signed.content.len().saturating_sub(32)).collect();
        let signed = named.iter().map(|byte| format!("{byte:02x}")).collect();
        return Err(AuthenticodeError::Changed { signed, found });
    }
    Ok(signed)
}

/// The signed EFI program in the image of a medium, when it lies there in one piece.
pub fn in_medium(medium: &[u8]) -> Option<&[u8]> {
    pe::in_medium(medium).find(|image| detach(image).is_ok())
}

#[cfg(test)]
mod tests;
