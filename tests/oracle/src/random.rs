//! A small deterministic source of numbers (SplitMix64): the graphs must be the same on every machine and with every
//! version of every library, so the generator is part of this crate.

/// The generator's state.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator for one seed and one stream of it; streams do not influence each other.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Neighbouring seeds differ in few bits; two steps spread them.
        random.next();
        random.next();
        random
    }

    /// The next 64 bits.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = limit.max(1) as u64;
        // The bias is below 2^-50 for the small limits used here.
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items; the first of them when there is one at all.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// An index below `limit` that is not `other`; `limit` must be at least 2.
    pub fn other(&mut self, limit: usize, other: usize) -> usize {
        (other + 1 + self.below(limit.saturating_sub(1))) % limit.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_sequence_is_pinned() {
        let mut random = Random::new(1, 0);
        let first: Vec<usize> = (0..8).map(|_| random.below(100)).collect();
        assert_eq!(first, PINNED);
        let mut other = Random::new(1, 1);
        assert_ne!(first, (0..8).map(|_| other.below(100)).collect::<Vec<_>>());
    }

    const PINNED: [usize; 8] = [90, 35, 61, 48, 45, 33, 20, 50];

    #[test]
    fn numbers_stay_in_their_limits() {
        let mut random = Random::new(7, 7);
        for limit in 1..50 {
            assert!(random.below(limit) < limit);
        }
        for own in 0..5 {
            assert!((0..100).all(|_| random.other(5, own) != own));
        }
        assert_eq!(random.pick::<u8>(&[]), None);
        assert!((0..50).all(|_| random.chance(100) && !random.chance(0)));
    }
}
