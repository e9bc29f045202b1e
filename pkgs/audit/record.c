#include <libaudit.h>

int main(void)
{
    return audit_name_to_syscall("openat2", MACH_86_64) == 437 ? 0 : 1;
}
