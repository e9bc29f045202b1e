//! The host's SSH client, for a machine behind the port that QEMU forwards; in [`banner`] the wait for its server.
//!
//! `ashlar_lab::ssh` makes the command lines; `ashlar_lab::console::task` lists the tasks. Every wait here ends at a given time, or when
//! it is cancelled.

mod banner;
mod deadline;

use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use ashlar_lab::cloud::HostKey;
use ashlar_lab::console::Answer;
use ashlar_lab::console::task::{Login, Task, frames, unframe};
use ashlar_lab::pcap;
use ashlar_lab::qemu::FrameSockets;
use ashlar_lab::ssh::{self, Access, NO_CONNECTION, Reader};
use camino::{Utf8Path, Utf8PathBuf};

use self::banner::{PcapOffset, RetryPolicy};
use self::deadline::{Deadline, TICK};
use super::process::Process;
use super::work::remove_if_there;
use super::{clock, exec, netdev};

/// Printed by the machine when it got a command that may end the connection.
const LEAVING: &str = "leaving";

/// The client for one machine, with throw-away keys.
#[derive(Debug)]
pub struct SshClient {
    access: Access,
    /// Where files of single commands go.
    scratch: Utf8PathBuf,
    /// The key that the machine was given, once somebody asked for it.
    host_key: OnceLock<HostKey>,
    /// Tells when the guest's network begins.
    offset: PcapOffset,
    retries: RetryPolicy,
}

/// What a client printed and how it ended.
struct Printed {
    code: i32,
    stdout: String,
    stderr: String,
}

impl SshClient {
    /// A client for `port`, or for a free port, with keys made in `scratch`.
    pub fn make(port: Option<u16>, scratch: &Utf8Path) -> Result<Self> {
        let port = match port {
            Some(port) => port,
            None => free_port()?,
        };
        let file = |name: &str| scratch.join(name);
        let access = Access {
            port,
            key: file("key"),
            strange_key: file("strange-key"),
            known_hosts: file("known-hosts"),
            control: file("control"),
        };
        for (key, comment) in [(&access.key, "ashlar throw-away key"), (&access.strange_key, "a foreign key")] {
            exec::read(&ssh::keygen(key, comment))?;
        }
        Ok(Self::through(access, scratch, RetryPolicy::SPARING))
    }

    fn through(access: Access, scratch: &Utf8Path, retries: RetryPolicy) -> Self {
        Self { access, scratch: scratch.to_owned(), host_key: OnceLock::new(), offset: PcapOffset::new(), retries }
    }

    /// A client for a free port and a system of somebody else's, with a key that it knows already.
    pub fn with_key(key: &Utf8Path, scratch: &Utf8Path) -> Result<Self> {
        let file = |name: &str| scratch.join(name);
        let access = Access {
            port: free_port()?,
            key: key.to_owned(),
            strange_key: key.to_owned(),
            known_hosts: file("known-hosts"),
            control: file("control"),
        };
        Ok(Self::through(access, scratch, RetryPolicy::EAGER))
    }

    /// The file in which QEMU is to record the packets that the machine sends.
    pub fn pcap(&self) -> Utf8PathBuf {
        self.scratch.join("guest.pcap")
    }

    /// The sockets by which somebody else is on the machine's network.
    pub fn frame_sockets(&self) -> FrameSockets {
        FrameSockets { machine: self.scratch.join("machine.socket"), prober: self.scratch.join("prober.socket") }
    }

    /// The port on this host's loopback.
    pub fn port(&self) -> u16 {
        self.access.port
    }

    /// Waits until a login works: after a greeting, sshd may still turn us away for having asked for one so often.
    pub fn admitted(&self, user: &str, until: Instant) -> Result<(), String> {
        let deadline = Deadline { until, cancelled: &AtomicBool::new(false) };
        let command = self.access.login(&Login::Key(user.to_owned()), Reader::Program, &["true".to_owned()]);
        match self.connected(&command, "", &deadline)? {
            Printed { code: 0, .. } => Ok(()),
            Printed { code, stderr, .. } => {
                Err(format!("a login ended with status {code}: {}", ssh::last_word(&stderr)))
            }
        }
    }

