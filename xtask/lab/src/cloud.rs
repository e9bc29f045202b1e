//! The NoCloud documents of a machine of ours: what `cargo xtask run` and the boot tests put on the volume labelled `CIDATA`.
//!
//! Writing only, and only what Ashlar reads. The reader is `programs/firstboot`.

use ashlar_core::base::digest::Digest;

/// The only groups an administrator needs.
const ADMINISTRATORS: &str = "wheel";

/// The configuration of a new machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Host name.
    pub host: String,
    /// Name of the administrator.
    pub user: String,
    /// The administrator's public key, one line.
    pub key: String,
    /// A hashed password for the console; none may log in there when absent. SSH takes keys only, whatever stands here.
    pub password: Option<String>,
    /// By which clients know the machine; it makes a key of its own when absent.
    pub host_key: Option<HostKey>,
}

/// A key pair as `ssh-keygen -t ed25519` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// The private key's file.
    pub private: String,
    /// The public key, one line.
    pub public: String,
}

impl HostKey {
    /// As `ssh_keys` of cloud-config.
    fn yaml(&self) -> String {
        let private: String = self.private.lines().map(|line| format!("    {line}\n")).collect();
        format!("ssh_keys:\n  ed25519_private: |\n{private}  ed25519_public: {}\n", self.public.trim())
    }
}

impl Volume {
    /// The files by name.
    pub fn files(&self) -> [(&'static str, String); 2] {
        [("meta-data", self.meta_data()), ("user-data", self.user_data())]
    }

    /// The instance's name follows from its configuration: the same volume is the same instance.
    fn meta_data(&self) -> String {
        let digest = Digest::of(self.user_data());
        format!("instance-id: ashlar-{}\nlocal-hostname: {}\n", digest.short(), self.host)
    }

    fn user_data(&self) -> String {
        let Self { host, user, key, password, host_key } = self;
        let password = password
            .as_ref()
            .map_or_else(String::new, |hash| format!("    passwd: \"{hash}\"\n    lock_passwd: false\n"));
        let host_key = host_key.as_ref().map_or_else(String::new, HostKey::yaml);
        format!(
            "#cloud-config\nhostname: {host}\nusers:\n  - name: {user}\n    groups: {ADMINISTRATORS}\n{password}    \
             ssh_authorized_keys:\n      - {key}\n{host_key}",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_pinned() {
        let volume = Volume {
            host: "ashlar-test".to_owned(),
            user: "admin".to_owned(),
            key: "ssh-ed25519 AAAA test".to_owned(),
            password: Some("$6$salt$hash".to_owned()),
            host_key: Some(HostKey { private: "first\nlast\n".to_owned(), public: "ssh-ed25519 AAAA\n".to_owned() }),
        };
        let text = |volume: &Volume| volume.files().map(|(name, text)| format!("--- {name}\n{text}")).concat();
        let without = Volume { password: None, host_key: None, ..volume.clone() };
        insta::assert_snapshot!(text(&volume) + &text(&without));
    }
}
