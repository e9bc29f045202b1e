//! RSA signatures (RSASSA-PKCS1-v1_5 with SHA-256), made by a key in a file or by a command that has one, such as a token's.

use anyhow::{Context as _, Result, anyhow};
use ashlar_core::base::command::Command;
use ashlar_core::formats::x509::Certificate;
use camino::Utf8Path;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::exec;
use crate::exit::Exit;

/// The program that makes keys.
pub const OPENSSL: &str = "openssl";

/// What signs.
#[derive(Debug)]
pub enum Signer {
    /// A private key.
    Key(RsaKeyPair),
    /// A command that gets the bytes on standard input and answers with the signature on standard output.
    Command(Command),
}

/// A new private key of 2048 bits, the size that every firmware takes: PKCS #8 in PEM.
pub fn generate() -> Result<String> {
    let command = Command::new(OPENSSL).args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    exec::read(&command).context("making a key")
}

/// Whether the key of `certificate` made the signature of `message`.
pub fn verify(certificate: &Certificate, message: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate.public_key);
    key.verify(message, signature).is_ok()
}

impl Signer {
    /// The signer that has the private key in a file, PKCS #8 in PEM.
    pub fn from_file(file: &Utf8Path) -> Result<Self> {
        Self::from_pem(&fs_err::read(file)?).with_context(|| format!("reading the key {file}"))
    }

    /// The signer that has this private key, PKCS #8 in PEM.
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        let wrong =
            |why: String| Exit::Usage.error(format!("not an RSA key of 2048 bits or more in PKCS #8 and PEM: {why}"));
        let key = PrivatePkcs8KeyDer::from_pem_slice(text).map_err(|error| wrong(error.to_string()))?;
        let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|error| wrong(error.to_string()))?;
        Ok(Self::Key(key))
    }

    /// The public key as `RSAPublicKey` in DER, when it is at hand.
    pub fn public_key(&self) -> Option<&[u8]> {
        match self {
            Self::Key(key) => Some(key.public_key().as_ref()),
            Self::Command(_) => None,
        }
    }

    /// A signature of `message`. Whether it is by the right key is for the caller to see: [`verify`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Key(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| anyhow!("the key could not sign"))?;
                Ok(signature)
            }
            Self::Command(command) => exec::read_with_input(command, message).context("having something signed"),
        }
    }

    /// A signature of `message` by the key of `certificate`, verified.
    pub fn sign_as(&self, certificate: &Certificate, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self.sign(message)?;
        if verify(certificate, message, &signature) {
            return Ok(signature);
        }
        let text = match self {
            Self::Key(_) => "the private key does not belong to the certificate".to_owned(),
            Self::Command(command) => format!(
                "`{command}` answered with {} bytes that are no signature by the certificate's key; it must write the bare \
                 RSASSA-PKCS1-v1_5 signature with SHA-256 of its standard input",
                signature.len()
            ),
        };
        Err(Exit::Usage.error(text))
    }
}
