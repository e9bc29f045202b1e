/*
 * Known ways out of a container, one line each: `refused NAME: why` or `ESCAPED NAME`. The exit status is the number of
 * those that worked. Nothing is destroyed by one that works: files are opened for writing, not written.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int escaped;

/* Judges a system call's result. */
static void tried(const char *name, long result)
{
    if (result >= 0) {
        printf("ESCAPED %s\n", name);
        escaped++;
    } else {
        printf("refused %s: %s\n", name, strerror(errno));
    }
}

static int to_write(const char *path)
{
    return open(path, O_WRONLY | O_CLOEXEC);
}

/* Calls the kernel with pointers to zeros, which every one of these accepts or refuses for its own reasons. */
static long call(long number, long first, long second)
{
    static char zeros[4096];
    return syscall(number, first, second ? second : (long)zeros, zeros, 0, 0);
}

/* A node of the first disks, made and opened. */
static long raw_disk(void)
{
    const char *path = "/tmp/disk";
    for (int major = 8; major < 260; major += 251 - 8)
        if (mknod(path, S_IFBLK | 0600, makedev(major, 0)) == 0)
            return open(path, O_RDONLY);
    return -1;
}

/* shocker: a handle of inode 2 of the file system of some file that the host gave. */
static long by_handle(void)
{
    /* struct file_handle: eight bytes, of the kind inode and generation, inode 2. */
    unsigned handle[] = { 8, 1, 2, 0 };
    int mount = open("/", O_RDONLY | O_DIRECTORY);
    return syscall(SYS_open_by_handle_at, mount, handle, O_RDONLY);
}

/* CVE-2024-21626: a descriptor of a directory of the host, left open, or the working directory itself. */
static long leaked_descriptor(void)
{
    char path[64], target[4096];
    for (int fd = 3; fd < 1024; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        struct stat found;
        if (length > 0 && fstat(fd, &found) == 0 && S_ISDIR(found.st_mode))
            return fd;
    }
    /* A working directory outside of the root is shown by the kernel with this prefix. */
    if (syscall(SYS_getcwd, target, sizeof target) > 0 && strncmp(target, "(unreachable)", 13) == 0)
        return 0;
    errno = ENOENT;
    return -1;
}

/* CVE-2019-5736: the runtime that started the container, through a process of it. */
static long runtime_binary(void)
{
    long result = to_write("/proc/self/exe");
    return result >= 0 ? result : to_write("/proc/1/exe");
}

/* Processes of the host: none has a number here but those of the container. */
static long foreign_process(void)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc && (entry = readdir(proc)) != NULL) {
        int pid = atoi(entry->d_name);
        if (pid > 0 && pid != getpid())
            return pid;
    }
    errno = ESRCH;
    return -1;
}

static long release_agent(void)
{
    mkdir("/tmp/cgroup", 0700);
    if (mount("cgroup", "/tmp/cgroup", "cgroup", 0, "memory") == 0 || mount("cgroup2", "/tmp/cgroup", "cgroup2", 0, NULL) == 0)
        return 0;
    return to_write("/sys/fs/cgroup/release_agent");
}

/* For audit, a process that no login started can become any person, once; its threads as well. */
static long audit_number(void)
{
    const char *paths[] = { "/proc/self/loginuid", "/proc/thread-self/loginuid" };
    for (unsigned at = 0; at < sizeof paths / sizeof *paths; at++) {
        int file = to_write(paths[at]);
        if (file >= 0 && write(file, "1001", 4) == 4)
            return 0;
    }
    return -1;
}

/* A connection that is made by sending goes around what judges connections. Only a filter's answer counts: without a
 * network, sending fails anyhow. */
static long fast_open(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct iovec data = { .iov_base = "x", .iov_len = 1 };
    struct mmsghdr many = { .msg_hdr = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &data, .msg_iovlen = 1 } };
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (tcp < 0)
        return -1;
    if (sendto(tcp, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof to) >= 0 || errno != EPERM)
        return 0;
    if (sendmsg(tcp, &many.msg_hdr, MSG_FASTOPEN) >= 0 || errno != EPERM)
        return 0;
    return sendmmsg(tcp, &many, 1, MSG_FASTOPEN) >= 0 || errno != EPERM ? 0 : -1;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* First: later attempts open directories themselves. */
    tried("leaked directory (CVE-2024-21626)", leaked_descriptor());
    tried("write /proc/sys/kernel/core_pattern", to_write("/proc/sys/kernel/core_pattern"));
    tried("write /proc/sysrq-trigger", to_write("/proc/sysrq-trigger"));
    tried("read /proc/kcore", open("/proc/kcore", O_RDONLY) >= 0 ? read(open("/proc/kcore", O_RDONLY), (char[1]){ 0 }, 1) - 1 : -1);
    mkdir("/tmp/disk-of-the-host", 0700);
    tried("mount the disk of the host", mount("/dev/vda", "/tmp/disk-of-the-host", "ext4", MS_RDONLY, NULL));
    tried("mount a tmpfs", mount("tmpfs", "/tmp/disk-of-the-host", "tmpfs", 0, NULL));
    tried("make a node of a disk and read it", raw_disk());
    tried("cgroup release_agent", release_agent());
    tried("open_by_handle_at (shocker)", by_handle());
    tried("see a process of the host", foreign_process());
    tried("ptrace the parent", ptrace(PTRACE_SEIZE, getppid() ? getppid() : 1, 0, 0));
    tried("unshare a user namespace", unshare(CLONE_NEWUSER));
    tried("unshare a mount namespace", unshare(CLONE_NEWNS));
    tried("setns into the namespace of process 1", syscall(SYS_setns, open("/proc/1/ns/mnt", O_RDONLY), 0));
    tried("overwrite the runtime (CVE-2019-5736)", runtime_binary());
    tried("write below the root", open("/usr/bin/new", O_CREAT | O_WRONLY, 0700));
    tried("keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
    tried("bpf", call(SYS_bpf, 5, 0));
    tried("perf_event_open", syscall(SYS_perf_event_open, (char[128]){ 1 }, 0, -1, -1, 0));
    tried("io_uring_setup", call(SYS_io_uring_setup, 1, 0));
    tried("userfaultfd", syscall(SYS_userfaultfd, 1));
    tried("packet socket", socket(AF_PACKET, SOCK_RAW, 0));
    tried("netlink socket", socket(AF_NETLINK, SOCK_RAW, 0));
    tried("connect by sending (TCP Fast Open)", fast_open());
    tried("raw socket", socket(AF_INET, SOCK_RAW, 1));
    tried("load a module", call(SYS_init_module, 0, 0) < 0 && errno == EPERM ? -1 : syscall(SYS_finit_module, 0, "", 0));
    tried("kexec_load", call(SYS_kexec_load, 0, 0));
    tried("chroot", chroot("/tmp"));
    tried("become root", setuid(0));
    tried("take a person's number for audit", audit_number());
    tried("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL));
    return escaped > 100 ? 100 : escaped;
}
