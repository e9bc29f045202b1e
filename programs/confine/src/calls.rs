//! Groups of system calls, the words of `calls` in a profile.

mod table;

pub use table::TABLE;

macro_rules! groups {
    ($($variant:ident, $name:literal, $meaning:literal;)*) => {
        /// A group of calls that are granted together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Group {
            $(#[doc = $meaning] $variant,)*
        }

        impl Group {
            /// All of them.
            pub const ALL: &'static [Group] = &[$(Group::$variant,)*];

            /// The word in a profile.
            pub fn name(self) -> &'static str {
                match self {
                    $(Group::$variant => $name,)*
                }
            }

            /// Its purpose.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Group::$variant => $meaning,)*
                }
            }
        }
    };
}

groups! {
    Base, "base", "What any program needs: memory, files, events, time, its own state. Always granted";
    Process, "process", "Other processes: making, waiting for, and signalling them";
    Sockets, "sockets", "Sockets, of the granted families only";
    Ownership, "ownership", "Owners and extended attributes of files";
    Identity, "identity", "Changing user, groups and capabilities";
    Chroot, "chroot", "Changing the root directory";
    Clock, "clock", "Setting the clock";
    Scheduling, "scheduling", "Priorities, processors and memory nodes";
    MemoryLock, "memory-lock", "Keeping memory from being swapped or seen";
    Ipc, "ipc", "System V and POSIX message queues, semaphores, shared memory";
    Keyring, "keyring", "The kernel's key store";
    Mount, "mount", "Mounting and looking at mounts";
    Namespaces, "namespaces", "Making and entering namespaces";
    Sandbox, "sandbox", "Restricting itself further";
    KernelLog, "kernel-log", "Reading and clearing the kernel's log";
    HostName, "host-name", "Setting the host name";
    Reboot, "reboot", "Restarting and switching off";
    Kexec, "kexec", "Starting another kernel";
    Swap, "swap", "Swap space";
    Accounting, "accounting", "Process accounting and quotas";
    Debug, "debug", "Looking into and changing other processes";
    Modules, "modules", "Kernel modules";
    RawIo, "raw-io", "Ports of the hardware";
    Emulation, "emulation", "Segments of 16-bit programs";
    Bpf, "bpf", "Programs inside the kernel";
    IoUring, "io-uring", "Rings of requests, which system call filters do not see";
    UserFault, "user-fault", "Handling page faults, which makes races in the kernel winnable";
    Memfd, "memfd", "Files without a name, which could be executed without a rule for it";
    Handles, "handles", "Opening files by handle, past directories";
    Fanotify, "fanotify", "Watching whole file systems";
    Terminal, "terminal", "Hanging up terminals";
    Aio, "aio", "Old asynchronous input and output";
    Obsolete, "obsolete", "Nothing uses these any more";
}

impl Group {
    /// By its word.
    pub fn from_name(name: &str) -> Option<Group> {
        Group::ALL.iter().copied().find(|group| group.name() == name)
    }
}

/// The number of a call by name, for filters of arguments.
pub fn number(name: &str) -> Option<i64> {
    TABLE.iter().find(|(_, found, _)| *found == name).map(|(number, ..)| i64::from(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_order() {
        let numbers: Vec<u16> = TABLE.iter().map(|(number, ..)| *number).collect();
        // x86_64 never used 336 to 423.
        let want: Vec<u16> = (0..=335).chain(424..=462).collect();
        assert_eq!(numbers, want);
    }

    #[test]
    fn numbers_are_those_of_the_c_library() {
        for (name, number_of_libc) in [
            ("read", libc::SYS_read),
            ("mprotect", libc::SYS_mprotect),
            ("clone", libc::SYS_clone),
            ("ptrace", libc::SYS_ptrace),
            ("setns", libc::SYS_setns),
            ("bpf", libc::SYS_bpf),
            ("pkey_mprotect", libc::SYS_pkey_mprotect),
            ("landlock_restrict_self", libc::SYS_landlock_restrict_self),
            ("fchmodat2", libc::SYS_fchmodat2),
            ("mseal", libc::SYS_mseal),
        ] {
            assert_eq!(number(name), Some(number_of_libc), "{name}");
        }
    }

    #[test]
    fn every_group_has_calls_and_a_word_of_its_own() {
        for group in Group::ALL {
            assert!(TABLE.iter().any(|(_, _, found)| found == group), "{}", group.name());
            assert_eq!(Group::from_name(group.name()), Some(*group));
        }
    }
}
