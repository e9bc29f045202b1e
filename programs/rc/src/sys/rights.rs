//! Calls about what a process may do, and how much of the machine it gets.

use super::{check, check_long};
use std::ffi::{c_int, c_ulong};
use std::io;
use std::{mem, ptr};

/// All groups of this process. Must be done before the user id changes.
pub fn set_groups(gid: u32, others: &[u32]) -> io::Result<()> {
    // SAFETY: pointer and length are those of one slice.
    check(unsafe { libc::setgroups(others.len() as _, others.as_ptr()) })?;
    // SAFETY: no memory is involved.
    check(unsafe { libc::setresgid(gid, gid, gid) }).map(drop)
}

/// The user of this process, real, effective and saved.
pub fn set_user(uid: u32) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::setresuid(uid, uid, uid) }).map(drop)
}

/// Processor priority of this process, -20 to 19.
pub fn set_nice(level: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, level) }).map(drop)
}

/// Disk priority of this process.
pub fn set_io_priority(class: u8, data: u8) -> io::Result<()> {
    let value = c_int::from(class) << 13 | c_int::from(data);
    // SAFETY: no memory is involved. 1 means a process, 0 this one.
    check_long(unsafe { libc::syscall(libc::SYS_ioprio_set, 1, 0, value) }).map(drop)
}

/// Scheduling policy and real-time priority of this process.
pub fn set_scheduler(policy: c_int, priority: c_int) -> io::Result<()> {
    // SAFETY: `sched_param` consists of integers, for which zero is a value.
    let mut parameter: libc::sched_param = unsafe { mem::zeroed() };
    parameter.sched_priority = priority;
    // SAFETY: the system call reads one `sched_param`; musl's wrapper refuses, so the kernel is called directly.
    let result = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, ptr::from_ref(&parameter)) };
    check_long(result).map(drop)
}

fn prctl(option: c_int, first: c_ulong, second: c_ulong) -> io::Result<c_int> {
    // SAFETY: the options used in this module take integers only.
    check(unsafe { libc::prctl(option, first, second, 0, 0) })
}

/// Programs started from here gain no rights by setuid or file capabilities.
pub fn no_new_privileges() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop)
}

/// Sets the security bits (`linux/securebits.h`).
pub fn set_secure_bits(bits: c_ulong) -> io::Result<()> {
    prctl(libc::PR_SET_SECUREBITS, bits, 0).map(drop)
}

/// Permitted capabilities survive the change of the user id.
pub fn keep_capabilities() -> io::Result<()> {
    prctl(libc::PR_SET_KEEPCAPS, 1, 0).map(drop)
}

/// Removes a capability from the bounding set. `false`: the kernel does not know that number.
pub fn drop_from_bounding_set(capability: u32) -> io::Result<bool> {
    match prctl(libc::PR_CAPBSET_DROP, c_ulong::from(capability), 0) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(false),
        other => other.map(|_| true),
    }
}

/// Adds a capability to the ambient set.
pub fn raise_ambient(capability: u32) -> io::Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as c_ulong, c_ulong::from(capability)).map(drop)
}

/// Sets the inheritable set to `add` more, raising nothing else; all permitted ones become effective.
pub fn add_inheritable(add: u64) -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: c_int,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Data {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    let header = Header { version: 0x2008_0522, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: version 3 reads and writes two data structures, which the array holds.
    check_long(unsafe { libc::syscall(libc::SYS_capget, ptr::from_ref(&header), data.as_mut_ptr()) })?;
    for (half, entry) in data.iter_mut().enumerate() {
        entry.inheritable |= (add >> (32 * half)) as u32;
        entry.effective = entry.permitted;
    }
    // SAFETY: as above.
    check_long(unsafe { libc::syscall(libc::SYS_capset, ptr::from_ref(&header), data.as_ptr()) }).map(drop)
}
