//! Rulesets with every word resolved: what the linearizer turns into the kernel's expressions, what is won back from them, and
//! what is printed. Nothing here has a place in a file any more.

use crate::field::Field;
use crate::types::Type;

/// Which packets a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Inet,
    Ip,
    Ip6,
}

impl Family {
    pub const ALL: [(Family, &'static str, u8); 3] =
        [(Family::Inet, "inet", 1), (Family::Ip, "ip", 2), (Family::Ip6, "ip6", 10)];

    /// By its word.
    pub fn named(name: &str) -> Option<Family> {
        Self::ALL.into_iter().find(|(_, word, _)| *word == name).map(|(family, ..)| family)
    }

    /// By the kernel's number.
    pub fn numbered(number: u8) -> Option<Family> {
        Self::ALL.into_iter().find(|(.., of)| *of == number).map(|(family, ..)| family)
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(family, ..)| *family == self).map_or("", |(_, word, _)| word)
    }

    /// The kernel's number.
    pub fn number(self) -> u8 {
        Self::ALL.into_iter().find(|(family, ..)| *family == self).map_or(0, |(.., number)| number)
    }
}

/// All that the kernel has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    pub tables: Vec<Table>,
    /// Tables of other families, in words.
    pub unknown: Vec<String>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub family: Family,
    pub name: String,
    pub dormant: bool,
    pub comment: Option<String>,
    pub handle: u64,
    pub sets: Vec<Set>,
    pub chains: Vec<Chain>,
    /// What the table has and this program cannot show, in words.
    pub unknown: Vec<String>,
}

/// A chain; with a hook, it is where packets come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub name: String,
    pub base: Option<Hook>,
    pub comment: Option<String>,
    pub handle: u64,
    pub rules: Vec<Rule>,
}

/// Where in the kernel a chain hangs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `filter`, `nat`, `route`.
    pub kind: String,
    pub number: u32,
    pub priority: i32,
    /// Whether what comes to the end is let through. When it is not said, the kernel keeps what a chain has, and lets through what
    /// comes to the end of a new one.
    pub accept: Option<bool>,
    /// Devices, which only hooks of families that are not understood here have.
    pub devices: Vec<String>,
}

impl Hook {
    /// The word for what becomes of what comes to the end.
    pub fn policy(&self) -> &'static str {
        match self.accept {
            Some(false) => "drop",
            Some(true) | None => "accept",
        }
    }
}

/// Hooks in the order of their numbers.
pub const HOOKS: [&str; 5] = ["prerouting", "input", "forward", "output", "postrouting"];

/// Names of priorities.
pub const PRIORITIES: [(&str, i32); 6] =
    [("raw", -300), ("mangle", -150), ("dstnat", -100), ("filter", 0), ("security", 50), ("srcnat", 100)];

/// A named or anonymous set, or a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    pub name: String,
    /// Types of a key; several for a concatenation.
    pub key: Vec<KeyType>,
    /// Of a map.
    pub data: Option<DataType>,
    pub anonymous: bool,
    pub constant: bool,
    pub interval: bool,
    pub timeouts: bool,
    pub dynamic: bool,
    pub timeout: Option<u64>,
    pub gc_interval: Option<u32>,
    pub size: Option<u32>,
    /// `policy memory` instead of `performance`.
    pub memory: bool,
    pub auto_merge: bool,
    pub comment: Option<String>,
    /// Statements that each element has: counters.
    pub statements: Vec<Statement>,
    pub handle: u64,
    pub elements: Vec<Element>,
}

/// The type of one value of a key, with its length, which some types do not have of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyType {
    pub of: Type,
    pub bytes: usize,
    /// Whether the kernel has it in the machine's order.
    pub host: bool,
    /// Bits behind it in the bytes that the kernel compares, for parts of bytes.
    pub shift: u32,
    /// Bytes that the kernel compares.
    pub loaded: usize,
}

/// What a map gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    Verdict,
    Value(Type),
}

/// An element of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// One pattern for each value of the key.
    pub key: Vec<Pattern>,
    pub data: Option<Data>,
    pub timeout: Option<u64>,
    pub expires: Option<u64>,
    pub comment: Option<String>,
    pub statements: Vec<Statement>,
}

