//! The kernel's expressions, of which its rules consist: `nf_tables`' own, with their registers.

use crate::ruleset::{Limit, Log, Verdict};

/// One of sixteen registers of four bytes. [`Register::number`] has the kernel's numbering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register(pub u32);

impl Register {
    /// The first.
    pub const FIRST: Register = Register(0);

    /// Numbers 1 to 4 are the old registers of 16 bytes; the registers of four bytes begin at 8.
    pub fn number(self) -> u32 {
        if self.0 % 4 == 0 { 1 + self.0 / 4 } else { 8 + self.0 }
    }

    /// By the kernel's number; 0 is the verdict register, which has no value here.
    pub fn numbered(number: u32) -> Option<Register> {
        match number {
            1..=4 => Some(Register((number - 1) * 4)),
            8..=23 => Some(Register(number - 8)),
            _ => None,
        }
    }
}

/// How a register is compared, with the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    Equal = 0,
    Unequal = 1,
    Less = 2,
    LessOrEqual = 3,
    Greater = 4,
    GreaterOrEqual = 5,
}

impl Compare {
    pub const ALL: [Compare; 6] = [
        Compare::Equal,
        Compare::Unequal,
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Greater,
        Compare::GreaterOrEqual,
    ];
}

/// One expression. Byte strings are in the kernel's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Meta {
        key: u32,
        to: Register,
    },
    MetaSet {
        key: u32,
        from: Register,
    },
    Ct {
        key: u32,
        direction: Option<u8>,
        to: Register,
    },
    CtSet {
        key: u32,
        from: Register,
    },
    Payload {
        base: u32,
        offset: u32,
        len: u32,
        to: Register,
    },
    Fib {
        result: u32,
        flags: u32,
        to: Register,
    },
    Compare {
        how: Compare,
        from: Register,
        data: Vec<u8>,
    },
    /// Only the negated form is used.
    OutOfRange {
        from: Register,
        low: Vec<u8>,
        high: Vec<u8>,
    },
    Bitwise {
        from: Register,
        to: Register,
        len: u32,
        mask: Vec<u8>,
        xor: Vec<u8>,
    },
    /// Converts to network byte order.
    ToNetwork {
        from: Register,
        to: Register,
        len: u32,
        size: u32,
    },
    Lookup {
        set: String,
        id: u32,
        from: Register,
        to: Target,
        inverse: bool,
    },
    Immediate {
        to: Register,
        data: Vec<u8>,
    },
    Verdict(Verdict),
    Counter {
        packets: u64,
        bytes: u64,
    },
    Limit(Limit),
    Log(Log),
    Reject {
        kind: u32,
        code: u8,
    },
    Update {
        set: String,
        action: u32,
        key: Register,
        timeout: Option<u64>,
        each: Vec<Expression>,
    },
    Nat {
        kind: u32,
        family: u32,
        addresses: Registers,
        ports: Registers,
        flags: u32,
    },
    Masquerade {
        ports: Registers,
        flags: u32,
    },
    Redirect {
        ports: Registers,
        flags: u32,
    },
    NoTrack,
    /// An unsupported expression, by the kernel's name.
    Unknown(String),
}

/// The registers of the first and last value.
pub type Registers = (Option<Register>, Option<Register>);

/// Where a lookup stores its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Nowhere,
    Verdict,
    Register(Register),
}

/// `reject`: an ICMP message of the family; a TCP reset; an ICMP message of either family.
pub const REJECT_ICMP: u32 = 0;
pub const REJECT_RESET: u32 = 1;
pub const REJECT_ICMPX: u32 = 2;

/// Flag of address translation: ports are given.
pub const NAT_PORTS: u32 = 2;
/// Flag of address translation: an address is given.
pub const NAT_ADDRESSES: u32 = 1;
