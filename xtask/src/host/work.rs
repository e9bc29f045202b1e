//! Work directories of running builds, and what a killed run left behind.
//!
//! A work directory holds a lock while its run lives. One whose lock is free belongs to a dead run. The next run removes its
//! container, ends processes that still use it, unmounts its mounts and deletes its files.

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use camino::{Utf8Path, Utf8PathBuf};

use super::lock::Lock;
use super::{container, exec};

/// The work directory of one build.
#[derive(Debug)]
pub struct Work {
    dir: Utf8PathBuf,
    tmpfs: bool,
    keep: bool,
    _lock: Lock,
}

impl Work {
    /// Creates a fresh work directory for `label` below `parent`, on tmpfs when asked.
    pub fn create(parent: &Utf8Path, label: &str, tmpfs: bool) -> Result<Self> {
        // The lock comes first: a directory without a held lock would look like one of a dead run to another run.
        let (_, path) =
            tempfile::Builder::new().prefix(&format!("{label}-")).suffix(".lock").tempfile_in(parent)?.keep()?;
        let path =
            Utf8PathBuf::from_path_buf(path).map_err(|path| anyhow::anyhow!("{} is not UTF-8", path.display()))?;
        let dir = path.with_extension("");
        let lock = Lock::try_take(&path)?.with_context(|| format!("{dir} is in use"))?;
        fs_err::create_dir(&dir)?;
        // What a build makes concerns no other account of this machine.
        fs_err::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        if tmpfs {
            exec::read(&Command::new("mount").args([
                "-t",
                "tmpfs",
                "-o",
                "mode=0700,size=80%",
                "ashlar",
                dir.as_str(),
            ]))?;
        }
        Ok(Self { dir, tmpfs, keep: false, _lock: lock })
    }

    /// The directory.
    pub fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    /// Leaves directory and container in place when this value goes.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Removes everything and says so when that fails.
    pub fn remove(mut self) -> Result<()> {
        self.keep = true;
        remove(&self.dir, self.tmpfs)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = remove(&self.dir, self.tmpfs)
        {
            eprintln!("warning: {} stays behind: {error:#}", self.dir);
        }
    }
}

fn lock_path(dir: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{dir}.lock"))
}

