//! The process that moves logins. It runs as root without capabilities, because root owns the control groups, and ends
//! with the last process behind the service's filter.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};

use sys::seccomp::{self, Told};

use super::{Process, READY, base, group_of, is_apart, of_all, of_each, who_moves};
use crate::plan::{Logins, Users};

const GROUPS: &str = "/sys/fs/cgroup";
const LOG: &str = "/dev/log";
/// Facility `auth`, severity warning, as syslogd reads it.
const WARNING: u8 = 4 << 3 | 4;

/// Creates the parents of users' groups, while this process still has all privileges: the kernel's own directory of
/// groups is not writable even for root without a capability, and this process gives all of them up.
pub fn prepare(users: &Users) -> io::Result<()> {
    for apart in [false, true] {
        let all = Path::new(GROUPS).join(base(users, apart));
        make(&all)?;
        for (file, value) in of_all(users, apart) {
            fs::write(all.join(file), value).map_err(named(&all.join(file)))?;
        }
    }
    Ok(())
}

/// Moves logins until no process is left that could log in.
pub fn run(logins: Logins, users: Users) -> io::Result<()> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let [told] = sys::socket::receive_with(&socket, &mut [0])?;
    let told = File::from(told);
    socket.write_all(&READY)?;
    drop(socket);
    let mut watch = Watch { users, seen: BTreeMap::new() };
    while let Some(request) = seccomp::next_told(&told)? {
        let answer = watch.decide(&told, &request);
        seccomp::answer(&told, &request, answer.is_ok())?;
        if logins == Logins::One && answer.is_ok_and(|is_moved| is_moved) {
            break;
        }
    }
    Ok(())
}

struct Watch {
    users: Users,
    /// The first process of each login, per user.
    seen: BTreeMap<u32, Vec<u32>>,
}

impl Watch {
    /// Whether the call may continue, and whether it was a login.
    fn decide(&mut self, told: &File, request: &Told) -> Result<bool, ()> {
        let uid = request.uid;
        // The kernel refuses a process without the privilege; it is not moved.
        let Some(process) = process(request.pid).filter(|process| process.is_root) else { return Ok(false) };
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let apart = is_apart(uid, &self.users, &text("/etc/passwd"), &text("/etc/group"));
        match self.place(told, request, &process, apart) {
            Ok(()) => Ok(true),
            Err(error) => {
                log(&format!("login of user {uid} has no control group: {error}"));
                // An administrator must get in and see the reason, and can become root anyway.
                if apart { Ok(true) } else { Err(()) }
            }
        }
    }

    fn place(&mut self, told: &File, request: &Told, process: &Process, apart: bool) -> io::Result<()> {
        let group = group_of(request.uid, &self.users, apart);
        let parent = self::process(process.parent);
        let grandparent = parent.as_ref().and_then(|parent| self::process(parent.parent));
        let who = who_moves(process, parent.as_ref(), grandparent.as_ref());
        let seen = self.seen.entry(request.uid).or_default();
        seen.retain(|pid| self::process(*pid).is_some_and(|process| process.group == group));
        // An administrator who left many processes behind must still get in, within the same limits.
        if !apart && seen.len() >= self.users.logins as usize {
            return Err(io::Error::other(format!("there are {} already", seen.len())));
        }
        let directory = Path::new(GROUPS).join(&group);
        make(&directory)?;
        for (file, value) in of_each(&self.users) {
            let path = directory.join(file);
            // Limits that an administrator set stay.
            if fs::read_to_string(&path).map_err(named(&path))?.trim() == "max" {
                fs::write(&path, value).map_err(named(&path))?;
            }
        }
        // The facts must be of this process, not of another with the same PID.
        seccomp::is_waiting(told, request)?;
        let path = directory.join("cgroup.procs");
        who.iter().try_for_each(|pid| fs::write(&path, pid.to_string()).map_err(named(&path)))?;
        seen.extend(who.first());
        Ok(())
    }
}

fn process(pid: u32) -> Option<Process> {
    let text = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
    Process::from_texts(pid, &text("stat")?, &text("status")?, &text("cgroup")?)
}

fn make(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(named(directory)(error)),
        _ => Ok(()),
    }
}

fn named(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    let path: PathBuf = path.to_owned();
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn log(text: &str) {
    let line = format!("<{WARNING}>users: {text}");
    // Without a log there is no one to tell. A full log must not lock everybody out.
    let _sent = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(line.as_bytes(), LOG)
    });
}
