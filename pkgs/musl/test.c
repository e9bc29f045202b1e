/* What a program may expect of the allocator. One argument: the name of the test. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)

/* Larger than the area musl keeps for the main thread, so that the dynamic linker has to move it. */
static _Thread_local volatile char large[65536] = {1};

static int basic(void)
{
	large[sizeof large - 1] = 2;
	char *grown = 0;
	for (size_t size = 1; size < (size_t)64 << 20; size = size * 3 / 2 + 1) {
		grown = realloc(grown, size);
		CHECK(grown);
		CHECK(malloc_usable_size(grown) >= size);
		grown[size - 1] = (char)size;
	}
	free(grown);
	void *empty = malloc(0);
	CHECK(empty);
	empty = realloc(empty, 0);
	free(empty);
	free(0);
	CHECK(malloc_usable_size(0) == 0);
	char *text = strdup("text");
	CHECK(text && !strcmp(text, "text"));
	free(text);
	return 0;
}

static int align(void)
{
	for (size_t alignment = 1; alignment <= (size_t)64 << 20; alignment *= 2) {
		for (size_t size = 1; size < 1 << 20; size = size * 7 + 1) {
			char *p = aligned_alloc(alignment, size);
			CHECK(p && (uintptr_t)p % alignment == 0);
			memset(p, 1, size);
			void *q = 0;
			if (alignment >= sizeof(void *)) CHECK(!posix_memalign(&q, alignment, size));
			CHECK((uintptr_t)q % alignment == 0);
			free(q);
			free(p);
		}
	}
	errno = 0;
	CHECK(!aligned_alloc(24, 100) && errno == EINVAL);
	errno = 0;
	CHECK(!aligned_alloc(64, SIZE_MAX - 10) && errno == ENOMEM);
	return 0;
}

static int zeroed(void)
{
	for (int round = 0; round < 100; round++) {
		unsigned char *block[200];
		for (int i = 0; i < 200; i++) {
			size_t size = (size_t)(i + 1) * (size_t)(round + 1) * 3;
			block[i] = calloc(1, size);
			CHECK(block[i]);
			for (size_t j = 0; j < size; j++) CHECK(!block[i][j]);
			memset(block[i], 0xff, size);
		}
		for (int i = 0; i < 200; i++) free(block[i]);
	}
	return 0;
}

/* What was written before stays, in blocks that grow, shrink and move. */
static int moved(void)
{
	for (size_t size = 1; size < (size_t)8 << 20; size = size * 5 / 3 + 1) {
		for (size_t other = 1; other < (size_t)8 << 20; other = other * 9 + 3) {
			unsigned char *p = malloc(size);
			CHECK(p);
			for (size_t i = 0; i < size; i += size / 100 + 1) p[i] = (unsigned char)(i * 7 + size);
			p = realloc(p, other);
			CHECK(p);
			for (size_t i = 0; i < size && i < other; i += size / 100 + 1) CHECK(p[i] == (unsigned char)(i * 7 + size));
			free(p);
		}
	}
	char *p = aligned_alloc(4096, 5000);
	CHECK(p);
	memset(p, 5, 5000);
	p = realloc(p, 100000);
	CHECK(p && p[0] == 5 && p[4999] == 5);
	free(p);
	return 0;
}

static int errors(void)
{
	errno = 0;
	CHECK(!malloc(SIZE_MAX / 2 + 1) && errno == ENOMEM);
	errno = 0;
	CHECK(!malloc((size_t)1 << 60) && errno == ENOMEM);
	errno = 0;
	CHECK(!calloc((size_t)1 << 40, (size_t)1 << 40) && errno == ENOMEM);
	errno = 0;
	CHECK(!reallocarray(0, (size_t)1 << 40, (size_t)1 << 40) && errno == ENOMEM);
	void *p = malloc((size_t)200 << 20);
	CHECK(p);
	errno = 77;
	free(p);
	CHECK(errno == 77);
	return 0;
}

static void *churn(void *seed)
{
	uintptr_t state = (uintptr_t)seed + 1;
	char *slot[256] = {0};
	for (int i = 0; i < 20000; i++) {
		state = state * 6364136223846793005u + 1;
		size_t n = state >> 33;
		char **s = &slot[n % 256];
		free(*s);
		size_t size = n / 256 % 3000 + 1;
		*s = malloc(size);
		CHECK(*s);
		memset(*s, (int)n, size);
	}
	/* Half of them outlive the thread. */
	for (int i = 0; i < 256; i += 2) {
		free(slot[i]);
		slot[i] = 0;
	}
	char **left = malloc(sizeof slot);
	CHECK(left);
	memcpy(left, slot, sizeof slot);
	return left;
}

