//! A directory with the keys of Secure Boot: for each of PK, KEK and db the private key (`NAME.key`, PKCS #8 in PEM, only its owner
//! may read it), the certificate (`NAME.der`) and the signed write of the variable (`NAME.auth`).

use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::efi_variable::{KeyVariable, Time, Update, signature_list};
use ashlar_core::formats::uki::authenticode;
use ashlar_core::formats::x509::{self, Certificate};
use camino::{Utf8Path, Utf8PathBuf};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

use super::rsa::{self, Signer};
use crate::exit::Exit;

/// A directory with keys.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    dir: Utf8PathBuf,
}

/// The key for releases when it lies on a token: its public half, and the command that signs with it.
#[derive(Debug, Clone)]
pub struct Token {
    /// `SubjectPublicKeyInfo`, in PEM or DER.
    pub public_key: Utf8PathBuf,
    /// Gets bytes on standard input, answers with their signature.
    pub command: Command,
}

impl SigningKeys {
    /// The keys in a directory.
    pub fn at(dir: &Utf8Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Makes keys, certificates and signed writes in `dir`, which must be empty or absent. The certificates carry `name`. With a
    /// `token`, the key of db is not made but taken from it.
    pub fn create(dir: &Utf8Path, name: &str, token: Option<&Token>, now: Epoch) -> Result<Self> {
        let keys = Self::at(dir);
        if dir.exists() && fs_err::read_dir(dir)?.next().is_some() {
            return Err(Exit::Usage.error(format!("{dir} is not empty: keys are never written over")));
        }
        fs_err::create_dir_all(dir)?;
        let time = Time::at(now);
        for variable in KeyVariable::ALL {
            let (signer, public_key) = match token.filter(|_| variable == KeyVariable::Db) {
                Some(token) => (Signer::Command(token.command.clone()), read_public_key(&token.public_key)?),
                None => {
                    let key = rsa::generate()?;
                    private(&keys.file(variable, "key"), key.as_bytes())?;
                    let signer = Signer::from_pem(key.as_bytes())?;
                    let public_key = signer.public_key().unwrap_or_default().to_vec();
                    (signer, public_key)
                }
            };
            let unsigned = x509::Unsigned::new(&format!("{name} {}", variable.name()), &public_key, time.year);
            let draft = Certificate::parse(&unsigned.with(&[]))?;
            let signature = signer.sign_as(&draft, unsigned.to_sign())?;
            fs_err::write(keys.file(variable, "der"), unsigned.with(&signature))?;
        }
        for variable in KeyVariable::ALL {
            let update = Update::new(variable, signature_list(&keys.certificate(variable)?), time);
            let certificate = keys.certificate(variable.signer())?;
            let signature = keys.signer(variable.signer(), None)?.sign_as(&certificate, update.to_sign())?;
            fs_err::write(keys.file(variable, "auth"), update.with(&certificate, &signature))?;
        }
        Ok(keys)
    }

    /// A file of a variable's.
    pub fn file(&self, variable: KeyVariable, suffix: &str) -> Utf8PathBuf {
        self.dir.join(format!("{}.{suffix}", variable.name()))
    }

    /// The certificate of a variable's key.
    pub fn certificate(&self, variable: KeyVariable) -> Result<Certificate> {
        let file = self.file(variable, "der");
        let der = fs_err::read(&file).map_err(|error| {
            Exit::Usage.error(format!("{error}\nhelp: `cargo xtask keys new DIR` makes a directory with keys"))
        })?;
        Certificate::parse(&der).with_context(|| format!("reading {file}"))
    }

    /// What signs with a variable's key: `command`, or the key in the directory.
    pub fn signer(&self, variable: KeyVariable, command: Option<&Command>) -> Result<Signer> {
        command.map_or_else(
            || Signer::from_file(&self.file(variable, "key")),
            |command| Ok(Signer::Command(command.clone())),
        )
    }

    /// An EFI program with a signature by the key of db.
    pub fn signed(&self, image: &[u8], command: Option<&Command>) -> Result<Vec<u8>> {
        let certificate = self.certificate(KeyVariable::Db)?;
        let attributes = authenticode::attributes(image)?;
        let signer = self.signer(KeyVariable::Db, command)?;
        let signature = signer.sign_as(&certificate, attributes.to_sign())?;
        Ok(authenticode::attach(image, &attributes.with(&certificate, &signature))?)
    }
}

/// Writes a new file that only its owner may read.
fn private(file: &Utf8Path, bytes: &[u8]) -> Result<()> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    Ok(options.open(file)?.write_all(bytes)?)
}

