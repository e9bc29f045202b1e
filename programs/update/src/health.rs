//! Whether the system that runs is healthy. What is wrong comes back as sentences.

use std::fs;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The runlevel that the system has reached.
const RUNLEVEL: &str = "/run/openrc/softlevel";
/// There while services are being started.
const STARTING: &str = "/run/openrc/rc.starting";
/// The layers whose promises count: kernel, access, network, isolation.
const LAYERS: [&str; 4] = ["1", "2", "3", "6"];
/// Programs of the administrator that take part.
const PROGRAMS: &str = "/etc/ashlar/healthy.d";
/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The state, which must have room.
const STATE: &str = "/run/overlay";
/// Percent of it that must be free.
const FREE: u64 = 5;
/// What SSH servers begin with.
const BANNER: &[u8] = b"SSH-2.0-";

/// What takes a moment, and is looked at again and again.
pub fn quick() -> Result<(), String> {
    if Path::new(STARTING).exists() || fs::read_to_string(RUNLEVEL).is_ok_and(|level| level.trim() == "boot") {
        return Err("services are still being started".to_owned());
    }
    let crashed = output("rc-status", &["--crashed", "--nocolor"])?;
    if crashed.0 {
        return Err(format!("crashed: {}", crashed.1.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    match sys::free_percent(Path::new(STATE)) {
        Ok(free) if free >= FREE => {}
        Ok(free) => return Err(format!("only {free} % of the state is free")),
        Err(error) => return Err(format!("the state cannot be looked at: {error}")),
    }
    // Only where the administrator has it running.
    if output("rc-service", &["--quiet", "sshd", "status"])?.0 { banner() } else { Ok(()) }
}

/// What takes longer, and is looked at once, last.
pub fn thorough() -> Result<(), String> {
    let layers = LAYERS.iter().flat_map(|layer| ["--layer", layer]);
    let arguments: Vec<&str> = ["--failed"].into_iter().chain(layers).collect();
    let (kept, said) = output("ashlar-audit", &arguments)?;
    if !kept {
        let first = said.lines().next().unwrap_or("it said nothing");
        return Err(format!("ashlar-audit found a broken promise: {first}"));
    }
    for program in programs(Path::new(PROGRAMS)).map_err(|error| format!("{PROGRAMS}: {error}"))? {
        ends_well(&program, PATIENCE).map_err(|why| format!("{}: {why}", program.display()))?;
    }
    Ok(())
}

/// Whether a program succeeded, and what it printed.
fn output(program: &str, arguments: &[&str]) -> Result<(bool, String), String> {
    let answer = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let answer = answer.map_err(|error| format!("{program} was not started: {error}"))?;
    Ok((answer.status.success(), String::from_utf8_lossy(&answer.stdout).into_owned()))
}

fn banner() -> Result<(), String> {
    let wrong = |error: io::Error| format!("sshd runs, and does not answer: {error}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, 22)).map_err(wrong)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    let mut greeting = [0; BANNER.len()];
    stream.read_exact(&mut greeting).map_err(wrong)?;
    if greeting == *BANNER { Ok(()) } else { Err("something else answers in place of sshd".to_owned()) }
}

/// The executable files of a directory, by name; none when there is no directory.
fn programs(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut programs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let found = fs::metadata(&path)?;
        if found.is_file() && found.permissions().mode() & 0o111 != 0 {
            programs.push(path);
        }
    }
    programs.sort();
    Ok(programs)
}

fn ends_well(program: &Path, limit: Duration) -> Result<(), String> {
    // What it starts itself ends with it.
    let child = Command::new(program).stdin(Stdio::null()).process_group(0).spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    let end = Instant::now() + limit;
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("ended with {status}")),
            None if Instant::now() < end => thread::sleep(Duration::from_millis(50)),
            None => {
                // It may have ended just now.
                let _killed = sys::kill(-(child.id() as sys::Pid), sys::SIGKILL);
                let _waited = child.wait();
                return Err(format!("did not end within {} seconds", limit.as_secs()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_the_administrator_take_part() {
        let room = testkit::TempDir::new("update-health");
        assert!(programs(&room.join("none")).unwrap().is_empty());
        for (name, text, mode) in
            [("b", "exit 0", 0o755), ("a", "exit 3", 0o755), ("c", "sleep 1000", 0o755), ("README", "", 0o644)]
        {
            let path = room.join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = programs(&room).unwrap();
        assert_eq!(found, ["a", "b", "c"].map(|name| room.join(name)));
        let ends = |at: usize| ends_well(&found[at], Duration::from_millis(300));
        assert_eq!(ends(0), Err("ended with exit status: 3".to_owned()));
        assert_eq!(ends(1), Ok(()));
        assert_eq!(ends(2), Err("did not end within 0 seconds".to_owned()));
    }
}
