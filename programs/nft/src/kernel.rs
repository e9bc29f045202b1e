//! Requests to netfilter in the running kernel, and its replies.
//!
//! The kernel processes a batch while `send` runs, so all its replies are there when `send` returns.

use std::io;

use sys::netlink::Socket;

use crate::netlink::message::{self, Batch, Kind, Received};

/// Bytes received at once; the kernel sends at most 32 KiB of a dump, and an error repeats the head of its message.
const ROOM: usize = 256 << 10;
/// The largest reply accepted for one request.
const MAX_REPLY: usize = 256 << 20;

/// The kernel's error for one message of a batch.
#[derive(Debug)]
pub struct Refusal {
    /// A description of the message; `None` if the error is about the whole batch.
    pub about: Option<String>,
    pub error: io::Error,
    pub detail: Option<String>,
}

/// A netlink socket of netfilter.
pub struct Kernel {
    socket: Socket,
}

impl Kernel {
    /// Opens it.
    pub fn open() -> io::Result<Self> {
        let kernel = Self { socket: Socket::netfilter()? };
        // Requests error texts; an old kernel without them still returns numbers.
        let _told = kernel.socket.explain_errors();
        Ok(kernel)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match self.socket.send(bytes)? {
            sent if sent == bytes.len() => Ok(()),
            sent => Err(io::Error::other(format!("the kernel took {sent} of {} bytes", bytes.len()))),
        }
    }

    /// Receives once; `None` if nothing is there and `wait` is not set.
    fn receive(&self, room: &mut [u8], wait: bool) -> io::Result<Option<usize>> {
        match self.socket.receive(room, wait) {
            Ok(got) if got <= room.len() => Ok(Some(got)),
            Ok(got) => Err(io::Error::other(format!("a reply of {got} bytes is longer than expected"))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a batch and returns the kernel's errors; without errors, the kernel has applied all of it.
    pub fn batch(&self, batch: &Batch) -> io::Result<Vec<Refusal>> {
        let large = |_| io::Error::other("the ruleset is too large");
        let size = i32::try_from(batch.bytes.len()).map_err(large)?.saturating_add(64 << 10);
        // The default limit of a message is small. Only privileged processes may exceed it, and only they load
        // rulesets.
        self.socket.make_room_to_send(usize::try_from(size).map_err(large)?)?;
        let _more = self.socket.make_room_to_receive(128 * batch.about.len().clamp(1 << 14, (i32::MAX / 256) as usize));
        self.send(&batch.bytes)?;
        let mut refused = Vec::new();
        let mut acknowledged = false;
        let mut room = vec![0; ROOM];
        while let Some(got) = self.receive(&mut room, false)? {
            for answer in message::received(&room[..got]) {
                match answer.error() {
                    Some((0, _)) => acknowledged = true,
                    Some((number, detail)) => refused.push(refusal(batch, &answer, number, detail)),
                    None => {}
                }
            }
        }
        if refused.is_empty() && !acknowledged {
            return Err(io::Error::other("the kernel did not answer"));
        }
        Ok(refused)
    }

    /// Requests a dump, and passes every reply to `each`. An error with `Interrupted` means that the ruleset changed
    /// meanwhile.
    pub fn dump(
        &self,
        kind: Kind,
        attributes: &[u8],
        family: u8,
        each: &mut dyn FnMut(Received<'_>),
    ) -> io::Result<()> {
        self.ask(kind, message::DUMP, attributes, family, each)
    }

    /// The generation of the ruleset; every change increments it.
    pub fn generation(&self) -> io::Result<u32> {
        let mut generation = None;
        self.ask(Kind::GetGeneration, message::ACK, &[], 0, &mut |answer| {
            if let Some((_, attributes)) = answer.of(Kind::NewGeneration) {
                generation = crate::netlink::attribute::read(attributes).u32(1);
            }
        })?;
        generation.ok_or_else(|| io::Error::other("the kernel's reply has no generation of the ruleset"))
    }

    fn ask(
        &self,
        kind: Kind,
        flags: u16,
        attributes: &[u8],
        family: u8,
        each: &mut dyn FnMut(Received<'_>),
    ) -> io::Result<()> {
        const SEQUENCE: u32 = 1;
        self.send(&message::message(kind, flags, family, SEQUENCE, attributes))?;
        let mut room = vec![0; ROOM];
        let mut total = 0usize;
        let mut interrupted = false;
        loop {
            let Some(got) = self.receive(&mut room, true)? else { continue };
            total += got;
            if total > MAX_REPLY || got == 0 {
                return Err(io::Error::other("the kernel's reply does not end"));
            }
            for answer in message::received(&room[..got]) {
                interrupted |= answer.flags & message::INTERRUPTED != 0 && answer.kind != message::ERROR;
                match answer.error() {
                    Some((0, _)) => return Ok(()),
                    Some((number, _)) => return Err(io::Error::from_raw_os_error(number)),
                    None if answer.kind == message::DONE && interrupted => {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                    None if answer.kind == message::DONE => return Ok(()),
                    None => each(answer),
                }
            }
        }
    }
}

fn refusal(batch: &Batch, answer: &Received<'_>, number: i32, detail: Option<String>) -> Refusal {
    let at = (answer.sequence as usize).checked_sub(1);
    let about = at.and_then(|at| batch.about.get(at)).cloned();
    Refusal { about, error: io::Error::from_raw_os_error(number), detail }
}
