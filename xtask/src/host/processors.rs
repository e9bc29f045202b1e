//! How busy the processors of this machine are.

use anyhow::{Context as _, Result};

/// Ticks that all processors have spent since the machine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    all: u64,
    idle: u64,
}

impl Ticks {
    /// Those of now.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn now() -> Result<Self> {
        Self::parse(&fs_err::read_to_string("/proc/stat")?).context("/proc/stat is not as proc(5) has it")
    }

    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user already.
        let first = ticks.get(..8)?;
        Some(Self { all: first.iter().sum(), idle: first[3] + first[4] })
    }

    /// The share of the processors, from 0 to 1, that was busy since `before`.
    pub fn busy_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        if all == 0 { 0.0 } else { 1.0 - self.idle.saturating_sub(before.idle) as f64 / all as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        let parse = |text: &str| Ticks::parse(text).unwrap();
        let before = parse("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1 2 3\n");
        let after = parse("cpu  40 0 20 80 20 0 0 40 5 0\n");
        assert_eq!(before, Ticks { all: 100, idle: 80 });
        assert!((after.busy_since(before) - 0.8).abs() < 1e-9);
        assert_eq!(before.busy_since(before), 0.0);
        assert_eq!(Ticks::parse("cpu 1 2\n"), None);
        assert!(Ticks::now().is_ok());
    }
}
