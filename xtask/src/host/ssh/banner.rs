//! Waits for the SSH banner of a machine that starts, without looking like an attacker.

use std::io::{ErrorKind, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ashlar_lab::pcap;
use ashlar_lab::ssh;
use camino::Utf8Path;

use super::deadline::{Deadline, TICK};

/// How a machine is knocked at. QEMU accepts before the guest does, and what it could not hand on then it tries again only
/// seconds later. All connections reach the machine in the end.
#[derive(Debug)]
pub(super) struct RetryPolicy {
    /// How soon a connection that was closed is followed by the next.
    retry: Duration,
    /// How soon a connection that stays silent is joined by another, and how much longer it takes with each.
    join: Duration,
    /// How many silent connections are kept.
    most: usize,
}

impl RetryPolicy {
    /// For a machine that takes any number of connections.
    pub(super) const EAGER: Self = Self { retry: Duration::from_millis(50), join: Duration::from_millis(250), most: 6 };
    /// For one that takes three a minute.
    pub(super) const SPARING: Self = Self { retry: Duration::from_millis(500), join: Duration::from_secs(1), most: 2 };
    /// For one that should not answer: what is not closed stays, and one that did answer would find it.
    pub(super) const SINGLE: Self =
        Self { retry: Duration::from_millis(500), join: Duration::from_secs(3600), most: 1 };
}

/// How long each of many connections is waited for.
const GREETING: Duration = Duration::from_secs(10);
/// How long a machine whose network has begun is waited for to show an address, before it is knocked at all the same.
const ADDRESS: Duration = Duration::from_secs(1);

/// Where in the record of the guest's packets its present start begins.
#[derive(Debug)]
pub(super) struct PcapOffset(AtomicUsize);

impl PcapOffset {
    /// Of the next size that is read.
    const UNKNOWN: usize = usize::MAX;

    /// Of a machine that was not started yet.
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(pcap::HEAD))
    }

    /// The machine leaves: what it sent until it is waited for next does not count.
    pub(super) fn starts_again(&self) {
        self.0.store(Self::UNKNOWN, Ordering::Relaxed);
    }

    /// What was sent since.
    fn sent<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        if self.0.load(Ordering::Relaxed) == Self::UNKNOWN {
            self.0.store(record.len(), Ordering::Relaxed);
        }
        record.get(self.0.load(Ordering::Relaxed)..).unwrap_or_default()
    }

    /// Waits until the guest has an address, or at least a network. Connections before that arrive later, all at once, as
    /// connections without a login; the packet filter and OpenSSH turn their source away.
    pub(super) fn await_network(&self, record: &Utf8Path, deadline: &Deadline<'_>) {
        let mut begun = None;
        while deadline.left().is_some() {
            // There is no record yet while QEMU is only being started.
            let record = fs_err::read(record).unwrap_or_default();
            let sent = self.sent(&record);
            if !sent.is_empty() && *begun.get_or_insert_with(Instant::now) + ADDRESS < Instant::now() {
                return;
            }
            if pcap::has_address(sent) {
                return;
            }
            std::thread::sleep(TICK);
        }
    }
}

/// On how many of so many connections a server greets.
///
/// # Errors
/// When QEMU takes none.
pub(super) fn greetings(port: u16, count: u16, deadline: &Deadline<'_>) -> Result<usize, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connect = |_| -> std::io::Result<(TcpStream, Vec<u8>)> {
        let stream = TcpStream::connect_timeout(&address, GREETING)?;
        stream.set_nonblocking(true)?;
        Ok((stream, Vec::new()))
    };
    let open: std::io::Result<Vec<(TcpStream, Vec<u8>)>> = (0..count).map(connect).collect();
    let mut open = open.map_err(|error| format!("connecting to {address}: {error}"))?;
    let until = Instant::now() + GREETING;
    let greeted = |heard: &Vec<u8>| ssh::greeting(heard).is_some();
    while Instant::now() < until && deadline.left().is_some() && !open.iter().all(|(_, heard)| greeted(heard)) {
        for (stream, heard) in &mut open {
            let mut buffer = [0; 256];
            // One that was closed greets no more, and one that is silent may later.
            if let Ok(count @ 1..) = stream.read(&mut buffer)
                && heard.len() < 4096
            {
                heard.extend_from_slice(&buffer[..count]);
            }
        }
        std::thread::sleep(TICK);
    }
    Ok(open.iter().filter(|(_, heard)| greeted(heard)).count())
}

/// The greeting of the SSH server, as soon as one comes; `None` when the time is over.
pub(super) fn listen(port: u16, retries: &RetryPolicy, deadline: &Deadline<'_>) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut open: Vec<(TcpStream, Vec<u8>)> = Vec::new();
    let (mut next, mut pause) = (Instant::now(), Duration::ZERO);
    while deadline.left().is_some() {
        let now = Instant::now();
        if now >= next {
            // Refused while QEMU is not up yet; it is tried again.
            if let Ok(stream) = TcpStream::connect_timeout(&address, RetryPolicy::EAGER.retry)
                && stream.set_nonblocking(true).is_ok()
            {
                open.push((stream, Vec::new()));
            }
            if open.len() > retries.most {
                open.remove(0);
            }
            pause += retries.join;
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
            (next, pause) = (now + retries.retry, Duration::ZERO);
        }
        std::thread::sleep(TICK);
    }
    None
}
