//! The container of a build's steps, run by runc. `ashlar_core::model::sandbox` decides its rights.
//!
//! Its root file system is a few symbolic links and directories; `/usr` is the seed env, read-only; everything else a step
//! reads or writes is mounted. No layer is ever made from it: the staging tree is a plain directory on the host. Each command is a
//! container of its own with the same root file system, so nothing runs on after its end.

mod disk;
mod groups;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use ashlar_core::model::sandbox::ids::{self, Ids};
use ashlar_core::model::sandbox::limits::{self, Limits};
use ashlar_core::model::sandbox::{Sandbox, Walls};
use camino::{Utf8Path, Utf8PathBuf};

pub use ashlar_core::model::sandbox::Mount;
pub use groups::available as limited_by;

use super::{exec, interrupt, tree};
use crate::exit::Exit;
use disk::DiskWatch;
use groups::Groups;

/// A container: a directory with its root, and what is mounted into that.
#[derive(Debug)]
pub struct Container {
    /// Its name, unique on this machine.
    name: String,
    /// The directory that holds everything of it.
    dir: Utf8PathBuf,
    sandbox: Sandbox,
    disk: DiskWatch,
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

/// Where the runtime finds the root of a container when root starts it. From inside a user namespace it could not pass a home
/// directory that is closed to others, so the container's root is mounted here, for the runtime alone to see.
const STAGE: &str = "/run/ashlar";

/// Mounts the directory `$0` on the stage and becomes the command after it.
const ENTER: &str = "mount --bind -o nosuid,nodev \"$0\" /run/ashlar; exec \"$@\"";

/// The ids of the container in the work directory `name`.
pub fn ids(name: &str) -> Result<Ids> {
    let read = |path: &str| fs_err::read_to_string(path);
    if super::tools::is_root() {
        let range = ids::of_build(name, &read("/proc/self/uid_map")?, &read("/proc/self/gid_map")?);
        return Ok(Ids::Nobody(range.map_err(anyhow::Error::msg)?));
    }
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let account = std::env::var("USER").unwrap_or_default();
    let range = |file: &str| {
        let text = read(file)?;
        ids::subordinate(file, &text, [&account, &uid.to_string()]).map_err(anyhow::Error::msg)
    };
    Ok(Ids::User { own: (uid, gid), subordinate: (range("/etc/subuid")?, range("/etc/subgid")?) })
}

/// Everything of a container but its place.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Host name inside.
    pub hostname: &'a str,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// Builds that run at once on this machine, of which this is one.
    pub builds: usize,
    /// Only for `bench sandbox`: without most of the sandbox.
    pub bare: bool,
}

impl Container {
    /// A container in `dir`, whose `skeleton` was made by [`write_skeleton`]; that and everything that can be written inside is
    /// given to root inside.
    pub fn create(dir: &Utf8Path, wanted: Wanted<'_>) -> Result<Self> {
        let container = Self::enter(dir, wanted)?;
        container.give(&dir.join("skeleton"))?;
        let mut writable = container.sandbox.mounts.iter().filter(|mount| !mount.read_only);
        writable.try_for_each(|mount| container.give(&mount.host))?;
        Ok(container)
    }

    /// Gives what is at `path` to root inside.
    pub fn give(&self, path: &Utf8Path) -> Result<()> {
        match self.sandbox.walls {
            Walls::All(ids @ Ids::Nobody(_)) => tree::give(path, ids.root()),
            // Root inside is whoever made it.
            Walls::All(Ids::User { .. }) | Walls::Few => Ok(()),
        }
    }

    /// A container that [`Container::create`] made earlier, in this run or another.
    pub fn enter(dir: &Utf8Path, wanted: Wanted<'_>) -> Result<Self> {
        let label = dir.file_name().context("a container needs a directory with a name")?;
        let walls = if wanted.bare { Walls::Few } else { Walls::All(ids(label)?) };
        let skeleton = dir.join("skeleton");
        let root = if super::tools::is_root() { Utf8PathBuf::from(STAGE) } else { skeleton };
        let name = name_of(dir);
        let grouped = groups::available();
        let limits = if grouped { Limits::share(groups::memory()?, wanted.builds) } else { Limits::without_groups() };
        let sandbox = Sandbox {
            root,
            hostname: wanted.hostname.to_owned(),
            mounts: wanted.mounts,
            walls,
            limits,
            group: grouped.then(|| name.clone()),
        };
        Ok(Self { name, dir: dir.to_owned(), sandbox, disk: DiskWatch::of(dir) })
    }

