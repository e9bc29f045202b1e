//! Capabilities: names and bits.

/// Names in the order of their bits, without `CAP_`.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// How many there are; the kernel may know more, which nobody keeps.
pub const COUNT: u8 = NAMES.len() as u8;

/// A set, as the kernel writes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// The bit of a name with `CAP_`.
    pub fn bit(name: &str) -> Option<u8> {
        let name = name.strip_prefix("CAP_")?;
        NAMES.iter().position(|known| *known == name).map(|bit| bit as u8)
    }

    /// The set with another one.
    pub fn with(self, bit: u8) -> Self {
        Self(self.0 | 1 << bit)
    }

    /// Whether it has one.
    pub fn has(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// The names, in the order of their bits.
    pub fn names(self) -> Vec<String> {
        (0..COUNT).filter(|bit| self.has(*bit)).map(|bit| format!("CAP_{}", NAMES[usize::from(bit)])).collect()
    }

    /// From names that are known to exist: tables of this program.
    pub fn of(names: &[&str]) -> Self {
        names.iter().filter_map(|name| Self::bit(name)).fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_kernels() {
        for (name, bit) in [
            ("CAP_CHOWN", 0),
            ("CAP_SETPCAP", 8),
            ("CAP_NET_RAW", 13),
            ("CAP_SYS_ADMIN", 21),
            ("CAP_SYS_TIME", 25),
            ("CAP_SYSLOG", 34),
            ("CAP_CHECKPOINT_RESTORE", 40),
        ] {
            assert_eq!(Capabilities::bit(name), Some(bit), "{name}");
        }
        assert_eq!(Capabilities::bit("SYS_ADMIN"), None);
        assert_eq!(Capabilities::of(&["CAP_KILL", "CAP_CHOWN"]).names(), ["CAP_CHOWN", "CAP_KILL"]);
    }
}
