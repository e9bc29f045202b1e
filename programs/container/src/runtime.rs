//! Effects: the system, the state below /run/containers, crun, and the process that monitors a container.
//!
//! crun decides each time whether a container runs, by its process and start time; no state file does.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use serde_json::Value;

use crate::account::Accounts;
use crate::args::Run;
use crate::digest::Digest;
use crate::image::{self, Image};
use crate::problem::{Doing as _, Outcome, Problem, problem};
use crate::spec::{has_limits, spec};
use crate::store::{self, Store};
use crate::{calls, group, log, login};

const STATE: &str = "/run/containers";
const STORE: &str = "/var/lib/containers";
const SECCOMP: &str = "/usr/lib/container/seccomp.toml";
const PROFILE: &str = "container-default";
/// The file of a container's state that names its image.
const IMAGE: &str = "image";
const PATIENCE: Duration = Duration::from_secs(10);

fn place(name: &str) -> PathBuf {
    Path::new(STATE).join(name)
}

/// Prepares and starts a container.
#[allow(clippy::print_stdout)] // the name of what runs now
pub fn run(mut run: Run) -> Outcome<u8> {
    let list = run.seccomp.take().unwrap_or_else(|| SECCOMP.into());
    run.options.calls = calls::read(&fs::read_to_string(&list).doing_at("reading the list of system calls", &list)?)?;
    run.options.apparmor = apparmor()?;
    run.options.machine = machine()?;
    if run.options.limits && !Path::new(group::ROOT).join("cgroup.controllers").exists() {
        return problem(
            "/sys/fs/cgroup has no control groups of version 2, so the container would have no limits; --no-limits accepts that",
        );
    }
    let store = open_store()?;
    let load = || image::load(&run.image, &store, run.digest.as_ref());
    let image =
        if run.options.limits { group::unpacking(Path::new(group::ROOT), group::memory()?, load)? } else { load()? };
    let name = &run.options.name;
    prepare(&image, &run)?;
    // From here on the state marks the image as used.
    drop(image);
    if run.detach {
        start(name)?;
        println!("{name}");
        return Ok(0);
    }
    monitor(name, true)
}

