//! The filter of system calls: the calls that a build may make. Most holes of a kernel are in calls that no compiler makes.
//!
//! A call in no list fails with ENOSYS, as on a kernel that is older than it: programs then do without. Those of [`REFUSED`] fail
//! with EPERM, as they do for unprivileged users, since upstreams' tests distinguish the two.

use serde_json::{Value, json};

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// Files, memory, time, and what every program does.
#[rustfmt::skip]
const ORDINARY: &[&str] = &[
    "read", "write", "open", "close", "stat", "fstat", "lstat", "poll", "lseek", "mmap", "mprotect", "munmap", "brk",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "ioctl", "pread64", "pwrite64", "readv", "writev", "access",
    "pipe", "select", "sched_yield", "mremap", "msync", "mincore", "madvise", "dup", "dup2", "pause", "nanosleep",
    "getitimer", "alarm", "setitimer", "getpid", "sendfile", "execve", "exit", "uname", "fcntl", "flock", "fsync",
    "fdatasync", "truncate", "ftruncate", "getdents", "getcwd", "chdir", "fchdir", "rename", "mkdir", "rmdir",
    "creat", "link", "unlink", "symlink", "readlink", "chmod", "fchmod", "umask", "gettimeofday", "getrlimit",
    "getrusage", "sysinfo", "times", "getuid", "getgid", "geteuid", "getegid", "getppid", "getgroups", "getresuid",
    "getresgid", "capget", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend", "sigaltstack", "utime", "mknod",
    "personality", "statfs", "fstatfs", "getpriority", "sched_getparam", "sched_getscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "prctl", "arch_prctl", "setrlimit",
    "sync", "gettid", "readahead", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr",
    "tkill", "time", "futex", "sched_getaffinity", "epoll_create", "getdents64", "set_tid_address", "restart_syscall",
    "fadvise64", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete",
    "clock_gettime", "clock_getres", "clock_nanosleep", "exit_group", "epoll_wait", "epoll_ctl", "tgkill", "utimes",
    "get_mempolicy", "ioprio_get", "inotify_init", "inotify_add_watch", "inotify_rm_watch", "openat", "mkdirat",
    "mknodat", "futimesat", "newfstatat", "unlinkat", "renameat", "linkat", "symlinkat", "readlinkat", "fchmodat",
    "faccessat", "pselect6", "ppoll", "set_robust_list", "get_robust_list", "splice", "tee", "sync_file_range",
    "vmsplice", "utimensat", "epoll_pwait", "signalfd", "timerfd_create", "eventfd", "fallocate", "timerfd_settime",
    "timerfd_gettime", "signalfd4", "eventfd2", "epoll_create1", "dup3", "pipe2", "inotify_init1", "preadv",
    "pwritev", "prlimit64", "syncfs", "getcpu", "sched_getattr", "renameat2", "getrandom", "membarrier",
    "copy_file_range", "preadv2", "pwritev2", "pkey_mprotect", "pkey_alloc", "pkey_free", "statx", "rseq",
    "close_range", "openat2", "faccessat2", "epoll_pwait2", "futex_waitv", "cachestat", "fchmodat2",
    "map_shadow_stack", "futex_wake", "futex_wait", "futex_requeue", "lsm_get_self_attr", "lsm_list_modules", "mseal",
    "memfd_create", "mlock", "munlock", "mlockall", "munlockall", "mlock2", "memfd_secret", "io_setup", "io_destroy",
    "io_getevents", "io_submit", "io_cancel", "io_pgetevents",
];
/// Processes, threads and how they are scheduled.
#[rustfmt::skip]
const PROCESSES: &[&str] = &[
    "fork", "vfork", "wait4", "kill", "setpgid", "getpgrp", "setsid", "getpgid", "getsid", "rt_sigqueueinfo",
    "waitid", "rt_tgsigqueueinfo", "execveat", "pidfd_send_signal", "pidfd_open", "process_mrelease", "setpriority",
    "sched_setparam", "sched_setscheduler", "sched_setaffinity", "mbind", "set_mempolicy", "ioprio_set",
    "sched_setattr", "set_mempolicy_home_node",
];
/// Sockets, of which families is decided below, and System V's and POSIX' queues.
#[rustfmt::skip]
const MESSAGES: &[&str] = &[
    "connect", "accept", "sendto", "recvfrom", "sendmsg", "recvmsg", "shutdown", "bind", "listen", "getsockname",
    "getpeername", "socketpair", "setsockopt", "getsockopt", "accept4", "recvmmsg", "sendmmsg", "shmget", "shmat",
    "shmctl", "semget", "semop", "semctl", "shmdt", "msgget", "msgsnd", "msgrcv", "msgctl", "semtimedop", "mq_open",
    "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr",
];
/// Owners, users and groups inside the sandbox, and its own further confinement.
#[rustfmt::skip]
const IDENTITY: &[&str] = &[
    "chown", "fchown", "lchown", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
    "fchownat", "setuid", "setgid", "setreuid", "setregid", "setgroups", "setresuid", "setresgid", "setfsuid",
    "setfsgid", "capset", "chroot", "seccomp", "landlock_create_ruleset", "landlock_add_rule",
    "landlock_restrict_self",
];
/// Reading how the clock is kept. Changing it needs a capability that no process in the sandbox has.
#[rustfmt::skip]
const CLOCK: &[&str] = &[
    "adjtimex", "clock_adjtime",
];
/// Namespaces, mounts, keys, the memory of other processes, the kernel itself.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "unshare", "setns", "pivot_root", "mount", "umount2", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount",
    "fspick", "mount_setattr", "statmount", "listmount", "add_key", "request_key", "keyctl", "bpf", "ptrace",
    "perf_event_open", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "fanotify_init", "fanotify_mark",
    "name_to_handle_at", "open_by_handle_at", "init_module", "delete_module", "finit_module", "kexec_load",
    "kexec_file_load", "reboot", "swapon", "swapoff", "iopl", "ioperm", "syslog", "acct", "quotactl", "quotactl_fd",
    "vhangup", "sethostname", "setdomainname", "modify_ldt", "move_pages", "migrate_pages", "settimeofday",
    "clock_settime", "lsm_set_self_attr",
];

/// The flags of `clone` that make a namespace: mount, cgroup, uts, ipc, user, pid, network.
const NAMESPACES: u64 = 0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;
/// Families of sockets: unix, inet, inet6, and netlink, of the sandbox's own network and without rights over it.
const FAMILIES: [u64; 4] = [1, 2, 10, 16];

/// The filter, in the words of the OCI runtime specification. `clone3` is in no list: it takes its flags from memory, where a
/// filter cannot look, and libraries go back to `clone` when it is not there.
pub fn filter() -> Value {
    let plain = [ORDINARY, PROCESSES, MESSAGES, IDENTITY, CLOCK].concat();
    let mut rules = vec![
        json!({ "names": plain, "action": "SCMP_ACT_ALLOW" }),
        json!({ "names": REFUSED, "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM }),
        allowed("clone", json!({ "index": 0, "value": NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" })),
    ];
    rules.extend(FAMILIES.map(|family| allowed("socket", json!({ "index": 0, "value": family, "op": "SCMP_CMP_EQ" }))));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": ENOSYS,
        // Others, which number their calls in another way, end the process.
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": rules,
    })
}

fn allowed(name: &str, argument: Value) -> Value {
    json!({ "names": [name], "action": "SCMP_ACT_ALLOW", "args": [argument] })
}