    /// How long so many logins take, one after the other, each with a connection of its own.
    pub fn fresh_logins(&self, user: &str, count: u32, until: Instant) -> Result<Duration, String> {
        let deadline = Deadline { until, cancelled: &AtomicBool::new(false) };
        let command = self.access.fresh(user, "true");
        let started = Instant::now();
        for _ in 0..count {
            let printed = self.run(&command, "", &deadline)?;
            if printed.code != 0 {
                return Err(format!("a login ended with status {}: {}", printed.code, ssh::last_word(&printed.stderr)));
            }
        }
        Ok(started.elapsed())
    }

    /// The public key, one line.
    pub fn public_key(&self) -> Result<String> {
        Ok(fs_err::read_to_string(format!("{}.pub", self.access.key))?.trim().to_owned())
    }

    /// A key for the machine itself. From now on the client connects to a machine that has it, and to no other.
    pub fn host_key(&self) -> Result<&HostKey> {
        if let Some(key) = self.host_key.get() {
            return Ok(key);
        }
        let file = self.scratch.join("host-key");
        exec::read(&ssh::keygen(&file, "ashlar throw-away host key"))?;
        let public = fs_err::read_to_string(format!("{file}.pub"))?.trim().to_owned();
        let key = HostKey { private: fs_err::read_to_string(&file)?, public };
        fs_err::write(&self.access.known_hosts, self.access.known_host(&key.public))?;
        Ok(self.host_key.get_or_init(|| key))
    }

    /// A short command line for a person: the options are in a file of the scratch directory.
    pub fn short(&self, user: &str) -> Result<Command> {
        let config = self.scratch.join("ssh");
        fs_err::write(&config, self.access.config(user))?;
        Ok(Command::new(ssh::SSH).args(["-F", config.as_str(), ssh::HOST_ALIAS]))
    }

    /// The client's command line for a person.
    pub fn for_person(&self, user: &str, command: &[String]) -> Command {
        self.access.login(&Login::Key(user.to_owned()), Reader::Person, command)
    }

    /// Does a task on the machine that was started at `started`.
    ///
    /// # Errors
    /// Why it could not be done before `until`.
    pub fn perform(
        &self,
        task: &Task,
        started: Instant,
        until: Instant,
        cancelled: &AtomicBool,
    ) -> Result<Vec<Answer>, String> {
        let deadline = Deadline { until, cancelled };
        let answer = |text: String| vec![Answer { text, status: 0 }];
        match task {
            Task::Banner => {
                // A machine that was given no key has made a new one when it was started again.
                if self.host_key.get().is_none() {
                    remove_if_there(&self.access.known_hosts)?;
                }
                self.offset.await_network(&self.pcap(), &deadline);
                banner::listen(self.access.port, &self.retries, &deadline)
                    .map(answer)
                    .ok_or_else(|| "nothing greeted".to_owned())
            }
            Task::Silence { lasting } => {
                let deadline = Deadline { until: until.min(Instant::now() + *lasting), cancelled };
                Ok(answer(
                    banner::listen(self.access.port, &RetryPolicy::SINGLE, &deadline)
                        .unwrap_or_else(|| "silence".to_owned()),
                ))
            }
            Task::Commands { user, commands } => self.commands(user, commands, &deadline),
            Task::Refusal { login } => self.refusal(login, &deadline),
            Task::Copy { user, bytes } => self.copy(user, *bytes, &deadline).map(answer),
            Task::Clock { user, base } => self.clock(user, *base, started, &deadline).map(answer),
            Task::Timed { user, command } => self.timed(user, command, &deadline),
            Task::Attack { user, command } => {
                let printed = self.run(&self.access.fresh(user, command), "", &deadline)?;
                let last = printed.stdout.lines().last().filter(|_| printed.code == 0);
                Ok(answer(last.unwrap_or("the session ended").to_owned()))
            }
            Task::Crowd { user, connections } => {
                let command = self.access.linger(user);
                let come = |_| self.run(&command, "", &deadline).map(|printed| usize::from(printed.code == 0));
                let came = (0..*connections).map(come).sum::<Result<usize, String>>()?;
                Ok(answer(came.to_string()))
            }
            Task::Leave { user, command } => self.leave(user, command, &deadline),
            Task::Greetings { count } => {
                banner::greetings(self.access.port, *count, &deadline).map(|count| answer(count.to_string()))
            }
            Task::Probe(what) => {
                let record = fs_err::read(self.pcap()).map_err(|error| error.to_string())?;
                let link = pcap::link_local(record.get(pcap::HEAD..).unwrap_or_default())
                    .ok_or_else(|| "the machine has sent nothing over IPv6 yet".to_owned())?;
                netdev::attempt(*what, link, &self.frame_sockets(), &|| deadline.left()).map(answer)
            }
        }
    }

