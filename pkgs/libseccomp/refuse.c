#include <errno.h>
#include <seccomp.h>
#include <sys/utsname.h>

int main(void)
{
    struct utsname name;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(uname), 0) || seccomp_load(filter))
        return 1;
    return !(uname(&name) == -1 && errno == EPERM);
}
