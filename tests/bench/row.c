/* row.c - rows and their figures, and the tools of all probes. */
#include <math.h>
#include <stdarg.h>

#include "tests/bench/bench.h"

/* ---- times ---- */

enum mm_err times_add(struct times *t, double ns)
{
	if (t->count == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		double *at = realloc(t->at, cap * sizeof *at);
		if (at == NULL)
			return MM_ERR_NOMEM;
		t->at = at;
		t->cap = cap;
	}
	t->at[t->count++] = ns;
	t->sorted = false;
	return MM_OK;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

double times_rank(struct times *t, double percent)
{
	size_t rank = (size_t)ceil((double)t->count * percent / 100);
	MM_ASSERT(t->count != 0 && percent >= 0 && percent <= 100);
	if (!t->sorted)
		qsort(t->at, t->count, sizeof *t->at, by_size);
	t->sorted = true;
	return t->at[rank ? rank - 1 : 0];
}

void times_free(struct times *t)
{
	free(t->at);
	*t = (struct times){ 0 };
}

/* ---- rows ---- */

void row_tell(struct row *r, struct times *t, unsigned percent)
{
	r->ns = times_rank(t, percent);
	r->min = times_rank(t, 0);
	r->max = times_rank(t, 100);
	r->told = true;
}

void row_fact(struct row *r, const char *name, double value)
{
	for (size_t i = 0; i < FACTS; i++) {
		struct fact *f = &r->fact[i];
		if (f->name != NULL && strcmp(f->name, name) != 0)
			continue;
		*f = (struct fact){ name, value };
		return;
	}
	MM_ASSERT(!"room for one more fact");
}

void row_spread(struct row *r, struct times *t)
{
	row_fact(r, "p50", times_rank(t, 50));
	row_fact(r, "p99", times_rank(t, 99));
	row_fact(r, "count", (double)t->count);
}

void row_how(struct row *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(r->how, sizeof r->how, fmt, ap);
	va_end(ap);
}

/* ---- tools ---- */

double ns_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void ns_sleep(double ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1e9) };
	t.tv_nsec = (long)(ns - (double)t.tv_sec * 1e9);
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* splitmix64 (Steele, Lea, Flood 2014): a counter, well stirred. */
uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}
