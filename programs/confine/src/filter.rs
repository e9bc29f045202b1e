//! The seccomp filter of a plan: which calls, with which arguments. Pure.
//!
//! A refused call fails with EPERM, like a missing privilege. Some calls fail with ENOSYS, as on a kernel that lacks
//! them, so that programs use an older call: calls whose arguments are in memory, where no filter sees them (`clone3`,
//! `openat2`), calls newer than the table, and calls that the distribution's kernel lacks.

use std::collections::BTreeMap;

use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{self, Eq, MaskedEq, Ne};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch, sock_filter};

use crate::calls::{self, Group, TABLE};
use crate::plan::{Family, Filter};

/// The namespace flags of `clone`.
const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWCGROUP) as u64;
const THREAD: u64 = libc::CLONE_THREAD as u64;
const SET_ID: u64 = (libc::S_ISUID | libc::S_ISGID) as u64;
const CREATES: u64 = (libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY) as u64;
const WRITE: u64 = libc::PROT_WRITE as u64;
const EXECUTE: u64 = libc::PROT_EXEC as u64;

/// TCP Fast Open: it connects without the check whether the port is granted.
const FAST_OPEN: u64 = libc::MSG_FASTOPEN as u64;

/// Requests that insert input into a terminal; C libraries disagree about the type of these numbers.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// One condition that allows a call: argument, comparison, value; all must hold.
type Alternative = Vec<(u8, SeccompCmpOp, u64)>;

/// The rules of a filter: call number to alternatives; an empty list ignores arguments.
fn rules(filter: &Filter) -> BTreeMap<&'static str, Vec<Alternative>> {
    let mut rules: BTreeMap<&'static str, Vec<Alternative>> = BTreeMap::new();
    for (_, name, group) in TABLE {
        if filter.groups.contains(group) {
            rules.insert(name, Vec::new());
        }
    }
    let mut restrict = |name: &'static str, alternatives: Vec<Alternative>| {
        if rules.contains_key(name) {
            rules.insert(name, alternatives);
        }
    };
    if !filter.groups.contains(&Group::Namespaces) {
        // Threads for all services, processes only if granted.
        let forks = filter.groups.contains(&Group::Process);
        let mask = if forks { NAMESPACES } else { NAMESPACES | THREAD };
        restrict("clone", vec![vec![(0, MaskedEq(mask), if forks { 0 } else { THREAD })]]);
    }
    if !filter.personality {
        // The default personality, and the query for it.
        restrict("personality", vec![vec![(0, Eq, 0)], vec![(0, Eq, 0xffff_ffff)]]);
    }
    if !filter.realtime {
        let usual = [libc::SCHED_OTHER, libc::SCHED_BATCH, libc::SCHED_IDLE];
        restrict("sched_setscheduler", usual.iter().map(|policy| vec![(1, Eq, *policy as u64)]).collect());
        // Its policy is in memory.
        rules.remove("sched_setattr");
    }
    if !filter.set_id_bits {
        restrict_set_id(&mut rules);
    }
    if !filter.write_execute {
        restrict_write_execute(&mut rules);
    }
    rules.insert("ioctl", vec![vec![(1, Ne, TIOCSTI), (1, Ne, TIOCLINUX)]]);
    restrict_families(filter, &mut rules);
    restrict_fast_open(&mut rules);
    rules
}

