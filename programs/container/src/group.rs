//! Control groups of `container` itself; the runtime handles those of containers.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::problem::{Doing as _, Outcome, Problem, problem};

/// The mount point.
pub const ROOT: &str = "/sys/fs/cgroup";

/// Moves to its own group: in the group of sshd or another service, a monitor would end with that service.
pub fn leave() {
    let group = Path::new(ROOT).join("containers.monitors");
    // Without control groups no service ends this process.
    if Path::new(ROOT).join("cgroup.procs").exists() && (group.exists() || fs::create_dir(&group).is_ok()) {
        drop(fs::write(group.join("cgroup.procs"), "0"));
    }
}

/// Runs `work` in its own group, limited to one processor and to the images' share of the memory plus a little for the
/// work itself. Files in memory count against the group that wrote them for as long as they exist; the group of an
/// administrator or a service would run short.
pub fn unpacking<T>(root: &Path, memory: u64, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let own = fs::read_to_string("/proc/self/cgroup").doing("asking for the control group of this process")?;
    let Some(own) = own.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return problem("this process is in no control group of version 2; --no-limits accepts that");
    };
    let back = root.join(own).join("cgroup.procs");
    let group = root.join("containers.images");
    let write = |path: &Path, text: &str| fs::write(path, text).doing_at("writing", path);
    write(&root.join("cgroup.subtree_control"), "+cpu +memory")?;
    match fs::create_dir(&group) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made.doing_at("making", &group)?,
    }
    write(&group.join("cpu.max"), "100000 100000")?;
    write(&group.join("memory.max"), &(memory / 8 * 5).to_string())?;
    write(&group.join("cgroup.procs"), "0")?;
    let done = work();
    match (done, write(&back, "0")) {
        (done, Ok(())) => done,
        (Ok(_), Err(left)) => Err(left),
        (Err(failure), Err(left)) => Err(Problem(format!("{failure}\n{left}"))),
    }
}

/// The machine's memory in bytes.
pub fn memory() -> Outcome<u64> {
    let text = fs::read_to_string("/proc/meminfo").doing("asking for the size of the memory")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    match line.and_then(|number| number.parse::<u64>().ok()) {
        Some(kibibytes) => Ok(kibibytes << 10),
        None => problem("/proc/meminfo has no line MemTotal"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn images_are_not_counted_against_who_starts_them() {
        // Plain files stand in for control groups.
        let room = testkit::TempDir::new("container-group");
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        fs::create_dir_all(room.join(own)).unwrap();
        let group = room.join("containers.images");
        let back = room.join(own).join("cgroup.procs");
        for fails in [false, true] {
            drop(fs::remove_file(&back));
            let seen = Cell::new(false);
            let done = unpacking(&room, 800 << 20, || {
                seen.set(fs::read_to_string(group.join("cgroup.procs")).unwrap() == "0" && !back.exists());
                if fails { problem("no") } else { Ok(()) }
            });
            assert!(seen.get());
            assert_eq!(done.is_err(), fails);
            assert_eq!(fs::read_to_string(&back).unwrap(), "0");
        }
        assert_eq!(fs::read_to_string(group.join("memory.max")).unwrap(), (500 << 20).to_string());
        assert!(memory().unwrap() > 1 << 20);
    }
}
