//! The cost of the layers of defence: questions to a machine, and the figures of two machines side by side.
//!
//! Measuring is `xtask/src/task/bench/layers.rs`.

use std::fmt::Write as _;

/// Files that [`WRITES`] makes.
pub const FILES: u32 = 2000;
/// Makes as many small files as a shell can, as a user; prints the machine's seconds before and after.
pub const WRITES: &str = "d=$(mktemp -d); read -r a _ </proc/uptime; i=0; while [ $i -lt 2000 ]; do echo x >$d/$i; i=$((i+1)); done; \
                          read -r b _ </proc/uptime; rm -r $d; echo $a $b";

/// Lets any number of connections in, and others than SSH: otherwise the limit would be measured. All other rules stay.
pub const OPEN: &str = "sed -E -e 's/ limit rate (3.minute burst 10|30.minute burst 60|1000.second burst 1000) packets//' \
                        -e 's/tcp dport 22 /tcp dport { 22, 8080 } /' \
                        /etc/nftables.conf >/run/open.nft && nft -f /run/open.nft && rm /run/open.nft";

/// One machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// From power-on to SSH's banner.
    pub boot_seconds: f64,
    /// Without caches that can be dropped.
    pub memory_kib: u64,
    /// One after the other.
    pub logins_per_second: f64,
    /// Of a container, or of the same program without one; one after the other, each with its own connection.
    pub requests_per_second: f64,
    /// Small files.
    pub writes_per_second: f64,
}

/// Files per second, from what [`WRITES`] printed.
pub fn writes_per_second(answer: &str) -> Option<f64> {
    let (before, after) = answer.trim().split_once(' ')?;
    let seconds = after.parse::<f64>().ok()? - before.parse::<f64>().ok()?;
    (seconds > 0.0).then(|| f64::from(FILES) / seconds)
}

/// Both machines, and the figure with layers as a multiple of the one without: of times and memory, more than 1 is what the
/// layers cost; of rates, less.
pub fn table(with: &Cost, without: &Cost) -> String {
    let mib = |kib: u64| kib as f64 / 1024.0;
    let lines = [
        ("power-on to SSH banner, s", with.boot_seconds, without.boot_seconds),
        ("memory in use, MiB", mib(with.memory_kib), mib(without.memory_kib)),
        ("SSH logins per second", with.logins_per_second, without.logins_per_second),
        ("HTTP requests per second", with.requests_per_second, without.requests_per_second),
        ("small files per second", with.writes_per_second, without.writes_per_second),
    ];
    let mut text = format!("{:<28} {:>10} {:>10} {:>10}\n", "", "with", "without", "ratio");
    for (name, with, without) in lines {
        let _ = writeln!(text, "{name:<28} {with:>10.1} {without:>10.1} {:>10.2}", with / without);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_side_by_side() {
        let with = Cost {
            boot_seconds: 6.5,
            memory_kib: 28_672,
            logins_per_second: 1.9,
            requests_per_second: 180.0,
            writes_per_second: 9000.0,
        };
        let without = Cost { boot_seconds: 5.2, memory_kib: 20_480, requests_per_second: 240.0, ..with };
        insta::assert_snapshot!(table(&with, &without));
    }

    #[test]
    fn files_by_the_machines_own_clock() {
        assert_eq!(writes_per_second("12.50 14.50\n"), Some(1000.0));
        for answer in ["", "12.50", "3.00 3.00", "a b"] {
            assert_eq!(writes_per_second(answer), None);
        }
        assert!(WRITES.contains(&FILES.to_string()));
    }
}
