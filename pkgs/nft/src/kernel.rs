//! All effects on, and questions to, the running kernel: netlink's socket, and the names of interfaces.
//!
//! The kernel works a batch off while it is being sent, so what it has to say is there when sending returns.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

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
    socket: OwnedFd,
}

impl Kernel {
    /// Opens it.
    #[allow(unsafe_code)]
    pub fn open() -> io::Result<Self> {
        let flags = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers; the result is checked.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, flags, libc::NETLINK_NETFILTER) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let kernel = Self { socket: unsafe { OwnedFd::from_raw_fd(fd) } };
        // Says in words what it refuses; an old kernel, that cannot, still says a number.
        let _told = kernel.option(libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, 1);
        Ok(kernel)
    }

    #[allow(unsafe_code)]
    fn option(&self, level: i32, name: i32, value: i32) -> io::Result<()> {
        let pointer = std::ptr::from_ref(&value).cast();
        let len = size_of::<i32>() as libc::socklen_t;
        // SAFETY: the value is alive during the call, and its length is right.
        let done = unsafe { libc::setsockopt(self.socket.as_raw_fd(), level, name, pointer, len) };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    #[allow(unsafe_code)]
    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        // SAFETY: all fields of this structure may be zero.
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        let pointer = std::ptr::from_ref(&address).cast();
        let len = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: both buffers are alive during the call, and their lengths are right.
        let sent =
            unsafe { libc::sendto(self.socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0, pointer, len) };
        match usize::try_from(sent) {
            Err(_) => Err(io::Error::last_os_error()),
            Ok(sent) if sent == bytes.len() => Ok(()),
            Ok(sent) => Err(io::Error::other(format!("{sent} of {} bytes were taken", bytes.len()))),
        }
    }

    /// One reception; `None` when nothing is there and `wait` is not set.
    #[allow(unsafe_code)]
    fn receive(&self, room: &mut [u8], wait: bool) -> io::Result<Option<usize>> {
        // Its real length comes back even when it did not fit.
        let flags = libc::MSG_TRUNC | if wait { 0 } else { libc::MSG_DONTWAIT };
        // SAFETY: the buffer is alive during the call, and its length is right.
        let got = unsafe { libc::recv(self.socket.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), flags) };
        match usize::try_from(got) {
            Ok(got) if got <= room.len() => Ok(Some(got)),
            Ok(got) => Err(io::Error::other(format!("an answer of {got} bytes is longer than expected"))),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Sends a batch. All that the kernel refuses of it is said; if that is nothing, all of it was taken.
    pub fn batch(&self, batch: &Batch) -> io::Result<Vec<Refusal>> {
        let size = i32::try_from(batch.bytes.len()).map_err(|_| io::Error::other("the ruleset is too large"))?;
        // The ordinary limit of a message is small. Beyond it only the privileged may go, who load rulesets anyway.
        self.option(libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, size.saturating_add(64 << 10))
            .or_else(|_| self.option(libc::SOL_SOCKET, libc::SO_SNDBUF, size.saturating_add(64 << 10)))?;
        let room_for_answers = 128 * i32::try_from(batch.about.len()).unwrap_or(i32::MAX / 256).max(1 << 14);
        let _more = self.option(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, room_for_answers);
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
                        return Err(io::ErrorKind::Interrupted.into())
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

/// Numbers and names of the interfaces that exist now.
#[allow(unsafe_code)]
pub fn interfaces() -> io::Result<Vec<(u32, String)>> {
    // SAFETY: no arguments; the result is checked and given back below.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return Err(io::Error::last_os_error());
    }
    let mut all = Vec::new();
    let mut at = list;
    // SAFETY: the list ends with an entry of index 0, before which each name is a string.
    unsafe {
        while (*at).if_index != 0 {
            all.push(((*at).if_index, CStr::from_ptr((*at).if_name).to_string_lossy().into_owned()));
            at = at.add(1);
        }
        libc::if_freenameindex(list);
    }
    Ok(all)
}
