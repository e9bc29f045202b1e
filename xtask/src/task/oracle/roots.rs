//! The two test roots: real OpenRC out of Debian's packages, and ours with the same shell and the same names.
//!
//! Both are read-only trees below the store. Real OpenRC's is made once; ours at every run, because `rc` changes.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use camino::{Utf8Path, Utf8PathBuf};

use super::namespace::NAMESPACES;
use super::packages::{DPKG, Original, SHARED, contents, download, fetched, names, unpack, version};
use crate::app::App;
use crate::cli::OracleArgs;
use crate::exit::Exit;
use crate::host::lock::Lock;
use crate::host::{exec, tools};

/// What a graph needs; where these mounts are not allowed, nothing can be compared.
const PROBE: &str = "mount --make-rprivate / && mount -t tmpfs tmpfs /tmp && mkdir /tmp/p && mount -t proc proc /tmp/p";

/// Mount points and base directories of a root.
const DIRECTORIES: [&str; 18] = [
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "dev",
    "etc",
    "cases",
    "home",
    "oracle",
    "proc",
    "root",
    "run",
    "srv",
    "sys",
    "tmp",
    "var",
    "base/etc/insserv.conf.d",
    "base/var/log",
];

/// Changes when a root is laid out otherwise than before, so that old ones are made anew.
const LAYOUT: &str = "layout 2\n";

/// Both roots, ready.
#[derive(Debug)]
pub struct Roots {
    /// Where programs for them are compiled.
    pub home: Utf8PathBuf,
    /// Real OpenRC's.
    pub real: Utf8PathBuf,
    /// Ours.
    pub ours: Utf8PathBuf,
    /// The `etc` that the package ships.
    pub shipped: Utf8PathBuf,
    /// Names of the scripts in it.
    pub scripts: Vec<String>,
    /// The package's version.
    pub version: String,
    /// Another run would make our root anew below this one.
    _lock: Lock,
}

/// Roots, or why there are none.
#[derive(Debug)]
pub enum Prepared {
    /// They are there.
    Ready(Roots),
    /// This machine cannot have them, through no fault of the project.
    Skipped(String),
}

/// Both roots; `None`, with a note, when this machine cannot have them.
pub fn both(app: &App, args: &OracleArgs, original: &Original) -> Result<Option<Roots>> {
    Ok(match prepare(app, original, args.rc.as_deref())? {
        Prepared::Ready(roots) => {
            app.reporter.say(format!("seed {}, OpenRC {}", args.seed, roots.version));
            Some(roots)
        }
        Prepared::Skipped(why) => {
            app.reporter.say(format!("skipped: {why}"));
            None
        }
    })
}

/// Makes what is missing of both roots. `rc` is a program to test instead of the one that is compiled here.
pub fn prepare(app: &App, original: &Original, rc: Option<&Utf8Path>) -> Result<Prepared> {
    if !tools::is_root() {
        return Ok(Prepared::Skipped("mount and process namespaces with a root of their own need root".to_owned()));
    }
    for tool in ["unshare", "chroot", "dpkg-deb", "tar", "apt-get"] {
        if tools::find(tool).is_none() {
            return Ok(Prepared::Skipped(format!("`{tool}` is not installed; real OpenRC comes as a Debian package")));
        }
    }
    if let Err(error) = exec::read(&Command::new("unshare").args(NAMESPACES).args(["sh", "-c", PROBE])) {
        return Ok(Prepared::Skipped(format!("namespaces cannot be made here: {error:#}")));
    }
    let store = app.store()?;
    let all = store.root().join("oracle");
    let home = all.join(original.folder);
    let debs = home.join("debs");
    fs_err::create_dir_all(&debs)?;
    let lock = Lock::take(&home.join("lock"), || app.reporter.say("waiting for another comparison"))?;
    if let Err(error) = download(app, original, &home, &debs) {
        return Ok(Prepared::Skipped(format!("the package openrc cannot be fetched: {error:#}")));
    }
    let Some(version) = version(original, &debs)? else {
        return Ok(Prepared::Skipped(format!(
            "{} has no OpenRC {}, which the comparison is about",
            original.suite.map_or_else(|| "this machine's Debian".to_owned(), |suite| format!("Debian's {suite}")),
            original.version
        )));
    };
    let shipped = home.join("shipped");
    let real = home.join("real");
    let mark = format!("{}{LAYOUT}", contents(original, &debs)?);
    // A root of other packages, from before a change of the list, is none.
    if fs_err::read_to_string(real.join("real")).ok().as_ref() != Some(&mark) {
        make_real(original, &home, &debs, &real, &shipped, &mark)?;
    }
    let ours = home.join("ours");
    let program = match rc {
        Some(program) => program.to_owned(),
        None => programs(app, &all, "programs/rc/Cargo.toml", &["rc"])?.remove(0),
    };
    make_ours(app, &program, &debs, &real, &ours)?;
    let mut scripts: Vec<String> = names(&shipped.join("init.d"))?;
    scripts.sort();
    Ok(Prepared::Ready(Roots { home: all, real, ours, shipped, scripts, version, _lock: lock }))
}

