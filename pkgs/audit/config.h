/* What upstream's configure would find with our libc and kernel headers: the source comes without a configure script, and the
 * seed has no autoconf. Absent, because musl lacks them: rawmemchr, strndupa, mallinfo2, close_range. */
#define PACKAGE "audit"
#define PACKAGE_NAME "audit"
#define PACKAGE_VERSION "@VERSION@"
#define VERSION "@VERSION@"
#define AUDIT_RUN_DIR "/run/audit"
/* musl names no size; upstream's own fallback. */
#define NSS_BUFSIZE 1024

#define SIZEOF_UNSIGNED_INT 4
#define SIZEOF_UNSIGNED_LONG 8
#define SIZEOF_LONG 8
#define SIZEOF_TIME_T 8

#define HAVE_DECL_AUDIT_FEATURE_VERSION 1
#define HAVE_STRUCT_AUDIT_STATUS_FEATURE_BITMAP 1
#define HAVE_DECL_AUDIT_VERSION_BACKLOG_WAIT_TIME 1
#define HAVE_DECL_AUDIT_STATUS_BACKLOG_WAIT_TIME 1
#define HAVE_DECL_AUDIT_STATUS_BACKLOG_WAIT_TIME_ACTUAL 1
#define HAVE_DECL_ADDR_NO_RANDOMIZE 1
#define HAVE_POSIX_FALLOCATE 1
#define HAVE_FACCESSAT 1
#define HAVE_ATOMIC 1
#define ATOMIC_INT atomic_int
#define ATOMIC_UNSIGNED atomic_uint
#define USE_FANOTIFY
/* AppArmor's record types; operators may name them in rules and searches. */
#define WITH_APPARMOR

/* For libev. auditd asks for select, its few descriptors never change; the other back ends are not compiled. */
#define HAVE_SYS_SELECT_H 1
#define HAVE_SELECT 1
#define HAVE_SYS_EVENTFD_H 1
#define HAVE_EVENTFD 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_NANOSLEEP 1
#define HAVE_FLOOR 1
