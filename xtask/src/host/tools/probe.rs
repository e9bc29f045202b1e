//! Tries what builds rely on instead of guessing from versions: a container without network, room on disk, memory.

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::event::size;
use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::host::container::{self, Container, Mount, Wanted};
use crate::host::fetch::{FetchEvents, Fetcher, Limits};
use crate::host::mirror::{Location, Mirrors, Origin};

/// How a probe went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Works.
    Ok,
    /// Works, but something will be slow, or may fail later.
    Warning,
    /// Builds cannot work.
    Problem,
}

/// One thing that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Probe {
    /// What was tried.
    pub name: &'static str,
    /// How it went.
    pub status: Status,
    /// What was seen.
    pub detail: String,
    /// What to do, when it did not go well.
    pub remedy: Option<String>,
}

impl Probe {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into(), remedy: None }
    }

    fn bad(name: &'static str, status: Status, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into(), remedy: Some(remedy.into()) }
    }
}

/// Room a first build of everything needs, and room that is enough once the seed env is unpacked.
const ROOM: u64 = 8_000_000_000;
const ROOM_LATER: u64 = 3_000_000_000;
/// Memory that linking and the kernel's build want.
const MEMORY: u64 = 4_000_000_000;

/// Host name given to the probe's container, and what it must see of itself.
const HOSTNAME: &str = "ashlar-doctor";
/// Writes what the container sees of itself. Only what every `sh` has.
const SCRIPT: &str = "set -e
read -r name < /proc/sys/kernel/hostname
echo \"hostname $name\"
echo \"network $(readlink /proc/self/ns/net)\"
read -r inside outside count < /proc/self/uid_map
echo \"root $outside\"
if (: > /input/x) 2> /dev/null; then echo 'input is writable'; fi
";

/// Runs a shell in a container the way builds do: in the whole sandbox, without network, an input read-only.
pub fn container() -> Probe {
    const NAME: &str = "sandbox of builds";
    match try_container() {
        Ok(()) if container::limited_by() => {
            Probe::ok(NAME, "runc works here: ids of its own, no network, a filter of system calls, control groups")
        }
        Ok(()) => {
            let detail = "runc works here, but without control groups: the memory of a build is not limited";
            let remedy = "run as root where /sys/fs/cgroup is writable; a container needs the host's or a private one";
            Probe::bad(NAME, Status::Warning, detail, remedy)
        }
        Err(error) => {
            let text = format!("{error:#}");
            let detail = format!("builds cannot be confined: {}", text.trim());
            Probe::bad(NAME, Status::Problem, detail, container_remedy(&text))
        }
    }
}

fn try_container() -> Result<()> {
    let dir = tempfile::Builder::new().prefix("doctor-").tempdir()?;
    let root = Utf8Path::from_path(dir.path()).context("the temporary directory's path is not UTF-8")?;
    for folder in ["skeleton/tmp", "input"] {
        fs_err::create_dir_all(root.join(folder))?;
    }
    let mut mounts = system(&root.join("skeleton"))?;
    mounts.push(Mount::input(root.join("input"), "/input"));
    let container = Container::create(root, Wanted { hostname: HOSTNAME, mounts, builds: 1, bare: false })?;
    let log = root.join("seen");
    container.run(&["/bin/sh".to_owned(), "-c".to_owned(), SCRIPT.to_owned()], &log, None)?;
    verify(&fs_err::read_to_string(&log)?, &fs_err::read_link("/proc/self/ns/net")?.to_string_lossy())
}

/// Makes the host's own programs visible in the container: its system directories as mounts, its links as links.
fn system(skeleton: &Utf8Path) -> Result<Vec<Mount>> {
    let mut mounts = Vec::new();
    for name in ["usr", "bin", "sbin", "lib", "lib64"] {
        let host = Utf8PathBuf::from(format!("/{name}"));
        if host.is_symlink() {
            let target = fs_err::read_link(&host)?;
            fs_err::os::unix::fs::symlink(target, skeleton.join(name))?;
        } else if host.is_dir() {
            fs_err::create_dir(skeleton.join(name))?;
            mounts.push(Mount::input(host.clone(), host));
        }
    }
    Ok(mounts)
}

fn verify(seen: &str, host_network: &str) -> Result<()> {
    let fact = |name: &str| seen.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    match (fact("hostname"), fact("network")) {
        (Some(name), _) if name != HOSTNAME => {
            bail!("the container has the host name `{name}`, not the one it was given")
        }
        (Some(_), Some(network)) if network == host_network => bail!("the container sees the host's network"),
        (Some(_), Some(_)) if fact("root").is_none_or(|id| id == "0") => {
            bail!("root of the container is root of the machine")
        }
        (Some(_), Some(_)) if fact("input").is_some() => bail!("the container can write to a read-only mount"),
        (Some(_), Some(_)) => Ok(()),
        _ => bail!("the container ran, but printed `{}`", seen.trim()),
    }
}

