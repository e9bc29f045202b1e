//! Starts the process that moves logins beside the service: not as its child, not in its group, and under its own
//! profile.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base::findings::Source;
use sys::{End, Fork};

use super::{READY, watch, words};
use crate::failure::{Failure, failed};
use crate::load::plan_of;
use crate::output::complain;
use crate::plan::{Logins, Users};
use crate::profile::PROFILES;

/// The profile of the process that moves logins, which also has the limits of each user. Without its ending, the name
/// of its service.
const NAME: &str = "users";
/// The OOM score: how likely the kernel kills a process when memory is short.
const OOM: &str = "/proc/self/oom_score_adj";

/// The other process, which waits for work.
#[derive(Debug)]
pub struct Watcher {
    socket: UnixStream,
}

/// Starts it, before this process gives up anything that the other one needs.
pub fn start(logins: Logins) -> Result<Watcher, Failure> {
    let profile = PROFILES.iter().map(|folder| PathBuf::from(folder).join(format!("{NAME}.toml")));
    let profile = profile.into_iter().find(|file| file.exists());
    let profile = profile
        .ok_or_else(|| Failure::new(format!("logins are to be moved, but {} has no {NAME}.toml", PROFILES[1])))?;
    let users = limits(&profile)?;
    watch::prepare(&users).map_err(failed("cannot make the control groups of users"))?;
    let (socket, theirs) = UnixStream::pair().map_err(failed("cannot make a pair of sockets"))?;
    let program = env::current_exe().map_err(failed("cannot find this program"))?;
    let mut command = Command::new(&program);
    command.args(["--service", NAME, "--group", NAME, "--profile"]).arg(&profile);
    // Not the service's output, which may be a terminal: errors come back over the socket.
    let back = theirs.try_clone().map_err(failed("cannot make a pair of sockets"))?;
    command.args(["--report-to", &back.as_raw_fd().to_string()]);
    command.arg("--").arg(&program).arg("--move-logins").args(words(logins, &users));
    command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::null()).env_clear();
    let start = move || sys::keep_on_exec(back.as_fd()).map_or_else(|error| error, |()| command.exec());
    unkillable(|| apart(start)).map_err(failed("cannot start the process that moves logins"))?;
    Ok(Watcher { socket })
}

/// The process that `begin` starts is not killed when memory is short, because then nobody could log in. If this is not
/// permitted, it is an ordinary process.
fn unkillable<T>(begin: impl FnOnce() -> T) -> T {
    let before = fs::read_to_string(OOM);
    let _set = fs::write(OOM, "-1000");
    let begun = begin();
    let _restored = before.and_then(|before| fs::write(OOM, before));
    begun
}

/// Runs `act` in a process that is nobody's child and in no terminal's session. Only for a process with one thread.
/// `act` returns only with what kept it from becoming another program, which is said on standard error.
fn apart(act: impl FnOnce() -> io::Error) -> io::Result<()> {
    if let Fork::Parent(child) = sys::fork()? {
        return match sys::wait(child, true)? {
            Some((_, End::Code(0))) => Ok(()),
            _ => Err(io::Error::other("no process can be made")),
        };
    }
    // This child leads no group, so it can begin a session.
    let _begun = sys::new_session();
    match sys::fork() {
        Ok(Fork::Child) => {}
        other => sys::exit_now(u8::from(other.is_err())),
    }
    complain(&format!("confine: {}", act()), 1);
    sys::exit_now(1)
}

fn limits(profile: &PathBuf) -> Result<Users, Failure> {
    let file = profile.to_string_lossy().into_owned();
    let text = fs::read_to_string(profile).map_err(failed(format!("cannot read {file}")))?;
    let plan = plan_of(Source { file: &file, text: &text }, "/COMMAND").map_err(Failure::new)?;
    plan.users.ok_or_else(|| Failure::new(format!("{file} has no table [users]; add one with the limits of each user")))
}

impl Watcher {
    /// Passes the filter's notification descriptor, and waits until the other process listens.
    pub fn watch(mut self, told: &File) -> Result<(), Failure> {
        // If the other process does not take it, its message has the reason.
        let _sent = sys::socket::send_with(&self.socket, &[0], &[told.as_fd()]);
        let (mut ready, mut why) = ([0], String::new());
        let outcome = self.socket.read_exact(&mut ready);
        if outcome.is_ok() && ready == READY {
            return Ok(());
        }
        // It ended, so its whole message is here; without one there is nothing to report.
        let _read = self.socket.read_to_string(&mut why);
        let why = format!("{}{why}", String::from_utf8_lossy(&ready).trim_matches('\0'));
        Err(Failure::new(format!("the process that moves logins did not start: {why}")))
    }
}
