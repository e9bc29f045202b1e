//! Effects: what the system offers, the state below /run/containers, crun, and the process that watches a container.
//!
//! Whether a container runs is asked of crun each time, which compares the process and its time of start; no file of ours
//! says so.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::image;
use crate::problem::{problem, Doing as _, Outcome, Problem};
use crate::spec::spec;
use crate::words::Run;

const STATE: &str = "/run/containers";
const STORE: &str = "/var/lib/containers";
const SECCOMP: &str = "/usr/lib/container/seccomp.toml";
const PROFILE: &str = "container-default";
/// A log that is larger is begun anew; the one before it is kept.
const LOG_LIMIT: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

fn place(name: &str) -> PathBuf {
    Path::new(STATE).join(name)
}

/// Prepares and starts a container.
#[allow(clippy::print_stdout)] // the name of what runs now
pub fn run(mut run: Run) -> Outcome<u8> {
    let private =
        |path: &str| DirBuilder::new().recursive(true).mode(0o700).create(path).doing_at("making", Path::new(path));
    private(STATE)?;
    private(STORE)?;
    let list = run.seccomp.unwrap_or_else(|| SECCOMP.into());
    run.asked.calls = calls(&fs::read_to_string(&list).doing_at("reading the list of system calls", &list)?)?;
    run.asked.apparmor = apparmor()?;
    if run.asked.limits && !Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return problem("no control groups of version 2 at /sys/fs/cgroup, so nothing would limit the container; --no-limits accepts that");
    }
    executable(Path::new(STORE))?;
    let image = image::load(&run.image, Path::new(STORE))?;
    let made = spec(&image.config, &image.root.to_string_lossy(), &run.asked)?;
    let name = &run.asked.name;
    let state = place(name);
    DirBuilder::new().mode(0o700).create(&state).map_err(|error| {
        Problem(format!("a container `{name}` is there already ({error}): `container rm {name}`, or say --name"))
    })?;
    fs::write(state.join("config.json"), format!("{made:#}\n")).doing_at("writing into", &state)?;
    fs::write(state.join("image"), format!("{}\n", image.digest)).doing_at("writing into", &state)?;
    if !run.detach {
        return monitor(name, true);
    }
    let own = std::env::current_exe().doing("finding this program")?;
    let mut monitor = Command::new(own);
    monitor.args(["monitor", name]).process_group(0).current_dir("/");
    monitor.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut monitor = monitor.spawn().doing("starting the monitor")?;
    let end = Instant::now() + PATIENCE;
    loop {
        if status(name) == "running" {
            println!("{name}");
            return Ok(0);
        }
        if let Some(ended) = monitor.try_wait().doing("waiting for the monitor")? {
            if ended.success() {
                println!("{name}");
                return Ok(0);
            }
            return problem(format!("{name} ended at once ({ended}):\n{}", logs(name)?));
        }
        if Instant::now() > end {
            return problem(format!("{name} does not start; `container logs {name}` may say why"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs crun in the foreground, keeps what it prints, and records how it ended.
pub fn monitor(name: &str, attached: bool) -> Outcome<u8> {
    let state = place(name);
    if !attached {
        leave_group();
    }
    let mut child = crun(&state)
        .args(["run", "--bundle"])
        .arg(&state)
        .arg(name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing("starting crun")?;
    let log = Arc::new(Mutex::new(state.join("log")));
    let readers: Vec<_> = [
        child.stdout.take().map(|stream| keep(stream, log.clone(), attached.then(std::io::stdout))),
        child.stderr.take().map(|stream| keep(stream, log, attached.then(std::io::stderr))),
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

/// Moves to a control group of its own: in that of sshd or of whatever started it, it would end with that service.
fn leave_group() {
    let group = Path::new("/sys/fs/cgroup/containers.monitors");
    // Without control groups there is nothing to leave, and nothing that ends with a service.
    if Path::new("/sys/fs/cgroup/cgroup.procs").exists() && (group.exists() || fs::create_dir(group).is_ok()) {
        drop(fs::write(group.join("cgroup.procs"), "0"));
    }
}

/// Copies lines into the log, and on.
fn keep<S: Read + Send + 'static, W: Write + Send + 'static>(
    stream: S,
    log: Arc<Mutex<PathBuf>>,
    mut on: Option<W>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.by_ref().take(8192).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            // A full /run or a closed terminal must not end the container.
            if let Ok(path) = log.lock() {
                drop(append(&path, &line));
            }
            if let Some(on) = &mut on {
                drop(on.write_all(&line).and_then(|()| on.flush()));
            }
            line.clear();
        }
    })
}

fn append(path: &Path, line: &[u8]) -> std::io::Result<()> {
    if fs::metadata(path).is_ok_and(|log| log.len() > LOG_LIMIT) {
        fs::rename(path, path.with_extension("1"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)?.write_all(line)
}

fn crun(state: &Path) -> Command {
    let mut crun = Command::new("/usr/bin/crun");
    let limited = fs::read_to_string(state.join("config.json")).is_ok_and(|text| text.contains("cgroupsPath"));
    crun.arg("--root").arg(Path::new(STATE).join(".crun"));
    crun.arg(if limited { "--cgroup-manager=cgroupfs" } else { "--cgroup-manager=disabled" });
    crun.env_clear().env("PATH", "/usr/bin");
    crun
}

fn existing(name: &str) -> Outcome<PathBuf> {
    let state = place(name);
    if state.is_dir() {
        Ok(state)
    } else {
        problem(format!("there is no container `{name}`; `container ps` lists them"))
    }
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

fn names(directory: &str) -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    let entries = match fs::read_dir(directory) {
        // Nothing was ever started.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(names),
        entries => entries.doing_at("listing", Path::new(directory))?,
    };
    for entry in entries {
        names.push(entry.doing("listing containers")?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !name.starts_with('.') && !name.ends_with(".partial"));
    names.sort();
    Ok(names)
}

/// A line for each container.
pub fn ps() -> Outcome<String> {
    let mut text = format!("{:<24} {:<12} IMAGE\n", "NAME", "STATUS");
    for name in names(STATE)? {
        let image = fs::read_to_string(place(&name).join("image")).unwrap_or_default();
        text += &format!("{name:<24} {:<12} {}\n", status(&name), image.trim());
    }
    Ok(text)
}

/// A line for each unpacked image.
pub fn images() -> Outcome<String> {
    Ok(names(STORE)?.iter().map(|hex| format!("sha256:{hex}\n")).collect())
}

/// What it printed.
pub fn logs(name: &str) -> Outcome<String> {
    let state = existing(name)?;
    let read = |file: &str| {
        fs::read(state.join(file)).map_or(String::new(), |text| String::from_utf8_lossy(&text).into_owned())
    };
    Ok(read("log.1") + &read("log"))
}

/// Asks it to end, then makes it.
pub fn stop(name: &str) -> Outcome<()> {
    let state = existing(name)?;
    for signal in ["TERM", "KILL"] {
        if status(name) != "running" {
            return Ok(());
        }
        // It may end before the signal comes; what counts is the status afterwards.
        drop(crun(&state).args(["kill", name, signal]).stderr(Stdio::null()).status());
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && status(name) == "running" {
            thread::sleep(Duration::from_millis(50));
        }
    }
    if status(name) == "running" {
        problem(format!("{name} did not end, not even by SIGKILL: a device or file system it waits for may hang, and `dmesg` name it"))
    } else {
        Ok(())
    }
}

/// Forgets one that has ended, and what a killed monitor left.
pub fn remove(name: &str) -> Outcome<()> {
    let state = existing(name)?;
    if status(name) == "running" {
        return problem(format!("{name} is running: `container stop {name}` first"));
    }
    drop(crun(&state).args(["delete", "--force", name]).stderr(Stdio::null()).status());
    fs::remove_dir_all(&state).doing_at("removing", &state)
}

/// The profile, where the kernel has AppArmor. One that is missing is no reason to go on without it.
fn apparmor() -> Outcome<Option<String>> {
    let enabled = match fs::read_to_string("/sys/module/apparmor/parameters/enabled") {
        // A kernel without AppArmor.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        enabled => enabled.doing("asking whether AppArmor is on")?,
    };
    if enabled.trim() != "Y" {
        return Ok(None);
    }
    // An image made without that layer has no profiles to load; the other layers hold without it.
    let layers = fs::read_to_string("/usr/lib/ashlar/layers");
    if layers.is_ok_and(|layers| !layers.lines().any(|layer| layer == "2-access")) {
        return Ok(None);
    }
    let loaded = fs::read_to_string("/sys/kernel/security/apparmor/profiles").doing("reading AppArmor's profiles")?;
    if loaded.lines().any(|line| line.split(' ').next() == Some(PROFILE)) {
        return Ok(Some(PROFILE.to_owned()));
    }
    problem(format!("AppArmor is on, but its profile `{PROFILE}` is not loaded: no container starts unconfined. Is the service apparmor started?"))
}

/// The calls that a list names, on its lines `calls = "…"`.
fn calls(list: &str) -> Outcome<Vec<String>> {
    let lines = list.lines().filter_map(|line| line.strip_prefix("calls = \"")?.strip_suffix('"'));
    let calls: Vec<String> = lines.flat_map(str::split_whitespace).map(str::to_owned).collect();
    if calls.is_empty() {
        problem("the list of system calls is empty: nothing could run")
    } else {
        Ok(calls)
    }
}

/// Gives the store a file system of its own where /var may not hold programs.
fn executable(store: &Path) -> Outcome<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").doing("reading the mounts")?;
    let options = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(4);
        Some((words.next()?, words.next()?))
    });
    let on = options.filter(|(point, _)| store.starts_with(point)).max_by_key(|(point, _)| point.len());
    if !on.is_some_and(|(_, options)| options.split(',').any(|option| option == "noexec")) {
        return Ok(());
    }
    let mut mount = Command::new("/usr/bin/mount");
    mount.args(["-t", "tmpfs", "-o", "nosuid,nodev,mode=0700,size=50%", "containers"]).arg(store);
    if mount.status().doing("starting mount")?.success() {
        return Ok(());
    }
    problem(format!(
        "{} may not hold programs, and a file system of its own could not be mounted there",
        store.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_calls() {
        let list = "[[group]]\nreason = \"x\"\ncalls = \"read write\"\n\n[[group]]\ncalls = \"exit\"\n";
        assert_eq!(calls(list).unwrap(), ["read", "write", "exit"]);
        assert!(calls("").is_err());
    }

    #[test]
    fn logs_are_cut() {
        let directory = std::env::temp_dir().join(format!("container-log-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let log = directory.join("log");
        for _ in 0..3000 {
            append(&log, &[b'x'; 1000]).unwrap();
        }
        assert!(fs::metadata(&log).unwrap().len() <= LOG_LIMIT + 1000);
        assert!(directory.join("log.1").exists());
        fs::remove_dir_all(&directory).unwrap();
    }
}
