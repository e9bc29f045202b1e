//! Calls about what a process may do, and how much of the machine it gets.

use std::ffi::{c_int, c_ulong};
use std::io;
use std::{mem, ptr};

use rustix::process::{Resource as Limited, Rlimit};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

use crate::result::{check, check_long};

/// All groups of this process. Must be done before the user id changes.
pub fn set_groups(gid: u32, others: &[u32]) -> io::Result<()> {
    // SAFETY: pointer and length are those of one slice. Not by rustix, which changes the calling thread only.
    check(unsafe { libc::setgroups(others.len() as _, others.as_ptr()) })?;
    // SAFETY: no memory is involved. As above.
    check(unsafe { libc::setresgid(gid, gid, gid) }).map(drop)
}

/// The user of this process, real, effective and saved.
pub fn set_user(uid: u32) -> io::Result<()> {
    // SAFETY: no memory is involved. Not by rustix, as for the groups.
    check(unsafe { libc::setresuid(uid, uid, uid) }).map(drop)
}

/// Processor priority of this process, -20 to 19.
pub fn set_nice(level: c_int) -> io::Result<()> {
    Ok(rustix::process::setpriority_process(None, level)?)
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

/// Programs started from here gain no rights by setuid or file capabilities.
pub fn no_new_privileges() -> io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Sets the security bits (`linux/securebits.h`).
pub fn set_secure_bits(bits: u64) -> io::Result<()> {
    // As the kernel answers to bits that it does not have.
    let bits = u32::try_from(bits).map_err(|_| io::Error::from_raw_os_error(libc::EPERM))?;
    Ok(rustix::thread::set_capabilities_secure_bits(CapabilitiesSecureBits::from_bits_retain(bits))?)
}

/// Permitted capabilities survive the change of the user id.
pub fn keep_capabilities() -> io::Result<()> {
    Ok(rustix::thread::set_keep_capabilities(true)?)
}

/// Removes a capability from the bounding set: no program can have it again. `false`: the kernel does not know that number.
pub fn drop_from_bounding_set(capability: u8) -> io::Result<bool> {
    match rustix::thread::remove_capability_from_bounding_set(one(capability)) {
        Err(rustix::io::Errno::INVAL) => Ok(false),
        other => Ok(other.map(|()| true)?),
    }
}

/// Adds a capability to the ambient set: programs that are started later have it, without root.
pub fn raise_ambient(capability: u8) -> io::Result<()> {
    Ok(rustix::thread::configure_capability_in_ambient_set(one(capability), true)?)
}

/// A capability by its number; none for a number that no set has room for, which the calls refuse.
fn one(capability: u8) -> CapabilitySet {
    CapabilitySet::from_bits_retain(1_u64.checked_shl(capability.into()).unwrap_or_default())
}

/// Sets the inheritable set to `add` more, raising nothing else; all permitted ones become effective.
pub fn add_inheritable(add: u64) -> io::Result<()> {
    let mut sets = rustix::thread::capabilities(None)?;
    sets.inheritable |= CapabilitySet::from_bits_retain(add);
    sets.effective = sets.permitted;
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// Sets permitted, effective and inheritable capabilities.
pub fn set_capabilities(permitted: u64, inheritable: u64) -> io::Result<()> {
    let [permitted, inheritable] = [permitted, inheritable].map(CapabilitySet::from_bits_retain);
    let sets = CapabilitySets { effective: permitted, permitted, inheritable };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// Memory that was written never becomes executable.
pub fn no_write_execute() -> io::Result<()> {
    // Not yet in the `libc` crate for musl.
    const PR_SET_MDWE: c_int = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: c_ulong = 1;
    // SAFETY: no memory is involved.
    check(unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) }).map(drop)
}

/// A new, empty key store for this session.
pub fn own_keyring() -> io::Result<()> {
    const JOIN_SESSION_KEYRING: c_int = 1;
    // SAFETY: a null pointer asks for a keyring without a name.
    check_long(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, ptr::null::<libc::c_char>()) }).map(drop)
}

/// What a limit is of.
#[derive(Debug, Clone, Copy)]
pub enum Resource {
    /// Bytes of a core dump.
    Core,
    /// Open files.
    Files,
    /// Processes of the user, wherever they were started; root is exempt.
    UserProcesses,
}

/// Sets a limit, soft and hard.
pub fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let resource = match resource {
        Resource::Core => Limited::Core,
        Resource::Files => Limited::Nofile,
        Resource::UserProcesses => Limited::Nproc,
    };
    Ok(rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_its_bit() {
        assert_eq!([0, 40, 63, 64, 255].map(|number| one(number).bits()), [1, 1 << 40, 1 << 63, 0, 0]);
    }

    #[test]
    fn what_no_kernel_has_is_no_capability() {
        // Asking for these changes nothing.
        assert!(matches!(drop_from_bounding_set(64), Ok(false)));
        assert!(raise_ambient(63).is_err());
    }
}
