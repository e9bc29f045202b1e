//! X.509 certificates of RSA keys, as far as UEFI firmware reads them: a name, a key, and a signature by that key itself.

use std::fmt;

use super::der::{
    self, DerError, GENERALIZED_TIME, INTEGER, NULL, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, UTF8_STRING,
};
use super::der::{bit_string, context, object_identifier, sequence, set, unsigned, value};
use crate::base::digest::Digest;

/// The end of a certificate without an end, as RFC 5280 writes it.
const NO_END: &[u8] = b"99991231235959Z";
/// `rsaEncryption`.
pub const RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
/// `sha256WithRSAEncryption`.
const SHA256_WITH_RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 11];
/// `commonName`.
const COMMON_NAME: &[u32] = &[2, 5, 4, 3];
/// `basicConstraints`.
const BASIC_CONSTRAINTS: &[u32] = &[2, 5, 29, 19];
/// DER of `TRUE`.
const TRUE: &[u8] = &[0x01, 0x01, 0xff];

/// Why bytes are not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The encoding.
    #[error("not an X.509 certificate in DER: {0}")]
    Der(#[from] DerError),
    /// The key of another algorithm.
    #[error("the certificate's key is not an RSA key")]
    Algorithm,
}

/// A certificate, as its bytes and what a signature says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Its issuer's name, encoded.
    pub issuer: Vec<u8>,
    /// Its serial number, encoded.
    pub serial: Vec<u8>,
    /// The key as `RSAPublicKey` (PKCS #1) in DER.
    pub public_key: Vec<u8>,
    /// The bytes that its issuer signed.
    pub signed: Vec<u8>,
    /// The issuer's signature.
    pub signature: Vec<u8>,
}

/// A certificate that lacks its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned(Vec<u8>);

impl Unsigned {
    /// A certificate of the RSA key `public_key` (`RSAPublicKey` in DER) with the common name `name`, for signing with that very
    /// key. It is valid from the start of `year` and without an end: firmware has no clock that it trusts.
    pub fn new(name: &str, public_key: &[u8], year: u16) -> Self {
        // One key, one number: what X.509 asks of an issuer, who issues nothing else here. The first bit stays zero.
        let mut serial = Digest::of(public_key).bytes();
        serial[0] = serial[0] & 0x7f | 0x40;
        let common_name = sequence(&[&object_identifier(COMMON_NAME), &value(UTF8_STRING, name.as_bytes())]);
        let name = sequence(&[&set(&[&common_name])]);
        let begin = value(GENERALIZED_TIME, format!("{year:04}0101000000Z").as_bytes());
        // RFC 5280 wants the short form of dates before 2050.
        let begin = if year < 2050 { value(0x17, &begin[4..]) } else { begin };
        let key = sequence(&[&algorithm(RSA), &bit_string(public_key)]);
        let authority = value(OCTET_STRING, &sequence(&[TRUE]));
        let constraints = sequence(&[&object_identifier(BASIC_CONSTRAINTS), TRUE, &authority]);
        Self(sequence(&[
            &value(context(0), &unsigned(&[2])),
            &unsigned(&serial[..16]),
            &algorithm(SHA256_WITH_RSA),
            &name,
            &sequence(&[&begin, &value(GENERALIZED_TIME, NO_END)]),
            &name,
            &key,
            &value(context(3), &sequence(&[&constraints])),
        ]))
    }

    /// What is to be signed, with RSASSA-PKCS1-v1_5 and SHA-256.
    pub fn to_sign(&self) -> &[u8] {
        &self.0
    }

    /// The certificate with its signature, in DER.
    pub fn with(&self, signature: &[u8]) -> Vec<u8> {
        sequence(&[&self.0, &algorithm(SHA256_WITH_RSA), &bit_string(signature)])
    }
}

/// An algorithm without parameters, as RSA and SHA-2 are named in certificates and signatures.
pub fn algorithm(arcs: &[u32]) -> Vec<u8> {
    sequence(&[&object_identifier(arcs), &value(NULL, &[])])
}

impl Certificate {
    /// Reads a certificate. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// When it is not in DER, or its key is not an RSA key.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let mut whole = Reader::new(der);
        let mut outer = whole.inside(SEQUENCE)?;
        whole.end()?;
        let signed = outer.next(SEQUENCE)?;
        outer.next(SEQUENCE)?;
        let signature = bytes_of(outer.next(der::BIT_STRING)?.content)?;
        outer.end()?;
        let mut inner = Reader::new(signed.content);
        if inner.is(context(0)) {
            inner.any()?;
        }
        let serial = inner.next(INTEGER)?;
        inner.next(SEQUENCE)?;
        let issuer = inner.next(SEQUENCE)?;
        inner.next(SEQUENCE)?;
        inner.next(SEQUENCE)?;
        let public_key = public_key_of(inner.inside(SEQUENCE)?)?;
        let owned = <[u8]>::to_vec;
        Ok(Self {
            der: owned(der),
            issuer: owned(issuer.encoded),
            serial: owned(serial.encoded),
            public_key: owned(public_key),
            signed: owned(signed.encoded),
            signature: owned(signature),
        })
    }

    /// The sha256 of the certificate: its fingerprint.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }
}

/// The RSA key of a `SubjectPublicKeyInfo`, the form in which tokens and OpenSSL give public keys: as `RSAPublicKey` in DER.
///
/// # Errors
/// When it is not in DER, or is not an RSA key.
pub fn public_key(info: &[u8]) -> Result<Vec<u8>, CertificateError> {
    let mut whole = Reader::new(info);
    let key = public_key_of(whole.inside(SEQUENCE)?)?.to_vec();
    whole.end()?;
    Ok(key)
}

fn public_key_of(mut info: Reader<'_>) -> Result<&[u8], CertificateError> {
    if info.inside(SEQUENCE)?.next(OBJECT_IDENTIFIER)?.encoded != object_identifier(RSA) {
        return Err(CertificateError::Algorithm);
    }
    Ok(bytes_of(info.next(der::BIT_STRING)?.content)?)
}

/// The bytes of a bit string that has whole bytes.
fn bytes_of(content: &[u8]) -> Result<&[u8], DerError> {
    match content.split_first() {
        Some((0, bytes)) => Ok(bytes),
        _ => Err(DerError::Length),
    }
}

/// The fingerprint.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fingerprint().fmt(f)
    }
}

#[cfg(test)]
pub mod tests;
