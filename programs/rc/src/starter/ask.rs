//! The client: sends a command line, forwards signals, and ends as the command did.

use sys::Signals;

use super::place::{STARTED, directory, is_of_a_login, socket};
use super::request::Request;
use crate::message::eerror;
use crate::paths::Paths;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Init restarts the starter within a second or so.
const SUCCESSOR: Duration = Duration::from_secs(5);

/// Lets the starter run a program of rc, if this process belongs to a login. `None`: it does not, or this system has no
/// starter, and the caller continues itself.
pub fn hand_over(paths: &Paths, program: &str, args: &[String]) -> Option<u8> {
    let may = paths.is_test || sys::uid() == 0;
    if !may || std::env::var_os(STARTED).is_some() || !is_of_a_login(paths) || !directory(paths).is_dir() {
        return None;
    }
    let request = Request::new(
        program,
        args,
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    );
    Some(ask(paths, &request).unwrap_or_else(|error| {
        // This process must not do it instead: the service, and every login through it, would have this login's UID.
        eerror(&format!(
            "{program}: rc-starter, which starts services for logins, {error}; init keeps it by a line of /etc/inittab, and \
             restarting the machine brings it back"
        ));
        1
    }))
}

fn ask(paths: &Paths, request: &Request) -> Result<u8, String> {
    let bytes = request.to_bytes().map_err(|problem| format!("was not asked: {problem}"))?;
    let mut starter = connect(paths).map_err(|error| format!("does not answer ({error})"))?;
    let describe = |error: io::Error| format!("went away ({error})");
    let signals = Signals::block(&[sys::SIGINT, sys::SIGTERM, sys::SIGHUP, sys::SIGQUIT]).map_err(describe)?;
    sys::socket::send_with_stdio(&starter, &(bytes.len() as u32).to_le_bytes()).map_err(describe)?;
    starter.write_all(&bytes).map_err(describe)?;
    loop {
        let ready = sys::poll(&[starter.as_fd(), signals.as_fd()], None).map_err(describe)?;
        while let Some((signal, _)) = signals.next() {
            starter.write_all(&[signal as u8]).map_err(describe)?;
        }
        if ready[0] {
            break;
        }
    }
    let mut answer = Vec::new();
    starter.read_to_end(&mut answer).map_err(describe)?;
    match answer.as_slice() {
        [0, code] => Ok(*code),
        [1, why @ ..] => Err(format!("refuses: {}", String::from_utf8_lossy(why))),
        _ => Err("ended before the command did".to_owned()),
    }
}

fn connect(paths: &Paths) -> io::Result<UnixStream> {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(socket(paths)) {
            Err(_) if begun.elapsed() < SUCCESSOR => std::thread::sleep(Duration::from_millis(50)),
            result => return result,
        }
    }
}
