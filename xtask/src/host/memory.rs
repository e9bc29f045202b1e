//! The machine's memory, as `/proc/meminfo` tells it.

use anyhow::{Context as _, Result};

/// Bytes of memory that the machine has.
pub fn total() -> Result<u64> {
    field("MemTotal")
}

/// Bytes of memory that new work may use.
pub fn available() -> Result<u64> {
    field("MemAvailable")
}

fn field(name: &str) -> Result<u64> {
    let text = fs_err::read_to_string("/proc/meminfo")?;
    parse(&text, name).with_context(|| format!("/proc/meminfo has no line `{name}: … kB`"))
}

fn parse(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lines_of_meminfo() {
        let text = "MemTotal:       25276502 kB\nMemFree: 1 kB\n";
        assert_eq!(parse(text, "MemTotal"), Some(25_276_502 * 1024));
        assert_eq!(parse(text, "MemAvailable"), None);
        assert_eq!(parse("MemTotal: many\n", "MemTotal"), None);
    }
}
