//! Random input for tests of parsers. No dependencies, and every run can be repeated from its seed.

use std::time::{Duration, Instant};

/// A generator of random input (xorshift64*).
#[derive(Debug)]
pub struct Random {
    state: u64,
    alphabet: &'static [u8],
}

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64, alphabet: &'static [u8]) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, alphabet }
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    /// Between one and `most` bytes; one in eight is any byte, the others are of the alphabet.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most) + 1)
            .map(|_| match self.below(8) {
                0 => self.below(256) as u8,
                _ => self.alphabet[self.below(self.alphabet.len())],
            })
            .collect()
    }

    /// Fewer than `most` of `pieces`, one after the other.
    pub fn text(&mut self, pieces: &[&str], most: usize) -> String {
        (0..self.below(most)).map(|_| pieces[self.below(pieces.len())]).collect()
    }

    /// `bytes` with a few of them changed, doubled or lost.
    pub fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..self.below(6) + 1 {
            let (from, len) = (self.below(bytes.len() + 1), self.below(12));
            let to = (from + len).min(bytes.len());
            match self.below(3) {
                0 => drop(bytes.drain(from..to)),
                1 => {
                    let copy = bytes[from..to].to_vec();
                    let at = self.below(bytes.len() + 1);
                    drop(bytes.splice(at..at, copy));
                }
                _ => {
                    let new = self.bytes(12);
                    drop(bytes.splice(from..to, new));
                }
            }
        }
        bytes
    }
}

/// Calls `try_one` for ASHLAR_FUZZ_SECONDS (default: a quarter of a second), and at least 500 times. `alphabet` has the
/// bytes with a meaning for the parser.
pub fn repeat(seed: u64, alphabet: &'static [u8], mut try_one: impl FnMut(&mut Random)) {
    let seconds = std::env::var("ASHLAR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0.25);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut random = Random::new(seed, alphabet);
    let mut count = 0u64;
    while count < 500 || Instant::now() < end {
        try_one(&mut random);
        count += 1;
    }
    println!("{count} inputs from seed {seed:#x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_input_again() {
        let some = |seed| {
            let mut random = Random::new(seed, b"ab");
            (random.bytes(40), random.text(&["x", "yy"], 9), random.damaged(b"some text that is damaged"))
        };
        assert_eq!(some(7), some(7));
        assert_ne!(some(7), some(8));
    }

    #[test]
    fn every_kind_of_damage_is_done() {
        let (mut shorter, mut longer) = (false, false);
        repeat(3, b"ab", |random| {
            let (length, whole) = (random.damaged(b"0123456789").len(), 10);
            shorter |= length < whole;
            longer |= length > whole;
            assert!(random.below(4) < 4);
        });
        assert!(shorter && longer);
    }
}
