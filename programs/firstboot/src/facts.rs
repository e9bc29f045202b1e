//! Reads the facts about the machine.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::config::Facts;

/// The kernel parameter that lets a volume bring files and commands.
const FULL: &str = "ashlar.cloudinit=full";

/// All facts.
pub fn read() -> io::Result<Facts> {
    let needed = |path: &str| {
        fs::read_to_string(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{path} could not be read: {error}")))
    };
    // An image may lack these files; then it has no settings and no zones to keep.
    let optional = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut zones = Vec::new();
    zones_below(Path::new("/usr/share/zoneinfo"), "", &mut zones);
    Ok(Facts {
        passwd: needed("/etc/passwd")?,
        group: needed("/etc/group")?,
        shadow: needed("/etc/shadow")?,
        shells: needed("/etc/shells")?,
        dhcpcd: optional("/etc/dhcpcd.conf"),
        hosts: optional("/etc/hosts"),
        zones,
        interfaces: cards(),
        full: needed("/proc/cmdline")?.split_whitespace().any(|word| word == FULL),
        day: SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() / 86_400),
    })
}

/// Names of zones: files below `folder` whose names begin with a capital letter and have no dot.
fn zones_below(folder: &Path, prefix: &str, zones: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(|first: char| first.is_ascii_uppercase()) || name.contains('.') {
            continue;
        }
        let whole = format!("{prefix}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => zones_below(&entry.path(), &format!("{whole}/"), zones),
            Ok(_) => zones.push(whole),
            Err(_) => {}
        }
    }
}

/// Network interfaces of hardware.
fn cards() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/class/net") else { return Vec::new() };
    let real = entries.flatten().filter(|entry| entry.path().join("device").exists());
    let mut names: Vec<_> = real.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
