//! The syntax tree of a ruleset: tokens keep their places, and only the grammar has been applied.
//!
//! Statements without values, such as `accept` or `limit`, have the same form before and after `resolve`, so they use
//! the types of [`crate::ruleset`].

use std::net::IpAddr;

use base::findings::Span;

use crate::field::Field;
use crate::ruleset::{self, Limit, Log, NatKind, Op, UpdateAction};

/// Something with its place.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    pub it: T,
    pub at: Span,
}

/// A value, or several.
pub type PlacedTerm = Placed<Term>;

#[derive(Clone, Debug)]
pub enum Term {
    Word(String),
    Text(String),
    Number(u64),
    Address(IpAddr),
    Mac([u8; 6]),
    Prefix(Box<PlacedTerm>, u32),
    Range(Box<PlacedTerm>, Box<PlacedTerm>),
    /// `a . b`
    Concat(Vec<PlacedTerm>),
    /// `a,b`
    List(Vec<PlacedTerm>),
    /// `{ a, b }`
    Set(Vec<Element>),
    /// `@name`
    Named(String),
    Binary(Bits, Box<PlacedTerm>, Box<PlacedTerm>),
    Field(Field),
}

/// An operation on bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    And,
    Or,
    Xor,
}

/// A whole file.
#[derive(Debug, Default)]
pub struct File {
    /// `flush ruleset` is the first command of the file.
    pub flush: bool,
    pub tables: Vec<Table>,
}

#[derive(Debug)]
pub struct Table {
    pub family: ruleset::Family,
    pub name: Placed<String>,
    pub dormant: bool,
    pub comment: Option<String>,
    pub sets: Vec<Set>,
    pub chains: Vec<Chain>,
}

/// A set, or a map.
#[derive(Debug)]
pub struct Set {
    pub name: Placed<String>,
    pub is_map: bool,
    pub key: Vec<Placed<String>>,
    pub data: Vec<Placed<String>>,
    pub flags: Vec<Placed<String>>,
    pub timeout: Option<u64>,
    pub gc_interval: Option<u64>,
    pub size: Option<u32>,
    pub memory: bool,
    pub auto_merge: bool,
    pub comment: Option<String>,
    pub counter: bool,
    pub elements: Vec<Element>,
}

#[derive(Clone, Debug)]
pub struct Element {
    pub key: PlacedTerm,
    pub data: Option<ElementData>,
    pub timeout: Option<u64>,
    pub comment: Option<String>,
    pub counter: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
pub enum ElementData {
    Verdict(Verdict),
    Value(PlacedTerm),
}

#[derive(Debug)]
pub struct Chain {
    pub name: Placed<String>,
    pub base: Option<Base>,
    pub comment: Option<String>,
    pub rules: Vec<Rule>,
}

#[derive(Debug)]
pub struct Base {
    pub kind: Placed<String>,
    pub hook: Placed<String>,
    pub priority: Placed<(Option<String>, i64)>,
    pub accept: Option<bool>,
}

#[derive(Debug)]
pub struct Rule {
    pub statements: Vec<Placed<Statement>>,
    pub comment: Option<String>,
}

/// A verdict; chains keep their place.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub verdict: ruleset::Verdict,
    pub at: Span,
}

/// One or more fields, and a mask for their bits.
#[derive(Clone, Debug)]
pub struct Operand {
    pub fields: Vec<Field>,
    pub mask: Option<PlacedTerm>,
    pub at: Span,
}

/// The operator of a comparison; it may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Implicit,
    Op(Op),
}

#[derive(Clone, Debug)]
pub enum Statement {
    Match {
        left: Operand,
        how: Comparison,
        right: PlacedTerm,
        right_mask: Option<PlacedTerm>,
    },
    VerdictMap {
        key: Operand,
        map: PlacedTerm,
    },
    Verdict(Verdict),
    Counter {
        packets: u64,
        bytes: u64,
    },
    Limit(Limit),
    Log(Log),
    Reject(Option<Placed<(String, Option<PlacedTerm>)>>),
    Update {
        action: UpdateAction,
        set: Placed<String>,
        key: Operand,
        timeout: Option<u64>,
        statements: Vec<Placed<Statement>>,
    },
    Write {
        field: Field,
        value: PlacedTerm,
    },
    /// `field map { … }` or `field map @name`
    WriteMap {
        field: Field,
        key: Operand,
        map: PlacedTerm,
    },
    Nat(Nat),
    NoTrack,
}

/// `snat`, `dnat`, `masquerade`, `redirect`.
#[derive(Clone, Debug)]
pub struct Nat {
    pub kind: NatKind,
    pub family: Option<ruleset::Family>,
    pub addresses: Option<PlacedTerm>,
    pub ports: Option<PlacedTerm>,
    pub flags: u32,
}
