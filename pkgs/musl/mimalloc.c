/*
 * musl's allocator: mimalloc, compiled into the C library as one object.
 *
 * It provides what musl expects from an allocator (the names in ./symbols, everything else in the object is made
 * local) and takes what it needs from musl's inside. No environment variable is read, no file is opened, and
 * corruption ends the process. The options that mimalloc would read at run time are constants, listed below.
 */
#ifndef MI_SECURE
#error "the recipe says which level of hardening is wanted"
#endif

#define _GNU_SOURCE
#define MI_LIBC 1
#define MI_NO_GETENV 1
#define MI_PADDING 0
#define NDEBUG 1

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "dynlink.h"
#include "fork_impl.h"
#include "libc.h"
#include "lock.h"
#include "pthread_impl.h"
#include "syscall.h"
#undef weak

/* mimalloc's few locks are musl's small ones, which cost nothing while there is one thread. */
struct libc_lock {
	volatile int word[1];
};

static int libc_lock_acquire(struct libc_lock *lock)
{
	LOCK(lock->word);
	return 0;
}

static int libc_lock_release(struct libc_lock *lock)
{
	UNLOCK(lock->word);
	return 0;
}

#undef PTHREAD_MUTEX_INITIALIZER
#define PTHREAD_MUTEX_INITIALIZER {{0}}
#define pthread_mutex_t struct libc_lock
#define pthread_mutex_lock libc_lock_acquire
#define pthread_mutex_trylock libc_lock_acquire
#define pthread_mutex_unlock libc_lock_release
#define pthread_mutex_destroy(lock) ((void)0)

/* A thread's heap and its number are words of its struct pthread. There is one heap, so that is the main one, too. */
#define MI_PRIM_THREAD_ID() (__pthread_self()->malloc_id)
#define __mi_theap_main (*(mi_theap_t **)&__pthread_self()->malloc_heap)

static inline void *mi_prim_tls_slot(size_t slot)
{
	return slot ? 0 : __pthread_self()->malloc_heap;
}

static inline void mi_prim_tls_slot_set(size_t slot, void *value)
{
	if (!slot) __pthread_self()->malloc_heap = value;
}

#include "mimalloc.h"
#include "mimalloc/internal.h"
#include "mimalloc/atomic.h"

/* The guard of the purge, where fork() can reach it. */
static mi_atomic_guard_t purging;
#undef mi_atomic_guard
#define mi_atomic_guard(guard) \
	for (uintptr_t free_guard = ((void)(guard), 0), once = 1; \
	     once && mi_atomic_cas_strong_acq_rel(&purging, &free_guard, (uintptr_t)1); \
	     mi_atomic_store_release(&purging, (uintptr_t)0), once = 0)

/* Statistics and messages need printf and cost time. */
#undef mi_heap_stat_counter_increase
#undef mi_heap_stat_increase
#undef mi_heap_stat_decrease
#undef mi_subproc_stat_counter_increase
#undef mi_subproc_stat_increase
#undef mi_subproc_stat_decrease
#undef mi_subproc_stat_adjust_increase
#undef mi_subproc_stat_adjust_decrease
#undef mi_os_stat_counter_increase
#undef mi_os_stat_increase
#undef mi_os_stat_decrease
#undef mi_theap_stat_counter_increase
#undef mi_theap_stat_increase
#undef mi_theap_stat_decrease
#undef mi_theap_stat_adjust_decrease
#define mi_heap_stat_counter_increase(heap, stat, amount) ((void)0)
#define mi_heap_stat_increase(heap, stat, amount) ((void)0)
#define mi_heap_stat_decrease(heap, stat, amount) ((void)0)
#define mi_subproc_stat_counter_increase(subproc, stat, amount) ((void)0)
#define mi_subproc_stat_increase(subproc, stat, amount) ((void)0)
#define mi_subproc_stat_decrease(subproc, stat, amount) ((void)0)
#define mi_subproc_stat_adjust_increase(subproc, stat, amount) ((void)0)
#define mi_subproc_stat_adjust_decrease(subproc, stat, amount) ((void)0)
#define mi_os_stat_counter_increase(stat, amount) ((void)0)
#define mi_os_stat_increase(stat, amount) ((void)0)
#define mi_os_stat_decrease(stat, amount) ((void)0)
#define mi_theap_stat_counter_increase(theap, stat, amount) ((void)0)
#define mi_theap_stat_increase(theap, stat, amount) ((void)0)
#define mi_theap_stat_decrease(theap, stat, amount) ((void)0)
#define mi_theap_stat_adjust_decrease(theap, stat, amount) ((void)0)
#define __mi_stat_increase_mt(stat, amount) ((void)0)
#define _mi_stats_init() ((void)0)
#define _mi_stats_merge_into(to, from) ((void)0)
#define mi_subproc_stats_print_out(subproc, out, arg) ((void)0)
#define _mi_raw_message(...) ((void)0)
#define _mi_verbose_message(...) ((void)0)
#define _mi_warning_message(...) ((void)0)
#define _mi_fputs(out, arg, prefix, message) ((void)0)
#define _mi_options_init() ((void)0)
#define _mi_options_post_init() ((void)0)

