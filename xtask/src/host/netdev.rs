//! The prober's network device: frames to and from a machine's network over QEMU's sockets. `ashlar_lab::probe` makes and reads them.

use std::io::ErrorKind;
use std::net::Ipv6Addr;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use ashlar_lab::probe::{Prober, Reaction, Try};
use ashlar_lab::qemu::FrameSockets;

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
    sockets: &FrameSockets,
    left: &dyn Fn() -> Option<Duration>,
) -> Result<String, String> {
    let place = Place::take(sockets, left)?;
    let mut prober = Prober::new(what, link);
    place.barrier(&mut prober)?;
    loop {
        let burst = prober.burst();
        if burst.is_empty() {
            // As long as there is something new: a server that is busy greets one after the other.
            let mut repeated = 0;
            loop {
                let before = prober.made();
                place.listen(&mut prober, LAST, false)?;
                if prober.made() > before {
                    continue;
                }
                let again = prober.again();
                if again.is_empty() || repeated == REPEATS {
                    return Ok(prober.result());
                }
                repeated += 1;
                for frame in &again {
                    place.send(frame, &prober)?;
                }
            }
        }
        for frame in &burst {
            place.send(frame, &prober)?;
        }
        place.barrier(&mut prober)?;
    }
}

/// A socket on the network.
struct Place<'a> {
    socket: UnixDatagram,
    sockets: &'a FrameSockets,
    left: &'a dyn Fn() -> Option<Duration>,
}

impl<'a> Place<'a> {
    fn take(sockets: &'a FrameSockets, left: &'a dyn Fn() -> Option<Duration>) -> Result<Self, String> {
        // Of the attempt before.
        remove_if_there(&sockets.prober)?;
        let made = UnixDatagram::bind(&sockets.prober).and_then(|socket| {
            socket.set_read_timeout(Some(Duration::from_millis(50)))?;
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        let socket = made.map_err(|error| format!("the socket {}: {error}", sockets.prober))?;
        Ok(Self { socket, sockets, left })
    }

    fn send(&self, frame: &[u8], prober: &Prober) -> Result<(), String> {
        self.in_time(prober)?;
        match self.socket.send_to(frame, &self.sockets.machine) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("sending a frame of {} bytes to {}: {error}", frame.len(), self.sockets.machine)),
        }
    }

    /// Until the machine has seen all that was sent.
    fn barrier(&self, prober: &mut Prober) -> Result<(), String> {
        loop {
            self.send(&prober.barrier(), prober)?;
            if self.listen(prober, PATIENCE, true)? {
                return Ok(());
            }
        }
    }

    /// Hears, and replies to questions, until the time is over or, if that is waited for, the barrier is answered; says whether it was.
    fn listen(&self, prober: &mut Prober, lasting: Duration, barrier: bool) -> Result<bool, String> {
        let mut frame = [0; FRAME];
        let until = Instant::now() + lasting;
        while Instant::now() < until {
            self.in_time(prober)?;
            let count = match self.socket.recv(&mut frame) {
                Ok(count) => count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(error) => return Err(format!("hearing the network: {error}")),
            };
            match prober.hear(&frame[..count]) {
                Reaction::Barrier if barrier => return Ok(true),
                Reaction::Reply(reply) => self.send(&reply, prober)?,
                Reaction::Barrier | Reaction::Nothing => {}
            }
        }
        Ok(false)
    }

    fn in_time(&self, prober: &Prober) -> Result<(), String> {
        (self.left)().map(drop).ok_or_else(|| prober.progress())
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
        let sockets = FrameSockets { machine: file("m"), prober: file("s") };
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
