//! The service: accepts and validates requests, runs the command, and returns its exit code.

use sys::socket::Peer;
use sys::{End, Fork, Pid, Signals};

use super::place::{PATIENCE, STARTED, directory, is_of_a_login, socket};
use super::request::{MAX_BYTES, Request};
use crate::eapplets;
use crate::paths::Paths;
use crate::users::Accounts;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;

/// Signals that a caller forwards.
const PASSED_ON: [i32; 4] = [sys::SIGINT, sys::SIGTERM, sys::SIGHUP, sys::SIGQUIT];

/// Serves, in another process if `detach`; returns when that process accepts requests.
pub fn serve(paths: &Paths, detach: bool) -> io::Result<()> {
    if is_of_a_login(paths) {
        return Err(io::Error::other("started from a login, its services would be this login's; init starts it"));
    }
    let Some(lock) = be_the_only_one(paths, detach)? else { return Ok(()) };
    let listener = listen(paths)?;
    if detach {
        if let Fork::Parent(_) = sys::fork()? {
            return Ok(());
        }
        sys::new_session()?;
        let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
        sys::replace_stdio(null.as_fd())?;
    }
    std::env::set_current_dir("/")?;
    let children = Signals::block(&[sys::SIGCHLD])?;
    loop {
        let ready = sys::poll(&[listener.as_fd(), children.as_fd()], None)?;
        while children.next().is_some() {}
        while let Ok(Some(_)) = sys::wait(-1, false) {}
        if !ready[0] {
            continue;
        }
        // The caller disconnected before it was served.
        let Ok((connection, _)) = listener.accept() else { continue };
        // Without memory for another process this caller is refused; the next may succeed.
        if let Ok(Fork::Child) = sys::fork() {
            drop((listener, lock, children));
            attend(paths, connection);
            sys::exit_now(0);
        }
    }
}

/// Takes the lock of the single serving process: at once, or else `None`, if `detach`; otherwise waits.
fn be_the_only_one(paths: &Paths, detach: bool) -> io::Result<Option<File>> {
    let directory = directory(paths);
    DirBuilder::new().recursive(true).mode(0o755).create(&paths.state)?;
    match DirBuilder::new().mode(0o700).create(&directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?,
    }
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(directory.join("lock"));
    let lock = open?;
    if !detach {
        return sys::lock_when_free(&lock).map(|()| Some(lock));
    }
    match sys::lock_exclusive(&lock) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        result => result.map(|()| Some(lock)),
    }
}

fn listen(paths: &Paths) -> io::Result<UnixListener> {
    let path = socket(paths);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // remains of an earlier run
    }
    let mask = sys::umask(0o177);
    let listener = UnixListener::bind(path);
    sys::umask(mask);
    listener
}

/// Serves one caller over its own connection.
fn attend(paths: &Paths, mut caller: UnixStream) {
    let answer = match begin(paths, &mut caller) {
        Ok((command, children)) => match wait_for(command, &caller, &children) {
            Ok(code) => vec![0, code],
            Err(error) => [&[1], error.to_string().as_bytes()].concat(),
        },
        Err(problem) => [&[1], problem.as_bytes()].concat(),
    };
    // The caller is gone and does not need it.
    drop(caller.write_all(&answer));
}

fn begin(paths: &Paths, caller: &mut UnixStream) -> Result<(Pid, Signals), String> {
    let describe = |error: io::Error| error.to_string();
    let peer = Peer::of(caller).map_err(describe)?;
    if peer.uid != sys::uid() {
        return Err("superuser access required".to_owned());
    }
    let (bytes, descriptors) = receive(caller).map_err(describe)?;
    let request = Request::from_bytes(&bytes)?;
    let asker = asker(paths, &peer)?;
    let validated = request.validate(paths);
    note(&match &validated {
        Ok(()) => format!("{asker} asks for {:?} [{}]", request.words, std::process::id()),
        Err(problem) => format!("{asker} asks for {:?} and is refused: {problem}", request.words),
    });
    validated?;
    let children = Signals::block(&[sys::SIGCHLD]).map_err(describe)?;
    match sys::fork().map_err(describe)? {
        Fork::Parent(pid) => Ok((pid, children)),
        Fork::Child => {
            let error = become_command(paths, &request, &descriptors);
            crate::message::eerror(&format!("{}: cannot be run: {error}", request.words[0]));
            sys::exit_now(127)
        }
    }
}

