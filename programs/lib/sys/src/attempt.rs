//! Calls that the kernel should refuse, for programs that try whether it does.

use std::ffi::{CStr, c_int, c_long, c_uint};
use std::io;

use crate::result::{check, check_long};

/// A call by its name in the kernel. None of them writes to memory that it is given the address of, but for addresses that are
/// no program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
#[allow(missing_docs, reason = "the kernel's names")]
pub enum Call {
    AddKey = libc::SYS_add_key,
    Bpf = libc::SYS_bpf,
    Chmod = libc::SYS_chmod,
    Chroot = libc::SYS_chroot,
    Geteuid = libc::SYS_geteuid,
    InitModule = libc::SYS_init_module,
    IoSetup = libc::SYS_io_setup,
    IoUringSetup = libc::SYS_io_uring_setup,
    Ioperm = libc::SYS_ioperm,
    Iopl = libc::SYS_iopl,
    Kcmp = libc::SYS_kcmp,
    KexecFileLoad = libc::SYS_kexec_file_load,
    KexecLoad = libc::SYS_kexec_load,
    Kill = libc::SYS_kill,
    MemfdCreate = libc::SYS_memfd_create,
    Mknod = libc::SYS_mknod,
    ModifyLdt = libc::SYS_modify_ldt,
    PerfEventOpen = libc::SYS_perf_event_open,
    Personality = libc::SYS_personality,
    ProcessVmReadv = libc::SYS_process_vm_readv,
    Ptrace = libc::SYS_ptrace,
    Reboot = libc::SYS_reboot,
    Sethostname = libc::SYS_sethostname,
    Settimeofday = libc::SYS_settimeofday,
    Socket = libc::SYS_socket,
    Swapon = libc::SYS_swapon,
    Syslog = libc::SYS_syslog,
    Unshare = libc::SYS_unshare,
    Uselib = libc::SYS_uselib,
    Userfaultfd = libc::SYS_userfaultfd,
}

/// Makes a call with numbers; those that are not given are 0. Numbers of this size are no addresses in a 64-bit program, which lies
/// above them.
pub fn call(call: Call, numbers: &[c_int]) -> io::Result<c_long> {
    let number = |index: usize| numbers.get(index).copied().map_or(0, c_long::from);
    // SAFETY: what a call takes for an address is null or nothing of this program's.
    check_long(unsafe { libc::syscall(call as c_long, number(0), number(1), number(2), number(3), number(4)) })
}

/// Makes a call whose first argument is a text, with numbers behind it, as [`call`].
pub fn call_with_text(call: Call, text: &CStr, numbers: &[c_int]) -> io::Result<c_long> {
    let number = |index: usize| numbers.get(index).copied().map_or(0, c_long::from);
    // SAFETY: the text ends with NUL and is only read; otherwise as above.
    check_long(unsafe { libc::syscall(call as c_long, text.as_ptr(), number(0), number(1), number(2)) })
}

/// Asks for real-time scheduling.
pub fn schedule_in_real_time() -> io::Result<()> {
    crate::rights::set_scheduler(libc::SCHED_FIFO, 1)
}

/// Types a character into the terminal on standard input, as if its user had.
pub fn type_for_user() -> io::Result<()> {
    // SAFETY: the kernel reads one byte.
    check(unsafe { libc::ioctl(0, libc::TIOCSTI as _, c"x".as_ptr()) }).map(drop)
}

/// A page of memory that can be both written and executed.
pub fn map_write_execute() -> io::Result<()> {
    map(libc::PROT_WRITE | libc::PROT_EXEC).map(drop)
}

/// Memory that is executable after it could be written.
pub fn execute_what_was_written() -> io::Result<()> {
    let page = map(libc::PROT_READ | libc::PROT_WRITE)?;
    // SAFETY: a page of its own, which nobody else knows.
    check(unsafe { libc::mprotect(page, PAGE, libc::PROT_READ | libc::PROT_EXEC) }).map(drop)
}

const PAGE: usize = 4096;

fn map(protection: c_int) -> io::Result<*mut libc::c_void> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // musl's own mmap says that memory is out where the kernel says that it is not permitted.
    // SAFETY: a new page, where the kernel likes.
    let page = unsafe {
        libc::syscall(
            libc::SYS_mmap,
            std::ptr::null_mut::<libc::c_void>(),
            PAGE,
            protection,
            flags,
            -1,
            0 as libc::c_long,
        )
    };
    check_long(page).map(|page| page as *mut libc::c_void)
}

/// Asks for a counter of the whole machine's kernel time.
pub fn profile_kernel() -> io::Result<()> {
    let mut attributes = [0_u8; 112];
    attributes[4] = 112;
    let (every_process, processor) = (-1, 0);
    // SAFETY: the attributes are as long as they say, and the kernel may write into them.
    check_long(unsafe {
        libc::syscall(libc::SYS_perf_event_open, attributes.as_mut_ptr(), every_process, processor, -1, 0 as c_uint)
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_reaches_the_kernel() {
        assert_eq!(call(Call::Geteuid, &[]).unwrap(), c_long::from(crate::process::effective_uid()));
        assert_eq!(call(Call::Kill, &[0, 0]).unwrap(), 0);
        let error = call_with_text(Call::Chroot, c"/no/such/path", &[]).unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EPERM)), "{error}");
        assert!(call(Call::KexecFileLoad, &[-1, -1]).is_err());
    }
}
