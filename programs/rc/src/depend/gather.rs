//! Runs the `depend()` functions of the scripts, in one shell for all of them (`sh/depend.sh`).
//!
//! A script that is broken, ends the shell or hangs loses only its own dependencies, and is reported.

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::paths::Paths;

/// Time limit for reading one script.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Limit of one script's output in bytes.
const MAX_OUTPUT: usize = 256 * 1024;

/// The gathered text, and remarks.
#[derive(Debug, Default)]
pub struct Gathered {
    /// For `text::parse`.
    pub text: Vec<u8>,
    /// Scripts that hung.
    pub remarks: Vec<String>,
}

/// Reads these scripts' `depend()`.
pub fn gather(paths: &Paths, services: &[String]) -> io::Result<Gathered> {
    let mut gathered = Gathered::default();
    let empty = Empty::make(paths)?;
    let mut rest = services;
    while !rest.is_empty() {
        match one_shell(paths, &empty.0, rest, &mut gathered.text)? {
            Outcome::Whole => break,
            // The script that it was reading ended the shell; another shell continues after it.
            Outcome::StuckAt(at) => {
                let name = &rest[at];
                gathered.text.extend_from_slice(b"end 1\n");
                let (seconds, kilobytes) = (TIMEOUT.as_secs(), MAX_OUTPUT / 1024);
                gathered.remarks.push(format!(
                    "{name}: reading its script came to no end within {seconds} seconds and {kilobytes} KiB"
                ));
                rest = &rest[at + 1..];
            }
        }
    }
    Ok(gathered)
}

enum Outcome {
    Whole,
    StuckAt(usize),
}

fn one_shell(paths: &Paths, empty: &Path, services: &[String], text: &mut Vec<u8>) -> io::Result<Outcome> {
    let mut child = spawn(paths, empty, services)?;
    let heard = match child.stdout.take() {
        Some(output) => listen(output, text),
        None => Ok(Heard { begun: 0, is_whole: false }),
    };
    match heard {
        Ok(Heard { is_whole: true, .. }) => {
            child.wait()?;
            Ok(Outcome::Whole)
        }
        Ok(Heard { begun, .. }) => {
            end_group(&mut child)?;
            if begun == 0 {
                let why = "the shell that reads the service scripts does not work";
                let shell = paths.shell.join(" ");
                return Err(io::Error::other(format!("{why}: {shell} {}", program(paths).display())));
            }
            Ok(Outcome::StuckAt(begun - 1))
        }
        Err(error) => {
            end_group(&mut child)?;
            Err(error)
        }
    }
}

/// Progress of the shell.
struct Heard {
    /// Number of scripts begun.
    begun: usize,
    is_whole: bool,
}

/// Reads the shell's output line by line until it is done, gone, or one script takes too long or prints too much.
/// Without a thread: this program forks later, which needs a single thread.
fn listen(mut output: ChildStdout, text: &mut Vec<u8>) -> io::Result<Heard> {
    let (mut begun, mut script_from, mut line_from) = (0, text.len(), text.len());
    let mut since = Instant::now();
    let mut piece = [0; 16 * 1024];
    loop {
        let left = TIMEOUT.saturating_sub(since.elapsed());
        if left.is_zero() || text.len() - script_from > MAX_OUTPUT {
            break;
        }
        if !sys::poll(&[output.as_fd()], Some(left))?[0] {
            continue;
        }
        // There is data or the end, so this does not block.
        let length = match output.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if length == 0 {
            break;
        }
        text.extend_from_slice(&piece[..length]);
        while let Some(length) = text[line_from..].iter().position(|byte| *byte == b'\n') {
            let line = &text[line_from..line_from + length];
            if line == b"done" {
                text.truncate(line_from);
                return Ok(Heard { begun, is_whole: true });
            }
            if line.starts_with(b"service ") {
                begun += 1;
                (since, script_from) = (Instant::now(), line_from);
            }
            line_from += length + 1;
        }
    }
    // An incomplete line is useless.
    text.truncate(line_from);
    Ok(Heard { begun, is_whole: false })
}

fn program(paths: &Paths) -> PathBuf {
    paths.lib.join("sh/depend.sh")
}

fn spawn(paths: &Paths, empty: &Path, services: &[String]) -> io::Result<Child> {
    let mut words = paths.shell.iter();
    let mut command = Command::new(words.next().map_or("/bin/sh", String::as_str));
    command.args(words).arg(program(paths)).args([&paths.init_d, &paths.conf_d, &paths.rc_conf, &paths.lib]).arg(empty);
    for service in services {
        command.arg(service).arg(variable_part(service));
    }
    command.env("PATH", paths.search_path()).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    command.spawn().map_err(|error| {
        io::Error::new(error.kind(), format!("cannot start the shell {}: {error}", paths.shell.join(" ")))
    })
}

fn end_group(child: &mut Child) -> io::Result<()> {
    if let Ok(group) = i32::try_from(child.id()) {
        // The group may be gone already.
        drop(sys::kill(-group, 9));
    }
    child.wait().map(drop)
}

/// `net.eth0` in the names of variables: everything but letters and digits becomes an underscore.
pub fn variable_part(service: &str) -> String {
    service.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// An empty working directory for the shell, removed at the end.
struct Empty(PathBuf);

impl Empty {
    fn make(paths: &Paths) -> io::Result<Empty> {
        let name = format!("depend.{}", std::process::id());
        let in_state = paths.state.join("tmp").join(&name);
        if fs::create_dir(&in_state).is_ok() {
            return Ok(Empty(in_state));
        }
        // Another root, or not permitted there.
        let elsewhere = std::env::temp_dir().join(format!("rc-{name}"));
        fs::create_dir(&elsewhere)?;
        Ok(Empty(elsewhere))
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        // Files that a script left there are its own problem.
        drop(fs::remove_dir(&self.0));
    }
}
