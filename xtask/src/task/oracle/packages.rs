//! The Debian packages that the test roots are made of: fetched with apt-get, unpacked with dpkg-deb.

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use camino::{Utf8Path, Utf8PathBuf};

use crate::app::App;
use crate::host::exec;
use crate::host::mirror::Mirrors;

/// A release of OpenRC that ours is compared with, and the packages that its root is made of.
#[derive(Debug)]
pub struct Original {
    /// Folder of its roots below the store's own of the comparison; the name of what is compared with it.
    pub folder: &'static str,
    /// The version that the list of differences is about.
    pub version: &'static str,
    /// Debian's release that has it; without a name, the one of this machine.
    pub suite: Option<&'static str>,
    /// The packages of the root.
    pub packages: &'static [&'static str],
}

/// Graphs run beside what Debian 12 has. It comes without OpenRC's own start-stop-daemon; dpkg's has its place.
///
/// The shell of both roots is dash: BusyBox's sh runs its own applets before any program of the same name, so that neither
/// side's start-stop-daemon would be tested.
pub const GRAPHS: Original = Original {
    folder: "",
    version: "0.45.2",
    suite: None,
    packages: &[
        "openrc",
        "librc1",
        "libeinfo1",
        "libc6",
        "libaudit1",
        "libpam0g",
        "libselinux1",
        "libcap-ng0",
        "libpcre2-8-0",
        // For start-stop-daemon.
        DPKG,
        "dash",
        "busybox-static",
    ],
};

/// Scripts run beside what Debian 13 has: the oldest of Debian's packages with OpenRC's own start-stop-daemon in it.
pub const SCRIPTS: Original = Original {
    folder: "scripts",
    version: "0.56",
    suite: Some("trixie"),
    packages: &[
        "openrc",
        "librc1t64",
        "libeinfo1",
        "libc6",
        "libaudit1",
        "libpam0g",
        // start-stop-daemon opens a session for a user.
        "libpam-modules",
        "libselinux1",
        "libcap2",
        "libcap-ng0",
        "libpcre2-8-0",
        "dash",
        "busybox-static",
    ],
};

/// The package from which only start-stop-daemon is taken.
pub const DPKG: &str = "dpkg";

/// Those that both roots have.
pub const SHARED: [&str; 3] = ["libc6", "dash", "busybox-static"];

/// The names in a folder.
pub fn names(folder: &Utf8Path) -> Result<Vec<String>> {
    folder.read_dir_utf8()?.map(|entry| Ok(entry?.file_name().to_owned())).collect()
}

/// The file of a package, when it is there.
fn deb(debs: &Utf8Path, package: &str) -> Result<Option<Utf8PathBuf>> {
    let file = names(debs)?.into_iter().find(|name| name.starts_with(&format!("{package}_")) && name.ends_with(".deb"));
    Ok(file.map(|name| debs.join(name)))
}

/// Fetches the packages that are not there yet into `debs`.
pub fn download(app: &App, original: &Original, home: &Utf8Path, debs: &Utf8Path) -> Result<()> {
    let mut missing = Vec::new();
    for package in original.packages {
        if deb(debs, package)?.is_none() {
            missing.push(*package);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if app.global.offline {
        anyhow::bail!("{} not fetched yet, and --offline was given", missing.join(", "));
    }
    let index = match original.suite {
        Some(suite) => index_of(suite, home)?,
        None => Vec::new(),
    };
    exec::read(&apt_get(&index).arg("download").args(missing).cwd(debs)).map(drop)
}

/// apt-get, with options. Without a network the comparison is skipped, and that quickly.
fn apt_get(options: &[String]) -> Command {
    let limits = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-q"];
    Command::new("apt-get").args(limits).args(options.iter().flat_map(|option| ["-o", option.as_str()]))
}

/// The index of a release that need not be this machine's, from the same mirror and checked with the same keys: the options with
/// which apt-get uses it. The machine's own lists stay as they are.
fn index_of(suite: &str, home: &Utf8Path) -> Result<Vec<String>> {
    let mirrors = Mirrors::detect(None)?;
    let mirror = mirrors.debian().first().context("this machine's apt names no mirror of Debian's archive")?;
    let apt = home.join("apt");
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs_err::create_dir_all(apt.join(folder))?;
    }
    fs_err::write(apt.join("sources.list"), format!("deb [signed-by={KEYS}] {mirror} {suite} main\n"))?;
    fs_err::write(apt.join("status"), "")?;
    let options = vec![
        format!("Dir::Etc::SourceList={apt}/sources.list"),
        "Dir::Etc::SourceParts=-".to_owned(),
        format!("Dir::State::Lists={apt}/lists"),
        format!("Dir::State::Status={apt}/status"),
        format!("Dir::Cache={apt}/cache"),
        "Acquire::Languages=none".to_owned(),
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
        // Its own user may not write there.
        "APT::Sandbox::User=root".to_owned(),
    ];
    exec::read(&apt_get(&options).arg("update"))?;
    Ok(options)
}

/// Debian's keys on a machine of Debian.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The version of OpenRC's package, when it is the one that the comparison is about.
pub fn version(original: &Original, debs: &Utf8Path) -> Result<Option<String>> {
    let Some(file) = deb(debs, "openrc")? else { return Ok(None) };
    let version = exec::read(&Command::new("dpkg-deb").args(["--field", file.as_str(), "Version"]))?;
    let version = version.trim().to_owned();
    Ok((version.split('-').next() == Some(original.version)).then_some(version))
}

/// The files that real OpenRC's root is made of, a line each.
pub fn contents(original: &Original, debs: &Utf8Path) -> Result<String> {
    let line = |package: &&str| Ok(format!("{}\n", fetched(debs, package)?.file_name().unwrap_or_default()));
    original.packages.iter().map(line).collect()
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