static void *one_block(void *arg)
{
	return malloc((size_t)(uintptr_t)arg);
}

static long resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long total, resident;
	CHECK(f && fscanf(f, "%ld %ld", &total, &resident) == 2);
	fclose(f);
	return resident;
}

static int threads(void)
{
	for (int round = 0; round < 10; round++) {
		pthread_t thread[8];
		for (uintptr_t i = 0; i < 8; i++) CHECK(!pthread_create(&thread[i], 0, churn, (void *)(i * 77 + 1)));
		for (int i = 0; i < 8; i++) {
			void *result;
			CHECK(!pthread_join(thread[i], &result));
			char **left = result;
			for (int j = 0; j < 256; j++) free(left[j]);
			free(left);
		}
	}
	/* Threads that come and go leave nothing behind. */
	long before = 0;
	for (int i = 0; i < 3000; i++) {
		pthread_t thread;
		void *p;
		CHECK(!pthread_create(&thread, 0, one_block, (void *)(uintptr_t)100));
		CHECK(!pthread_join(thread, &p));
		CHECK(p);
		free(p);
		if (i == 500) before = resident_pages();
	}
	CHECK(resident_pages() < before + 256);
	return 0;
}

/* Freed memory goes back to the kernel, some time after. */
static int returned(void)
{
	enum { COUNT = 2000 };
	static char *small[COUNT * 64], *large[COUNT];
	long before = resident_pages();
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT * 64; i++) CHECK(small[i] = malloc(i % 300 + 1));
		for (size_t i = 0; i < COUNT; i++) {
			CHECK(large[i] = malloc(20000 + i * 20));
			memset(large[i], 1, 20000 + i * 20);
		}
		char *huge = malloc((size_t)100 << 20);
		CHECK(huge);
		memset(huge, 1, (size_t)100 << 20);
		CHECK(resident_pages() > before + 40000);
		free(huge);
		for (size_t i = 0; i < COUNT * 64; i++) free(small[i]);
		for (size_t i = 0; i < COUNT; i++) free(large[i]);
	}
	for (int i = 0; i < 40; i++) {
		usleep(10000);
		for (size_t j = 0; j < 200; j++) CHECK(large[j] = malloc(j * 1000 + 1));
		for (size_t j = 0; j < 200; j++) free(large[j]);
	}
	CHECK(resident_pages() < before + 8000);
	return 0;
}

/* Threads that replace each other's blocks, of all sizes, and find in them what was written. */
static struct held {
	size_t size;
	unsigned char data[];
} *held[1000];

static void *replace(void *seed)
{
	uint64_t state = (uintptr_t)seed;
	for (int i = 0; i < 30000; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		size_t random = state >> 33;
		size_t size = random % 32 ? random % 900 : random % 150000;
		struct held *made = random & 64 ? calloc(1, sizeof *made + size) : malloc(sizeof *made + size);
		CHECK(made);
		if (random & 64) for (size_t j = 0; j < size; j += 97) CHECK(!made->data[j]);
		if (random & 128) CHECK(made = realloc(made, sizeof *made + (size = size * 2 + 1)));
		made->size = size;
		for (size_t j = 0; j < size; j += 97) made->data[j] = (unsigned char)(size + j);
		struct held *old = __atomic_exchange_n(&held[random / 256 % 1000], made, __ATOMIC_ACQ_REL);
		if (!old) continue;
		for (size_t j = 0; j < old->size; j += 97) CHECK(old->data[j] == (unsigned char)(old->size + j));
		free(old);
	}
	return 0;
}

static int stress(void)
{
	for (int round = 0; round < 5; round++) {
		pthread_t thread[6];
		for (uintptr_t i = 0; i < 6; i++) CHECK(!pthread_create(&thread[i], 0, replace, (void *)(i * 1000 + 1)));
		for (int i = 0; i < 6; i++) CHECK(!pthread_join(thread[i], 0));
	}
	for (int i = 0; i < 1000; i++) free(held[i]);
	return 0;
}

/* The main thread ends first, and the last thread runs the exit handler. */
static int handled;

static void handler(void)
{
	char *p = malloc(1000);
	if (!p || !handled) _exit(1);
	free(p);
	_exit(0);
}