/// Directories, merged as in Ashlar, and the files of `etc` that programs ask for.
fn skeleton(root: &Utf8Path) -> Result<()> {
    for directory in DIRECTORIES {
        fs_err::create_dir_all(root.join(directory))?;
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name)).with_context(|| format!("making {root}/{name}"))?;
    }
    let etc = root.join("base/etc");
    fs_err::write(etc.join("passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    fs_err::write(etc.join("group"), "root:x:0:\nuucp:x:10:\n")?;
    fs_err::write(etc.join("fstab"), "")?;
    fs_err::write(etc.join("insserv.conf"), "")?;
    Ok(())
}

fn make_real(
    original: &Original,
    home: &Utf8Path,
    debs: &Utf8Path,
    real: &Utf8Path,
    shipped: &Utf8Path,
    mark: &str,
) -> Result<()> {
    let new = tempfile::Builder::new().prefix("new-").tempdir_in(home)?;
    let path = Utf8Path::from_path(new.path()).context("the store's path is not UTF-8")?;
    let (root, dpkg) = (path.join("root"), path.join("dpkg"));
    skeleton(&root)?;
    fs_err::create_dir(&dpkg)?;
    for package in original.packages {
        let file = fetched(debs, package)?;
        unpack(&file, if *package == DPKG { &dpkg } else { &root })?;
    }
    if original.packages.contains(&DPKG) {
        fs_err::copy(dpkg.join("sbin/start-stop-daemon"), root.join("usr/sbin/start-stop-daemon"))?;
    }
    // What the packages put into /etc is laid over it for the graph of the shipped scripts only.
    for old in [shipped, real].into_iter().filter(|old| old.exists()) {
        fs_err::remove_dir_all(old)?;
    }
    let etc = path.join("etc");
    fs_err::create_dir(&etc)?;
    for name in ["init.d", "runlevels", "rc.conf"] {
        fs_err::rename(root.join("etc").join(name), etc.join(name))?;
    }
    fs_err::create_dir(etc.join("conf.d"))?;
    fs_err::rename(&etc, shipped)?;
    shell(&root)?;
    fs_err::write(root.join("real"), mark)?;
    world_readable(&root)?;
    fs_err::rename(&root, real)?;
    Ok(())
}

/// Links BusyBox's names, except those that something else has.
fn shell(root: &Utf8Path) -> Result<()> {
    let busybox = root.join("usr/bin/busybox");
    for name in exec::read(&Command::new(busybox.as_str()).arg("--list"))?.lines() {
        let taken =
            ["usr/bin", "usr/sbin"].iter().any(|folder| root.join(folder).join(name).symlink_metadata().is_ok());
        if !taken {
            symlink("busybox", root.join("usr/bin").join(name)).with_context(|| format!("linking {name}"))?;
        }
    }
    Ok(())
}

fn world_readable(root: &Utf8Path) -> Result<()> {
    fs_err::set_permissions(root, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Our root: dash and BusyBox, `rc` under every name that the package has, and its shell part.
fn make_ours(app: &App, program: &Utf8Path, debs: &Utf8Path, real: &Utf8Path, ours: &Utf8Path) -> Result<()> {
    let source = app.root.join("programs/rc");
    if ours.exists() {
        fs_err::remove_dir_all(ours)?;
    }
    skeleton(ours)?;
    for package in SHARED {
        unpack(&fetched(debs, package)?, ours)?;
    }
    fs_err::copy(program, ours.join("usr/bin/rc"))?;
    let scripts = ours.join("usr/lib/rc/sh");
    fs_err::create_dir_all(&scripts)?;
    for name in names(&source.join("sh"))? {
        fs_err::copy(source.join("sh").join(&name), scripts.join(&name))?;
    }
    for folder in ["usr/lib/rc/bin", "usr/lib/rc/sbin"] {
        fs_err::create_dir_all(ours.join(folder))?;
        for name in names(&real.join(folder))? {
            symlink("../../../bin/rc", ours.join(folder).join(&name))?;
        }
    }
    for name in OWN_NAMES {
        symlink("../../../bin/rc", ours.join("usr/lib/rc/bin").join(name))
            .with_context(|| format!("linking {name}"))?;
    }
    for name in USER_NAMES {
        symlink("../bin/rc", ours.join("usr/sbin").join(name)).with_context(|| format!("linking {name}"))?;
    }
    shell(ours)?;
    nothing_before_ours(ours)?;
    world_readable(ours)
}

/// In the order in which scripts and people find programs, ours must be the first of its name.
fn nothing_before_ours(ours: &Utf8Path) -> Result<()> {
    let folders = ["usr/lib/rc/bin", "usr/lib/rc/sbin", "usr/bin", "usr/sbin"];
    let is_ours = |path: &Utf8Path| path.read_link_utf8().is_ok_and(|target| target.file_name() == Some("rc"));
    for folder in folders {
        for name in names(&ours.join(folder))?.into_iter().filter(|name| is_ours(&ours.join(folder).join(name))) {
            let other = folders.iter().map(|folder| ours.join(folder).join(&name));
            let mut other = other.filter(|path| path.symlink_metadata().is_ok() && !is_ours(path));
            if let Some(path) = other.next() {
                anyhow::bail!("{path} would be tested in the place of ours");
            }
        }
    }
    Ok(())
}

/// Names that are not below `lib/rc`.
const USER_NAMES: [&str; 8] = [
    "openrc",
    "openrc-run",
    "rc-service",
    "rc-update",
    "rc-status",
    "rc-depend",
    "start-stop-daemon",
    "supervise-daemon",
];

/// Names in `lib/rc/bin` that Debian's package has elsewhere or not at all; see programs/rc/pkg.toml.
const OWN_NAMES: [&str; 3] = ["start-stop-daemon", "supervise-daemon", "cgroup-cleanup"];

/// Compiles programs of a crate for this machine, without shared libraries, as in Ashlar.
pub fn programs(app: &App, home: &Utf8Path, manifest: &str, names: &[&str]) -> Result<Vec<Utf8PathBuf>> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    let target = home.join("target");
    let manifest = app.root.join(manifest);
    if !manifest.exists() {
        return Err(Exit::Invalid.error(format!("{manifest} does not exist: there is nothing to compare")));
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let command = Command::new(cargo).args(["build", "--release", "--locked", "--target", TARGET]);
    let command = command.args(["--manifest-path", manifest.as_str(), "--target-dir", target.as_str()]);
    exec::read(&command.env("RUSTFLAGS", "-Ctarget-feature=+crt-static"))
        .with_context(|| format!("compiling {} for the comparison", names.join(" and ")))?;
    Ok(names.iter().map(|name| target.join(TARGET).join("release").join(name)).collect())
}