/*
 * An allocation that is too large only fails, and so does a guard page for which the process has no mapping left.
 * Everything else that mimalloc reports as an error is a double free, an overwritten free list or a pointer that was
 * never allocated: upstream ignores some of these, here all end the process.
 */
__attribute__((cold))
void _mi_error_message(int err, const char *format, ...)
{
	static const char prefix[] = "malloc: ";
	if (err == ENOMEM || err == EOVERFLOW) {
		errno = ENOMEM;
		return;
	}
	if (!strncmp(format, "secure level", 12)) return;
	size_t length = strcspn(format, "%\n");
	__syscall(SYS_write, 2, prefix, sizeof prefix - 1);
	__syscall(SYS_write, 2, format, length);
	__syscall(SYS_write, 2, "\n", 1);
	a_crash();
}

#define mi_option_get(option) option_value(option)
#define _mi_option_get_fast(option) option_value(option)
#define mi_option_is_enabled(option) (option_value(option) != 0)
#define mi_option_get_clamp(option, low, high) option_clamped(option, low, high)
#define mi_option_get_size(option) ((size_t)option_value(option) * MI_KiB)

static inline long option_value(mi_option_t option)
{
	switch (option) {
	case mi_option_arena_eager_commit: return 1;      /* of what is not touched, the kernel only counts addresses */
	case mi_option_arena_reserve: return 32 << 10;    /* KiB of the first arenas, which is the least there may be */
	case mi_option_arena_max_object_size: return 2 << 20; /* KiB; larger ones come from the kernel one by one */
	case mi_option_purge_decommits: return 1;         /* free pages cannot be accessed */
	case mi_option_purge_delay: return 25;            /* milliseconds until free pages go back to the kernel */
	case mi_option_arena_purge_mult: return 1;
	case mi_option_use_numa_nodes: return 1;          /* never look into /sys */
	case mi_option_generic_collect: return 10000;
	case mi_option_page_reclaim_on_free: return 0;    /* a page goes back to the thread that had it, if that frees first */
	case mi_option_page_full_retain: return 2;
	case mi_option_page_max_candidates: return 4;
	case mi_option_page_max_reclaim: return -1;
	case mi_option_page_cross_thread_max_reclaim: return 32;
	default: return 0;
	}
}

static inline long option_clamped(mi_option_t option, long low, long high)
{
	long value = option_value(option);
	return value < low ? low : value > high ? high : value;
}

/* There are no heaps but the main one, and so no numbers of them in thread-local variables. */
static inline mi_theap_t *no_theap(void)
{
	return 0;
}
#define _mi_thread_local_get(key) no_theap()
#define _mi_thread_local_set(key, value) false
#define _mi_thread_local_create() 0
#define _mi_thread_local_free(key) ((void)0)
#define _mi_thread_locals_init() ((void)0)
#define _mi_thread_locals_done() ((void)0)
#define _mi_thread_locals_thread_done() ((void)0)

#include "alloc.c"
#include "alloc-aligned.c"
#include "arena.c"
#include "arena-meta.c"
#include "bitmap.c"
#include "heap.c"
#include "init.c"
#include "../src/libc.c"   /* not the file of this name in musl */
#include "os.c"
#include "page.c"
#include "page-map.c"
#include "random.c"
#include "theap.c"

