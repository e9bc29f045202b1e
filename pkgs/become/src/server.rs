//! The service: takes connections, and gives each to a process of its own.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{chown, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::{log, member, sys, GROUP, SOCKET};

/// No more commands at a time.
const MOST_SESSIONS: usize = 64;

static SESSIONS: AtomicUsize = AtomicUsize::new(0);

/// Serves until it is ended.
pub fn serve() -> io::Result<u8> {
    let groups = fs::read_to_string("/etc/group")?;
    let group = member::group_number(GROUP, &groups)
        .ok_or_else(|| io::Error::other(format!("/etc/group has no group {GROUP}")))?;
    match fs::remove_file(SOCKET) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // what an earlier service left is gone
    }
    // Closed to everybody until it has its group.
    let mask = sys::umask(0o777);
    let listener = UnixListener::bind(SOCKET)?;
    sys::umask(mask);
    chown(SOCKET, Some(0), Some(group))?;
    fs::set_permissions(SOCKET, Permissions::from_mode(0o660))?;
    for connection in listener.incoming() {
        // A caller that is gone before it was served is nobody's loss.
        let Ok(connection) = connection else { continue };
        if SESSIONS.fetch_add(1, Ordering::SeqCst) >= MOST_SESSIONS {
            SESSIONS.fetch_sub(1, Ordering::SeqCst);
            log::write("too many commands at a time; one was turned away");
            continue;
        }
        let hold = move || {
            if let Err(error) = session(connection) {
                log::write(&format!("a session could not be started: {error}"));
            }
            SESSIONS.fetch_sub(1, Ordering::SeqCst);
        };
        // Without memory or a place for it this caller is turned away; the service goes on.
        if let Err(error) = thread::Builder::new().spawn(hold) {
            SESSIONS.fetch_sub(1, Ordering::SeqCst);
            log::write(&format!("a command could not be served: {error}"));
        }
    }
    Ok(0)
}

/// A process for the connection, which is its standard input. Nothing of the caller is read here.
fn session(connection: UnixStream) -> io::Result<()> {
    let mut child = Command::new("/proc/self/exe")
        .arg("--session")
        .stdin(Stdio::from(OwnedFd::from(connection)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()?;
    child.wait().map(drop)
}
