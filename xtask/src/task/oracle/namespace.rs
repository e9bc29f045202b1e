//! Runs cases in a root: mount, process, network and host-name namespaces of their own, the driver as process 1.

use std::collections::VecDeque;
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use camino::{Utf8Path, Utf8PathBuf};

use crate::host::exec;

/// Cases that one namespace runs, one after the other.
const BATCH: usize = 6;

/// Seconds after which a batch is ended; what it printed until then counts.
const LIMIT: u32 = 240;

/// What a batch has for itself.
pub const NAMESPACES: [&str; 7] = ["--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc"];

/// Makes the mounts and becomes the driver. The root stays read-only; what changes is on tmpfs.
const ENTER: &str = r#"set -e
root=$1 cases=$2 first=$3 last=$4 output=$5
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for dir in etc run tmp var dev oracle srv home; do mount -t tmpfs tmpfs "$root/$dir"; done
cp -a "$root/base/etc/." "$root/etc/"
cp -a "$root/base/var/." "$root/var/"
for node in null zero full random urandom tty; do : >"$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
mount -t proc proc "$root/proc"
mount --bind "$cases" "$root/cases"
mount -o remount,bind,ro "$root/cases"
if [ -e "$root/real" ]; then : >"$root/oracle/real"; fi
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /bin/sh /cases/driver.sh "$first" "$last" >"$output" 2>"$output.errors" </dev/null
"#;

/// One batch on one side.
struct Batch {
    side: usize,
    first: u32,
    last: u32,
}

/// What the drivers of one side printed, a text for each batch.
pub type Printed = Vec<String>;

/// Runs the cases of `folder` on both sides, so many batches at a time.
pub fn run(
    roots: &[&Utf8PathBuf; 2],
    folder: &Utf8Path,
    driver: &str,
    numbers: &[u32],
    workers: usize,
) -> Result<[Printed; 2]> {
    fs_err::write(folder.join("driver.sh"), driver)?;
    let results = tempfile::Builder::new().prefix("ashlar-oracle-out-").tempdir()?;
    let results = Utf8Path::from_path(results.path()).context("the temporary directory's name is not UTF-8")?;
    let queue: Mutex<VecDeque<Batch>> = Mutex::new(batches(numbers).collect());
    let printed: Mutex<[Printed; 2]> = Mutex::default();
    let work = || -> Result<()> {
        loop {
            let next = queue.lock().map_err(|_| broken())?.pop_front();
            let Some(batch) = next else { return Ok(()) };
            let text = one(roots[batch.side], folder, results, &batch)?;
            printed.lock().map_err(|_| broken())?[batch.side].push(text);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| broken())?)
    })?;
    printed.into_inner().map_err(|_| broken())
}

fn broken() -> anyhow::Error {
    anyhow::anyhow!("a thread that ran cases panicked; its message is above")
}

/// Runs of consecutive numbers, alternating between the sides.
fn batches(numbers: &[u32]) -> impl Iterator<Item = Batch> {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).flat_map(|run| run.chunks(BATCH));
    let ends: Vec<(u32, u32)> = runs.filter_map(|run| Some((*run.first()?, *run.last()?))).collect();
    ends.into_iter().flat_map(|(first, last)| [0, 1].map(|side| Batch { side, first, last }))
}

fn one(root: &Utf8Path, folder: &Utf8Path, results: &Utf8Path, batch: &Batch) -> Result<String> {
    let output = results.join(format!("{}-{}", batch.side, batch.first));
    let command = Command::new("timeout").args(["--signal=KILL", &LIMIT.to_string(), "unshare"]);
    let command = command.args(NAMESPACES).args(["sh", "-c", ENTER]);
    let (first, last) = (batch.first.to_string(), batch.last.to_string());
    let ended = exec::read(&command.args(["sh", root.as_str(), folder.as_str(), &first, &last, output.as_str()]));
    let text = fs_err::read(&output).ok();
    let Some(text) = text else {
        // Not even begun: the namespaces or mounts could not be made.
        return ended.map(|_| String::new());
    };
    // A batch that was ended has said something until then; cases without an end count as not reached.
    if let Err(error) = ended {
        let errors = fs_err::read(output.with_extension("errors")).unwrap_or_default();
        eprintln!(
            "warning: cases {first} to {last} in {root} ended early: {error:#}\n{}",
            String::from_utf8_lossy(&errors)
        );
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_runs_of_consecutive_numbers_on_both_sides() {
        let numbers: Vec<u32> = (0..8).chain([100_000]).collect();
        let all: Vec<(usize, u32, u32)> =
            batches(&numbers).map(|batch| (batch.side, batch.first, batch.last)).collect();
        assert_eq!(all, [(0, 0, 5), (1, 0, 5), (0, 6, 7), (1, 6, 7), (0, 100_000, 100_000), (1, 100_000, 100_000)]);
    }
}
