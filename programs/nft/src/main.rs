//! `nft`: loads and lists rulesets of the packet filter. The language is a part of nftables' own; GRAMMAR.md defines
//! it.
//!
//! ```text
//! file -> lex -> parse -> ast -> resolve -> ruleset -> linearize -> expression -> netlink -> kernel
//!         text or JSON <- show <- ruleset <- delinearize <- expression <- netlink <- kernel
//! ```
//! Everything is pure except [`cli`], [`kernel`], and [`list`], which queries the kernel.
//!
//! Why not a crate: `rustables` and `nftnl` build rules from calls; they have no language, no interval sets in rules
//! and no listing, and `nftnl` needs the C library. `nftables` runs the program `nft`; `netlink-packet-netfilter`
//! covers logs and connections. With any of them, nearly all of this program would still be needed.

mod ast;
mod cli;
mod delinearize;
mod expression;
mod facts;
#[cfg(test)]
mod fake_kernel;
mod field;
mod kernel;
mod lex;
mod linearize;
mod list;
mod lockdown;
mod netlink;
mod parse;
mod protocol_dependencies;
mod resolve;
mod ruleset;
mod show;
mod symbols;
#[cfg(test)]
mod tests;
mod types;

/// Bytes with a meaning in a ruleset.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"{}{}();:,./-=!&|@$#\"\n\n\t  0159aftx\\\xff\xc3\xa4\0";

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(lexopt::Parser::from_env())
}