/*
 * What mimalloc asks of a system. free() must keep errno, and the public functions may be interposed, so these are bare
 * system calls; the exception is munmap, which must wait for threads that are about to leave a robust lock.
 */

void _mi_prim_mem_init(mi_os_mem_config_t *config)
{
	config->page_size = PAGE_SIZE;
	config->alloc_granularity = PAGE_SIZE;
	config->has_overcommit = true;   /* without it, the kernel ignores MAP_NORESERVE */
	config->has_partial_free = true;
	config->has_virtual_reserve = true;
	/*
	 * This is the first that mimalloc calls. A C library has no constructors: the first allocation prepares everything,
	 * whichever thread makes it. The main thread is that of the program.
	 */
	os_preloading = false;
	tld_main.thread_id = (mi_threadid_t)&libc;
}

int _mi_prim_free(void *start, size_t size)
{
	if (!size) return 0;
	int saved = errno;
	int error = __munmap(start, size) ? errno : 0;
	errno = saved;
	return error;
}

int _mi_prim_alloc(void *hint, size_t size, size_t alignment, bool commit, bool allow_large, bool *is_large, bool *is_zero, void **start)
{
	(void)allow_large;
	*is_large = false;
	*is_zero = true;
	/* Large areas at addresses of their own, which are aligned and random. */
	if (!hint) hint = _mi_os_get_aligned_hint(alignment, size);
	long result = __syscall(SYS_mmap, hint, size, commit ? PROT_READ | PROT_WRITE : PROT_NONE,
	                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool failed = (unsigned long)result > -4096UL;
	*start = failed ? 0 : (void *)result;
	return failed ? -result : 0;
}

int _mi_prim_commit(void *start, size_t size, bool *is_zero)
{
	*is_zero = false;
	return -__syscall(SYS_mprotect, start, size, PROT_READ | PROT_WRITE);
}

/* Also makes guard pages, so the memory must not be accessible afterwards. */
int _mi_prim_decommit(void *start, size_t size, bool *needs_recommit)
{
	*needs_recommit = true;
	__syscall(SYS_madvise, start, size, MADV_DONTNEED);
	return -__syscall(SYS_mprotect, start, size, PROT_NONE);
}

int _mi_prim_reset(void *start, size_t size)
{
	return -__syscall(SYS_madvise, start, size, MADV_DONTNEED);
}

int _mi_prim_reuse(void *start, size_t size)
{
	(void)start;
	(void)size;
	return 0;
}

int _mi_prim_protect(void *start, size_t size, bool protect)
{
	return -__syscall(SYS_mprotect, start, size, protect ? PROT_NONE : PROT_READ | PROT_WRITE);
}

int _mi_prim_alloc_huge_os_pages(void *hint, size_t size, int numa_node, bool *is_zero, void **start)
{
	(void)hint;
	(void)size;
	(void)numa_node;
	*is_zero = false;
	*start = 0;
	return ENOMEM;
}

size_t _mi_prim_numa_node(void)
{
	return 0;
}

size_t _mi_prim_numa_node_count(void)
{
	return 1;
}

mi_msecs_t _mi_prim_clock_now(void)
{
	struct timespec t;
	__clock_gettime(CLOCK_MONOTONIC, &t);
	return (mi_msecs_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

mi_msecs_t _mi_clock_now(void)
{
	return _mi_prim_clock_now();
}

mi_msecs_t _mi_clock_start(void)
{
	return _mi_clock_now();
}

mi_msecs_t _mi_clock_end(mi_msecs_t start)
{
	return _mi_clock_now() - start;
}

bool _mi_prim_random_buf(void *buffer, size_t size)
{
	return __syscall(SYS_getrandom, buffer, size, 0) == (long)size;
}

void _mi_prim_thread_yield(void)
{
	__syscall(SYS_sched_yield);
}

bool _mi_prim_thread_is_in_threadpool(void)
{
	return false;
}

void _mi_prim_thread_init_auto_done(void)
{
}

void _mi_prim_thread_done_auto_done(void)
{
}

void _mi_prim_thread_associate_default_theap(mi_theap_t *theap)
{
	(void)theap;
}

bool _mi_is_redirected(void)
{
	return false;
}

bool _mi_allocator_init(const char **message)
{
	*message = 0;
	return true;
}

void _mi_allocator_done(void)
{
}

/* From here on: what musl calls. */

/* The page of a block. A pointer into memory that this allocator did not hand out ends the process. */
static inline mi_page_t *page_of(void *p)
{
	mi_page_t *page = (uintptr_t)p >> 47 ? 0 : _mi_ptr_page(p);
	if mi_unlikely(!page) {
		if (p) _mi_error_message(EINVAL, "pointer does not point to allocated memory: %p\n", p);
	}
	return page;
}

void *__libc_malloc_impl(size_t size)
{
	return mi_malloc(size);
}

void *__libc_realloc(void *p, size_t size)
{
	if (p) page_of(p);
	return mi_realloc(p, size);
}

void __libc_free(void *p)
{
	if (!p) return;
	mi_free_ex(p, 0, page_of(p));
}

/*
 * Asked by calloc() right after malloc(): is the block already zero? A page that came fresh from the kernel is, but
 * for the link of the free list, which is the block's first word. malloc() has cleared that.
 */
int __malloc_allzerop(void *p)
{
	return _mi_ptr_page(p)->free_is_zero;
}

__attribute__((visibility("default")))
void *aligned_alloc(size_t alignment, size_t size)
{
	if (alignment & (alignment - 1)) {
		errno = EINVAL;
		return 0;
	}
	/* A program that brings its own malloc, but no aligned_alloc, could not free what this returns. */
	if (size > SIZE_MAX - alignment || (__malloc_replaced && !__aligned_alloc_replaced)) {
		errno = ENOMEM;
		return 0;
	}
	if (alignment < MI_MAX_ALIGN_SIZE) alignment = MI_MAX_ALIGN_SIZE;
	void *p = mi_malloc_aligned(size, alignment);
	if (!p) errno = ENOMEM;
	return p;
}

__attribute__((visibility("default")))
size_t malloc_usable_size(void *p)
{
	return p ? _mi_usable_size(p, page_of(p)) : 0;
}

/* The dynamic linker offers the unused ends of mapped libraries. They are far smaller than an arena. */
void __malloc_donate(char *start, char *end)
{
	(void)start;
	(void)end;
}

/*
 * What a thread leaves behind is taken over by the others. The main thread only hands its pages out: where it is the last
 * to end, it still runs the exit handlers, which may allocate.
 */
void __malloc_thread_exit(void)
{
	mi_theap_t *theap = __mi_theap_main;
	if (!theap) return;
	if (theap == &theap_main) _mi_theap_collect_abandon(theap);
	else _mi_thread_done(theap);
}

/*
 * fork() while other threads allocate: these do not exist in the child. Locks are held across it, so that nobody else
 * holds one. Two more states only last for a moment and would be waited for without end: the purge, and an abandoned
 * page whose bit a thread took to look at it.
 */
static bool restore_abandoned(size_t index, size_t count, mi_arena_t *arena, void *arg)
{
	(void)count;
	(void)arg;
	mi_page_t *page = mi_arena_page_at_slice(arena, index);
	if (mi_page_is_abandoned_mapped(page))
		mi_bitmap_set(arena->pages_main.pages_abandoned[_mi_bin(mi_page_block_size(page))], index);
	return true;
}

void __malloc_atfork(int who)
{
	mi_lock_t *lock[] = {
		&subproc_main.arena_reserve_lock, &heap_main.arena_pages_lock, &heap_main.theaps_lock, &mi_page_map_lock,
	};
	enum { LOCKS = sizeof lock / sizeof *lock };
	if (who < 0) {
		mi_process_init();
		for (int i = 0; i < LOCKS; i++) mi_lock_acquire(lock[i]);
		return;
	}
	for (int i = LOCKS; i-- > 0;) {
		if (who) mi_lock_init(lock[i]);
		else mi_lock_release(lock[i]);
	}
	if (!who) return;
	mi_atomic_store_release(&purging, (uintptr_t)0);
	for (size_t i = 0; i < mi_arenas_get_count(&subproc_main); i++) {
		mi_arena_t *arena = mi_arena_from_index(&subproc_main, i);
		if (arena) _mi_bitmap_forall_set(arena->pages_main.pages, restore_abandoned, arena, 0);
	}
}
