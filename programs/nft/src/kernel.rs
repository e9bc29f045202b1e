//! All that is sent to netfilter in the running kernel, and what it answers.
//!
//! The kernel works a batch off while it is being sent, so what it has to say is there when sending returns.

use std::io;

use sys::netlink::Socket;

use crate::netlink::message::{self, Batch, Kind, Received};

/// So much is received at once; the kernel sends at most 32 KiB of a dump, and an error repeats its message's head.
const ROOM: usize = 256 << 10;
/// More than this is not taken from the kernel for one question.
const LARGEST_ANSWER: usize = 256 << 20;

/// What the kernel said of one message of a batch.
#[derive(Debug)]
pub struct Refusal {
    /// The message, in the batch's words; `None` when it is about all of it.
    pub about: Option<String>,
    pub error: io::Error,
    pub detail: Option<String>,
}

/// A socket of netfilter.
pub struct Kernel {
    socket: Socket,
}

impl Kernel {
    /// Opens it.
    pub fn open() -> io::Result<Self> {
        let kernel = Self { socket: Socket::netfilter()? };
        // Says in words what it refuses; an old kernel, that cannot, still says a number.
        let _told = kernel.socket.explain_errors();
        Ok(kernel)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match self.socket.send(bytes)? {
            sent if sent == bytes.len() => Ok(()),
            sent => Err(io::Error::other(format!("{sent} of {} bytes were taken", bytes.len()))),
        }
    }

    /// One reception; `None` when nothing is there and `wait` is not set.
    fn receive(&self, room: &mut [u8], wait: bool) -> io::Result<Option<usize>> {
        match self.socket.receive(room, wait) {
            Ok(got) if got <= room.len() => Ok(Some(got)),
            Ok(got) => Err(io::Error::other(format!("an answer of {got} bytes is longer than expected"))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a batch. All that the kernel refuses of it is said; if that is nothing, all of it was taken.
    pub fn batch(&self, batch: &Batch) -> io::Result<Vec<Refusal>> {
        let large = |_| io::Error::other("the ruleset is too large");
        let size = i32::try_from(batch.bytes.len()).map_err(large)?.saturating_add(64 << 10);
        // The ordinary limit of a message is small. Beyond it only the privileged may go, who load rulesets anyway.
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

    /// Asks for all of something, and gives every answer to `each`. An error with `Interrupted` means: changed meanwhile.
    pub fn dump(
        &self,
        kind: Kind,
        attributes: &[u8],
        family: u8,
        each: &mut dyn FnMut(Received<'_>),
    ) -> io::Result<()> {
        self.ask(kind, message::DUMP, attributes, family, each)
    }

    /// The number of the ruleset's generation: every change counts it up.
    pub fn generation(&self) -> io::Result<u32> {
        let mut generation = None;
        self.ask(Kind::GetGeneration, message::ACK, &[], 0, &mut |answer| {
            if let Some((_, attributes)) = answer.of(Kind::NewGeneration) {
                generation = crate::netlink::attribute::read(attributes).u32(1);
            }
        })?;
        generation.ok_or_else(|| io::Error::other("the kernel does not say its ruleset's generation"))
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
            if total > LARGEST_ANSWER || got == 0 {
                return Err(io::Error::other("the kernel's answer has no end"));
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
