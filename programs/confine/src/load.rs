//! Reads a profile and what of this machine its plan depends on.

use std::fs;

use base::findings::Source;

use crate::plan::Plan;
use crate::plan::resolve::{Facts, resolve};
use crate::profile;

/// The plan of a profile on this machine, or all findings.
pub fn plan_of(source: Source<'_>, program: &str) -> Result<Plan, String> {
    let profile = profile::read(source.text).map_err(|found| source.show(&found))?;
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"));
    let (passwd, group) = (read("/etc/passwd")?, read("/etc/group")?);
    let memory = memory(&read("/proc/meminfo")?).ok_or("/proc/meminfo does not tell how much memory there is")?;
    let facts = Facts { command: program, passwd: &passwd, group: &group, memory };
    resolve(&profile, facts).map_err(|found| source.show(&found))
}

/// Bytes of memory, from `/proc/meminfo`.
fn memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(memory("MemTotal:        1000 kB\nMemFree: 5 kB\n"), Some(1_024_000));
        assert_eq!(memory("MemFree: 5 kB\n"), None);
    }
}
