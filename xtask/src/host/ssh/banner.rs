//! Listening for the SSH banner of a machine that starts, without being taken for an attacker.

use std::io::{ErrorKind, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ashlar_core::ssh;

use super::{Limits, TICK, Way};

/// How soon a connection that was closed is followed by the next.
const RETRY: Duration = Duration::from_millis(50);
/// How soon a connection that stays silent is joined by another, and how much longer it takes with each: QEMU accepts before
/// the guest does, and what it could not hand on then it tries again only seconds later. All of them reach sshd in the end.
const JOIN: Duration = Duration::from_millis(250);
/// How many silent connections are kept; less than a server lets wait.
const MOST: usize = 6;
/// Size of the header of a pcap file: no packets yet.
const NO_PACKETS: u64 = 24;

/// The size of the record of the guest's packets above which its network has begun.
#[derive(Debug)]
pub(super) struct Quiet(AtomicU64);

impl Quiet {
    /// Of the next size that is read.
    const UNKNOWN: u64 = u64::MAX;

    /// Of a machine that was not started yet.
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(NO_PACKETS))
    }

    /// The machine leaves: what it sent until it is waited for next does not count.
    pub(super) fn starts_again(&self) {
        self.0.store(Self::UNKNOWN, Ordering::Relaxed);
    }

    fn is_over(&self, size: u64) -> bool {
        if self.0.load(Ordering::Relaxed) == Self::UNKNOWN {
            self.0.store(size, Ordering::Relaxed);
        }
        size > self.0.load(Ordering::Relaxed)
    }
}

impl Way {
    /// Waits until the guest's network begins. Connections before that arrive later, all at once, as connections without a
    /// login; OpenSSH turns their source away after fifteen of them.
    pub(super) fn await_network(&self, limits: &Limits<'_>) {
        // Without a record, as when QEMU is only being started, nobody accepts a connection either.
        let size = || fs_err::metadata(self.wire()).map_or(u64::MAX, |wire| wire.len());
        while limits.left().is_some() && !self.quiet.is_over(size()) {
            std::thread::sleep(TICK);
        }
    }

    /// The greeting of the SSH server, as soon as one comes; `None` when the time is over.
    pub(super) fn listen(&self, limits: &Limits<'_>) -> Option<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.access.port));
        let mut open: Vec<(TcpStream, Vec<u8>)> = Vec::new();
        let (mut next, mut pause) = (Instant::now(), Duration::ZERO);
        while limits.left().is_some() {
            let now = Instant::now();
            if now >= next {
                // Refused while QEMU is not up yet; it is tried again.
                if let Ok(stream) = TcpStream::connect_timeout(&address, RETRY)
                    && stream.set_nonblocking(true).is_ok()
                {
                    open.push((stream, Vec::new()));
                }
                if open.len() > MOST {
                    open.remove(0);
                }
                pause += JOIN;
                next = now + pause;
            }
            let mut closed = false;
            let mut greeting = None;
            open.retain_mut(|(stream, heard)| {
                let mut buffer = [0; 256];
                match stream.read(&mut buffer) {
                    Ok(count @ 1..) => heard.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Ok(0) | Err(_) => {
                        closed = true;
                        return false;
                    }
                }
                greeting = greeting.take().or_else(|| ssh::greeting(heard));
                heard.len() < 4096
            });
            if greeting.is_some() {
                return greeting;
            }
            if closed && open.is_empty() {
                (next, pause) = (now + RETRY, Duration::ZERO);
            }
            std::thread::sleep(TICK);
        }
        None
    }
}
