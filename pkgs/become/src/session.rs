//! One request: judges the caller, runs the command with the caller's descriptors, passes signals on, answers.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::request::{Request, MOST};
use crate::{log, login, member, sys, GROUP};

/// How long a caller may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the caller at the other end of standard input.
pub fn hold() -> io::Result<u8> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let answer = match start(&mut socket) {
        Ok(child) => vec![0, finish(child, &socket)?],
        Err(error) => [&[1], error.to_string().as_bytes()].concat(),
    };
    socket.write_all(&answer)?;
    Ok(0)
}

fn start(socket: &mut UnixStream) -> io::Result<Child> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut length = [0; 4];
    let stdio = sys::receive_stdio(socket, &mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MOST {
        return Err(io::Error::other("the request is too long"));
    }
    let mut bytes = vec![0; length];
    socket.read_exact(&mut bytes)?;
    socket.set_read_timeout(None)?;
    let request = Request::from_bytes(&bytes)?;
    let (uid, pid) = sys::peer(socket)?;
    let name = member::allowed(uid, GROUP, &fs::read_to_string("/etc/passwd")?, &fs::read_to_string("/etc/group")?);
    let name = name.map_err(|why| {
        log::write(&format!("refused: {why}; asked for {:?}", request.words));
        io::Error::other(why)
    })?;
    // The command first: what the caller chose must not push it out of the line. The number tells equal lines apart.
    log::write(&format!(
        "{name} ({uid}) as root: {:?} in {:?} [{}]",
        request.words,
        request.directory,
        std::process::id()
    ));
    login::attach(uid, pid, &request.words);
    run(&request, &name, stdio)
}

fn run(request: &Request, name: &str, [input, output, error]: [OwnedFd; 3]) -> io::Result<Child> {
    let (program, arguments) = request.words.split_first().ok_or_else(|| io::Error::other("there is no command"))?;
    let directory = Path::new(&request.directory);
    sys::umask(0o022);
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([("PATH", "/usr/bin"), ("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("SHELL", "/bin/sh")])
        .envs([("TERM", request.terminal.as_str()), ("BECOME_USER", name)])
        .current_dir(if directory.is_absolute() && directory.is_dir() { directory } else { Path::new("/") })
        .process_group(0)
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(error))
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))
}

/// Waits for the command; gives its status as a shell would. Signals of the caller go to the command's process group, and
/// when the caller is gone, the command is told by SIGHUP.
fn finish(mut child: Child, socket: &UnixStream) -> io::Result<u8> {
    let group = child.id();
    let running = Arc::new(Mutex::new(true));
    let (mut signals, seen) = (socket.try_clone()?, Arc::clone(&running));
    thread::spawn(move || loop {
        let mut signal = [0];
        let caller = matches!(signals.read(&mut signal), Ok(1));
        let running = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *running {
            // A group that has ended meanwhile needs no signal.
            let _sent = sys::signal_group(group, if caller { signal[0] } else { sys::HANG_UP });
        }
        if !caller {
            break;
        }
    });
    // The number of the group stays taken until `wait`, which nobody else calls: no other process can get the signal.
    sys::wait_for_end(group)?;
    *running.lock().unwrap_or_else(PoisonError::into_inner) = false;
    let status = child.wait()?;
    Ok(status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(255))
}
