//! Random input for tests of readers. No dependency, and every run can be repeated from its seed.

use std::time::{Duration, Instant};

/// xorshift64*
pub struct Noise(u64);

impl Noise {
    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    /// Bytes, more often those that mean something to a reader than others.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        const MEANING: &[u8] = b"abn:-#'\"\\[]{},|>&*!%@ \n\n  \t:- ~?.\xff\xc3\xa4";
        (0..self.below(most) + 1)
            .map(|_| match self.below(8) {
                0 => self.below(256) as u8,
                _ => MEANING[self.below(MEANING.len())],
            })
            .collect()
    }

    /// `text` with a few bytes or lines changed, doubled or lost.
    pub fn damaged(&mut self, text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
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
                    let noise = self.bytes(12);
                    drop(bytes.splice(from..to, noise));
                }
            }
        }
        bytes
    }
}

/// Calls `try_one` for ASHLAR_FUZZ_SECONDS (a quarter of a second unless set), and at least 500 times.
#[allow(clippy::print_stdout)] // how many inputs were tried belongs into the record of the run
pub fn repeat(seed: u64, mut try_one: impl FnMut(&mut Noise)) {
    let seconds = std::env::var("ASHLAR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0.25);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut noise = Noise(seed | 1);
    let mut count = 0u64;
    while count < 500 || Instant::now() < end {
        try_one(&mut noise);
        count += 1;
    }
    println!("{count} inputs from seed {seed}");
}
