//! The limits of a build. They are far above the needs of any recipe, and far below what stops a machine.

use serde::Serialize;

/// Processes and threads of one build at a time.
pub const PROCESSES: u64 = 2048;
/// Open files of one process.
pub const OPEN_FILES: u64 = 1024;
/// The end of a file, in bytes. Tests of file systems make sparse files of 2 TiB; what is really written is limited by [`DISK`].
pub const FILE_END: u64 = 4 << 40;
/// Bytes that one build may occupy on the disk. The kernel's build takes about 3 GB.
pub const DISK: u64 = 24 << 30;
/// Bytes of the disk that stay free during a build, whichever process uses the rest.
pub const DISK_LEFT: u64 = 2 << 30;
/// Memory that is left to the machine: at least this, and at least an eighth of all.
const LEFT: u64 = 1 << 30;
/// A build gets this at least, in bytes; compilers need it.
const LEAST: u64 = 1 << 30;

/// The limits of one build. What is the same everywhere is a constant beside this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Memory, page cache included, in bytes; no limit without a control group.
    pub memory: Option<u64>,
}

impl Limits {
    /// On a machine with `total` bytes of memory. When several builds run at once, one of them has half of what may be used: the
    /// worst that it can do leaves the other half.
    pub fn share(total: u64, builds: usize) -> Self {
        let usable = total.saturating_sub(LEFT.max(total / 8));
        let share = if builds > 1 { usable / 2 } else { usable };
        Self { memory: Some(share.max(LEAST)) }
    }

    /// Where nothing can be limited by control groups.
    pub fn without_groups() -> Self {
        Self { memory: None }
    }
}

/// What a build took, as far as it met its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Met {
    /// Processes that the kernel ended because the build's memory was full.
    pub killed: u64,
    /// Times that a process could not be started because there were too many.
    pub refused: u64,
}

/// Why a phase cannot count although its commands may have gone on: a limit was met. `None` when none was.
pub fn verdict(limits: Limits, met: Met) -> Option<String> {
    let memory = limits.memory.map_or_else(|| "its share".to_owned(), binary);
    let mut said = Vec::new();
    if met.killed > 0 {
        said.push(format!("it used more than {memory} of memory, so the kernel ended {} of its processes", met.killed));
    }
    if met.refused > 0 {
        said.push(format!(
            "it tried to run more than {PROCESSES} processes at once; the kernel refused {} of them",
            met.refused
        ));
    }
    (!said.is_empty()).then(|| {
        format!(
            "the phase met a limit of the sandbox: {}; the limits are in xtask/core/src/model/sandbox/limits.rs",
            said.join("; ")
        )
    })
}

/// Why a build is ended on a disk of which `free` bytes are left.
pub fn no_room_left(free: u64) -> String {
    format!(
        "the disk of the store has {} left, and a build ends before it is full; `cargo xtask gc` makes room, and `--store` names another \
         disk",
        binary(free)
    )
}

/// Why a phase was ended: it occupied `bytes` of the disk.
pub fn too_much_disk(bytes: u64) -> String {
    format!(
        "the phase was ended: the build occupies {} of the disk, and the limit is {}; the limits are in \
         xtask/core/src/model/sandbox/limits.rs",
        binary(bytes),
        binary(DISK)
    )
}

/// A size in GiB, as limits are given.
fn binary(bytes: u64) -> String {
    let tenths = bytes / ((1 << 30) / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn two_builds_and_the_machine_live_side_by_side() {
        for gib in 3..512 {
            let share = Limits::share(gib * GIB, 2).memory.unwrap();
            assert!(2 * share + GIB <= gib * GIB, "{gib} GiB: {share}");
        }
        assert_eq!(Limits::share(4 * GIB, 1).memory, Some(3 * GIB));
        assert_eq!(Limits::share(GIB, 8).memory, Some(GIB), "less than compilers need helps nobody");
    }

    #[test]
    fn a_limit_that_was_met_is_told() {
        let limits = Limits::share(24 * GIB, 2);
        assert_eq!(verdict(limits, Met::default()), None);
        let text = verdict(limits, Met { killed: 1, refused: 70 }).unwrap();
        assert!(text.contains("more than 10.5 GiB of memory") && text.contains("more than 2048 processes"), "{text}");
        assert!(too_much_disk(25 * GIB).contains("occupies 25.0 GiB of the disk, and the limit is 24.0 GiB"));
    }
}
