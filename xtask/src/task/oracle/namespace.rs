//! Runs graphs in a root: mount, process, network and host-name namespaces of their own, the driver as process 1.

use std::collections::VecDeque;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use ashlar_core::command::Command;
use ashlar_oracle::capture::{self, Capture};
use ashlar_oracle::graph::Graph;
use ashlar_oracle::render::{self, Content};
use ashlar_oracle::shipped;
use camino::{Utf8Path, Utf8PathBuf};

use crate::host::exec;

/// Graphs that one namespace runs, one after the other.
const BATCH: usize = 6;

/// Seconds after which a batch is ended; what it printed until then counts.
const LIMIT: u32 = 240;

/// What a graph has for itself.
pub const NAMESPACES: [&str; 7] = ["--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc"];

/// Makes the mounts and becomes the driver. The root stays read-only; what changes is on tmpfs.
const ENTER: &str = r#"set -e
root=$1 graphs=$2 first=$3 last=$4 output=$5
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for dir in etc run tmp var dev oracle; do mount -t tmpfs tmpfs "$root/$dir"; done
cp -a "$root/base/etc/." "$root/etc/"
cp -a "$root/base/var/." "$root/var/"
for node in null zero full random urandom tty; do : >"$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
mount -t proc proc "$root/proc"
mount --bind "$graphs" "$root/graphs"
mount -o remount,bind,ro "$root/graphs"
if [ -e "$root/real" ]; then : >"$root/oracle/real"; fi
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /bin/sh /graphs/driver.sh "$first" "$last" >"$output" 2>"$output.errors" </dev/null
"#;

/// Writes a graph's files.
pub fn write(folder: &Utf8Path, graph: &Graph, shipped: &Utf8Path) -> Result<()> {
    let etc = folder.join("etc");
    fs_err::create_dir_all(&etc)?;
    if graph.number == shipped::NUMBER {
        exec::read(&Command::new("cp").args(["-a", &format!("{shipped}/."), etc.as_str()]))?;
    } else {
        for entry in render::entries(graph) {
            let path = etc.join(&entry.path);
            match entry.content {
                Content::Directory => fs_err::create_dir(&path)?,
                Content::Link(target) => symlink(target, &path).with_context(|| format!("linking {path}"))?,
                Content::File(text, executable) => {
                    fs_err::write(&path, text)?;
                    let mode = if executable { 0o755 } else { 0o644 };
                    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
                }
            }
        }
    }
    fs_err::write(folder.join("commands"), render::commands(graph))?;
    Ok(())
}

/// One batch on one side.
struct Batch {
    side: usize,
    first: u32,
    last: u32,
}

/// Runs the graphs of `folder` on both sides, so many batches at a time.
pub fn run(
    roots: &[&Utf8PathBuf; 2],
    folder: &Utf8Path,
    numbers: &[u32],
    workers: usize,
) -> Result<(Capture, Capture)> {
    fs_err::write(folder.join("driver.sh"), render::DRIVER)?;
    let results = tempfile::Builder::new().prefix("ashlar-oracle-out-").tempdir()?;
    let results = Utf8Path::from_path(results.path()).context("the temporary directory's name is not UTF-8")?;
    let queue: Mutex<VecDeque<Batch>> = Mutex::new(batches(numbers).collect());
    let captures: Mutex<[Capture; 2]> = Mutex::default();
    let work = || -> Result<()> {
        loop {
            let next = queue.lock().map_err(|_| broken())?.pop_front();
            let Some(batch) = next else { return Ok(()) };
            let capture = one(roots[batch.side], folder, results, &batch)?;
            captures.lock().map_err(|_| broken())?[batch.side].extend(capture);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| broken())?)
    })?;
    let [real, ours] = captures.into_inner().map_err(|_| broken())?;
    Ok((real, ours))
}

fn broken() -> anyhow::Error {
    anyhow::anyhow!("a thread that ran graphs panicked; its message is above")
}

/// Runs of consecutive numbers, alternating between the sides.
fn batches(numbers: &[u32]) -> impl Iterator<Item = Batch> {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).flat_map(|run| run.chunks(BATCH));
    let ends: Vec<(u32, u32)> = runs.filter_map(|run| Some((*run.first()?, *run.last()?))).collect();
    ends.into_iter().flat_map(|(first, last)| [0, 1].map(|side| Batch { side, first, last }))
}

fn one(root: &Utf8Path, folder: &Utf8Path, results: &Utf8Path, batch: &Batch) -> Result<Capture> {
    let output = results.join(format!("{}-{}", batch.side, batch.first));
    let command = Command::new("timeout").args(["--signal=KILL", &LIMIT.to_string(), "unshare"]);
    let command = command.args(NAMESPACES).args(["sh", "-c", ENTER]);
    let (first, last) = (batch.first.to_string(), batch.last.to_string());
    let ended = exec::read(&command.args(["sh", root.as_str(), folder.as_str(), &first, &last, output.as_str()]));
    let text = fs_err::read(&output).ok();
    let Some(text) = text else {
        // Not even begun: the namespaces or mounts could not be made.
        return ended.map(|_| Capture::new());
    };
    // A batch that was ended has said something until then; graphs without an end count as not reached.
    if let Err(error) = ended {
        let errors = fs_err::read(output.with_extension("errors")).unwrap_or_default();
        eprintln!(
            "warning: graphs {first} to {last} in {root} ended early: {error:#}\n{}",
            String::from_utf8_lossy(&errors)
        );
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    capture::parse(&text).with_context(|| format!("reading what graphs {first} to {last} gave in {root}"))
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
