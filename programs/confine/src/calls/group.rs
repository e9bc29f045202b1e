//! The groups of system calls.

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