fn container_remedy(error: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if has(&["was not found"]) {
        "run `cargo xtask setup`"
    } else if has(&["subuid", "subgid", "newuidmap", "newgidmap"]) {
        "give your user a range of ids: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \"$USER\""
    } else if has(&["cgroup"]) {
        "the control groups are laid out in a way the runtime refuses; mount cgroup2 at /sys/fs/cgroup, or run as root"
    } else if has(&["no such range"]) {
        "start this container with more ids (podman: --userns=auto:size=131072), or without a user namespace"
    } else if has(&["user namespace", "unshare", "clone", "ermission denied", "peration not permitted"]) {
        "run as root, or allow user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000 \
         kernel.apparmor_restrict_unprivileged_userns=0 (those that exist); inside a container, start that one with \
         --cap-add SYS_ADMIN, NET_ADMIN, and --security-opt seccomp=unconfined, apparmor=unconfined, systempaths=unconfined"
    } else {
        "the lines above are runc's own; ARCHITECTURE.md, \"The build contract\", says what it is asked for"
    }
    .to_owned()
}

/// Room for the store.
pub fn disk(store: &Utf8Path) -> Probe {
    const NAME: &str = "room on disk";
    let wanted = if store.join("seed").is_dir() { ROOM_LATER } else { ROOM };
    match free_space(store) {
        Ok(free) if free >= wanted => Probe::ok(NAME, format!("{} free for {store}", size(free))),
        Ok(free) => {
            let detail = format!("{} free for {store}, needed are {}", size(free), size(wanted));
            let remedy = "make room, `cargo xtask gc`, or set ASHLAR_STORE to a directory on a larger disk";
            Probe::bad(NAME, Status::Problem, detail, remedy)
        }
        Err(error) => {
            Probe::bad(NAME, Status::Warning, format!("{error:#}"), "set ASHLAR_STORE to a directory that exists")
        }
    }
}

/// Bytes free to this user on the file system that holds `path`, or would hold it.
fn free_space(path: &Utf8Path) -> Result<u64> {
    let existing = path.ancestors().find(|dir| dir.is_dir()).with_context(|| format!("no part of {path} exists"))?;
    let facts =
        rustix::fs::statvfs(existing.as_std_path()).with_context(|| format!("asking for the room on {existing}"))?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// Memory of the machine.
pub fn memory() -> Probe {
    const NAME: &str = "memory";
    let total = crate::host::memory::total();
    match total {
        Ok(bytes) if bytes >= MEMORY => Probe::ok(NAME, size(bytes)),
        Ok(bytes) => {
            let detail = format!("{}, needed are {}", size(bytes), size(MEMORY));
            Probe::bad(NAME, Status::Warning, detail, "build with `--jobs 1`, or add swap")
        }
        Err(error) => Probe::bad(NAME, Status::Warning, format!("{error:#}"), "mount /proc"),
    }
}

/// Swallows progress: a probe's download is a few kilobytes.
struct Silent;

impl FetchEvents for Silent {
    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
    fn note(&self, _: &str) {}
    fn done(&self, _: &str, _: u64) {}
}

/// Whether a Debian mirror answers. Only a warning: everything may be in the store already.
pub fn mirror(limits: Limits) -> Probe {
    const NAME: &str = "Debian mirror";
    match try_mirror(limits) {
        Ok(place) => Probe::ok(NAME, format!("{place} answers")),
        Err(error) => {
            let remedy = "check the network, or set ASHLAR_DEBIAN_MIRROR to the address of a mirror that you reach";
            Probe::bad(NAME, Status::Warning, format!("{error:#}"), remedy)
        }
    }
}

fn try_mirror(limits: Limits) -> Result<String> {
    let mirrors = Mirrors::detect(None)?;
    let scratch = tempfile::tempdir()?;
    let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory's path is not UTF-8")?;
    let location = |base: &String| Location { origin: Origin::Pool, url: format!("{base}/dists/stable/Release") };
    let locations: Vec<Location> = mirrors.debian().iter().map(location).collect();
    let fetcher = Fetcher::with_limits(scratch, mirrors, false, &Silent, limits)?;
    Ok(fetcher.unpinned_text(&locations)?.1.shown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_what_the_container_saw() {
        let good = "hostname ashlar-doctor\nnetwork net:[2]\nroot 1879048192\n";
        verify(good, "net:[1]").unwrap();
        let error = |seen: &str, host: &str| verify(seen, host).unwrap_err().to_string();
        assert!(error(good, "net:[2]").contains("sees the host's network"));
        assert!(error("hostname vm\nnetwork net:[2]\n", "net:[1]").contains("`vm`"));
        assert!(error(&format!("{good}input is writable\n"), "net:[1]").contains("read-only"));
        assert!(error(&good.replace("1879048192", "0"), "net:[1]").contains("is root of the machine"));
        assert!(error("", "net:[1]").contains("printed ``"));
    }

    #[test]
    fn remedies_follow_the_cause() {
        for (error, remedy) in [
            ("`runc` was not found", "setup"),
            ("no subuid ranges found for user", "usermod"),
            ("this version of runc doesn't work on cgroups v2", "cgroup2"),
            ("cannot clone: Operation not permitted", "run as root"),
            ("this machine knows no such range", "userns"),
            ("something else", "runc's own"),
        ] {
            assert!(container_remedy(error).contains(remedy), "{error}");
        }
    }

    #[test]
    fn room_for_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(dir.path()).unwrap();
        assert_eq!(
            free_space(&path.join("not/there/yet")).unwrap() / 1_000_000_000,
            free_space(path).unwrap() / 1_000_000_000
        );
        assert!(disk(path).detail.contains("free for"));
    }
}