/// Reads the whole request before a deadline, however slowly it arrives.
fn receive(caller: &mut UnixStream) -> io::Result<(Vec<u8>, [OwnedFd; 3])> {
    let deadline = Instant::now() + PATIENCE;
    let wait = |caller: &UnixStream| match deadline.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => caller.set_read_timeout(Some(left)),
        _ => Err(io::Error::new(io::ErrorKind::TimedOut, "the request took too long")),
    };
    wait(caller)?;
    let mut length = [0; 4];
    let descriptors = sys::socket::receive_with(caller, &mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_BYTES {
        return Err(io::Error::other("the request is too long"));
    }
    let (mut bytes, mut got) = (vec![0; length], 0);
    while got < length {
        wait(caller)?;
        match caller.read(&mut bytes[got..])? {
            0 => return Err(io::Error::other("the request is cut off")),
            count => got += count,
        }
    }
    caller.set_read_timeout(None)?;
    Ok((bytes, descriptors))
}

/// The login of the caller, in words.
fn asker(paths: &Paths, peer: &Peer) -> Result<String, String> {
    let path = paths.root.join(format!("proc/{}/loginuid", peer.pid));
    let number = fs::read_to_string(path).unwrap_or_default();
    let number = number.trim_end();
    // Only a live process proves that the value is its own: after its end another may have its PID.
    if !peer.is_alive().map_err(|error| error.to_string())? {
        return Err("the process that asked is gone".to_owned());
    }
    let name = Accounts::read(&paths.root).user(number).and_then(|user| user.name);
    Ok(match name {
        Some(name) => format!("{name} ({number})"),
        None => format!("login `{number}`"),
    })
}

/// The largest line in bytes: a record of the kernel's log has 1,024. Audit has the rest.
const LINE: usize = 900;

/// Writes to the system's log, or else to the kernel's.
fn note(text: &str) {
    let end = (0..=LINE.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let text = &if end < text.len() { format!("{}… ({} bytes)", &text[..end], text.len()) } else { text.to_owned() };
    if eapplets::try_syslog("authpriv.notice", "rc-starter", text).is_err() {
        // 85: authpriv.notice. If the kernel has no log either, audit has the caller's command line.
        let kernel = OpenOptions::new().write(true).open("/dev/kmsg");
        drop(kernel.and_then(|mut log| log.write_all(format!("<85>rc-starter: {text}").as_bytes())));
    }
}

/// Executes the command; returns only with an error.
fn become_command(paths: &Paths, request: &Request, descriptors: &[OwnedFd; 3]) -> io::Error {
    let prepare = || -> io::Result<()> {
        sys::new_session()?;
        for (target, descriptor) in (0..).zip(descriptors) {
            sys::replace_descriptor(descriptor.as_fd(), target)?;
        }
        sys::umask(0o022);
        sys::close_on_exec_from_three();
        sys::reset_signals();
        Ok(())
    };
    if let Err(error) = prepare() {
        return error;
    }
    let mut command = Command::new(paths.program());
    command.arg0(&request.words[0]).args(&request.words[1..]).env_clear();
    command.envs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/"), ("SHELL", "/bin/sh"), (STARTED, "yes")]);
    command.envs(request.variables.iter().map(|(name, value)| (name, value)));
    if paths.is_test {
        let own = |name: &str| std::env::var_os(name).map(|value| (name.to_owned(), value));
        command.envs(["RC_TEST_ROOT", "RC_TEST_SHELL"].into_iter().filter_map(own));
    }
    command.exec()
}

/// Waits for the command. Forwards the caller's signals to its process group, and sends HUP when the caller is gone.
fn wait_for(command: Pid, caller: &UnixStream, children: &Signals) -> io::Result<u8> {
    let mut caller = Some(caller);
    loop {
        if let Some((_, end)) = sys::wait(command, false)? {
            return Ok(match end {
                End::Code(code) => code,
                End::Signal(signal) => 128_u8.saturating_add(signal as u8),
            });
        }
        let mut watched = vec![children.as_fd()];
        watched.extend(caller.map(|caller| caller.as_fd()));
        let ready = sys::poll(&watched, None)?;
        while children.next().is_some() {}
        if let (Some(mut connection), Some(true)) = (caller, ready.get(1)) {
            let mut byte = [0];
            let signal = match connection.read(&mut byte) {
                Ok(1) => i32::from(byte[0]),
                _ => {
                    caller = None;
                    sys::SIGHUP
                }
            };
            if PASSED_ON.contains(&signal) {
                // Not waited for yet, so the PID is still its own.
                drop(sys::kill(-command, signal));
            }
        }
    }
}
