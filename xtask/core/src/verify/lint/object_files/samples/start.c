void fill(char *buffer, int count) { while (count--) buffer[count] = (char)count; }
int guarded(int count);
__attribute__((noreturn)) void __stack_chk_fail(void) { for (;;) ; }
void _start(void) { for (;;) guarded(4); }
