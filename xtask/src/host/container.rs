//! The container a build's steps run in, by buildah.
//!
//! Its root file system is a few symbolic links and directories; `/usr` is the seed env, read-only; everything else a step
//! reads or writes is mounted. No layer is ever made from it: the staging tree is a plain directory on the host.

use anyhow::{Context as _, Result};
use ashlar_core::command::Command;
use camino::{Utf8Path, Utf8PathBuf};

use super::exec;

/// A mount: host directory, path inside, whether it is read-only.
#[derive(Debug, Clone)]
pub struct Mount {
    /// Directory or file on the host.
    pub host: Utf8PathBuf,
    /// Absolute path inside.
    pub guest: String,
    /// Read-only.
    pub read_only: bool,
}

impl Mount {
    /// A read-only mount.
    pub fn input(host: impl Into<Utf8PathBuf>, guest: impl Into<String>) -> Self {
        Self { host: host.into(), guest: guest.into(), read_only: true }
    }

    /// A writable mount.
    pub fn output(host: impl Into<Utf8PathBuf>, guest: impl Into<String>) -> Self {
        Self { read_only: false, ..Self::input(host, guest) }
    }
}

/// A container that exists in buildah's storage.
#[derive(Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Host name inside.
    pub hostname: String,
    /// What is mounted.
    pub mounts: Vec<Mount>,
}

/// Files of the container's own root: name and content.
const ETC: &[(&str, &str)] = &[
    ("etc/passwd", "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
];

/// Writes the container's own root directory.
pub fn write_skeleton(dir: &Utf8Path) -> Result<()> {
    for folder in ["etc", "tmp", "var/tmp", "dest", "proc", "sys", "dev", "run"] {
        fs_err::create_dir_all(dir.join(folder))?;
    }
    for (name, text) in ETC {
        fs_err::write(dir.join(name), text)?;
    }
    for link in ["bin", "sbin", "lib", "lib64"] {
        fs_err::os::unix::fs::symlink(format!("usr/{link}"), dir.join(link))?;
    }
    Ok(())
}

/// The OCI runtime by path where it can be found: it lies in a directory that a user's PATH lacks.
fn runtime() -> String {
    super::tools::find("runc").map_or_else(|| "runc".to_owned(), |path| path.to_string())
}

impl Container {
    /// Creates the container. `skeleton` is a directory made by [`write_skeleton`].
    pub fn create(name: &str, hostname: &str, skeleton: &Utf8Path, mounts: Vec<Mount>) -> Result<Self> {
        exec::read(&Command::new("buildah").args(["from", "--name", name, "scratch"]))
            .context("creating the build container; `cargo xtask doctor` tests whether buildah works here")?;
        exec::read(&Command::new("buildah").args(["copy", "--quiet", name, skeleton.as_str(), "/"]))?;
        Ok(Self { name: name.to_owned(), hostname: hostname.to_owned(), mounts })
    }

    /// The command that runs `argv` inside, without network.
    pub fn command(&self, argv: &[String], terminal: bool) -> Command {
        let mut command = Command::new("buildah").args(["run", "--runtime", &runtime(), "--network", "none"]);
        if terminal {
            command = command.arg("--terminal");
        }
        command = command.args(["--hostname", &self.hostname, "--workingdir", "/"]);
        for mount in &self.mounts {
            let mode = if mount.read_only { "ro" } else { "rw" };
            command = command.arg("--volume").arg(format!("{}:{}:{mode}", mount.host, mount.guest));
        }
        command.arg("--").arg(&self.name).args(argv.iter().cloned())
    }
}
