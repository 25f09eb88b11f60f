/* parallel.c - the same work on several processors at once.
 *
 * Each thread has a processor to itself: left alone, the scheduler puts two
 * new threads on one, and parts them after some ten milliseconds. */
#include <pthread.h>
#include <sched.h>

#include "tests/bench/bench.h"

struct runner {
	pthread_t thread;
	pthread_barrier_t *line;
	void (*body)(void *);
	void *arg;
	double began, ended;
};

static void *run(void *arg)
{
	struct runner *r = arg;
	pthread_barrier_wait(r->line);
	r->began = ns_now();
	r->body(r->arg);
	r->ended = ns_now();
	return NULL;
}

/* To the i-th of the processors that we may use, if there are so many. */
static void pin(pthread_attr_t *attr, size_t i)
{
	cpu_set_t all, one;
	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof all, &all) != 0)
		return;
	for (size_t cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && seen++ == i)
			CPU_SET(cpu, &one);
	if (CPU_COUNT(&one) != 0)
		(void)pthread_attr_setaffinity_np(attr, sizeof one, &one);
}

double parallel_run(size_t n, void (*body)(void *), void *const arg[])
{
	struct runner r[PARALLEL_MAX];
	pthread_barrier_t line;
	pthread_attr_t attr;
	MM_ASSERT(n != 0 && n <= PARALLEL_MAX);
	pthread_attr_init(&attr);
	pthread_barrier_init(&line, NULL, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		r[i] = (struct runner){ .line = &line,
					.body = body,
					.arg = arg[i] };
		pin(&attr, i);
		/* or the others would wait for ever */
		MM_ASSERT(pthread_create(&r[i].thread, &attr, run, &r[i]) == 0);
	}
	for (size_t i = 0; i < n; i++)
		pthread_join(r[i].thread, NULL);
	pthread_barrier_destroy(&line);
	pthread_attr_destroy(&attr);

	double began = r[0].began, ended = r[0].ended;
	for (size_t i = 1; i < n; i++) {
		began = r[i].began < began ? r[i].began : began;
		ended = r[i].ended > ended ? r[i].ended : ended;
	}
	return ended - began;
}
