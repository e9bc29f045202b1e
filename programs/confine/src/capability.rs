//! Sets of capabilities, named as in manuals: `CAP_SYS_ADMIN`.

use base::capability;

pub use base::capability::COUNT;

/// A set, as the kernel writes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// The bit of a name with `CAP_`.
    pub fn bit(name: &str) -> Option<u8> {
        let name = name.strip_prefix("CAP_")?;
        let is_upper = !name.contains(|letter: char| letter.is_ascii_lowercase());
        capability::bit(&name.to_ascii_lowercase()).filter(|_| is_upper)
    }

    /// The set plus one capability.
    pub fn with(self, bit: u8) -> Self {
        Self(self.0 | 1 << bit)
    }

    /// Whether it contains a capability.
    pub fn has(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// The names, in the order of their bits.
    pub fn names(self) -> Vec<String> {
        let held = (0..COUNT).filter(|bit| self.has(*bit)).filter_map(capability::name);
        held.map(|name| format!("CAP_{}", name.to_ascii_uppercase())).collect()
    }

    /// From names in tables of this program, which are valid.
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
        for unknown in ["SYS_ADMIN", "CAP_sys_admin", "CAP_"] {
            assert_eq!(Capabilities::bit(unknown), None, "{unknown}");
        }
        assert_eq!(Capabilities::of(&["CAP_KILL", "CAP_CHOWN"]).names(), ["CAP_CHOWN", "CAP_KILL"]);
    }
}
