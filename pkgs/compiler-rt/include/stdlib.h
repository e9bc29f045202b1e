/* There is no C library yet. */
_Noreturn void abort(void);