/// What a map gives for an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    Verdict(Verdict),
    Value(Vec<u8>),
}

/// What a value is compared with. Bytes have the most significant first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    Value(Vec<u8>),
    Prefix(Vec<u8>, u32),
    Range(Vec<u8>, Vec<u8>),
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub statements: Vec<Statement>,
    pub comment: Option<String>,
    pub handle: u64,
}

/// What of a packet is looked at: one field, or several side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operand {
    pub fields: Vec<Field>,
    /// Bits that are looked at; only with a single field.
    pub mask: Option<Vec<u8>>,
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Some of these bits are set.
    Any,
    /// None of these bits is set.
    None,
}

/// With what it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    One(Pattern),
    Set(SetUse),
}

/// A set where it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetUse {
    Named(String),
    Anonymous(Box<Set>),
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Drop,
    Continue,
    Return,
    Jump(String),
    Goto(String),
}

/// What is written to a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    Value(Vec<u8>),
    /// `(field & mask) ^ xor`, as the kernel computes it; `None` without change.
    Field(Field, Option<(Vec<u8>, Vec<u8>)>),
    Map(Operand, SetUse),
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    Match(Operand, Op, Right),
    Verdict(Verdict),
    VerdictMap(Operand, SetUse),
    Counter {
        packets: u64,
        bytes: u64,
    },
    Limit(Limit),
    Log(Log),
    Reject(Reject),
    Update(Update),
    /// Only marks can be written.
    Write(Field, Written),
    Nat(Nat),
    NoTrack,
    /// Something that this program does not know, with the kernel's name for it.
    Unknown(String),
}

/// `limit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub over: bool,
    pub rate: u64,
    /// Seconds.
    pub per: u64,
    pub burst: u32,
    pub bytes: bool,
}

/// Seconds of a limit's unit.
pub const LIMIT_UNITS: [(&str, u64); 5] =
    [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400), ("week", 604_800)];

/// `log`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub prefix: Option<String>,
    pub level: Option<u32>,
    pub flags: u32,
    pub group: Option<u16>,
    pub snaplen: Option<u32>,
    pub queue_threshold: Option<u16>,
}

/// Bits of a log's flags, in the order in which they are printed.
pub const LOG_FLAGS: [(&str, &str, u32); 5] =
    [("tcp", "sequence", 1), ("tcp", "options", 2), ("ip", "options", 4), ("skuid", "", 8), ("ether", "", 32)];
/// All of them.
pub const LOG_ALL: u32 = 47;

/// `reject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// Of the family that the rule, or its table, is about.
    Icmp(u8),
    Icmpv6(u8),
    Icmpx(u8),
    TcpReset,
}

/// `add @set { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub action: UpdateAction,
    pub set: String,
    pub key: Operand,
    pub timeout: Option<u64>,
    pub statements: Vec<Statement>,
}

/// What is done with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateAction {
    Add,
    Update,
    Delete,
}

impl UpdateAction {
    /// In the order of the kernel's numbers.
    pub const ALL: [(UpdateAction, &'static str); 3] =
        [(UpdateAction::Add, "add"), (UpdateAction::Update, "update"), (UpdateAction::Delete, "delete")];

    /// Its word.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Which kind of address translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatKind {
    Source,
    Destination,
    Masquerade,
    Redirect,
}

impl NatKind {
    pub const ALL: [(NatKind, &'static str); 4] = [
        (NatKind::Source, "snat"),
        (NatKind::Destination, "dnat"),
        (NatKind::Masquerade, "masquerade"),
        (NatKind::Redirect, "redirect"),
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Address translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    pub kind: NatKind,
    /// `ip` or `ip6`; of `snat` and `dnat` only.
    pub family: Option<Family>,
    pub addresses: Option<Pattern>,
    pub ports: Option<Pattern>,
    pub flags: u32,
}

/// Bits of address translation.
pub const NAT_FLAGS: [(&str, u32); 3] = [("random", 4), ("fully-random", 16), ("persistent", 8)];