/// Removes a file that an attempt before may have left.
///
/// # Errors
/// Why a file that is there cannot be removed.
pub fn remove_if_there(file: &Utf8Path) -> Result<(), String> {
    match fs_err::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn remove(dir: &Utf8Path, tmpfs: bool) -> Result<()> {
    if dir.exists() {
        container::clear(dir)?;
    }
    if tmpfs {
        exec::read(&Command::new("umount").arg(dir.as_str()))?;
    }
    if dir.exists() {
        remove_tree(dir)?;
    }
    match fs_err::remove_file(lock_path(dir)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Removes a tree that a build may have made hard to remove; no link is followed.
pub fn remove_tree(dir: &Utf8Path) -> Result<()> {
    let Err(error) = fs_err::remove_dir_all(dir) else { return Ok(()) };
    // One that is nested deeper than a process may have files open is no obstacle to `rm`; files of a user's subordinate ids are
    // none where he is root over them.
    let rm = |command: Command| exec::read(&command.args(["rm", "-rf", "--", dir.as_str()]));
    let removed =
        if super::tools::is_root() { rm(Command::new("env")) } else { rm(Command::new("buildah").arg("unshare")) };
    removed.map(drop).with_context(|| format!("removing {dir} after: {error}"))
}

/// Clears what dead runs left below `parent`; gives the names of the directories removed. Kept ones (`.kept` beside them) stay.
pub fn clear_stale(parent: &Utf8Path) -> Result<Vec<String>> {
    let mut cleared = Vec::new();
    for entry in parent.read_dir_utf8()? {
        let entry = entry?;
        let dir = entry.path();
        if !entry.file_type()?.is_dir() || kept_marker(dir).exists() {
            continue;
        }
        let Some(_lock) = Lock::try_take(&lock_path(dir))? else { continue };
        if !dir.exists() {
            // Its run ended in order since the directory was listed; only the lock that was just made is left.
            remove(dir, false)?;
            continue;
        }
        end(dir)?;
        let mounted = exec::read(&Command::new("mountpoint").args(["-q", dir.as_str()])).is_ok();
        remove(dir, mounted).with_context(|| format!("removing what a killed run left in {dir}"))?;
        cleared.push(entry.file_name().to_owned());
    }
    Ok(cleared)
}

/// Clears what a killed `verify-repro` left below `parent`: second stores, with the builds in them.
pub fn clear_stale_stores(parent: &Utf8Path) -> Result<Vec<String>> {
    for entry in parent.read_dir_utf8()? {
        let work = second_store(entry?.path()).join("work");
        if !work.is_dir() {
            continue;
        }
        // Each build there holds a lock of its own while its run lives.
        clear_stale(&work)?;
    }
    clear_stale(parent)
}

/// The store in a directory that a second build was given: in another place than the first.
pub fn second_store(dir: &Utf8Path) -> Utf8PathBuf {
    dir.join("elsewhere")
}

/// The marker beside a kept directory.
fn kept_marker(dir: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{dir}.kept"))
}

/// Marks a work directory as kept for `cargo xtask shell`.
pub fn mark_kept(dir: &Utf8Path) -> Result<()> {
    Ok(fs_err::write(kept_marker(dir), "")?)
}

/// Ends what a dead run still does in `dir`. A runtime that was just starting may only now show that it belongs there.
fn end(dir: &Utf8Path) -> Result<()> {
    const STEP: std::time::Duration = std::time::Duration::from_millis(50);
    let container = container::name_of(dir);
    for _ in 0..200 {
        end_processes_of(dir, &container)?;
        if !names_container(&container)? {
            return Ok(());
        }
        std::thread::sleep(STEP);
    }
    anyhow::bail!("a process of a killed run still works on {container} after 10 s; end it, then run the command again")
}

/// Whether a process has the container's name as an argument.
fn names_container(container: &str) -> Result<bool> {
    for entry in fs_err::read_dir("/proc")? {
        // A process that ends meanwhile names nothing any more.
        let Ok(line) = std::fs::read(entry?.path().join("cmdline")) else { continue };
        if line.split(|byte| *byte == 0).any(|argument| argument == container.as_bytes()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends processes in the control group of `container`, and those whose own mount namespace shows `dir`: the container of a dead run,
/// and its runtime. The mount table of this process is the host's, where `dir` is not a mount's root, so nothing outside such a
/// container matches. Where `dir` is a file system of its own, the table does not name it, and only the group tells.
fn end_processes_of(dir: &Utf8Path, container: &str) -> Result<()> {
    let needle = format!("{dir}/");
    for entry in fs_err::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A process that ends meanwhile is what we want.
        let Ok(mounts) = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")) else { continue };
        let Ok(groups) = std::fs::read_to_string(format!("/proc/{pid}/cgroup")) else { continue };
        let inside = is_in_group(&groups, container)
            || mounts.lines().any(|line| line.split(' ').nth(3).is_some_and(|root| is_below(root, &needle)));
        if inside && let Some(pid) = rustix::process::Pid::from_raw(pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    Ok(())
}

/// Whether a process with these control groups, as `/proc/PID/cgroup` has them, is in one of this name or below.
fn is_in_group(groups: &str, name: &str) -> bool {
    groups.lines().any(|line| line.splitn(3, ':').nth(2).is_some_and(|path| path.split('/').any(|part| part == name)))
}

/// Whether a mount's root (relative to its file system) lies in the work directory. The file system may itself be mounted
/// somewhere below `/`, so the root is matched as a path that ends the same way.
fn is_below(root: &str, work: &str) -> bool {
    let unique = work.trim_end_matches('/').rsplit('/').take(2).collect::<Vec<_>>();
    let [id, parent] = unique[..] else { return false };
    root.contains(&format!("/{parent}/{id}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        (dir, path)
    }

    #[test]
    fn a_live_directory_stays_and_a_dead_one_goes() {
        let (_guard, parent) = parent();
        let live = Work::create(&parent, "live", false).unwrap();
        let dead = parent.join("dead-abc");
        fs_err::create_dir_all(dead.join("x")).unwrap();
        fs_err::create_dir_all(parent.join("kept-abc")).unwrap();
        mark_kept(&parent.join("kept-abc")).unwrap();
        assert_eq!(clear_stale(&parent).unwrap(), ["dead-abc"]);
        assert!(live.dir().exists() && !dead.exists() && parent.join("kept-abc").exists());
        let path = live.dir().to_owned();
        drop(live);
        assert!(!path.exists());
    }

    #[test]
    fn only_the_group_of_this_container_counts() {
        let groups = "4:memory:/user/ashlar-zlib-1/x\n0::/ashlar-zlib-12\n";
        assert!(is_in_group(groups, "ashlar-zlib-1") && is_in_group(groups, "ashlar-zlib-12"));
        assert!(!is_in_group(groups, "ashlar-zlib") && !is_in_group("0::/\n", "ashlar-zlib-1"));
    }

    #[test]
    fn only_mounts_of_this_directory_count() {
        assert!(is_below("/cache/work/zlib-1/src", "/home/u/cache/work/zlib-1/"));
        assert!(!is_below("/cache/work/zlib-12/src", "/home/u/cache/work/zlib-1/"));
        assert!(!is_below("/", "/home/u/cache/work/zlib-1/"));
    }
}