    fn timed(&self, user: &str, command: &str, deadline: &Deadline<'_>) -> Result<Vec<Answer>, String> {
        let started = Instant::now();
        let printed = self.run(&self.access.fresh(user, command), "", deadline)?;
        let took = started.elapsed().as_millis();
        let text = if printed.code == 0 { took.to_string() } else { ssh::last_word(&printed.stderr) };
        Ok(vec![Answer { text, status: u8::try_from(printed.code).unwrap_or(u8::MAX) }])
    }

    fn commands(&self, user: &str, commands: &[String], deadline: &Deadline<'_>) -> Result<Vec<Answer>, String> {
        let login = self.access.login(&Login::Key(user.to_owned()), Reader::Program, &["sh".to_owned()]);
        let printed = self.connected(&login, &frames(commands), deadline)?;
        let answers = unframe(&printed.stdout, commands.len());
        if answers.len() < commands.len() {
            let word = ssh::last_word(&printed.stderr);
            return Err(format!(
                "the session ended after {} of {} answers, with status {}: {word}",
                answers.len(),
                commands.len(),
                printed.code
            ));
        }
        Ok(answers)
    }

    /// The command may cut the connection it came by; a word before it tells that from a connection that never was, which
    /// happens: after many connections without a login, sshd turns their source away for a while.
    fn leave(&self, user: &str, command: &str, deadline: &Deadline<'_>) -> Result<Vec<Answer>, String> {
        let line = format!("echo {LEAVING}; {command}");
        let printed =
            self.connected(&self.access.login(&Login::Key(user.to_owned()), Reader::Program, &[line]), "", deadline)?;
        // What comes after belongs to another start. A machine that was faster has ended the connection itself, and there is
        // nobody to hang up: either way it is gone.
        let _gone = self.run(&self.access.hang_up(user), "", deadline)?;
        self.offset.starts_again();
        match printed.code {
            0 | NO_CONNECTION if printed.stdout.contains(LEAVING) => Ok(Vec::new()),
            code => Err(format!("`{command}` ended with status {code}: {}", ssh::last_word(&printed.stderr))),
        }
    }

    fn refusal(&self, login: &Login, deadline: &Deadline<'_>) -> Result<Vec<Answer>, String> {
        let command = self.access.login(login, Reader::Program, &["true".to_owned()]);
        loop {
            let printed = self.run(&command, "", deadline)?;
            let text = ssh::last_word(&printed.stderr);
            // Without a word about permission, the connection was closed before: this source has to wait for its turn.
            if printed.code != NO_CONNECTION || text.contains("Permission denied") {
                let status = u8::from(printed.code != NO_CONNECTION);
                return Ok(vec![Answer { text, status }]);
            }
            deadline.pause(&text)?;
        }
    }

