//! Netlink messages: headers, and batches.

/// NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_CREATE, NLM_F_APPEND, NLM_F_DUMP_INTR
pub const REQUEST: u16 = 1;
pub const ACK: u16 = 4;
pub const DUMP: u16 = 0x300;
pub const CREATE: u16 = 0x400;
pub const APPEND: u16 = 0x800;
pub const INTERRUPTED: u16 = 0x10;

/// NLMSG_ERROR, NLMSG_DONE
pub const ERROR: u16 = 2;
pub const DONE: u16 = 3;

/// NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const SUBSYSTEM: u16 = 10;

/// Message types, with the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    NewTable = 0,
    GetTable = 1,
    DelTable = 2,
    NewChain = 3,
    GetChain = 4,
    NewRule = 6,
    GetRule = 7,
    NewSet = 9,
    GetSet = 10,
    NewElements = 12,
    GetElements = 13,
    NewGeneration = 15,
    GetGeneration = 16,
    NewObject = 18,
    GetObject = 19,
    NewFlowtable = 22,
    GetFlowtable = 23,
}

/// The length of netlink's header, and with netfilter's after it.
const HEAD: usize = 16;
const BOTH_HEADS: usize = 20;

/// One message.
pub fn message(kind: Kind, flags: u16, family: u8, sequence: u32, attributes: &[u8]) -> Vec<u8> {
    raw(SUBSYSTEM << 8 | kind as u16, flags, [family, 0, 0, 0], sequence, attributes)
}

fn raw(kind: u16, flags: u16, netfilter: [u8; 4], sequence: u32, attributes: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BOTH_HEADS + attributes.len());
    bytes.extend(((BOTH_HEADS + attributes.len()) as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((flags | REQUEST).to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(netfilter);
    bytes.extend(attributes);
    bytes
}

/// Messages that take effect together or not at all.
#[derive(Debug)]
pub struct Batch {
    pub bytes: Vec<u8>,
    /// A description of each message for errors; the first message has number 1.
    pub about: Vec<String>,
    /// The offset of the last message.
    last: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { bytes: raw(BATCH_BEGIN, 0, [0, 0, 0, SUBSYSTEM as u8], 0, &[]), about: Vec::new(), last: 0 }
    }
}

impl Batch {
    /// Adds a message.
    pub fn add(&mut self, kind: Kind, flags: u16, family: u8, attributes: &[u8], about: String) {
        self.about.push(about);
        self.last = self.bytes.len();
        self.bytes.extend(message(kind, flags, family, self.about.len() as u32, attributes));
    }

    /// Requests an acknowledgement of the last message. Without it, a batch that the kernel never processed looks like
    /// success.
    pub fn acknowledge(&mut self) {
        let at = self.last + 6;
        if let Some(flags) = self.bytes.get_mut(at..at + 2) {
            let set = u16::from_ne_bytes([flags[0], flags[1]]) | ACK;
            flags.copy_from_slice(&set.to_ne_bytes());
        }
    }

    /// Ends the batch, so that it takes effect. Without an end, the kernel validates the batch and drops it.
    pub fn commit(&mut self) {
        self.bytes.extend(raw(BATCH_END, 0, [0, 0, 0, SUBSYSTEM as u8], self.about.len() as u32 + 1, &[]));
    }
}

/// A message that was received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub kind: u16,
    pub flags: u16,
    pub sequence: u32,
    /// The bytes after netlink's header.
    pub body: &'a [u8],
}

impl<'a> Received<'a> {
    /// The family, and attributes, of a message of nf_tables.
    pub fn of(&self, kind: Kind) -> Option<(u8, &'a [u8])> {
        let fits = self.kind == (SUBSYSTEM << 8 | kind as u16);
        Some((*self.body.first()?, self.body.get(4..)?)).filter(|_| fits)
    }

    /// The error number (0 for success), and the kernel's text.
    pub fn error(&self) -> Option<(i32, Option<String>)> {
        /// NLM_F_CAPPED, NLM_F_ACK_TLVS, NLMSGERR_ATTR_MSG
        const CAPPED: u16 = 0x100;
        const EXTENDED: u16 = 0x200;
        const MESSAGE: u16 = 1;
        if self.kind != ERROR {
            return None;
        }
        let number = i32::from_ne_bytes(self.body.get(..4)?.try_into().ok()?);
        let original = u32::from_ne_bytes(self.body.get(4..8)?.try_into().ok()?) as usize;
        // The error repeats the whole message unless it is marked as capped.
        let behind = if number == 0 || self.flags & CAPPED != 0 { 4 + HEAD } else { 4 + original.next_multiple_of(4) };
        let more = self.body.get(behind..).filter(|_| self.flags & EXTENDED != 0);
        Some((-number, more.and_then(|more| super::attribute::read(more).text(MESSAGE))))
    }
}

/// The messages in received bytes. Anything malformed ends them.
pub fn received(bytes: &[u8]) -> Vec<Received<'_>> {
    let mut all = Vec::new();
    let mut rest = bytes;
    while let Some(head) = rest.get(..HEAD) {
        let len = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(body) = rest.get(HEAD..len) else { break };
        all.push(Received {
            kind: u16::from_ne_bytes([head[4], head[5]]),
            flags: u16::from_ne_bytes([head[6], head[7]]),
            sequence: u32::from_ne_bytes([head[8], head[9], head[10], head[11]]),
            body,
        });
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    all
}
