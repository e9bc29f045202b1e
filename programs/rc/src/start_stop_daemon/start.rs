//! `--start`: starts the process of a daemon, and notices failure.

use sys::{End, Fork, Pid};

use super::request::Request;
use crate::conf::Conf;
use crate::daemons::{self, Daemon};
use crate::launch::{self, Launch};
use crate::message;
use crate::process;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

impl Request {
    pub(super) fn start(&self) -> Result<u8, String> {
        let Some(exec) = &self.exec else { return Err("--start needs --exec".into()) };
        let background = self.parsed.has("background");
        if self.parsed.has("make-pidfile") && self.pidfile.is_none() {
            return Err("--make-pidfile needs --pidfile".into());
        }
        let redirected =
            ["stdout", "stderr", "stdout-logger", "stderr-logger"].iter().any(|name| self.parsed.has(name));
        if redirected && !background {
            return Err("redirected output needs --background".into());
        }
        for (file, logger) in [("stdout", "stdout-logger"), ("stderr", "stderr-logger")] {
            if self.parsed.has(file) && self.parsed.has(logger) {
                return Err(format!("--{file} and --{logger} exclude each other: output goes to one place"));
            }
        }
        let program = launch::find_program(exec, self.parsed.value("chroot").map(Path::new))?;
        if let Some(running) = self.targets()?.first() {
            message::eerror(&format!("start-stop-daemon: {exec} is already running (process {})", running.pid));
            // With --oknodo as well: OpenRC ignores it here.
            return Ok(1);
        }
        let argv0 = self.parsed.value("startas").unwrap_or(exec);
        let service = self.service.as_deref().map(|name| (&self.paths, name));
        let launch = Launch::new(&self.parsed, service, &program, argv0, &self.args, background)?;
        if self.parsed.has("test") {
            message::einfo(&format!("Would start {program} {}", self.args.join(" ")));
            return Ok(0);
        }
        if self.parsed.has("verbose") {
            message::einfo(&format!("Starting {program} {}", self.args.join(" ")));
        }
        let pid = self.spawn(&launch, background)?;
        self.still_runs(pid, background)?;
        if let Some(service) = &self.service {
            let pid = background.then_some(pid);
            let start = pid.and_then(process::read).map(|process| process.start);
            let mut daemon = Daemon { pid, start, ..self.record() };
            if let Some(root) = &launch.chroot {
                // As seen from here, also if it was found in the PATH inside.
                daemon.exec = Some(root.join(program.trim_start_matches('/')).to_string_lossy().into_owned());
            }
            daemons::add(&self.paths, service, &daemon).map_err(|e| format!("cannot note the daemon: {e}"))?;
        }
        Ok(0)
    }

    /// Starts the process; returns when the program runs (background) or has exited with success (it forked).
    fn spawn(&self, launch: &Launch, background: bool) -> Result<Pid, String> {
        let describe = |error: io::Error| format!("cannot make a process: {error}");
        let (mut report, writer) = sys::pipe().map_err(describe)?;
        let pid = match sys::fork().map_err(describe)? {
            Fork::Parent(pid) => pid,
            Fork::Child => {
                drop(report);
                let text = self.become_daemon(launch, background, &writer);
                drop((&writer).write_all(text.as_bytes()));
                sys::exit_now(1)
            }
        };
        drop(writer);
        let mut text = String::new();
        report.read_to_string(&mut text).map_err(describe)?;
        if !text.is_empty() {
            drop(sys::wait(pid, true));
            if let Some(file) = self.pidfile.as_deref().filter(|_| self.parsed.has("make-pidfile")) {
                // A daemon that did not start has no PID; it may not have reached this file.
                drop(fs::remove_file(file));
            }
            return Err(text);
        }
        if background {
            return Ok(pid);
        }
        match sys::wait(pid, true).map_err(describe)? {
            Some((_, End::Code(0))) => Ok(pid),
            Some((_, end)) => Err(format!("failed to start `{}`: {}", launch.exec.display(), process::ended(end))),
            None => Ok(pid),
        }
    }

    fn become_daemon(&self, launch: &Launch, background: bool, report: &File) -> String {
        if background {
            if let Err(error) = sys::new_session() {
                return format!("cannot start a session: {error}");
            }
        }
        if let Some(file) = self.pidfile.as_deref().filter(|_| self.parsed.has("make-pidfile")) {
            if let Err(error) = write_pid_file(Path::new(file), std::process::id()) {
                return format!("cannot write pid file `{file}`: {error}");
            }
        }
        launch.become_it(report)
    }

    /// A daemon that ends at once did not start. `--wait` or `rc_start_wait` is the time to observe it, in
    /// milliseconds.
    fn still_runs(&self, pid: Pid, background: bool) -> Result<(), String> {
        let text = self.parsed.value("wait").map(str::to_owned).or_else(|| env::var("SSD_STARTWAIT").ok());
        let text = text.or_else(|| env::var("rc_start_wait").ok());
        let text = text.or_else(|| Conf::general(&self.paths).get("rc_start_wait").map(str::to_owned));
        let limit: u64 = match &text {
            Some(text) => text.parse().map_err(|_| format!("--wait: `{text}` is not a number of milliseconds"))?,
            None => 0,
        };
        let begun = Instant::now();
        let limit = Duration::from_millis(limit);
        let exec = self.exec.as_deref().unwrap_or_default();
        loop {
            if background {
                if let Ok(Some((_, end))) = sys::wait(pid, false) {
                    return Err(format!("{exec} ended right after its start: {}", process::ended(end)));
                }
            } else if self.pidfile.is_some()
                && begun.elapsed() >= limit
                && !limit.is_zero()
                && self.targets()?.is_empty()
            {
                return Err(format!(
                    "{exec} wrote no pid file within {} ms, or does not run any more",
                    limit.as_millis()
                ));
            }
            let found = !background && (self.pidfile.is_none() || !self.targets()?.is_empty());
            if found || begun.elapsed() >= limit {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Writes a pid file. Replaces a link in its place instead of following it.
pub fn write_pid_file(path: &Path, pid: u32) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(about) if !about.is_file() => fs::remove_file(path)?,
        _ => {}
    }
    let no_follow = 0o400_000;
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).custom_flags(no_follow).open(path)?;
    // Readable for status queries, whatever the script's umask.
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.write_all(format!("{pid}\n").as_bytes())
}
