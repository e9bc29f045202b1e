//! A small deterministic generator for property tests.

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

/// Calls `check` with texts made of what matters to our parsers.
pub fn for_texts(count: u64, check: impl Fn(&str)) {
    let pieces = [
        "a", "B", "_", "0", "9", "=", "'", "\"", "\\", "\n", " ", "\t", "#", "$", "`", ";", "&", "|", "(", ")", "{",
        "}", "/", ".", "..", "-", "--", ":", "TERM", "KILL", "export ", "é", "\u{0}", "\r", "5", "%", "*", "!",
        "foo=bar", "<", ">",
    ];
    for seed in 0..count {
        let mut numbers = Numbers::new(seed);
        let text: String = (0..numbers.below(24)).map(|_| pieces[numbers.below(pieces.len())]).collect();
        check(&text);
    }
}