    /// Runs `argv` inside, without network, both output streams appended to `log`; gives how long it took.
    ///
    /// # Errors
    /// When the command fails, or met a limit; the error carries the end of the log.
    pub fn run(&self, argv: &[String], log: &Utf8Path, cpus: Option<&[usize]>) -> Result<Duration> {
        interrupt::check()?;
        let command = self.command(argv, false)?;
        let mut disk = self.disk.clone();
        let mut look = || {
            // The container's first process ignores the Ctrl-C of the terminal.
            interrupt::check().and_then(|()| disk.look(log)).inspect_err(|_| {
                // When it ended by itself meanwhile there is nothing to end.
                drop(exec::read(&self.runc(&["kill", &self.name, "KILL"])));
            })
        };
        let result =
            exec::watched(&command, log, cpus, &mut look).and_then(|duration| disk.look(log).map(|()| duration));
        let met = self.sandbox.group.as_ref().map_or_else(limits::Met::default, |group| Groups::of(group).met());
        let cleared = clear(&self.dir);
        if let Some(verdict) = limits::verdict(self.sandbox.limits, met) {
            let error = result.err().unwrap_or_else(|| Exit::Build.error("its commands went on after that".to_owned()));
            return Err(error.context(verdict));
        }
        let duration = result?;
        cleared.map(|()| duration)
    }

    /// Files of the container's own root, but for the places that every program may write to.
    pub fn own_files(&self) -> Result<BTreeSet<String>> {
        let root = self.dir.join("skeleton");
        let (mut files, mut pending) = (BTreeSet::new(), vec![root.clone()]);
        while let Some(dir) = pending.pop() {
            for entry in dir.read_dir_utf8()? {
                let entry = entry?;
                let path = entry.path().strip_prefix(&root)?.to_string();
                let is_mount = self.sandbox.mounts.iter().any(|mount| mount.guest.trim_start_matches('/') == path);
                if is_mount || ["tmp", "var/tmp", "run", "dev", "proc", "sys"].contains(&path.as_str()) {
                    continue;
                }
                if entry.file_type()?.is_dir() {
                    pending.push(entry.path().to_owned());
                } else {
                    files.insert(path);
                }
            }
        }
        Ok(files)
    }

    /// Runs `argv` inside on this terminal; gives its exit code.
    pub fn interactive(&self, argv: &[String]) -> Result<i32> {
        let code = exec::interactive(&self.command(argv, true)?);
        clear(&self.dir)?;
        code
    }

    /// Writes the runtime's configuration for `argv` and gives the command that runs it.
    fn command(&self, argv: &[String], terminal: bool) -> Result<Command> {
        let bundle = self.dir.join("bundle");
        fs_err::create_dir_all(&bundle)?;
        let config = self.sandbox.config(argv, terminal);
        fs_err::write(bundle.join("config.json"), serde_json::to_vec_pretty(&config)?)?;
        // Kept when it ends: its control group then still says which limits it met.
        let runc = self.runc(&["run", "--keep", "--bundle", bundle.as_str(), &self.name]);
        if !super::tools::is_root() {
            return Ok(runc);
        }
        fs_err::create_dir_all(STAGE)?;
        let enter =
            Command::new("unshare").args(["--mount", "--propagation", "private", "--", "/bin/sh", "-euc", ENTER]);
        Ok(enter.arg(self.dir.join("skeleton")).arg(runc.program).args(runc.args))
    }

    fn runc(&self, args: &[&str]) -> Command {
        let command = runc_at(&self.dir);
        let command = if self.sandbox.group.is_some() { command } else { command.args(["--rootless", "true"]) };
        command.args(args.iter().copied())
    }
}

/// The runtime with its own files in a container's directory.
fn runc_at(dir: &Utf8Path) -> Command {
    Command::new(runtime()).args(["--root", dir.join("runc").as_str()])
}

/// The name of the container in the work directory `dir`.
pub fn name_of(dir: &Utf8Path) -> String {
    format!("ashlar-{}", dir.file_name().unwrap_or("work"))
}

/// Ends what runs in the container of the directory `dir`, if anything, and removes what the runtime keeps of it.
pub fn clear(dir: &Utf8Path) -> Result<()> {
    let name = name_of(dir);
    if dir.join("runc").join(&name).exists() {
        exec::read(&runc_at(dir).args(["delete", "--force", &name]))?;
    }
    // A run that was killed at the wrong moment leaves groups that the runtime does not know.
    Groups::of(&name).remove()
}
