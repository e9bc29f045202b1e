//! One request: authorises the caller, runs the command with the caller's descriptors, forwards signals, returns the
//! status.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::member::GROUP;
use crate::request::{MAX_BYTES, PASSED_ON, Request};
use crate::{log, login, member};

/// The time in which a caller must send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the caller on standard input.
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
    let (request, stdio) = receive(socket, Instant::now() + PATIENCE)?;
    let peer = sys::socket::Peer::of(socket)?;
    let name =
        member::allowed(peer.uid, GROUP, &fs::read_to_string("/etc/passwd")?, &fs::read_to_string("/etc/group")?);
    let name = name.map_err(|why| refused(why, &request))?;
    let number = login::number_of(&peer).map_err(|why| refused(format!("whose login this is: {why}"), &request))?;
    // The command comes first: the caller's own values must not push it out of the line. The PID tells equal lines
    // apart.
    let login = number.as_ref().filter(|number| **number != peer.uid.to_string());
    let kept = log::write(&format!(
        "{name} ({}{}) as root: {:?} in {:?} [{}]",
        peer.uid,
        login.map(|number| format!(", login {number}")).unwrap_or_default(),
        request.words,
        request.directory,
        std::process::id()
    ));
    if let Err(error) = kept {
        let mut to = fs::File::from(stdio[2].try_clone()?);
        // A caller without standard error is not told.
        let _told = writeln!(to, "become: no log has this use of it, only audit: {error}");
    }
    if let Some(number) = number {
        login::attach(&number).map_err(|why| refused(why, &request))?;
    }
    run(&request, &name, stdio)
}

/// Logs a refused request; returns the error for its caller.
fn refused(why: impl std::fmt::Display, request: &Request) -> io::Error {
    log::note(&format!("refused: {why}; asked for {:?}", request.words));
    io::Error::other(why.to_string())
}

/// Reads the whole request before the deadline, even if it arrives byte by byte.
fn receive(socket: &mut UnixStream, deadline: Instant) -> io::Result<(Request, [OwnedFd; 3])> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the request took too long");
    let wait_until_deadline = |socket: &UnixStream| match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(late()),
        left => socket.set_read_timeout(Some(left)),
    };
    wait_until_deadline(socket)?;
    let mut length = [0; 4];
    let stdio = sys::socket::receive_with(socket, &mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_BYTES {
        return Err(io::Error::other("the request is too long"));
    }
    let mut bytes = vec![0; length];
    let mut got = 0;
    while got < length {
        wait_until_deadline(socket)?;
        match socket.read(&mut bytes[got..]) {
            Ok(0) => return Err(io::Error::other("the request is cut off")),
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(late()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    socket.set_read_timeout(None)?;
    Ok((Request::from_bytes(&bytes)?, stdio))
}

fn run(request: &Request, name: &str, [input, output, error]: [OwnedFd; 3]) -> io::Result<Child> {
    let (program, arguments) = request.words.split_first().ok_or_else(|| io::Error::other("no command given"))?;
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

/// Waits for the command; returns its status as a shell does. Forwards the caller's signals to the command's process
/// group, and sends SIGHUP when the caller is gone.
fn finish(mut child: Child, socket: &UnixStream) -> io::Result<u8> {
    let group = child.id() as sys::Pid;
    let running = Arc::new(Mutex::new(true));
    let (mut signals, seen) = (socket.try_clone()?, Arc::clone(&running));
    thread::spawn(move || {
        loop {
            let mut signal = [0];
            let caller = matches!(signals.read(&mut signal), Ok(1));
            let running = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *running {
                // A group that ended meanwhile needs no signal.
                let _sent = signal_group(group, if caller { signal[0].into() } else { sys::SIGHUP });
            }
            if !caller {
                break;
            }
        }
    });
    // The group's ID stays in use until `wait`, which only this function calls, so no other process gets the signal.
    sys::wait_for_end(group)?;
    *running.lock().unwrap_or_else(PoisonError::into_inner) = false;
    let status = child.wait()?;
    Ok(status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(255))
}

/// Sends one of the signals that may be passed on to a process group.
fn signal_group(group: sys::Pid, signal: i32) -> io::Result<()> {
    if !PASSED_ON.contains(&signal) || group < 2 {
        return Err(io::Error::other("this signal is not passed on"));
    }
    sys::kill(-group, signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_signals_and_no_special_groups() {
        assert!(signal_group(0, sys::SIGHUP).is_err() && signal_group(1, sys::SIGHUP).is_err());
        assert!(signal_group(std::process::id() as sys::Pid, sys::SIGKILL).is_err());
    }

    /// A caller that sends single bytes in time holds its slot no longer than a silent one.
    #[test]
    fn a_request_has_one_deadline() {
        let (mut caller, mut service) = UnixStream::pair().unwrap();
        sys::socket::send_with_stdio(&caller, &100_u32.to_le_bytes()).unwrap();
        let slow = thread::spawn(move || {
            // Until the service gives up.
            while caller.write_all(b"a").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        });
        let begun = Instant::now();
        let error = receive(&mut service, begun + Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(2));
        drop(service);
        slow.join().unwrap();
    }

    #[test]
    fn a_request_in_two_parts_is_one() {
        let (mut caller, mut service) = UnixStream::pair().unwrap();
        let request = Request { directory: "/".to_owned(), terminal: "dumb".to_owned(), words: vec!["id".to_owned()] };
        let bytes = request.to_bytes().unwrap();
        sys::socket::send_with_stdio(&caller, &(bytes.len() as u32).to_le_bytes()).unwrap();
        caller.write_all(&bytes[..2]).unwrap();
        let rest = bytes[2..].to_vec();
        let later = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            caller.write_all(&rest).unwrap();
            caller
        });
        assert_eq!(receive(&mut service, Instant::now() + PATIENCE).unwrap().0, request);
        drop(later.join().unwrap());
    }
}