    fn copy(&self, user: &str, bytes: usize, deadline: &Deadline<'_>) -> Result<String, String> {
        let (there, back) = (self.scratch.join("copy-there"), self.scratch.join("copy-back"));
        remove_if_there(&back)?;
        // Every value of a byte, in no short rhythm.
        let content: Vec<u8> = (0..bytes).map(|at| (at.wrapping_mul(at) / 7 + at) as u8).collect();
        fs_err::write(&there, &content).map_err(|error| error.to_string())?;
        let remote = format!("{user}@127.0.0.1:boot-test-copy");
        for (from, to) in [(there.as_str(), remote.as_str()), (remote.as_str(), back.as_str())] {
            let printed = self.connected(&self.access.copy(user, from, to), "", deadline)?;
            if printed.code != 0 {
                return Err(format!("scp ended with status {}: {}", printed.code, ssh::last_word(&printed.stderr)));
            }
        }
        let came = fs_err::read(&back).map_err(|error| error.to_string())?;
        Ok(if came == content { "same".to_owned() } else { format!("{} bytes, {bytes} were sent", came.len()) })
    }

    /// How far the machine's clock is ahead, in whole seconds. It is asked somewhere between two looks at ours.
    fn clock(
        &self,
        user: &str,
        base: Option<u64>,
        started: Instant,
        deadline: &Deadline<'_>,
    ) -> Result<String, String> {
        let right = || {
            let right = base.map_or_else(clock::now, |base| base + started.elapsed().as_secs());
            i64::try_from(right).unwrap_or(i64::MAX)
        };
        let earliest = right();
        let answers = self.commands(user, &["date +%s".to_owned()], deadline)?;
        let text = answers.first().map(|answer| answer.text.as_str()).unwrap_or_default();
        let shown: i64 = text.parse().map_err(|_| format!("`date` printed `{text}`"))?;
        Ok((shown - shown.clamp(earliest, right().max(earliest))).to_string())
    }

    /// Runs the client until it got a connection. What it runs may be run twice.
    fn connected(&self, command: &Command, input: &str, deadline: &Deadline<'_>) -> Result<Printed, String> {
        loop {
            let printed = self.run(command, input, deadline)?;
            let failed = printed.code == NO_CONNECTION && printed.stdout.is_empty();
            let word = ssh::last_word(&printed.stderr);
            if !failed || word.contains("Permission denied") || word.contains("verification failed") {
                return Ok(printed);
            }
            deadline.pause(&word)?;
        }
    }

    /// Runs the client once.
    fn run(&self, command: &Command, input: &str, deadline: &Deadline<'_>) -> Result<Printed, String> {
        let run = || -> Result<Option<Printed>> {
            let file = |name: &str| self.scratch.join(name);
            let (stdin, stdout, stderr) = (file("client.in"), file("client.out"), file("client.err"));
            fs_err::write(&stdin, input)?;
            fs_err::write(&stderr, "")?;
            // Files, not pipes: nobody has to read them while it runs.
            let from = Stdio::from(fs_err::File::open(&stdin)?.into_file());
            let to = Stdio::from(fs_err::File::create(&stdout)?.into_file());
            let mut client = Process(exec::background(command, from, to, &stderr)?);
            while deadline.left().is_some() {
                if let Some(status) = client.wait(TICK)? {
                    let text =
                        |path| Ok::<_, std::io::Error>(String::from_utf8_lossy(&fs_err::read(path)?).into_owned());
                    let (stdout, stderr) = (text(&stdout)?, text(&stderr)?);
                    return Ok(Some(Printed { code: status.code().unwrap_or(NO_CONNECTION), stdout, stderr }));
                }
            }
            Ok(None)
        };
        run().map_err(|error| format!("{error:#}"))?.ok_or_else(|| format!("no end came in time of `{command}`"))
    }
}

/// A port that nobody uses now. QEMU takes it a moment later; should somebody be faster, QEMU ends and says so.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests;
