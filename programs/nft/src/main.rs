//! `nft`: loads rulesets of the packet filter, and lists what the kernel has. The language is a part of nftables' own, GRAMMAR.md.
//!
//! ```text
//! file -> lex -> parse -> written -> resolve -> ruleset -> linearize -> instruction -> netlink -> kernel
//!         text or JSON <- show <- ruleset <- delinearize <- instruction <- netlink <- kernel
//! ```
//! All of it is pure but [`cli`], [`kernel`], and [`list`], which asks the kernel.
//!
//! Why not a crate: `rustables` and `nftnl` build rules from calls and have no language, no sets of intervals in use by rules, no
//! listing, and the second needs the C library; `nftables` runs the program `nft`; `netlink-packet-netfilter` knows logs and
//! connections. What is left to write with any of them is nearly all of this program.

mod cli;
mod closed;
mod delinearize;
mod depend;
mod facts;
mod field;
mod instruction;
mod kernel;
mod lex;
mod linearize;
mod list;
#[cfg(test)]
mod mirror;
mod netlink;
mod parse;
mod resolve;
mod ruleset;
mod show;
mod source;
#[cfg(test)]
mod tests;
mod types;
mod words;
mod written;

/// Bytes that mean something in a ruleset.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"{}{}();:,./-=!&|@$#\"\n\n\t  0159aftx\\\xff\xc3\xa4\0";

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    cli::run(&words)
}
