//! The client: sends the request, forwards signals, and ends as the command did.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;

use sys::Blocked;
use sys::socket::send_with_stdio;

use crate::member::GROUP;
use crate::request::{PASSED_ON, Request, SOCKET};

/// Runs `words` through the service and waits. Returns the command's status, as a shell does.
pub fn ask(words: Vec<String>) -> io::Result<u8> {
    let request = Request {
        // If the directory was deleted, the command starts in /.
        directory: std::env::current_dir().map_or_else(|_| "/".to_owned(), |path| path.to_string_lossy().into_owned()),
        terminal: std::env::var("TERM").unwrap_or_default(),
        words: if words.is_empty() { vec!["/bin/sh".to_owned()] } else { words },
    };
    let bytes = request.to_bytes()?;
    let mut socket = UnixStream::connect(SOCKET).map_err(explain)?;
    // Before the second thread starts, so that it inherits the mask.
    let passed_on = Blocked::block(&PASSED_ON)?;
    send_with_stdio(&socket, &(bytes.len() as u32).to_le_bytes())?;
    socket.write_all(&bytes)?;
    let mut signals = socket.try_clone()?;
    thread::spawn(move || {
        while let Ok(signal) = passed_on.wait() {
            // If the service ends, the other thread ends this program.
            if signals.write_all(&[signal as u8]).is_err() {
                break;
            }
        }
    });
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    match answer.as_slice() {
        [0, status] => Ok(*status),
        [1, why @ ..] => Err(io::Error::other(String::from_utf8_lossy(why).into_owned())),
        _ => {
            Err(io::Error::other("the service ended before the command did; look for the reason in /var/log/messages"))
        }
    }
}

fn explain(error: io::Error) -> io::Error {
    let text = match error.kind() {
        io::ErrorKind::PermissionDenied => format!("only members of the group {GROUP} may become root"),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            let state = if fs::exists(SOCKET).unwrap_or(false) { "does not answer" } else { "is not there" };
            format!(
                "the service `become` {state}; an administrator at the console starts it with a restart of the machine"
            )
        }
        _ => format!("{SOCKET}: {error}"),
    };
    io::Error::other(text)
}
