//! The stranger's place on a machine's network: frames in, frames out. What they are is `ashlar_lab::probe`.

use std::io::ErrorKind;
use std::net::Ipv6Addr;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use ashlar_lab::probe::{Reaction, Stranger, Try};
use ashlar_lab::qemu::Segment;

use super::work::remove_if_there;

/// How long an answer is waited for before the question is asked again. An emulated machine may be busy.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long answers may come after the last question, and after each other.
const LAST: Duration = Duration::from_secs(5);
/// How often first packets without an answer are sent again; a client does so six times.
const REPEATS: u32 = 3;
/// The longest frame that is looked at.
const FRAME: usize = 2048;

/// Tries it with the machine that has this IPv6 address; the answer is what came of it.
///
/// # Errors
/// When `left` has nothing left before all is done; how far it came is said.
pub fn attempt(
    what: Try,
    link: Ipv6Addr,
    sockets: &Segment,
    left: &dyn Fn() -> Option<Duration>,
) -> Result<String, String> {
    let place = Place::take(sockets, left)?;
    let mut stranger = Stranger::new(what, link);
    place.fence(&mut stranger)?;
    loop {
        let volley = stranger.volley();
        if volley.is_empty() {
            // As long as there is something new: a server that is busy greets one after the other.
            let mut repeated = 0;
            loop {
                let before = stranger.made();
                place.listen(&mut stranger, LAST, false)?;
                if stranger.made() > before {
                    continue;
                }
                let again = stranger.again();
                if again.is_empty() || repeated == REPEATS {
                    return Ok(stranger.result());
                }
                repeated += 1;
                for frame in &again {
                    place.send(frame, &stranger)?;
                }
            }
        }
        for frame in &volley {
            place.send(frame, &stranger)?;
        }
        place.fence(&mut stranger)?;
    }
}

/// A socket on the network.
struct Place<'a> {
    socket: UnixDatagram,
    sockets: &'a Segment,
    left: &'a dyn Fn() -> Option<Duration>,
}

impl<'a> Place<'a> {
    fn take(sockets: &'a Segment, left: &'a dyn Fn() -> Option<Duration>) -> Result<Self, String> {
        // Of the attempt before.
        remove_if_there(&sockets.stranger)?;
        let made = UnixDatagram::bind(&sockets.stranger).and_then(|socket| {
            socket.set_read_timeout(Some(Duration::from_millis(50)))?;
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        let socket = made.map_err(|error| format!("the socket {}: {error}", sockets.stranger))?;
        Ok(Self { socket, sockets, left })
    }

    fn send(&self, frame: &[u8], stranger: &Stranger) -> Result<(), String> {
        self.in_time(stranger)?;
        match self.socket.send_to(frame, &self.sockets.machine) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("sending a frame of {} bytes to {}: {error}", frame.len(), self.sockets.machine)),
        }
    }

    /// Until the machine has seen all that was sent.
    fn fence(&self, stranger: &mut Stranger) -> Result<(), String> {
        loop {
            self.send(&stranger.fence(), stranger)?;
            if self.listen(stranger, PATIENCE, true)? {
                return Ok(());
            }
        }
    }

    /// Hears, and replies to questions, until the time is over or, if that is waited for, the fence is answered; says whether it was.
    fn listen(&self, stranger: &mut Stranger, lasting: Duration, fence: bool) -> Result<bool, String> {
        let mut frame = [0; FRAME];
        let until = Instant::now() + lasting;
        while Instant::now() < until {
            self.in_time(stranger)?;
            let count = match self.socket.recv(&mut frame) {
                Ok(count) => count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(error) => return Err(format!("hearing the network: {error}")),
            };
            match stranger.hear(&frame[..count]) {
                Reaction::Fence if fence => return Ok(true),
                Reaction::Reply(reply) => self.send(&reply, stranger)?,
                Reaction::Fence | Reaction::Nothing => {}
            }
        }
        Ok(false)
    }

    fn in_time(&self, stranger: &Stranger) -> Result<(), String> {
        (self.left)().map(drop).ok_or_else(|| stranger.progress())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    #[test]
    fn a_network_without_a_machine_is_said_so() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name| Utf8PathBuf::from_path_buf(dir.path().join(name)).unwrap();
        let sockets = Segment { machine: file("m"), stranger: file("s") };
        let error = attempt(Try::RateOverIpv6, Ipv6Addr::LOCALHOST, &sockets, &|| Some(PATIENCE)).unwrap_err();
        assert!(error.contains("sending a frame of"), "{error}");
        // Somebody who hears and never answers.
        let _deaf = UnixDatagram::bind(&sockets.machine).unwrap();
        let until = Instant::now() + Duration::from_millis(300);
        let error =
            attempt(Try::RateOverIpv6, Ipv6Addr::LOCALHOST, &sockets, &|| until.checked_duration_since(Instant::now()))
                .unwrap_err();
        assert_eq!(error, "the machine did not say in time where it is");
    }
}