static void *last(void *arg)
{
	pthread_join(*(pthread_t *)arg, 0);
	for (int i = 0; i < 1000; i++) free(malloc((size_t)i));
	handled = 1;
	return 0;
}

static int main_ends(void)
{
	static pthread_t self;
	pthread_t thread;
	self = pthread_self();
	CHECK(!atexit(handler));
	void *p = malloc(10);
	CHECK(!pthread_create(&thread, 0, last, &self));
	free(p);
	pthread_exit(0);
}

/* Threads that are cancelled while they allocate. */
static void *until_cancelled(void *arg)
{
	(void)arg;
	for (;;) {
		free(malloc(5000));
		pthread_testcancel();
	}
}

static int cancelled(void)
{
	long before = 0;
	for (int i = 0; i < 500; i++) {
		pthread_t thread;
		CHECK(!pthread_create(&thread, 0, until_cancelled, 0));
		free(malloc(100));
		CHECK(!pthread_cancel(thread));
		CHECK(!pthread_join(thread, 0));
		if (i == 100) before = resident_pages();
	}
	CHECK(resident_pages() < before + 256);
	return 0;
}

static char *handed[64];
static int stop;

static void *pass_on(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100000 && !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		char *p = malloc((size_t)(i % 500) + 1);
		CHECK(p);
		p[0] = 1;
		free(__atomic_exchange_n(&handed[i % 64], p, __ATOMIC_ACQ_REL));
	}
	return 0;
}

static int exchange(void)
{
	pthread_t thread[4];
	for (int i = 0; i < 4; i++) CHECK(!pthread_create(&thread[i], 0, pass_on, 0));
	for (int i = 0; i < 4; i++) CHECK(!pthread_join(thread[i], 0));
	for (int i = 0; i < 64; i++) free(handed[i]);
	return 0;
}

static void *pass_on_always(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) pass_on(arg);
	return 0;
}

/* fork() while other threads allocate: the child must be able to allocate, too. */
static int forks(void)
{
	pthread_t thread[3];
	for (int i = 0; i < 3; i++) CHECK(!pthread_create(&thread[i], 0, pass_on_always, 0));
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			void *p[200];
			alarm(60);
			for (int j = 0; j < 200; j++) CHECK(p[j] = malloc((size_t)j * 50 + 1));
			for (int j = 0; j < 200; j++) free(p[j]);
			for (int j = 0; j < 64; j++) free(__atomic_exchange_n(&handed[j], 0, __ATOMIC_ACQ_REL));
			_exit(0);
		}
		int status;
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(status == 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++) CHECK(!pthread_join(thread[i], 0));
	return 0;
}

static int double_free(void)
{
	char *volatile p = malloc(100);
	free(p);
	free(p);
	return 0;
}

/* Memory that the allocator did not hand out, where it would look for its own data. */
static int bad_free(void)
{
	size_t segment = (size_t)32 << 20;
	char *area = mmap(0, 3 * segment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED);
	char *start = (char *)(((uintptr_t)area + segment) & -segment);
	free(malloc(1));
	free(start + segment / 2);
	return 0;
}

/* A pointer into a block. */
static int inner_free(void)
{
	char *volatile p = malloc(100);
	free(p + 16);
	return 0;
}

/* Use after free: the link of the free list is overwritten, then the list is used. */
static int overwritten_link(void)
{
	enum { COUNT = 5000 };
	static char *volatile p[COUNT];
	for (int i = 0; i < COUNT; i++) p[i] = malloc(64);
	for (int i = 0; i < COUNT; i++) free(p[i]);
	for (int i = 0; i < COUNT; i++) memset(p[i], 0x41, 8);
	for (int i = 0; i < COUNT; i++) p[i] = malloc(64);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} test[] = {
		{"basic", basic},
		{"align", align},
		{"calloc", zeroed},
		{"realloc", moved},
		{"errno", errors},
		{"returned", returned},
		{"threads", threads},
		{"stress", stress},
		{"main-ends", main_ends},
		{"cancelled", cancelled},
		{"exchange", exchange},
		{"fork", forks},
		{"double-free", double_free},
		{"bad-free", bad_free},
		{"inner-free", inner_free},
		{"overwritten-link", overwritten_link},
	};
	for (size_t i = 0; i < sizeof test / sizeof *test; i++)
		if (argc == 2 && !strcmp(argv[1], test[i].name)) return test[i].run();
	fprintf(stderr, "no such test\n");
	return 2;
}
