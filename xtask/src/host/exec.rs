//! The one place that starts processes. Every method says where the child's streams go and when it fails.
#![expect(clippy::disallowed_methods, reason = "this is the one place")]

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ashlar_core::base::command::{Command, quote};
use camino::{Utf8Path, Utf8PathBuf};

/// A command that ran and failed, or could not be started.
#[derive(Debug, thiserror::Error)]
pub struct ExecError {
    /// The command, ready to paste.
    pub command: String,
    /// A file that runs the command, when that is longer than a person reads.
    pub script: Option<Utf8PathBuf>,
    /// What to do now, when that is known where it failed.
    pub remedy: Option<String>,
    /// How it ended.
    pub end: End,
    /// How long it ran.
    pub duration: Duration,
    /// The last lines it wrote.
    pub tail: String,
    /// The file that holds everything it wrote.
    pub log: Option<Utf8PathBuf>,
    /// Whether the disk of that file, which is the disk it worked on, had no room left when it failed.
    pub disk_full: bool,
}

/// How a command that failed ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// There is no such program.
    NotFound(String),
    /// The system could not start it; why.
    NotStarted(String),
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(program) => {
                write!(f, "`{program}` was not found; `cargo xtask doctor` lists what is missing")
            }
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(9) => f.write_str("killed by signal 9 (out of memory?)"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

impl std::fmt::Display for ExecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} after {:.1} s", self.end, self.duration.as_secs_f64())?;
        if !self.tail.is_empty() {
            f.write_str("; it printed last:")?;
            self.tail.lines().try_for_each(|line| write!(f, "\n  | {line}"))?;
        }
        if let Some(log) = &self.log {
            write!(f, "\n  log      {log}")?;
        }
        match &self.script {
            Some(script) => write!(f, "\n  command  sh {}", quote(script.as_str())),
            None => write!(f, "\n  command  {}", self.command),
        }
    }
}

/// Lines of a log shown with an error.
const TAIL_LINES: usize = 20;

fn std_command(command: &Command) -> std::process::Command {
    let mut std = std::process::Command::new(&command.program);
    std.args(&command.args).envs(&command.env);
    if let Some(dir) = &command.cwd {
        std.current_dir(dir);
    }
    std
}

fn failed_to_start(command: &Command, error: &std::io::Error) -> ExecError {
    let end = match error.kind() {
        std::io::ErrorKind::NotFound => End::NotFound(command.program.clone()),
        _ => End::NotStarted(error.to_string()),
    };
    let (duration, tail) = (Duration::ZERO, String::new());
    ExecError {
        command: command.to_string(),
        script: None,
        remedy: None,
        end,
        duration,
        tail,
        log: None,
        disk_full: false,
    }
}

fn end(status: std::process::ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().map_or_else(|| End::Signal(status.signal().unwrap_or_default()), End::Code)
}

/// Whether a disk without room is in the chain of an error: ours, or that of a command that failed.
pub fn met_full_disk(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        let command = cause.downcast_ref::<ExecError>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull)
            || command.is_some_and(|failed| failed.disk_full)
    })
}

/// Whether the disk that holds `path` has no room left.
pub fn disk_full(path: &Utf8Path) -> bool {
    let free = rustix::fs::statvfs(path.as_std_path()).map(|disk| disk.f_bavail * disk.f_frsize);
    free.is_ok_and(|bytes| bytes < 1 << 20)
}

/// Runs a command and gives its standard output. Standard error is captured and shown only on failure; no standard input.
/// Fails when it cannot start, ends with another status than 0, or prints something that is not UTF-8.
pub fn read(command: &Command) -> Result<String> {
    let output = read_with_input(command, b"")?;
    String::from_utf8(output).with_context(|| format!("`{command}` printed something that is not UTF-8"))
}

/// Like [`read`], for bytes, with `input` on standard input.
pub fn read_with_input(command: &Command, input: &[u8]) -> Result<Vec<u8>> {
    let started = Instant::now();
    let mut child = std_command(command)
        .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed_to_start(command, &error))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A child that ends early closes its end: that shows in its status, not here.
        let writer = scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
        let output = child.wait_with_output();
        drop(writer.join());
        output
    })
    .with_context(|| format!("waiting for `{command}`"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr });
    Err(ExecError {
        command: command.to_string(),
        script: None,
        remedy: None,
        end: end(output.status),
        duration: started.elapsed(),
        tail: last_lines(&text),
        log: None,
        disk_full: false,
    }
    .into())
}

