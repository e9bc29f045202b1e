//! The process that moves logins. It has no rights but root's name for the control groups, and ends with the last process that is
//! behind the service's filter.

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
/// A warning of the facility `auth`, as syslogd reads it.
const WARNING: u8 = 4 << 3 | 4;

/// Makes the groups that users' groups are made in. It is for who still has all rights: the kernel's own directory of groups has a mode
/// that lets not even root write, so that it takes a capability, which the process that moves logins has not.
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

/// Moves logins until nobody is left who could log in.
pub fn run(logins: Logins, users: Users) -> io::Result<()> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let [told] = sys::socket::receive_with(&socket, &mut [0])?;
    let told = File::from(told);
    socket.write_all(&READY)?;
    drop(socket);
    let mut watch = Watch { users, seen: BTreeMap::new() };
    while let Some(request) = seccomp::next_told(&told)? {
        let answer = watch.judge(&told, &request);
        seccomp::answer(&told, &request, answer.is_ok())?;
        if logins == Logins::One && answer.is_ok_and(|is_moved| is_moved) {
            break;
        }
    }
    Ok(())
}

struct Watch {
    users: Users,
    /// Of each user, the first process of each login.
    seen: BTreeMap<u32, Vec<u32>>,
}

impl Watch {
    /// Whether the call may happen; and then, whether that was a login.
    fn judge(&mut self, told: &File, request: &Told) -> Result<bool, ()> {
        let uid = request.uid;
        // Who has no rights to become somebody is the kernel's to refuse, and is not moved on somebody else's account.
        let Some(process) = process(request.pid).filter(|process| process.is_root) else { return Ok(false) };
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let apart = is_apart(uid, &self.users, &text("/etc/passwd"), &text("/etc/group"));
        match self.place(told, request, &process, apart) {
            Ok(()) => Ok(true),
            Err(error) => {
                log(&format!("login of user {uid} has no control group: {error}"));
                // An administrator must be able to come in and see why. He can become root anyway.
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
        // An administrator who left many behind must still get in, and on his own account.
        if !apart && seen.len() >= self.users.logins as usize {
            return Err(io::Error::other(format!("there are {} already", seen.len())));
        }
        let directory = Path::new(GROUPS).join(&group);
        make(&directory)?;
        for (file, value) in of_each(&self.users) {
            let path = directory.join(file);
            // What an administrator set stays.
            if fs::read_to_string(&path).map_err(named(&path))?.trim() == "max" {
                fs::write(&path, value).map_err(named(&path))?;
            }
        }
        // What was read must have been this process and not one that got its number.
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
    // Without a log there is nobody to tell. One that takes nothing must not keep everybody from logging in.
    let _sent = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(line.as_bytes(), LOG)
    });
}