fn restrict_fast_open(rules: &mut BTreeMap<&'static str, Vec<Alternative>>) {
    for (name, flags) in [("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)] {
        if rules.contains_key(name) {
            rules.insert(name, vec![vec![(flags, MaskedEq(FAST_OPEN), 0)]]);
        }
    }
}

fn restrict_set_id(rules: &mut BTreeMap<&'static str, Vec<Alternative>>) {
    let modes = [("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("fchmodat2", 2), ("creat", 1)];
    let makers = [("mkdir", 1), ("mkdirat", 2), ("mknod", 1), ("mknodat", 2)];
    for (name, mode) in modes.into_iter().chain(makers) {
        rules.insert(name, vec![vec![(mode, MaskedEq(SET_ID), 0)]]);
    }
    for (name, flags) in [("open", 1), ("openat", 2)] {
        // The mode matters only if the call creates a file.
        rules.insert(name, vec![vec![(flags, MaskedEq(CREATES), 0)], vec![(flags + 1, MaskedEq(SET_ID), 0)]]);
    }
}

fn restrict_write_execute(rules: &mut BTreeMap<&'static str, Vec<Alternative>>) {
    let both = WRITE | EXECUTE;
    rules.insert("mmap", vec![vec![(2, MaskedEq(EXECUTE), 0)], vec![(2, MaskedEq(both), EXECUTE)]]);
    for name in ["mprotect", "pkey_mprotect"] {
        rules.insert(name, vec![vec![(2, MaskedEq(EXECUTE), 0)]]);
    }
    if rules.contains_key("shmat") {
        rules.insert("shmat", vec![vec![(2, MaskedEq(libc::SHM_EXEC as u64), 0)]]);
    }
}

fn restrict_families(filter: &Filter, rules: &mut BTreeMap<&'static str, Vec<Alternative>>) {
    if !filter.groups.contains(&Group::Sockets) || filter.families.contains(&Family::Any) {
        return;
    }
    // The lower bits of the type; the others are flags.
    let kind = |kind: i32| (1, MaskedEq(0xf), kind as u64);
    let mut alternatives: Vec<Alternative> = Vec::new();
    for family in &filter.families {
        let domain = |domain: i32| (0, Eq, domain as u64);
        match family {
            Family::Unix => alternatives.push(vec![domain(libc::AF_UNIX)]),
            Family::Netlink => alternatives.push(vec![domain(libc::AF_NETLINK)]),
            Family::Route => alternatives.push(vec![domain(libc::AF_NETLINK), (2, Eq, libc::NETLINK_ROUTE as u64)]),
            Family::Audit => alternatives.push(vec![domain(libc::AF_NETLINK), (2, Eq, libc::NETLINK_AUDIT as u64)]),
            Family::Packet => alternatives.push(vec![domain(libc::AF_PACKET)]),
            Family::Inet | Family::Inet6 => {
                let inet = if *family == Family::Inet { libc::AF_INET } else { libc::AF_INET6 };
                alternatives.push(vec![domain(inet), kind(libc::SOCK_STREAM)]);
                alternatives.push(vec![domain(inet), kind(libc::SOCK_DGRAM)]);
            }
            Family::Raw => {
                alternatives.push(vec![domain(libc::AF_INET), kind(libc::SOCK_RAW)]);
                alternatives.push(vec![domain(libc::AF_INET6), kind(libc::SOCK_RAW)]);
            }
            Family::Any => {}
        }
    }
    if alternatives.is_empty() {
        // Without a family there are no sockets; an empty list would allow all.
        rules.remove("socket");
    } else {
        rules.insert("socket", alternatives);
    }
    // Both ends are in the program, so only one family makes sense.
    rules.insert("socketpair", vec![vec![(0, Eq, libc::AF_UNIX as u64)]]);
}

/// Calls that the distribution's kernel lacks: the result is the same with and without a filter.
const NOT_COMPILED_IN: [Group; 8] = [
    Group::Bpf,
    Group::Emulation,
    Group::IoUring,
    Group::Kexec,
    Group::Modules,
    Group::Obsolete,
    Group::RawIo,
    Group::UserFault,
];
/// The same for single calls of a group.
const NOT_COMPILED_IN_EITHER: [&str; 3] = ["kcmp", "process_vm_readv", "process_vm_writev"];

/// Calls that fail with ENOSYS.
fn absent(filter: &Filter) -> Vec<u32> {
    let is_absent = |name: &str, group: &Group| match name {
        "openat2" => !filter.set_id_bits,
        _ if filter.groups.contains(group) => false,
        "clone3" => true,
        _ => NOT_COMPILED_IN.contains(group) || NOT_COMPILED_IN_EITHER.contains(&name),
    };
    TABLE.iter().filter(|(_, name, group)| is_absent(name, group)).map(|(number, ..)| u32::from(*number)).collect()
}

/// Compiles the filter.
pub fn compile(filter: &Filter) -> Result<BpfProgram, seccompiler::BackendError> {
    // All of these are ints, or longs of which the kernel reads the lower half only: the upper half must not hide them.
    let condition = |(argument, operator, value)| SeccompCondition::new(argument, Dword, operator, value);
    let mut map = BTreeMap::new();
    for (name, alternatives) in rules(filter) {
        let alternatives = alternatives
            .into_iter()
            .map(|conditions| SeccompRule::new(conditions.into_iter().map(condition).collect::<Result<_, _>>()?));
        if let Some(number) = calls::number(name) {
            map.insert(number, alternatives.collect::<Result<Vec<_>, _>>()?);
        }
    }
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let allowed: BpfProgram = SeccompFilter::new(map, refused, SeccompAction::Allow, TargetArch::x86_64)?.try_into()?;
    let told = if filter.tells_logins { tell_logins() } else { BpfProgram::new() };
    Ok(prologue(filter).into_iter().chain(told).chain(allowed).collect())
}

/// Lower UIDs are the system's own accounts, whose processes belong to services.
const FIRST_USER: u32 = 1000;
/// "Keep the present value."
const UNCHANGED: u32 = u32::MAX;

/// Lets the listener decide about each change of the real UID to a user's; otherwise falls through. Goes after
/// [`prologue`], which leaves the call number in the register.
fn tell_logins() -> BpfProgram {
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let number = |name| calls::number(name).and_then(|number| u32::try_from(number).ok()).unwrap_or(UNCHANGED);
    vec![
        step(EQUAL, 2, 0, number("setuid")),
        step(EQUAL, 1, 0, number("setreuid")),
        step(EQUAL, 0, 4, number("setresuid")),
        // The lower half of the first argument.
        step(LOAD, 0, 0, 16),
        step(AT_LEAST, 0, 2, FIRST_USER),
        step(EQUAL, 1, 0, UNCHANGED),
        step(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
    ]
}

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Returns ENOSYS, or falls through. Jumps of the rest are relative, so it can go before them.
fn prologue(filter: &Filter) -> BpfProgram {
    /// Numbers from here on belong to another ABI, which the filter refuses.
    const X32: u32 = 0x4000_0000;
    let no_such_call = || sock_filter { code: RETURN, jt: 0, jf: 0, k: libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32 };
    let mut program = vec![sock_filter { code: LOAD, jt: 0, jf: 0, k: 0 }];
    for number in absent(filter) {
        program.extend([sock_filter { code: EQUAL, jt: 0, jf: 1, k: number }, no_such_call()]);
    }
    let beyond = TABLE.last().map_or(0, |(number, ..)| u32::from(*number) + 1);
    program.extend([
        sock_filter { code: AT_LEAST, jt: 0, jf: 2, k: beyond },
        sock_filter { code: AT_LEAST, jt: 1, jf: 0, k: X32 },
        no_such_call(),
    ]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program as the kernel would.
    fn run(program: &BpfProgram, number: u32, arguments: [u64; 6]) -> u32 {
        let arch = 0xc000_003eu32;
        let word = |offset: u32| match offset {
            0 => number,
            4 => arch,
            16.. => {
                let argument = arguments[(offset as usize - 16) / 8];
                if (offset - 16) % 8 == 0 { argument as u32 } else { (argument >> 32) as u32 }
            }
            _ => 0,
        };
        let (mut at, mut register) = (0usize, 0u32);
        loop {
            let step = &program[at];
            at += 1;
            let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match step.code {
                0x20 => register = word(step.k),
                0x54 => register &= step.k,
                0x15 => at += jump(register == step.k),
                0x25 => at += jump(register > step.k),
                0x35 => at += jump(register >= step.k),
                0x05 => at += step.k as usize,
                0x06 => return step.k,
                code => panic!("instruction {code:#x}"),
            }
        }
    }

    const ALLOWED: u32 = libc::SECCOMP_RET_ALLOW;
    const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

    fn ask(filter: &Filter, name: &str, arguments: &[u64]) -> u32 {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        run(&compile(filter).unwrap(), calls::number(name).unwrap() as u32, all)
    }

    fn filter(groups: &[Group], families: &[Family]) -> Filter {
        let groups = groups.iter().copied().chain([Group::Base]).collect();
        Filter { groups, families: families.iter().copied().collect(), ..Filter::default() }
    }

    #[test]
    fn what_is_not_granted_is_refused() {
        let least = filter(&[], &[]);
        for (number, name, group) in TABLE {
            let verdict = ask(&least, name, &[0, 0, 0]);
            let hidden = absent(&least).contains(&u32::from(*number));
            let want = match group {
                _ if hidden => ABSENT,
                // Without CLONE_THREAD it is a new process.
                _ if *name == "clone" => REFUSED,
                Group::Base => ALLOWED,
                _ => REFUSED,
            };
            assert_eq!(verdict, want, "{name}");
        }
    }

    #[test]
    fn unknown_numbers_are_absent_and_other_abis_refused() {
        let program = compile(&filter(&[], &[])).unwrap();
        for (number, want) in [(463, ABSENT), (9999, ABSENT), (0x4000_0000, REFUSED), (0x4000_0000 | 59, REFUSED)] {
            assert_eq!(run(&program, number, [0; 6]), want, "{number}");
        }
    }

    #[test]
    fn arguments_count() {
        let some = filter(&[Group::Process, Group::Scheduling], &[]);
        let cases: [(&str, &[u64], u32); 24] = [
            ("clone", &[THREAD], ALLOWED),
            ("clone", &[libc::SIGCHLD as u64], ALLOWED),
            ("clone", &[libc::CLONE_NEWUSER as u64], REFUSED),
            ("clone", &[libc::CLONE_NEWNET as u64 | THREAD], REFUSED),
            ("personality", &[0], ALLOWED),
            ("personality", &[0xffff_ffff], ALLOWED),
            ("personality", &[0x0040_0000], REFUSED),
            ("sched_setscheduler", &[0, libc::SCHED_FIFO as u64], REFUSED),
            ("sched_setscheduler", &[0, libc::SCHED_BATCH as u64], ALLOWED),
            ("sched_setattr", &[0], REFUSED),
            ("chmod", &[0, 0o4755], REFUSED),
            ("chmod", &[0, 0o1777], ALLOWED),
            ("fchmodat", &[0, 0, 0o2755], REFUSED),
            ("openat", &[0, 0, libc::O_CREAT as u64, 0o6755], REFUSED),
            ("openat", &[0, 0, libc::O_RDONLY as u64, 0o6755], ALLOWED),
            ("openat", &[0, 0, libc::O_TMPFILE as u64, 0o4755], REFUSED),
            ("mknod", &[0, 0o104_755], REFUSED),
            ("mmap", &[0, 0, WRITE | EXECUTE], REFUSED),
            ("mmap", &[0, 0, EXECUTE | 1], ALLOWED),
            ("mmap", &[0, 0, WRITE | 1], ALLOWED),
            ("mprotect", &[0, 0, EXECUTE], REFUSED),
            ("mprotect", &[0, 0, WRITE], ALLOWED),
            ("ioctl", &[0, TIOCSTI], REFUSED),
            ("ioctl", &[0, 0x5401], ALLOWED),
        ];
        for (name, arguments, want) in cases {
            assert_eq!(ask(&some, name, arguments), want, "{name} {arguments:x?}");
        }
        let all =
            Filter { groups: Group::ALL.iter().copied().collect(), write_execute: true, set_id_bits: true, ..some };
        for (name, arguments) in [
            ("clone", &[NAMESPACES][..]),
            ("mmap", &[0, 0, 7]),
            ("chmod", &[0, 0o4755]),
            ("clone3", &[]),
            ("openat2", &[]),
        ] {
            assert_eq!(ask(&all, name, arguments), ALLOWED, "{name}");
        }
    }

    #[test]
    fn sockets_by_family() {
        let flags = libc::SOCK_CLOEXEC as u64;
        let cases: [(&[Family], i32, i32, u32); 9] = [
            (&[], libc::AF_UNIX, libc::SOCK_STREAM, REFUSED),
            (&[Family::Unix], libc::AF_UNIX, libc::SOCK_DGRAM, ALLOWED),
            (&[Family::Unix], libc::AF_INET, libc::SOCK_DGRAM, REFUSED),
            (&[Family::Inet], libc::AF_INET, libc::SOCK_STREAM, ALLOWED),
            (&[Family::Inet], libc::AF_INET, libc::SOCK_RAW, REFUSED),
            (&[Family::Inet], libc::AF_INET6, libc::SOCK_STREAM, REFUSED),
            (&[Family::Raw], libc::AF_INET6, libc::SOCK_RAW, ALLOWED),
            (&[Family::Netlink], libc::AF_PACKET, libc::SOCK_RAW, REFUSED),
            (&[Family::Any], libc::AF_VSOCK, libc::SOCK_STREAM, ALLOWED),
        ];
        for (families, domain, kind, want) in cases {
            let some = filter(&[Group::Sockets], families);
            assert_eq!(
                ask(&some, "socket", &[domain as u64, kind as u64 | flags]),
                want,
                "{families:?} {domain} {kind}"
            );
        }
        let some = filter(&[Group::Sockets], &[Family::Inet]);
        assert_eq!(ask(&some, "socketpair", &[libc::AF_UNIX as u64, 1]), ALLOWED);
    }

    #[test]
    fn netlink_by_protocol() {
        let netlink = |protocol: i32| [libc::AF_NETLINK as u64, libc::SOCK_RAW as u64, protocol as u64];
        let session = filter(&[Group::Sockets], &[Family::Route, Family::Audit]);
        for (protocol, want) in [
            (libc::NETLINK_ROUTE, ALLOWED),
            (libc::NETLINK_AUDIT, ALLOWED),
            (libc::NETLINK_NETFILTER, REFUSED),
            (libc::NETLINK_SOCK_DIAG, REFUSED),
            (libc::NETLINK_KOBJECT_UEVENT, REFUSED),
        ] {
            assert_eq!(ask(&session, "socket", &netlink(protocol)), want, "{protocol}");
            let whole = filter(&[Group::Sockets], &[Family::Netlink]);
            assert_eq!(ask(&whole, "socket", &netlink(protocol)), ALLOWED, "{protocol}");
        }
    }

    #[test]
    fn no_connection_begins_with_data() {
        for families in [&[Family::Inet][..], &[Family::Any]] {
            let some = filter(&[Group::Sockets], families);
            for (name, flags) in [("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)] {
                let mut arguments = [0; 6];
                arguments[flags] = libc::MSG_NOSIGNAL as u64;
                assert_eq!(ask(&some, name, &arguments), ALLOWED, "{name}");
                // With a bit in the upper half, which the kernel ignores.
                for hidden in [0, 1 << 32] {
                    arguments[flags] = FAST_OPEN | libc::MSG_NOSIGNAL as u64 | hidden;
                    assert_eq!(ask(&some, name, &arguments), REFUSED, "{name}");
                }
            }
        }
    }

    #[test]
    fn becoming_a_user_is_told() {
        let mut some = filter(&[Group::Identity], &[]);
        const TOLD: u32 = libc::SECCOMP_RET_USER_NOTIF;
        let keep = u64::from(UNCHANGED);
        let cases: [(&str, [u64; 3], u32); 10] = [
            ("setuid", [1000, 0, 0], TOLD),
            ("setreuid", [1001, keep, 0], TOLD),
            ("setresuid", [65534, 65534, 65534], TOLD),
            ("setresuid", [1000 | 1 << 32, 1000, 1000], TOLD),
            // sshd before a login, root, and file access as the user.
            ("setresuid", [22, 22, 22], ALLOWED),
            ("setuid", [0, 0, 0], ALLOWED),
            ("setresuid", [keep, 1000, keep], ALLOWED),
            ("setreuid", [keep, 1000, 0], ALLOWED),
            ("setgid", [1000, 0, 0], ALLOWED),
            ("getpid", [1000, 0, 0], ALLOWED),
        ];
        for tells in [true, false] {
            some.tells_logins = tells;
            for (name, arguments, want) in cases {
                assert_eq!(ask(&some, name, &arguments), if tells { want } else { ALLOWED }, "{name} {arguments:?}");
            }
        }
    }

    #[test]
    fn the_largest_filter_fits_into_the_kernel() {
        let groups = Group::ALL.iter().copied().collect();
        let families = Family::ALL.iter().map(|(family, ..)| *family).filter(|family| *family != Family::Any).collect();
        let program = compile(&Filter { groups, families, ..Filter::default() }).unwrap();
        assert!(program.len() <= 4096, "{} instructions", program.len());
    }
}
