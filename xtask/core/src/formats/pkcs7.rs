//! Signatures in the form of PKCS #7 (RFC 2315), as UEFI firmware reads them: one signer, RSASSA-PKCS1-v1_5 with SHA-256, and the
//! signer's certificate in it. No signing time, so that a key gives the same file twice.

use super::der::{self, DerError, INTEGER, OCTET_STRING, Reader, SEQUENCE, SET};
use super::der::{context, object_identifier, sequence, set, unsigned, value};
use super::x509::{Certificate, CertificateError, RSA, algorithm};
use crate::base::digest::Digest;

/// `sha-256`.
pub const SHA256: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
/// `data`: content that lies elsewhere.
const DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 1];
/// `signedData`.
const SIGNED_DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 2];
/// `contentType`.
const CONTENT_TYPE: &[u32] = &[1, 2, 840, 113_549, 1, 9, 3];
/// `messageDigest`.
const MESSAGE_DIGEST: &[u32] = &[1, 2, 840, 113_549, 1, 9, 4];

/// Why bytes are not such a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The encoding.
    #[error("not a PKCS #7 signature in DER: {0}")]
    Der(#[from] DerError),
    /// The certificate in it.
    #[error("the signature's certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// It has another form than ours.
    #[error("the signature is not of one signer with SHA-256 and RSA, over attributes: {0}")]
    Form(&'static str),
}

/// What an attribute-bearing signature is made over: the content, and the attributes that name its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    kind: Vec<u8>,
    content: Vec<u8>,
    attributes: Vec<u8>,
}

impl Attributes {
    /// For `content`, an encoded sequence of the type `kind`.
    ///
    /// # Errors
    /// When the content is no sequence.
    pub fn new(kind: &[u32], content: Vec<u8>) -> Result<Self, DerError> {
        // PKCS #7 digests what the content holds, without its tag and length.
        let digest = Digest::of(Reader::new(&content).next(SEQUENCE)?.content).bytes();
        let kind = object_identifier(kind);
        let attribute = |name: &[u32], value: &[u8]| sequence(&[&object_identifier(name), &set(&[value])]);
        let attributes =
            set(&[&attribute(CONTENT_TYPE, &kind), &attribute(MESSAGE_DIGEST, &value(OCTET_STRING, &digest))]);
        Ok(Self { kind, content, attributes })
    }

    /// What is to be signed, with RSASSA-PKCS1-v1_5 and SHA-256.
    pub fn to_sign(&self) -> &[u8] {
        &self.attributes
    }

    /// The finished `ContentInfo`, with the signature of the certificate's key.
    pub fn with(&self, certificate: &Certificate, signature: &[u8]) -> Vec<u8> {
        let content = sequence(&[&self.kind, &value(context(0), &self.content)]);
        // In the signature the set is `[0]`; what is signed has the tag of a set.
        let mut attributes = self.attributes.clone();
        attributes[0] = context(0);
        let data = signed_data(&content, certificate, &attributes, signature);
        sequence(&[&object_identifier(SIGNED_DATA), &value(context(0), &data)])
    }
}

/// The bare `SignedData` of a signature, made over content that lies elsewhere: what authenticated UEFI variables have.
pub fn detached(certificate: &Certificate, signature: &[u8]) -> Vec<u8> {
    signed_data(&sequence(&[&object_identifier(DATA)]), certificate, &[], signature)
}

fn signed_data(content: &[u8], certificate: &Certificate, attributes: &[u8], signature: &[u8]) -> Vec<u8> {
    let signer = sequence(&[
        &unsigned(&[1]),
        &sequence(&[&certificate.issuer, &certificate.serial]),
        &algorithm(SHA256),
        attributes,
        &algorithm(RSA),
        &value(OCTET_STRING, signature),
    ]);
    sequence(&[
        &unsigned(&[1]),
        &set(&[&algorithm(SHA256)]),
        content,
        &value(context(0), &certificate.der),
        &set(&[&signer]),
    ])
}

/// A signature as read: its parts, none of them verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedContent {
    /// The type of the content, encoded.
    pub kind: Vec<u8>,
    /// The content, an encoded sequence.
    pub content: Vec<u8>,
    /// The attributes, in the form in which they are signed.
    pub attributes: Vec<u8>,
    /// The signer's certificate.
    pub certificate: Certificate,
    /// The signature over the attributes.
    pub signature: Vec<u8>,
}

/// Reads a `ContentInfo` with attributes, and sees that the attributes name the content's digest. Never panics, whatever the bytes.
/// The signature itself is for the caller to verify, over [`SignedContent::attributes`].
///
/// # Errors
/// When it is none, or has another form than [`Attributes::with`] gives.
pub fn parse(der: &[u8]) -> Result<SignedContent, SignatureError> {
    let form = SignatureError::Form;
    let mut whole = Reader::new(der);
    let mut info = whole.inside(SEQUENCE)?;
    whole.end()?;
    if info.next(der::OBJECT_IDENTIFIER)?.encoded != object_identifier(SIGNED_DATA) {
        return Err(form("it is not signed data"));
    }
    let mut data = info.inside(context(0))?.inside(SEQUENCE)?;
    data.next(INTEGER)?;
    data.next(SET)?;
    let mut content_info = data.inside(SEQUENCE)?;
    let kind = content_info.next(der::OBJECT_IDENTIFIER)?.encoded;
    let content = content_info.inside(context(0))?.next(SEQUENCE)?;
    let certificate = Certificate::parse(data.next(context(0))?.content)?;
    let mut signers = data.inside(SET)?;
    let mut signer = signers.inside(SEQUENCE)?;
    signers.end().map_err(|_| form("more than one signed it"))?;
    signer.next(INTEGER)?;
    if signer.next(SEQUENCE)?.content != [certificate.issuer.as_slice(), &certificate.serial].concat() {
        return Err(form("the certificate is not the signer's"));
    }
    if signer.next(SEQUENCE)?.encoded != algorithm(SHA256) {
        return Err(form("its digest is not SHA-256"));
    }
    let mut attributes = signer.next(context(0))?.encoded.to_vec();
    attributes[0] = SET;
    signer.next(SEQUENCE)?;
    let signature = signer.next(OCTET_STRING)?.content.to_vec();
    let digest = value(OCTET_STRING, &Digest::of(content.content).bytes());
    let named = sequence(&[&object_identifier(MESSAGE_DIGEST), &set(&[&digest])]);
    let mut listed = Reader::new(Reader::new(&attributes).next(SET)?.content);
    let mut found = std::iter::from_fn(|| listed.any().ok());
    if !found.any(|attribute| attribute.encoded == named) {
        return Err(form("its attributes do not name the content's digest"));
    }
    Ok(SignedContent { kind: kind.to_vec(), content: content.encoded.to_vec(), attributes, certificate, signature })
}