/// The RSA key of a file with a `SubjectPublicKeyInfo`, in PEM or DER.
fn read_public_key(file: &Utf8Path) -> Result<Vec<u8>> {
    let bytes = fs_err::read(file)?;
    let info = SubjectPublicKeyInfoDer::from_pem_slice(&bytes).map_or(bytes, |info| info.to_vec());
    x509::public_key(&info)
        .map_err(|error| Exit::Usage.error(format!("{file} is not a public RSA key in PEM or DER: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::exec;
    use ashlar_core::formats::der::{context, object_identifier, sequence, value};
    use ashlar_core::formats::pkcs7;

    fn keys(dir: &Utf8Path) -> SigningKeys {
        SigningKeys::create(dir, "Test", None, Epoch::RELEASE).unwrap()
    }

    fn scratch() -> (tempfile::TempDir, Utf8PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(guard.path().to_owned()).unwrap();
        (guard, dir)
    }

    #[test]
    fn certificates_are_signed_by_their_own_keys_and_openssl_agrees() {
        let (_guard, dir) = scratch();
        let keys = keys(&dir.join("keys"));
        for variable in KeyVariable::ALL {
            let certificate = keys.certificate(variable).unwrap();
            assert!(rsa::verify(&certificate, &certificate.signed, &certificate.signature));
            let file = keys.file(variable, "der");
            let pem = dir.join("one.pem");
            let openssl = |args: &[&str]| exec::read(&Command::new(rsa::OPENSSL).args(args.iter().copied())).unwrap();
            fs_err::write(&pem, openssl(&["x509", "-inform", "DER", "-in", file.as_str()])).unwrap();
            assert!(openssl(&["verify", "-check_ss_sig", "-CAfile", pem.as_str(), pem.as_str()]).contains("OK"));
            let names = openssl(&["x509", "-inform", "DER", "-in", file.as_str(), "-noout", "-subject"]);
            assert_eq!(names.trim(), format!("subject=CN = Test {}", variable.name()));
        }
        let mode = |suffix| {
            use std::os::unix::fs::PermissionsExt as _;
            fs_err::metadata(keys.file(KeyVariable::Db, suffix)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode("key"), 0o600);
    }

    #[test]
    fn keys_are_never_written_over() {
        let (_guard, dir) = scratch();
        fs_err::write(dir.join("file"), "").unwrap();
        let error = SigningKeys::create(&dir, "Test", None, Epoch::RELEASE).unwrap_err();
        assert!(error.to_string().contains("is not empty"), "{error}");
    }

    #[test]
    fn a_command_signs_like_the_file_and_another_answer_is_refused() {
        let (_guard, dir) = scratch();
        let keys = keys(&dir.join("keys"));
        let certificate = keys.certificate(KeyVariable::Db).unwrap();
        let key = keys.file(KeyVariable::Db, "key");
        let openssl = |key: &Utf8Path| {
            Signer::Command(Command::new(rsa::OPENSSL).args(["dgst", "-sha256", "-sign", key.as_str()]))
        };
        let own = keys.signer(KeyVariable::Db, None).unwrap().sign_as(&certificate, b"message").unwrap();
        assert_eq!(openssl(&key).sign_as(&certificate, b"message").unwrap(), own);
        let error = openssl(&keys.file(KeyVariable::Pk, "key")).sign_as(&certificate, b"message").unwrap_err();
        assert!(error.to_string().contains("answered with 256 bytes that are no signature"), "{error}");
        let foreign = keys.signer(KeyVariable::Kek, None).unwrap().sign_as(&certificate, b"message").unwrap_err();
        assert_eq!(foreign.to_string(), "the private key does not belong to the certificate");
    }

    #[test]
    fn a_token_has_the_key_of_db() {
        let (_guard, dir) = scratch();
        let token = dir.join("token.key");
        fs_err::write(&token, rsa::generate().unwrap()).unwrap();
        let public_key = dir.join("token.pub");
        let read = Command::new(rsa::OPENSSL).args(["pkey", "-in", token.as_str(), "-pubout"]);
        fs_err::write(&public_key, exec::read(&read).unwrap()).unwrap();
        let command = Command::new(rsa::OPENSSL).args(["dgst", "-sha256", "-sign", token.as_str()]);
        let with = Token { public_key, command };
        let keys = SigningKeys::create(&dir.join("keys"), "Test", Some(&with), Epoch::RELEASE).unwrap();
        assert!(!keys.file(KeyVariable::Db, "key").exists());
        assert_eq!(
            keys.certificate(KeyVariable::Db).unwrap().public_key,
            Signer::from_file(&token).unwrap().public_key().unwrap()
        );
    }

    #[test]
    fn openssl_reads_our_signatures() {
        let (_guard, dir) = scratch();
        let keys = keys(&dir.join("keys"));
        let certificate = keys.certificate(KeyVariable::Db).unwrap();
        let signature = keys.signer(KeyVariable::Db, None).unwrap().sign_as(&certificate, b"content").unwrap();
        let bare = pkcs7::detached(&certificate, &signature);
        // OpenSSL wants the usual wrapping around it.
        let wrapped = sequence(&[&object_identifier(&[1, 2, 840, 113_549, 1, 7, 2]), &value(context(0), &bare)]);
        fs_err::write(dir.join("signature"), wrapped).unwrap();
        fs_err::write(dir.join("content"), b"content").unwrap();
        let file = keys.file(KeyVariable::Db, "der");
        let pem = Command::new(rsa::OPENSSL).args(["x509", "-inform", "DER", "-in", file.as_str()]);
        fs_err::write(dir.join("pem"), exec::read(&pem).unwrap()).unwrap();
        let verify = Command::new(rsa::OPENSSL)
            .args(["smime", "-verify", "-inform", "DER", "-in", "signature", "-content", "content"])
            .args(["-binary", "-CAfile", "pem", "-purpose", "any"])
            .cwd(&dir);
        assert_eq!(exec::read(&verify).unwrap(), "content");
    }
}