/// Starts the monitor, and waits until the container runs or has ended with success.
fn start(name: &str) -> Outcome<()> {
    let own = std::env::current_exe().doing("finding this program")?;
    let mut monitor = Command::new(own);
    monitor.args(["monitor", name]).process_group(0).current_dir("/");
    monitor.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut monitor = monitor.spawn().doing("starting the monitor")?;
    let end = Instant::now() + PATIENCE;
    loop {
        if status(name) == "running" {
            return Ok(());
        }
        if let Some(ended) = monitor.try_wait().doing("waiting for the monitor")? {
            if ended.success() {
                return Ok(());
            }
            return problem(format!("{name} ended at once ({ended}):\n{}", String::from_utf8_lossy(&logs(name)?)));
        }
        if Instant::now() > end {
            return problem(format!("{name} did not start; run `container logs {name}` for its output"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The store, on a file system that allows programs. Two processes that create it take turns.
fn open_store() -> Outcome<Store> {
    let private =
        |path: &str| DirBuilder::new().recursive(true).mode(0o700).create(path).doing_at("making", Path::new(path));
    private(STATE)?;
    private(STORE)?;
    let turn = store::claim(Path::new(STATE), FlockOperation::LockExclusive)?;
    store::make_executable(Path::new(STORE))?;
    drop(turn);
    Store::open(Path::new(STORE))
}

/// The accounts of the host.
fn machine() -> Outcome<Accounts> {
    let read = |path: &str| fs::read_to_string(path).doing_at("reading", Path::new(path));
    Ok(Accounts { passwd: read("/etc/passwd")?, group: read("/etc/group")? })
}

/// Creates the state of a container with its configuration.
fn prepare(image: &Image, run: &Run) -> Outcome<()> {
    let made = spec(&image.config, &image.root.to_string_lossy(), &image.accounts()?, &run.options)?;
    let name = &run.options.name;
    let state = place(name);
    DirBuilder::new().mode(0o700).create(&state).map_err(|error| {
        Problem(format!(
            "container `{name}` exists already ({error}); run `container rm {name}` or choose another --name"
        ))
    })?;
    fs::write(state.join("config.json"), format!("{made:#}\n")).doing_at("writing into", &state)?;
    fs::write(state.join(IMAGE), format!("{}\n", image.digest)).doing_at("writing into", &state)
}

/// Runs crun in the foreground, keeps its output, and records its exit status.
pub fn monitor(name: &str, attached: bool) -> Outcome<u8> {
    let state = place(name);
    if !attached {
        group::leave();
    }
    login::attach()?;
    let mut child = crun(&state)
        .args(["run", "--bundle"])
        .arg(&state)
        .arg(name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing("starting crun")?;
    let kept = log::of(&state);
    let readers: Vec<_> = [
        child.stdout.take().map(|stream| log::keep(stream, kept.clone(), attached.then(std::io::stdout))),
        child.stderr.take().map(|stream| log::keep(stream, kept, attached.then(std::io::stderr))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let ended = child.wait().doing("waiting for crun")?;
    for reader in readers {
        reader.join().map_err(|_| Problem("a reader of the log broke".to_owned()))?;
    }
    let code = ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(137);
    fs::write(state.join("exit"), format!("{code}\n")).doing_at("writing into", &state)?;
    Ok(code)
}

fn crun(state: &Path) -> Command {
    let mut crun = Command::new("/usr/bin/crun");
    let made = fs::read(state.join("config.json")).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let limited = made.as_ref().is_some_and(has_limits);
    crun.arg("--root").arg(Path::new(STATE).join(".crun"));
    crun.arg(if limited { "--cgroup-manager=cgroupfs" } else { "--cgroup-manager=disabled" });
    crun.env_clear().env("PATH", "/usr/bin");
    crun
}

fn existing(name: &str) -> Outcome<PathBuf> {
    let state = place(name);
    if state.is_dir() { Ok(state) } else { problem(format!("no container `{name}`; `container ps` lists them")) }
}

/// `running`, `created`, `stopped`, or `exited N`.
fn status(name: &str) -> String {
    let state = place(name);
    let answer = crun(&state).args(["state", name]).stderr(Stdio::null()).output();
    let found = answer.ok().filter(|answer| answer.status.success());
    let value = found.and_then(|answer| serde_json::from_slice::<Value>(&answer.stdout).ok());
    if let Some(status) =
        value.as_ref().and_then(|value| value["status"].as_str()).filter(|status| *status != "stopped")
    {
        return status.to_owned();
    }
    fs::read_to_string(state.join("exit")).map_or("stopped".to_owned(), |code| format!("exited {}", code.trim()))
}

/// A line for each container.
pub fn ps() -> Outcome<String> {
    let mut text = format!("{:<24} {:<12} IMAGE\n", "NAME", "STATUS");
    for name in store::names(Path::new(STATE))? {
        let image = fs::read_to_string(place(&name).join(IMAGE)).unwrap_or_default();
        text += &format!("{name:<24} {:<12} {}\n", status(&name), image.trim());
    }
    Ok(text)
}

/// A line for each unpacked image.
pub fn images() -> Outcome<String> {
    Ok(store::images(Path::new(STORE))?.iter().map(|hex| format!("sha256:{hex}\n")).collect())
}

/// Removes an image that no container uses.
pub fn remove_image(digest: &Digest) -> Outcome<()> {
    Store::open(Path::new(STORE))?.remove(digest, || {
        let mut users = store::names(Path::new(STATE))?;
        let is_user = |name: &String| {
            fs::read_to_string(place(name).join(IMAGE)).is_ok_and(|image| image.trim() == digest.to_string())
        };
        users.retain(is_user);
        Ok(users)
    })
}

/// Prints the log.
pub fn logs(name: &str) -> Outcome<Vec<u8>> {
    log::read(&existing(name)?)
}

/// Asks a container to end, then kills it.
pub fn stop(name: &str) -> Outcome<()> {
    let state = existing(name)?;
    for signal in ["TERM", "KILL"] {
        if status(name) != "running" {
            return Ok(());
        }
        // It may end before the signal arrives; the status afterwards counts.
        drop(crun(&state).args(["kill", name, signal]).stderr(Stdio::null()).status());
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && status(name) == "running" {
            thread::sleep(Duration::from_millis(50));
        }
    }
    if status(name) == "running" {
        problem(format!(
            "{name} did not end, not even by SIGKILL: a device or file system it waits for may hang, and `dmesg` name it"
        ))
    } else {
        Ok(())
    }
}

/// Removes a stopped container, and the remains of a killed monitor.
pub fn remove(name: &str) -> Outcome<()> {
    let state = existing(name)?;
    if status(name) == "running" {
        return problem(format!("{name} is running: `container stop {name}` first"));
    }
    drop(crun(&state).args(["delete", "--force", name]).stderr(Stdio::null()).status());
    fs::remove_dir_all(&state).doing_at("removing", &state)
}

/// The AppArmor profile, if the kernel has AppArmor. A missing profile is an error.
fn apparmor() -> Outcome<Option<String>> {
    let enabled = match fs::read_to_string("/sys/module/apparmor/parameters/enabled") {
        // A kernel without AppArmor.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        enabled => enabled.doing("asking whether AppArmor is on")?,
    };
    if enabled.trim() != "Y" {
        return Ok(None);
    }
    // An image built without layer 2 has no profiles; the other layers hold without it.
    let layers = fs::read_to_string("/usr/lib/ashlar/layers");
    if layers.is_ok_and(|layers| !layers.lines().any(|layer| layer == "2-access")) {
        return Ok(None);
    }
    let loaded = fs::read_to_string("/sys/kernel/security/apparmor/profiles").doing("reading AppArmor's profiles")?;
    if loaded.lines().any(|line| line.split(' ').next() == Some(PROFILE)) {
        return Ok(Some(PROFILE.to_owned()));
    }
    problem(format!(
        "AppArmor is on, but its profile `{PROFILE}` is not loaded: no container starts unconfined. Is the service apparmor started?"
    ))
}
