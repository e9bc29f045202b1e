//! The SSH host key, if a volume brings one (`ssh_keys` of cloud-config).
//!
//! Without one, sshd makes a key at its first start, and users must compare its fingerprint with the one on the
//! console. With one, the maker of the volume knows the fingerprint before the machine starts.

use std::fmt;

use crate::types::{SshKey, base64};

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
/// The magic of the file format.
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// The only key type that sshd offers here.
const KIND: &[u8] = b"ssh-ed25519";
/// The block size to which `ssh-keygen` pads an unencrypted private part, in bytes.
const BLOCK: usize = 8;
const HOW: &str = "make one with: ssh-keygen -t ed25519 -N '' -f FILE";

/// An ed25519 key pair without a passphrase. Its Debug output hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey {
    private: String,
    public: SshKey,
}

impl fmt::Debug for HostKey {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "HostKey({})", self.public)
    }
}

impl HostKey {
    /// Parses the private key file of `ssh-keygen`, and the public line.
    ///
    /// # Errors
    /// A mistake in one of them, or two different keys.
    pub fn read(private: &str, public: &str) -> Result<Self, String> {
        let public = SshKey::read(public)?;
        let named = public.blob().filter(|blob| blob.starts_with(&field(KIND)));
        let named = named.ok_or_else(|| format!("`ed25519_public` is a line that begins with ssh-ed25519; {HOW}"))?;
        let lines: Vec<&str> = private.trim().lines().map(str::trim).collect();
        let [BEGIN, body @ .., END] = lines.as_slice() else {
            return Err(format!("`ed25519_private` is not a private key in OpenSSH's format; {HOW}"));
        };
        let bytes = base64(&body.concat())
            .ok_or("`ed25519_private` is damaged: the text between its first and last line is not base64")?;
        let held = public_half(&bytes)?;
        if held != named {
            return Err("`ed25519_private` and `ed25519_public` are of two different keys".to_owned());
        }
        Ok(Self { private: lines.iter().map(|line| format!("{line}\n")).collect(), public })
    }

    /// The text of the private key's file.
    pub fn private(&self) -> &str {
        &self.private
    }

    /// The public line.
    pub fn public(&self) -> &SshKey {
        &self.public
    }
}

/// A string of the format: its length in four bytes, then its bytes.
fn field(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text].concat()
}

/// The public key inside a private key, in wire format.
///
/// # Errors
/// The content, if it is not one ed25519 key without a passphrase.
fn public_half(bytes: &[u8]) -> Result<&[u8], String> {
    let cut = || "`ed25519_private` is damaged or cut off: copy the whole file".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(cut)?;
    let (cipher, rest) = take(rest).ok_or_else(cut)?;
    if cipher != b"none" {
        return Err(format!("`ed25519_private` has a passphrase, which nobody can type at boot; {HOW}"));
    }
    let rest = rest.strip_prefix([field(b"none"), field(b""), 1u32.to_be_bytes().to_vec()].concat().as_slice());
    let (public, rest) = take(rest.ok_or_else(cut)?).ok_or_else(cut)?;
    let (secret, rest) = take(rest).ok_or_else(cut)?;
    let point = public.strip_prefix(field(KIND).as_slice()).and_then(take);
    let Some((point, [])) = point.filter(|(point, _)| point.len() == 32) else {
        return Err(format!("`ed25519_private` is a key of another kind; sshd offers ed25519 alone. {HOW}"));
    };
    let whole = rest.is_empty() && is_secret_of(secret, point);
    whole.then_some(public).ok_or_else(cut)
}

/// Whether `bytes` are the private part that belongs to `point`: a number twice, the key, a comment, and the padding 1,
/// 2, 3 …
fn is_secret_of(bytes: &[u8], point: &[u8]) -> bool {
    let (Some(first), Some(second)) = (bytes.get(..4), bytes.get(4..8)) else { return false };
    let Some(rest) = bytes.get(8..).and_then(|rest| rest.strip_prefix(field(KIND).as_slice())) else { return false };
    let Some(rest) = rest.strip_prefix(field(point).as_slice()) else { return false };
    let Some((secret, rest)) = take(rest) else { return false };
    let Some((_comment, padding)) = take(rest) else { return false };
    first == second
        && secret.len() == 64
        && secret.ends_with(point)
        && bytes.len() % BLOCK == 0
        && padding.len() < BLOCK
        && padding.iter().zip(1u8..).all(|(byte, number)| *byte == number)
}

/// The next field, and what follows it.
fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
#[path = "host_key_tests.rs"]
mod tests;
