//! The kernel's ruleset as attributes: tables, chains, rules, sets and their elements, not interpreted yet.
//!
//! Every function takes the attributes of one message, and returns `None` if there is no name.

use super::attribute::{self, Reader};
use super::expression;
use super::user_data::{COMMENT, SET_COMMENT, SET_MERGE};
use crate::expression::Expression;
use crate::ruleset::{Hook, Verdict};

/// A table, with its family's number.
#[derive(Clone, Debug)]
pub struct RawTable {
    pub family: u8,
    pub name: String,
    pub dormant: bool,
    pub comment: Option<String>,
    pub handle: u64,
}

/// A chain.
#[derive(Clone, Debug)]
pub struct RawChain {
    pub family: u8,
    pub table: String,
    pub name: String,
    pub hook: Option<Hook>,
    pub comment: Option<String>,
    pub handle: u64,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct RawRule {
    pub family: u8,
    pub table: String,
    pub chain: String,
    pub handle: u64,
    pub expressions: Vec<Expression>,
    pub comment: Option<String>,
}

/// A set.
#[derive(Clone, Debug)]
pub struct RawSet {
    pub family: u8,
    pub table: String,
    pub name: String,
    pub flags: u32,
    /// Type numbers, the first one first.
    pub key: Vec<u32>,
    pub key_len: u32,
    pub data: Option<u32>,
    pub data_len: u32,
    pub memory: bool,
    pub size: Option<u32>,
    pub timeout: Option<u64>,
    pub gc_interval: Option<u32>,
    pub auto_merge: bool,
    pub comment: Option<String>,
    pub handle: u64,
    pub each: Vec<Expression>,
    pub elements: Vec<RawElement>,
}

/// An element; in interval sets, the start or end of an interval.
#[derive(Clone, Debug)]
pub struct RawElement {
    pub key: Vec<u8>,
    pub key_end: Option<Vec<u8>>,
    pub is_end: bool,
    /// The catch-all element, which is not in the subset.
    pub is_rest: bool,
    pub verdict: Option<Verdict>,
    pub data: Option<Vec<u8>>,
    pub timeout: Option<u64>,
    pub expires: Option<u64>,
    pub comment: Option<String>,
    pub each: Vec<Expression>,
}

/// The user data that nftables stores under a key.
fn user_data(bytes: Option<&[u8]>, key: u8) -> Option<&[u8]> {
    let mut rest = bytes?;
    while let [kind, len, more @ ..] = rest {
        let value = more.get(..usize::from(*len))?;
        if *kind == key {
            return Some(value);
        }
        rest = more.get(usize::from(*len)..)?;
    }
    None
}

fn user_text(bytes: Option<&[u8]>, key: u8) -> Option<String> {
    Some(attribute::text(user_data(bytes, key)?))
}

fn user_number(bytes: Option<&[u8]>, key: u8) -> Option<u32> {
    Some(u32::from_ne_bytes(user_data(bytes, key)?.get(..4)?.try_into().ok()?))
}

/// Of NFT_MSG_NEWTABLE.
pub fn table(family: u8, from: Reader<'_>) -> Option<RawTable> {
    Some(RawTable {
        family,
        name: from.text(1)?,
        dormant: from.u32(2).unwrap_or(0) & 1 != 0,
        comment: user_text(from.get(6), COMMENT),
        handle: from.u64(4).unwrap_or(0),
    })
}

/// Of NFT_MSG_NEWCHAIN.
pub fn chain(family: u8, from: Reader<'_>) -> Option<RawChain> {
    let hook = from.inside(4).and_then(|hook| {
        let several = hook.inside(4).into_iter().flatten();
        let devices = several.map(|(_, bytes)| attribute::text(bytes));
        Some(Hook {
            kind: from.text(7)?,
            number: hook.u32(1)?,
            priority: hook.u32(2)? as i32,
            accept: from.u32(5).map(|policy| policy != 0),
            devices: devices.chain(hook.text(3)).collect(),
        })
    });
    Some(RawChain {
        family,
        table: from.text(1)?,
        name: from.text(3)?,
        hook,
        comment: user_text(from.get(12), COMMENT),
        handle: from.u64(2).unwrap_or(0),
    })
}

/// Of NFT_MSG_NEWRULE.
pub fn rule(family: u8, from: Reader<'_>) -> Option<RawRule> {
    Some(RawRule {
        family,
        table: from.text(1)?,
        chain: from.text(2)?,
        handle: from.u64(3).unwrap_or(0),
        expressions: from.inside(4).map(expression::read_all).unwrap_or_default(),
        comment: user_text(from.get(7), COMMENT),
    })
}

/// Of NFT_MSG_NEWSET.
pub fn set(family: u8, from: Reader<'_>) -> Option<RawSet> {
    let types = from.u32(4)?;
    // Six bits for each type, the last type lowest.
    let mut key: Vec<u32> = (0..5).map(|at| types >> (6 * at) & 0x3f).take_while(|of| *of != 0).collect();
    key.reverse();
    let user = from.get(13);
    let each = match (from.inside(18), from.inside(17)) {
        (Some(several), _) => expression::read_all(several),
        (None, Some(one)) => vec![expression::read(one, 0)],
        (None, None) => Vec::new(),
    };
    Some(RawSet {
        family,
        table: from.text(1)?,
        name: from.text(2)?,
        flags: from.u32(3).unwrap_or(0),
        key,
        key_len: from.u32(5)?,
        data: from.u32(6),
        data_len: from.u32(7).unwrap_or(0),
        memory: from.u32(8).unwrap_or(0) == 1,
        size: from.inside(9).and_then(|description| description.u32(1)),
        timeout: from.u64(11),
        gc_interval: from.u32(12),
        auto_merge: user_number(user, SET_MERGE).unwrap_or(0) != 0,
        comment: user_text(user, SET_COMMENT),
        handle: from.u64(16).unwrap_or(0),
        each,
        elements: Vec::new(),
    })
}

/// Of NFT_MSG_NEWSETELEM: all elements in it.
pub fn elements(from: Reader<'_>) -> Vec<RawElement> {
    let list = from.inside(3).into_iter().flatten();
    list.map(|(_, bytes)| element(attribute::read(bytes))).collect()
}

fn element(from: Reader<'_>) -> RawElement {
    let flags = from.u32(3).unwrap_or(0);
    let user = from.get(6);
    let each = match (from.inside(11), from.inside(7)) {
        (Some(several), _) => expression::read_all(several),
        (None, Some(one)) => vec![expression::read(one, 0)],
        (None, None) => Vec::new(),
    };
    RawElement {
        key: expression::read_value(from, 1).unwrap_or_default(),
        key_end: expression::read_value(from, 10),
        is_end: flags & 1 != 0,
        is_rest: flags & 2 != 0,
        verdict: expression::read_verdict(from, 2),
        data: expression::read_value(from, 2),
        timeout: from.u64(4),
        expires: from.u64(5),
        comment: user_text(user, COMMENT),
        each,
    }
}
