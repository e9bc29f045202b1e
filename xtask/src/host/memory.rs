//! Memory of the machine and of this process, as `/proc` shows it.

use anyhow::{Context as _, Result};

const MACHINE: &str = "/proc/meminfo";
const PROCESS: &str = "/proc/self/status";

/// Bytes of memory that the machine has.
pub fn total() -> Result<u64> {
    field(MACHINE, "MemTotal")
}

/// Bytes of memory that new work may use.
pub fn available() -> Result<u64> {
    field(MACHINE, "MemAvailable")
}

/// The most bytes that this process held at once since [`forget_peak`], or since it started.
pub fn peak() -> Result<u64> {
    field(PROCESS, "VmHWM")
}

/// Lets the peak begin anew, at what this process holds now.
pub fn forget_peak() -> Result<()> {
    // 5: see proc_pid_clear_refs(5).
    fs_err::write("/proc/self/clear_refs", "5").context("resetting the peak of memory")
}

fn field(file: &str, name: &str) -> Result<u64> {
    let text = fs_err::read_to_string(file)?;
    parse(&text, name).with_context(|| format!("{file} has no line `{name}: … kB`"))
}

fn parse(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::{forget_peak, parse, peak};

    #[test]
    fn lines_of_meminfo() {
        let text = "MemTotal:       25276502 kB\nMemFree: 1 kB\n";
        assert_eq!(parse(text, "MemTotal"), Some(25_276_502 * 1024));
        assert_eq!(parse(text, "MemAvailable"), None);
        assert_eq!(parse("MemTotal: many\n", "MemTotal"), None);
    }

    #[test]
    fn a_large_block_is_in_the_peak_until_that_is_forgotten() {
        // Other tests run in this process meanwhile, with far less.
        const BLOCK: usize = 256 << 20;
        let block = std::hint::black_box(vec![1_u8; BLOCK]);
        let high = peak().unwrap();
        assert!(high >= BLOCK as u64, "{high}");
        drop(block);
        forget_peak().unwrap();
        assert!(peak().unwrap() < high - BLOCK as u64 / 2);
    }
}