/// Runs a command with both output streams appended to `log`; no standard input. Fails like [`read`]; the error carries the
/// log's tail and path. On `cpus` only, when given.
pub fn logged(command: &Command, log: &Utf8Path, cpus: Option<&[usize]>) -> Result<Duration> {
    watched(command, log, cpus, &mut || Ok(()))
}

/// How often a watched command is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Like [`logged`], and calls `look` four times a second. When that fails it must have ended the command: its error, with what the
/// command wrote last, is then the reason.
pub fn watched(
    command: &Command,
    log: &Utf8Path,
    cpus: Option<&[usize]>,
    look: &mut dyn FnMut() -> Result<()>,
) -> Result<Duration> {
    let file = fs_err::OpenOptions::new().create(true).append(true).read(true).open(log)?;
    let started = Instant::now();
    let expression = duct::cmd(&command.program, &command.args)
        .stdin_null()
        .stderr_to_stdout()
        .stdout_file(file.file().try_clone()?)
        .unchecked();
    let expression = command.env.iter().fold(expression, |e, (name, value)| e.env(name, value));
    let expression = match &command.cwd {
        Some(dir) => expression.dir(dir),
        None => expression,
    };
    // The affinity of the starting thread is inherited by the child.
    let affinity = cpus.map(Affinity::narrow).transpose()?;
    let running = expression.start().map_err(|error| failed_to_start(command, &error))?;
    drop(affinity);
    let mut why = None;
    let status = loop {
        if let Some(output) = running.wait_timeout(LOOK).with_context(|| format!("waiting for `{command}`"))? {
            break output.status;
        }
        // Until it has ended: what was to end it may have failed.
        if let Err(error) = look() {
            why.get_or_insert(error);
        }
    };
    let duration = started.elapsed();
    if status.success() && why.is_none() {
        return Ok(duration);
    }
    let failed = anyhow::Error::new(ExecError {
        command: command.to_string(),
        script: script(command, log),
        remedy: None,
        end: end(status),
        duration,
        tail: tail_of(log)?,
        log: Some(log.to_owned()),
        disk_full: disk_full(log),
    });
    Err(match why {
        Some(why) => failed.context(format!("{why:#}")),
        None => failed,
    })
}

/// Longer than this, a command line is a wall before a person who looks for the reason.
const MAX_SHOWN: usize = 200;

/// Writes a command that is long into a file beside its log. When that fails, on a full disk say, the command is shown.
pub fn script(command: &Command, log: &Utf8Path) -> Option<Utf8PathBuf> {
    let text = command.to_string();
    let file = log.with_extension("sh");
    (text.len() > MAX_SHOWN && fs_err::write(&file, format!("{text}\n")).is_ok()).then_some(file)
}

/// Runs a command on the user's terminal: all three streams inherited. Fails when it cannot start; gives its exit code.
pub fn interactive(command: &Command) -> Result<i32> {
    let status = std_command(command).status().map_err(|error| failed_to_start(command, &error))?;
    Ok(status.code().unwrap_or(128))
}

/// Starts a command that goes on while we work, with its output appended to `log`. The caller must end it.
pub fn background(command: &Command, stdin: Stdio, stdout: Stdio, log: &Utf8Path) -> Result<std::process::Child> {
    let file = fs_err::OpenOptions::new().create(true).append(true).open(log)?;
    std_command(command)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(file.file().try_clone()?)
        .spawn()
        .map_err(|error| failed_to_start(command, &error).into())
}

/// The processors of a thread, narrowed for a while.
#[derive(Debug)]
struct Affinity(rustix::thread::CpuSet);

impl Affinity {
    fn narrow(cpus: &[usize]) -> Result<Self> {
        let before = rustix::thread::sched_getaffinity(None)?;
        let mut set = rustix::thread::CpuSet::new();
        cpus.iter().for_each(|cpu| set.set(*cpu));
        rustix::thread::sched_setaffinity(None, &set).with_context(|| format!("using only processors {cpus:?}"))?;
        Ok(Self(before))
    }
}

