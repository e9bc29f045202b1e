//! Rulesets as text and as JSON, as the original `nft` prints them.

pub mod json;
pub mod text;
mod value;

use crate::facts::Facts;

/// Output options.
#[derive(Clone, Copy)]
pub struct Style<'a> {
    pub facts: &'a Facts,
    /// Without counters and remaining timeouts.
    pub stateless: bool,
}

/// A number of bytes in the largest unit that fits.
fn in_units(bytes: u64) -> (u64, &'static str) {
    let units = ["bytes", "kbytes", "mbytes"];
    let (mut number, mut at) = (bytes, 0);
    while number > 0 && number % 1024 == 0 && at + 1 < units.len() {
        number /= 1024;
        at += 1;
    }
    (number, units[at])
}

/// The unit of a limit.
fn limit_unit(per: u64) -> &'static str {
    crate::ruleset::LIMIT_UNITS.iter().find(|(_, seconds)| *seconds == per).map_or("?", |(name, _)| name)
}
