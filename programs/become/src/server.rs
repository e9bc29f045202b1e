//! The service: accepts connections, and starts a process for each.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::member::GROUP;
use crate::request::SOCKET;
use crate::slots::Slots;
use crate::{log, member};

/// Runs until it is stopped.
pub fn serve() -> io::Result<u8> {
    let groups = fs::read_to_string("/etc/group")?;
    let group = member::group_number(GROUP, &groups)
        .ok_or_else(|| io::Error::other(format!("/etc/group has no group {GROUP}")))?;
    match fs::remove_file(SOCKET) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // remains of an earlier run
    }
    // No one can connect until the socket has its group.
    let mask = sys::umask(0o777);
    let listener = UnixListener::bind(SOCKET)?;
    sys::umask(mask);
    chown(SOCKET, Some(0), Some(group))?;
    fs::set_permissions(SOCKET, Permissions::from_mode(0o660))?;
    let slots = Arc::new(Mutex::new(Slots::default()));
    for connection in listener.incoming() {
        // The caller disconnected before it was served.
        let Ok(connection) = connection else { continue };
        if let Err(error) = admit(connection, &slots) {
            log::note(&format!("a command could not be served: {error}"));
        }
    }
    Ok(0)
}

/// Serves a connection in parallel, if its user has a free slot.
fn admit(connection: UnixStream, slots: &Arc<Mutex<Slots>>) -> io::Result<()> {
    let uid = sys::socket::Peer::of(&connection)?.uid;
    slots.lock().unwrap_or_else(PoisonError::into_inner).take(uid).map_err(io::Error::other)?;
    let place = Place { uid, slots: Arc::clone(slots) };
    // Without memory or a thread this caller is refused; the service goes on.
    thread::Builder::new()
        .spawn(move || {
            let _place = place;
            if let Err(error) = session(connection) {
                log::note(&format!("a session could not be started: {error}"));
            }
        })
        .map(drop)
}

/// A user's slot, freed when dropped.
struct Place {
    uid: u32,
    slots: Arc<Mutex<Slots>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).give(self.uid);
    }
}

/// Starts a process with the connection as its standard input. Reads nothing of the caller here.
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
