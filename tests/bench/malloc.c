/*
 * Multi-threaded allocation benchmark, portable C11 with POSIX threads.
 *
 *   malloc [THREADS [SECONDS]]      default: 2 threads, 2 seconds in all
 *
 * Three patterns share the time equally. In each, every thread owns a table of live blocks and keeps replacing
 * random ones: free the old block, allocate a new one of a random size, write to both of its ends.
 *
 *   small     sizes 8 to 512 bytes, the thread frees its own blocks (parsers, trees, strings)
 *   mixed     sizes 8 bytes to 64 KiB, small ones far more often (buffers among the small blocks)
 *   exchange  as mixed, but threads pass whole tables around, so most blocks are freed by a thread that did not
 *             allocate them (a server handing requests to workers, after Larson and Krishnan)
 *
 * One operation is one free and one malloc. Printed: operations per second of each pattern over all threads, and
 * their geometric mean, which is the figure to compare. The program is the same for every allocator; nothing
 * is tuned for one of them.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLOTS = 4096, BATCH = 1024, MAX_THREADS = 64, PATTERNS = 3, EXCHANGE = 2 };

struct table {
	unsigned char *slot[SLOTS];
};

static const char *const pattern_name[PATTERNS] = {"small", "mixed", "exchange"};

static _Atomic(struct table *) shelf[MAX_THREADS]; /* tables that wait for their next owner */
static atomic_bool stop;
static int pattern;
static int threads = 2;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	uint32_t mixed = (uint32_t)((*state >> 18 ^ *state) >> 27);
	uint32_t turn = (uint32_t)(*state >> 59);
	return mixed >> turn | mixed << (-turn & 31);
}

/* Every power of two is half as likely as the one below it; the size within it is even. */
static size_t random_size(uint64_t *state, int highest_bit)
{
	uint32_t r = next_random(state);
	int bit = 4;
	while (bit < highest_bit && (r & 1)) {
		r >>= 1;
		bit++;
	}
	size_t base = (size_t)1 << bit;
	return base / 2 + next_random(state) % (base / 2) + 1;
}

static unsigned char *new_block(uint64_t *state, int highest_bit)
{
	size_t size = random_size(state, highest_bit);
	unsigned char *block = malloc(size);
	if (!block) fail("malloc");
	block[0] = (unsigned char)size;
	block[size - 1] = (unsigned char)size;
	return block;
}

static void *work(void *arg)
{
	uint64_t *result = arg;
	uint64_t state = *result;
	uint64_t operations = 0;
	int highest_bit = pattern == 0 ? 9 : 16;
	struct table *table = calloc(1, sizeof *table);
	if (!table) fail("calloc");
	for (int i = 0; i < SLOTS; i++) table->slot[i] = new_block(&state, highest_bit);

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (int i = 0; i < BATCH; i++) {
			unsigned char **slot = &table->slot[next_random(&state) % SLOTS];
			free(*slot);
			*slot = new_block(&state, highest_bit);
		}
		operations += BATCH;
		if (pattern == EXCHANGE) {
			int place = (int)(next_random(&state) % (uint32_t)threads);
			struct table *other = atomic_exchange(&shelf[place], table);
			if (other) {
				table = other;
			} else {
				table = calloc(1, sizeof *table);
				if (!table) fail("calloc");
				for (int i = 0; i < SLOTS; i++) table->slot[i] = new_block(&state, highest_bit);
			}
		}
	}
	for (int i = 0; i < SLOTS; i++) free(table->slot[i]);
	free(table);
	*result = operations;
	return 0;
}

static double now(void)
{
	struct timespec t;
	if (clock_gettime(CLOCK_MONOTONIC, &t)) fail("clock_gettime");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double run(double seconds)
{
	pthread_t thread[MAX_THREADS];
	uint64_t result[MAX_THREADS];
	struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	double total = 0;

	atomic_store(&stop, 0);
	double begin = now();
	for (int i = 0; i < threads; i++) {
		result[i] = 88172645463325252u + (uint64_t)i * 7919;
		if (pthread_create(&thread[i], 0, work, &result[i])) fail("pthread_create");
	}
	nanosleep(&pause, 0);
	atomic_store(&stop, 1);
	for (int i = 0; i < threads; i++) {
		if (pthread_join(thread[i], 0)) fail("pthread_join");
		total += (double)result[i];
	}
	double end = now();

	for (int i = 0; i < threads; i++) {
		struct table *table = atomic_exchange(&shelf[i], 0);
		if (!table) continue;
		for (int j = 0; j < SLOTS; j++) free(table->slot[j]);
		free(table);
	}
	return total / (end - begin);
}

int main(int argc, char **argv)
{
	double seconds = 2;
	double product = 1;
	if (argc > 1) threads = atoi(argv[1]);
	if (argc > 2) seconds = atof(argv[2]);
	if (argc > 3 || threads < 1 || threads > MAX_THREADS || !(seconds > 0)) {
		fprintf(stderr, "usage: %s [THREADS [SECONDS]]\n", argv[0]);
		return 2;
	}
	for (pattern = 0; pattern < PATTERNS; pattern++) {
		double rate = run(seconds / PATTERNS);
		printf("%s %.0f\n", pattern_name[pattern], rate);
		product *= rate;
	}
	/* Geometric mean without libm: the cube root by Newton's method. */
	double mean = 1e6;
	for (int i = 0; i < 200; i++) mean = (2 * mean + product / (mean * mean)) / 3;
	printf("mean %.0f\n", mean);
	return 0;
}
