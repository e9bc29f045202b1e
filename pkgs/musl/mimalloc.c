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
#define MI_PADDING 0
#define NDEBUG 1

#include <errno.h>
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
#include "pthread_impl.h"
#include "syscall.h"
#undef weak

/* What the patched mimalloc asks of the C library it lives in. */
static inline void **mi_libc_heap_slot(void)
{
	return &__pthread_self()->malloc_heap;
}

static inline uintptr_t mi_libc_thread_id(void)
{
	return __pthread_self()->malloc_id;
}

static inline size_t mi_libc_page_size(void)
{
	return PAGE_SIZE;
}

#include "mimalloc.h"
#include "mimalloc-internal.h"
#include "mimalloc-atomic.h"

/*
 * The public functions may be interposed; musl itself calls these. free() must keep errno, so what it may ask the kernel
 * keeps it. What os.c sees instead is always 0: it would only look for the errors of kernels older than ours.
 */
static int quiet_munmap(void *start, size_t length)
{
	int saved = errno;
	int result = __munmap(start, length);
	errno = saved;
	return result;
}

static int quiet_mprotect(void *start, size_t length, int protection)
{
	int saved = errno;
	int result = __mprotect(start, length, protection);
	errno = saved;
	return result;
}

static int quiet_madvise(void *start, size_t length, int advice)
{
	int saved = errno;
	int result = __madvise(start, length, advice);
	errno = saved;
	return result;
}

#define mmap __mmap
#define munmap quiet_munmap
#define mprotect quiet_mprotect
#define madvise quiet_madvise
#define clock_gettime __clock_gettime

/* Statistics and messages need printf and cost time. */
#define _mi_stat_increase(stat, amount) ((void)0)
#define _mi_stat_decrease(stat, amount) ((void)0)
#define _mi_stat_counter_increase(stat, amount) ((void)0)
#define _mi_stats_done(stats) ((void)0)
#define mi_stats_reset() ((void)0)
#define mi_stats_print(out) ((void)0)
#define _mi_verbose_message(...) ((void)0)
#define _mi_warning_message(...) ((void)0)
#define _mi_fputs(out, arg, prefix, message) ((void)0)
#define _mi_options_init() ((void)0)

/*
 * An allocation that is too large only fails. Everything else that mimalloc reports as an error is a double free, an
 * overwritten free list or a pointer that was never allocated: upstream ignores some of these, here all end the process.
 */
void _mi_error_message(int err, const char *format, ...)
{
	static const char prefix[] = "malloc: ";
	if (err == ENOMEM || err == EOVERFLOW) {
		errno = ENOMEM;
		return;
	}
	if (!strncmp(format, "%s: ", 4)) format += 4;
	size_t length = strcspn(format, "%\n");
	__syscall(SYS_write, 2, prefix, sizeof prefix - 1);
	__syscall(SYS_write, 2, format, length);
	__syscall(SYS_write, 2, "\n", 1);
	a_crash();
}

#define mi_option_get(option) option_value(option)
#define mi_option_is_enabled(option) (option_value(option) != 0)
#define mi_option_get_clamp(option, low, high) option_clamped(option, low, high)

static inline long option_value(mi_option_t option)
{
	switch (option) {
	case mi_option_eager_commit: return 1;
	case mi_option_eager_commit_delay: return 1;     /* the first segment of a further thread is committed by need */
	case mi_option_allow_decommit: return 1;
	case mi_option_decommit_delay: return 25;        /* milliseconds until free pages go back to the kernel */
	case mi_option_segment_decommit_delay: return 500;
	case mi_option_decommit_extend_delay: return 1;
	case mi_option_max_segment_reclaim: return 8;
	case mi_option_use_numa_nodes: return 1;         /* never look into /sys */
	default: return 0;
	}
}

static inline long option_clamped(mi_option_t option, long low, long high)
{
	long value = option_value(option);
	return value < low ? low : value > high ? high : value;
}

#include "random.c"
#pragma push_macro("errno")
#undef errno
#define errno no_errno
static int no_errno;
#include "os.c"
#pragma pop_macro("errno")
#include "bitmap.c"
#include "arena.c"
#include "segment-cache.c"
#include "segment.c"
#include "page.c"
#include "heap.c"
#include "alloc.c"
#include "alloc-aligned.c"
#include "init.c"

mi_msecs_t _mi_clock_now(void)
{
	struct timespec t;
	__clock_gettime(CLOCK_MONOTONIC, &t);
	return (mi_msecs_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

mi_msecs_t _mi_clock_start(void)
{
	return _mi_clock_now();
}

mi_msecs_t _mi_clock_end(mi_msecs_t start)
{
	return _mi_clock_now() - start;
}

/* From here on: what musl calls. */

void *__libc_malloc_impl(size_t size)
{
	return mi_malloc(size);
}

void *__libc_realloc(void *p, size_t size)
{
	return mi_realloc(p, size);
}

void __libc_free(void *p)
{
	mi_free(p);
}

/*
 * Asked by calloc() right after malloc(): is the block already zero? A page that came fresh from the kernel is, but
 * for the link of the free list, which is the block's first word.
 */
int __malloc_allzerop(void *p)
{
	mi_page_t *page = _mi_segment_page_of(_mi_ptr_segment(p), p);
	if (!page->is_zero) return 0;
	((mi_block_t *)p)->next = 0;
	return 1;
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
	return mi_usable_size(p);
}

/* The dynamic linker offers the unused ends of mapped libraries. They are far smaller than a segment. */
void __malloc_donate(char *start, char *end)
{
	(void)start;
	(void)end;
}

/* What a thread leaves behind is taken over by the others. */
void __malloc_thread_exit(void)
{
	mi_heap_t *heap = *mi_libc_heap_slot();
	if (!heap) return;
	_mi_thread_done(heap);
	if (heap != &_mi_heap_main) *mi_libc_heap_slot() = 0;
}

/*
 * Nothing is locked across fork(), but two states only last for a moment, and another thread that was in the middle of
 * one does not exist in the child: a reader of the abandoned segments, and a page being handed a block. In the child both
 * would be waited for without end.
 */
static bool finish_delayed_free(mi_heap_t *heap, mi_page_queue_t *queue, mi_page_t *page, void *arg1, void *arg2)
{
	(void)heap;
	(void)queue;
	(void)arg1;
	(void)arg2;
	mi_thread_free_t state = mi_atomic_load_relaxed(&page->xthread_free);
	if (mi_tf_delayed(state) == MI_DELAYED_FREEING)
		mi_atomic_store_release(&page->xthread_free, mi_tf_set_delayed(state, MI_USE_DELAYED_FREE));
	return true;
}

void __malloc_atfork(int who)
{
	if (who != 1) return;
	mi_atomic_store_release(&abandoned_readers, (size_t)0);
	mi_heap_t *heap = *mi_libc_heap_slot();
	if (heap) mi_heap_visit_pages(heap, finish_delayed_free, 0, 0);
}
