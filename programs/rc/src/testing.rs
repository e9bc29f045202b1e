//! A small deterministic generator for property tests.

use std::time::{Duration, Instant};

/// Numbers that look random and are the same in every run (xorshift).
pub struct Numbers(u64);

impl Numbers {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// Calls `check` with texts made of what matters to our parsers: `count` of them, and more for as many seconds as
/// ASHLAR_FUZZ_SECONDS says. Each is the same in every run.
#[allow(clippy::print_stdout)] // how many were tried belongs into the record of the run
pub fn for_texts(count: u64, check: impl Fn(&str)) {
    let pieces = [
        "a",
        "B",
        "_",
        "0",
        "9",
        "=",
        "'",
        "\"",
        "\\",
        "\n",
        " ",
        "\t",
        "#",
        "$",
        "`",
        ";",
        "&",
        "|",
        "(",
        ")",
        "{",
        "}",
        "/",
        ".",
        "..",
        "-",
        "--",
        ":",
        "TERM",
        "KILL",
        "export ",
        "é",
        "\u{0}",
        "\r",
        "5",
        "%",
        "*",
        "!",
        "foo=bar",
        "<",
        ">",
        "service ",
        "need ",
        "end 0\n",
        "keyword ",
        "depend() {",
        "rc_need=",
        "${x}",
        "\u{85}",
    ];
    let seconds = std::env::var("ASHLAR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut seed = 0;
    while seed < count || Instant::now() < end {
        let mut numbers = Numbers::new(seed);
        let length = numbers.below(if seed < count { 24 } else { 200 });
        let text: String = (0..length).map(|_| pieces[numbers.below(pieces.len())]).collect();
        check(&text);
        seed += 1;
    }
    println!("{seed} texts");
}
