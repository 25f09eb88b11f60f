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

/* The i-th of the processors that we may use; false: there is none. */
static bool pick(const cpu_set_t *all, size_t i, cpu_set_t *one)
{
	CPU_ZERO(one);
	for (size_t cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, all) && seen++ == i)
			CPU_SET(cpu, one);
	return CPU_COUNT(one) != 0;
}

static void pin(pthread_attr_t *attr, size_t i)
{
	cpu_set_t all, one;
	if (sched_getaffinity(0, sizeof all, &all) == 0 && pick(&all, i, &one))
		(void)pthread_attr_setaffinity_np(attr, sizeof one, &one);
}

void processors_keep(struct processors *p)
{
	p->known = sched_getaffinity(0, sizeof p->all, &p->all) == 0;
}

void processors_use(const struct processors *p, size_t i)
{
	cpu_set_t one;
	if (p->known && pick(&p->all, i, &one))
		(void)sched_setaffinity(0, sizeof one, &one);
}

void processors_restore(struct processors *p)
{
	if (p->known)
		(void)sched_setaffinity(0, sizeof p->all, &p->all);
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
