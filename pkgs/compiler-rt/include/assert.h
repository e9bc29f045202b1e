/* There is no C library yet; assertions are off. */
#define assert(condition) ((void)0)
#define static_assert _Static_assert
