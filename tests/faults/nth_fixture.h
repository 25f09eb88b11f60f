/* nth_fixture.h - do something with each of its calls failing once. */
#ifndef MM_TESTS_NTH_FIXTURE_H
#define MM_TESTS_NTH_FIXTURE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/faults/nth.h"

static const struct nth_way {
	const char *name;
	unsigned kinds;
	int err;
} nth_ways[] = {
	{ "malloc", NTH_MALLOC, ENOMEM }, { "write", NTH_WRITE, ENOSPC },
	{ "sync", NTH_SYNC, EIO },	  { "rename", NTH_RENAME, EIO },
	{ "open", NTH_OPEN, ENOSPC },	  { "map", NTH_MAP, ENOMEM },
};
#define NTH_WAYS (sizeof nth_ways / sizeof nth_ways[0])

/* round(ctx) arms with nth_begin() at what is to fail, ends with nth_end(), and
 * judges.  It is repeated for n = 1, 2, ... in each way, until nothing failed.
 * Where it fails the test, stderr has said which it was. */
struct nth_round {
	const struct nth_way *way;
	unsigned n;
	bool hit;
};

static inline void nth_begin(const struct nth_round *r)
{
	nth_arm(r->way->kinds, r->n, r->way->err, false);
}

static inline void nth_end(struct nth_round *r)
{
	r->hit = nth_disarm();
}

/* Calls that fail in each doubling of n, about: a sanitizer is slow.  What has
 * few calls, or quick ones, sets it above their number: each fails. */
#ifdef __SANITIZE_ADDRESS__
static unsigned nth_spread = 2;
#else
static unsigned nth_spread = 5;
#endif

/* With MM_LONG each call fails. */
static inline unsigned nth_step(unsigned n)
{
	return getenv("MM_LONG") ? 1 : 1 + n / nth_spread;
}

/* How many calls (or some more) there were in ways `kinds`. */
static inline unsigned nth_each(unsigned kinds,
				void (*round)(struct nth_round *))
{
	unsigned calls = 0;
	for (size_t i = 0; i < NTH_WAYS; i++) {
		struct nth_round r = { .way = &nth_ways[i], .hit = true };
		if ((r.way->kinds & kinds) == 0)
			continue;
		while (r.hit) {
			r.n += nth_step(r.n);
			fprintf(stderr, "%s %u\r", r.way->name, r.n);
			r.hit = false;
			round(&r);
		}
		fprintf(stderr, "%s: %u calls\n", r.way->name, r.n - 1);
		calls += r.n - 1;
	}
	return calls;
}

#endif