impl Drop for Affinity {
    fn drop(&mut self) {
        if let Err(error) = rustix::thread::sched_setaffinity(None, &self.0) {
            eprintln!("warning: this thread stays on fewer processors: {error}");
        }
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// The last lines of a log file.
pub fn tail_of(log: &Utf8Path) -> Result<String> {
    let mut file = fs_err::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(16 * 1024)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(last_lines(&String::from_utf8_lossy(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        Command::new("sh").args(["-c", script])
    }

    #[test]
    fn reads_and_reports() {
        assert_eq!(read(&sh("printf hello")).unwrap(), "hello");
        assert_eq!(read_with_input(&Command::new("cat"), b"in").unwrap(), b"in");
        let error = read(&sh("echo why >&2; exit 3")).unwrap_err().to_string();
        assert!(error.contains("command  sh -c 'echo why >&2; exit 3'"), "{error}");
        assert!(error.contains("exit code 3") && error.contains("| why"), "{error}");
        let error = read(&Command::new("no-such-tool-here")).unwrap_err().to_string();
        assert!(error.contains("`no-such-tool-here` was not found") && error.contains("doctor"), "{error}");
        assert!(read(&sh("kill -9 $$")).unwrap_err().to_string().contains("signal 9"));
        assert!(read(&sh(r"printf '\377'")).unwrap_err().to_string().contains("not UTF-8"));
    }

    #[test]
    fn logs_both_streams_and_shows_the_tail() {
        let dir = tempfile::tempdir().unwrap();
        let log = Utf8PathBuf::from_path_buf(dir.path().join("x.log")).unwrap();
        logged(&sh("echo out; echo err >&2"), &log, None).unwrap();
        assert_eq!(fs_err::read_to_string(&log).unwrap(), "out\nerr\n");
        let error = logged(&sh("seq 100; false"), &log, None).unwrap_err().to_string();
        assert!(error.contains("| 81\n") && error.contains("| 100") && !error.contains("| 80\n"), "{error}");
        assert!(error.contains(log.as_str()), "{error}");
    }

    #[test]
    fn a_long_command_is_a_file_to_run() {
        let dir = tempfile::tempdir().unwrap();
        let log = Utf8PathBuf::from_path_buf(dir.path().join("x.log")).unwrap();
        let long = sh(&format!("exit 3 # {}", "x".repeat(MAX_SHOWN)));
        let error = logged(&long, &log, None).unwrap_err().to_string();
        let last = format!("\n  log      {log}\n  command  sh {}", log.with_extension("sh"));
        assert!(error.starts_with("exit code 3 after ") && error.ends_with(&last), "{error}");
        let again = read(&Command::new("sh").arg(log.with_extension("sh"))).unwrap_err();
        assert_eq!(again.downcast::<ExecError>().unwrap().end, End::Code(3));
    }

    #[test]
    fn a_watched_command_is_ended_by_whoever_watches() {
        let dir = tempfile::tempdir().unwrap();
        let log = Utf8PathBuf::from_path_buf(dir.path().join("x.log")).unwrap();
        let stop = dir.path().join("stop");
        let mut looks = 0;
        let script = format!("echo on; until [ -e {} ]; do sleep 0.05; done; echo off", stop.display());
        let error = watched(&sh(&script), &log, None, &mut || {
            looks += 1;
            fs_err::write(&stop, "")?;
            anyhow::bail!("too much of it")
        });
        let error = format!("{:#}", error.unwrap_err());
        assert!(
            error.starts_with("too much of it: exit code 0 after ") && error.contains("| on\n  | off\n"),
            "{error}"
        );
        assert_eq!(looks, 1);
    }

    #[test]
    fn narrows_the_processors_of_the_child_only() {
        let dir = tempfile::tempdir().unwrap();
        let log = Utf8PathBuf::from_path_buf(dir.path().join("x.log")).unwrap();
        let before = rustix::thread::sched_getaffinity(None).unwrap();
        logged(&Command::new("nproc"), &log, Some(&[0])).unwrap();
        assert_eq!(fs_err::read_to_string(&log).unwrap(), "1\n");
        assert_eq!(rustix::thread::sched_getaffinity(None).unwrap().count(), before.count());
    }
}
