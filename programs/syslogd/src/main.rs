//! `ashlar-syslogd`: the system's log.
//!
//! Programs write datagrams to /dev/log, and each claims to be some program. This daemon asks the kernel: a line from any user but
//! root gets the UID and PID of its sender, and cannot pass as the system's; see [`line`]. Users' lines go into a separate file, and
//! each user has a rate limit, so no user pushes out the lines of others ([`budget`], [`file`]). No sender waits for a disk.
//!
//! ```text
//! datagram, sender -> Line (checked) -> Budgets (enough left?) -> Log (messages or users) -> the file, or the next one
//! ```
//! * [`line`], [`budget`]: pure.
//! * [`file`]: the files.

mod budget;
mod file;
mod line;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use base::options;
use budget::Budgets;
use file::Log;
use lexopt::Parser;
use line::{Line, MAX_BYTES, Place, place_of};
use sys::socket::Sender;
use sys::{Fork, SIGHUP, SIGINT, SIGTERM, Signals};

const USAGE: &str = "\
usage: ashlar-syslogd [-s KIB] [-b COUNT]
  -s KIB    rotate /var/log/messages and /var/log/users at this size (default 1024)
  -b COUNT  keep this many old files of each (default 4)";

/// /dev/log is a link to this.
const SOCKET: &str = "/run/syslog/log";
const PID_FILE: &str = "/run/syslogd.pid";
const SYSTEM: &str = "/var/log/messages";
const PEOPLE: &str = "/var/log/users";
/// The daemon reports dropped lines at least this often.
const PAUSE: Duration = Duration::from_secs(5);
/// Datagrams read before the daemon looks for signals again.
const BATCH: usize = 256;

fn main() -> ExitCode {
    let settings = settings(Parser::from_env()).map_err(|error| io::Error::other(options::wrong(&error, USAGE)));
    match settings.and_then(|(most, kept)| run(most, kept)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error there is no one to tell.
            let _told = writeln!(io::stderr(), "ashlar-syslogd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The size of a file in bytes, and the number of old files.
fn settings(mut parser: Parser) -> Result<(u64, u32), lexopt::Error> {
    use lexopt::prelude::*;
    let (mut most, mut kept) = (1024 * 1024, 4);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('s') => {
                let value = parser.value()?.string()?;
                let kib = value.parse::<u32>().ok().filter(|kib| *kib > 0);
                most = u64::from(kib.ok_or_else(|| format!("-s: `{value}` is not a size in KiB"))?) * 1024;
            }
            Short('b') => {
                let value = parser.value()?.string()?;
                let count = value.parse::<u32>().ok().filter(|count| *count <= 9);
                kept = count.ok_or_else(|| format!("-b: `{value}` is not a number up to 9"))?;
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok((most, kept))
}

fn run(most: u64, kept: u32) -> io::Result<()> {
    match fs::remove_file(SOCKET) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // remains of an earlier run
    }
    let mask = sys::umask(0o111);
    let socket = UnixDatagram::bind(SOCKET).map_err(|error| io::Error::new(error.kind(), format!("{SOCKET}: {error}")));
    sys::umask(mask);
    let socket = socket?;
    sys::socket::ask_for_senders(&socket)?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    // A process that waits for this one to end can then write to the log.
    if let Fork::Parent(pid) = sys::fork()? {
        return fs::write(PID_FILE, format!("{pid}\n"));
    }
    sys::new_session()?;
    sys::replace_stdio(null.as_fd())?;
    let system = Log::new(Path::new(SYSTEM), most, kept);
    let people = Log::new(Path::new(PEOPLE), most, kept);
    Keeper { system, people, budgets: Budgets::default(), begun: Instant::now(), lost: 0 }.serve(&socket)
}

/// The running log.
struct Keeper {
    system: Log,
    people: Log,
    budgets: Budgets,
    begun: Instant,
    /// Lines lost to a full disk.
    lost: u64,
}

impl Keeper {
    fn serve(&mut self, socket: &UnixDatagram) -> io::Result<()> {
        let signals = Signals::block(&[SIGHUP, SIGINT, SIGTERM])?;
        self.say("the log begins");
        let mut buffer = vec![0; MAX_BYTES];
        loop {
            sys::poll(&[socket.as_fd(), signals.as_fd()], Some(PAUSE))?;
            while let Some((signal, _)) = signals.next() {
                match signal {
                    SIGHUP => {
                        self.system.reopen();
                        self.people.reopen();
                    }
                    _ => {
                        self.take(socket, &mut buffer);
                        self.say("the log ends");
                        return Ok(());
                    }
                }
            }
            self.take(socket, &mut buffer);
            for (uid, count) in self.budgets.dropped(self.begun.elapsed()) {
                self.say(&format!("dropped {count} lines of user {uid}: over the user's limit"));
            }
        }
    }

    /// Reads the waiting datagrams, up to a limit.
    fn take(&mut self, socket: &UnixDatagram, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            // No datagram, or one withdrawn by its sender: the next call shows it.
            let Ok(received) = sys::socket::receive(socket, buffer) else { return };
            // Sent before the kernel attached credentials: it must not count as root's.
            let sender = received.sender.unwrap_or(Sender { uid: u32::MAX, pid: 0 });
            let line = Line::read(&buffer[..received.got], received.length, sender);
            let text = line.render(&sys::local_time(), &sys::host_name());
            if self.budgets.take(sender.uid, text.len(), self.begun.elapsed()) {
                self.write(&text, place_of(sender));
            }
        }
    }

    fn write(&mut self, text: &str, place: Place) {
        let log = match place {
            Place::System => &mut self.system,
            Place::People => &mut self.people,
        };
        match log.write(text) {
            Ok(()) if self.lost > 0 => {
                let lost = std::mem::take(&mut self.lost);
                self.say(&format!("{lost} lines are lost: there was no room for them in /var/log"));
            }
            Ok(()) => {}
            Err(_) => {
                // The file may be full, or removed and to be created again.
                log.reopen();
                self.lost += 1;
            }
        }
    }

    fn say(&mut self, text: &str) {
        let text = Line::own(text).render(&sys::local_time(), &sys::host_name());
        self.write(&text, Place::System);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_line_says() {
        let read = |text: &str| settings(Parser::from_args(text.split_whitespace()));
        assert_eq!(read("").unwrap(), (1024 * 1024, 4));
        assert_eq!(read("-s 2 -b 0").unwrap(), (2048, 0));
        for wrong in ["-s", "-s 0", "-b 10", "-R host", "x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
