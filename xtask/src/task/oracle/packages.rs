//! The Debian packages that the test roots are made of: fetched with apt-get, unpacked with dpkg-deb.

use anyhow::{Context as _, Result};
use ashlar_core::command::Command;
use camino::{Utf8Path, Utf8PathBuf};

use crate::host::exec;
use crate::task::App;

/// What real OpenRC needs to run, and the shell of both roots. That is dash: BusyBox's sh runs its own applets before any
/// program of the same name, so that neither side's start-stop-daemon would be tested.
pub const PACKAGES: [&str; 12] = [
    "openrc",
    "librc1",
    "libeinfo1",
    "libc6",
    "libaudit1",
    "libpam0g",
    "libselinux1",
    "libcap-ng0",
    "libpcre2-8-0",
    // For start-stop-daemon, which Debian's OpenRC takes from there.
    "dpkg",
    "dash",
    "busybox-static",
];

/// Those that both roots have.
pub const SHARED: [&str; 3] = ["libc6", "dash", "busybox-static"];

/// The version that `differences.toml` is about.
pub const VERSION: &str = "0.45.2";

/// The names in a folder.
pub fn names(folder: &Utf8Path) -> Result<Vec<String>> {
    folder.read_dir_utf8()?.map(|entry| Ok(entry?.file_name().to_owned())).collect()
}

/// The file of a package, when it is there.
fn deb(debs: &Utf8Path, package: &str) -> Result<Option<Utf8PathBuf>> {
    let file = names(debs)?.into_iter().find(|name| name.starts_with(&format!("{package}_")) && name.ends_with(".deb"));
    Ok(file.map(|name| debs.join(name)))
}

/// Fetches the packages that are not there yet.
pub fn download(app: &App, debs: &Utf8Path) -> Result<()> {
    let mut missing = Vec::new();
    for package in PACKAGES {
        if deb(debs, package)?.is_none() {
            missing.push(package);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if app.global.offline {
        anyhow::bail!("{} not fetched yet, and --offline was given", missing.join(", "));
    }
    // Without a network the comparison is skipped, and that quickly.
    let limits = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"];
    exec::read(&Command::new("apt-get").args(limits).args(["-q", "download"]).args(missing).cwd(debs)).map(drop)
}

/// The version of OpenRC's package, when it is the one that the comparison is about.
pub fn version(debs: &Utf8Path) -> Result<Option<String>> {
    let Some(file) = deb(debs, "openrc")? else { return Ok(None) };
    let version = exec::read(&Command::new("dpkg-deb").args(["--field", file.as_str(), "Version"]))?;
    let version = version.trim().to_owned();
    Ok((version.split('-').next() == Some(VERSION)).then_some(version))
}

/// The files that real OpenRC's root is made of, a line each.
pub fn contents(debs: &Utf8Path) -> Result<String> {
    PACKAGES
        .iter()
        .map(|package| Ok(format!("{}\n", fetched(debs, package)?.file_name().unwrap_or_default())))
        .collect()
}

/// The file of a package.
pub fn fetched(debs: &Utf8Path, package: &str) -> Result<Utf8PathBuf> {
    deb(debs, package)?.with_context(|| format!("the package {package} was fetched and is not there"))
}

/// Unpacks a package into a root.
pub fn unpack(deb: &Utf8Path, root: &Utf8Path) -> Result<()> {
    let archive = exec::read_with_input(&Command::new("dpkg-deb").args(["--fsys-tarfile", deb.as_str()]), b"")?;
    let tar = Command::new("tar").args(["-x", "-C", root.as_str(), "--keep-directory-symlink", "--no-same-owner"]);
    exec::read_with_input(&tar.args(["--exclude=./usr/share"]), &archive).map(drop)
}
