//! Runs image tools (mkfs, mtools, xorriso, zstd) in the seed env, never the host's.

use anyhow::{Context as _, Result};
use ashlar_core::base::name::Epoch;
use camino::Utf8Path;

use crate::build::session::Session;
use crate::host::container::{Container, Mount, Wanted, write_skeleton};
use crate::host::work::Work;

/// Runs `script` in the seed env with `scratch` writable at `/room`, in the sandbox of builds: what is in `scratch` is then
/// owned by the ids of the sandbox. `label` names container and log.
pub fn run(session: &Session<'_>, label: &str, scratch: &Utf8Path, script: &str) -> Result<()> {
    let store = session.store();
    let variations = session.variations(0);
    let work = Work::create(&store.root().join("work"), label, false)?;
    let skeleton = work.dir().join("skeleton");
    write_skeleton(&skeleton)?;
    fs_err::create_dir_all(skeleton.join("room"))?;
    let seed = session.seed()?.verified(session.reporter())?;
    let mounts = vec![Mount::input(seed.join("usr"), "/usr"), Mount::output(scratch, "/room")];
    let container =
        Container::create(work.dir(), Wanted { hostname: &variations.hostname, mounts, builds: 1, bare: false })?;
    // The clock of a FAT file system is local time, so the time zone is part of the tools' contract, not of the variations.
    let variables = [
        "PATH=/usr/bin:/usr/sbin".to_owned(),
        "LC_ALL=C".to_owned(),
        "TZ=UTC".to_owned(),
        "HOME=/tmp".to_owned(),
        "MTOOLSRC=/dev/null".to_owned(),
        format!("SOURCE_DATE_EPOCH={}", Epoch::RELEASE.0),
    ];
    let mut argv = vec!["/usr/bin/env".to_owned(), "-i".to_owned()];
    argv.extend(variables);
    argv.extend(["/bin/sh", "-euc"].map(str::to_owned));
    argv.push(format!("umask 022\ncd /room\n{script}"));
    let logs = store.root().join("logs").join(label);
    fs_err::create_dir_all(&logs)?;
    let log = logs.join("tools.log");
    if log.exists() {
        fs_err::remove_file(&log)?;
    }
    container
        .run(&argv, &log, variations.cpus.as_deref())
        .with_context(|| format!("running the image tools for {label}"))?;
    work.remove()
}
