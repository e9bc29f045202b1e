//! Names of capabilities.

/// Names in the order of their bits, in small letters and without `cap_`.
pub const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Their number; the kernel may have more, without a name here.
pub const COUNT: u8 = NAMES.len() as u8;

/// The bit of a name as in [`NAMES`].
pub fn bit(name: &str) -> Option<u8> {
    NAMES.iter().position(|known| *known == name).map(|bit| bit as u8)
}

/// The name of a bit; `None` if it has none here.
pub fn name(bit: u8) -> Option<&'static str> {
    NAMES.get(usize::from(bit)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_kernels() {
        for (known, number) in [
            ("chown", 0),
            ("setpcap", 8),
            ("net_raw", 13),
            ("sys_admin", 21),
            ("sys_time", 25),
            ("syslog", 34),
            ("checkpoint_restore", 40),
        ] {
            assert_eq!((bit(known), name(number)), (Some(number), Some(known)));
        }
        assert_eq!((bit("cap_chown"), bit("CHOWN"), name(41)), (None, None, None));
    }
}
