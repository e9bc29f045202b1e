//! Resolved rulesets: the linearizer turns them into the kernel's expressions, the delinearizer restores them, and
//! `show` prints them. They have no places in a file any more.

use crate::field::Field;
use crate::types::Type;

/// The packets that a table sees.
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

/// The whole ruleset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    pub tables: Vec<Table>,
    /// Tables of unsupported families, as descriptions.
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
    /// Unsupported parts of the table, as descriptions.
    pub unknown: Vec<String>,
}

/// A chain; a base chain has a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub name: String,
    pub base: Option<Hook>,
    pub comment: Option<String>,
    pub handle: u64,
    pub rules: Vec<Rule>,
}

/// The hook of a base chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `filter`, `nat`, `route`.
    pub kind: String,
    pub number: u32,
    pub priority: i32,
    /// The policy: whether a packet that reaches the end is accepted. Without one, the kernel keeps an existing chain's
    /// policy, and a new chain accepts.
    pub accept: Option<bool>,
    /// Devices; only hooks of unsupported families have them.
    pub devices: Vec<String>,
}

impl Hook {
    /// The policy as a word.
    pub fn policy(&self) -> &'static str {
        match self.accept {
            Some(false) => "drop",
            Some(true) | None => "accept",
        }
    }
}

/// Hooks, in the order of their numbers.
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
    /// Statements of every element: counters.
    pub statements: Vec<Statement>,
    pub handle: u64,
    pub elements: Vec<Element>,
}

/// The type of one value of a key, and its length, which some types do not determine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyType {
    pub of: Type,
    pub bytes: usize,
    /// Whether the kernel stores it in the machine's byte order.
    pub host: bool,
    /// Bits after it in the bytes that the kernel compares, for fields smaller than a byte.
    pub shift: u32,
    /// Bytes that the kernel compares.
    pub loaded: usize,
}

/// The data of a map.
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

/// The data of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    Verdict(Verdict),
    Value(Vec<u8>),
}

/// What a value is compared with. The most significant byte is first.
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

/// The matched fields: one, or several concatenated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operand {
    pub fields: Vec<Field>,
    /// The mask; only with a single field.
    pub mask: Option<Vec<u8>>,
}

/// Operators.
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

/// The right side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    One(Pattern),
    Set(SetUse),
}

/// A set as used in a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetUse {
    Named(String),
    Anonymous(Box<Set>),
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Drop,
    Continue,
    Return,
    Jump(String),
    Goto(String),
}

/// The new value of a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    Value(Vec<u8>),
    /// `(field & mask) ^ xor`, as the kernel computes it; `None` leaves it unchanged.
    Field(Field, Option<(Vec<u8>, Vec<u8>)>),
    Map(Operand, SetUse),
}

/// One statement of a rule.
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
    /// Only marks can be set.
    Write(Field, Written),
    Nat(Nat),
    NoTrack,
    /// An unsupported expression, by the kernel's name.
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

/// Flags of a log, in the order in which they are printed.
pub const LOG_FLAGS: [(&str, &str, u32); 5] =
    [("tcp", "sequence", 1), ("tcp", "options", 2), ("ip", "options", 4), ("skuid", "", 8), ("ether", "", 32)];
/// All of them.
pub const LOG_ALL: u32 = 47;

/// `reject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// Of the family of the rule or its table.
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

/// The change of an element.
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

/// The kind of address translation.
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
    /// `ip` or `ip6`; for `snat` and `dnat` only.
    pub family: Option<Family>,
    pub addresses: Option<Pattern>,
    pub ports: Option<Pattern>,
    pub flags: u32,
}

/// Flags of address translation.
pub const NAT_FLAGS: [(&str, u32); 3] = [("random", 4), ("fully-random", 16), ("persistent", 8)];
