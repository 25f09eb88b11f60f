/* bench.h - what the parts of the benchmark share: a row, where its figures
 * come from, and the few tools that all of them need.
 *
 *	bench.c		options, rounds, and the list of all probes
 *	report.c	the table and the JSON
 *	row.c		rows: medians, ranks, facts
 *	guard.c		the process around it, which cleans up after it
 *	samples.c	a mint of our own: key, tokens, state file
 *	live.c		a thread that plays the agent meanwhile
 *	parallel.c	the same work on several processors
 *	probe_*.c	what is measured in this process
 *	peer_*.c	other libraries, on the same tokens
 *	system_*.c	what is measured between real processes, with
 *			process.c, system.c, http.c, poll.c and followers.c
 *	contest.c	servers that take turns under the same load, with
 *			load.c and hello.c
 */
#ifndef MM_TESTS_BENCH_BENCH_H
#define MM_TESTS_BENCH_BENCH_H

#include <limits.h>
#include <sched.h>

#include "common/error.h"
#include "common/span.h"

#define ROUNDS_MAX 1000u
#define ROWS_MAX   40
#define FACTS	   6

/* ---- figures: row.c ---- */

/* Times in nanoseconds, as many as come. */
struct times {
	double *at;
	size_t count, cap;
	bool sorted;
};

MM_MUST_USE enum mm_err times_add(struct times *t, double ns);
/* The nearest rank, `percent` from 0 (the least) to 100; sorts. */
double times_rank(struct times *t, double percent);
void times_free(struct times *t);
#define AUTO_TIMES __attribute__((cleanup(times_free)))

/* One more thing that a row says: "p99", "count", "bytes" ... */
struct fact {
	const char *name;
	double value;
};

struct row {
	const char *name;
	bool wanted;
	struct times rounds; /* one figure a round */
	bool told;	     /* has what follows */
	double ns, min, max;
	struct fact fact[FACTS];
	char how[120]; /* if it is not told: why */
};

/* The row's figure: that rank of the times, their least and greatest. */
void row_tell(struct row *r, struct times *t, unsigned percent);
void row_fact(struct row *r, const char *name, double value);
/* count, p50 and p99 of the times. */
void row_spread(struct row *r, struct times *t);
void row_how(struct row *r, const char *fmt, ...) MM_PRINTF(2, 3);

/* ---- the whole ---- */

struct mint; /* samples.h */

struct bench {
	char folder[64];       /* for everything; guard.c removes it */
	char tokens[PATH_MAX]; /* --tokens DIR, or "" */
	size_t rounds;
	bool quick; /* only to see it run */
	bool json;
	struct mint *mint;
	struct row row[ROWS_MAX];
	size_t rows;
	struct row *of_probe[ROWS_MAX]; /* the first one of each probe */
	struct why why;
};

static inline size_t bench_count(const struct bench *b, size_t full,
				 size_t quick)
{
	return b->quick ? quick : full;
}

#define PROBE_ROWS 8

/* Where figures come from: one measurement, which fills one row or some.
 * open() is called once if any of the rows is wanted, then run() every
 * round, then close() even after a failure, ctx NULL if open() left none.
 * run NULL: what it needs was not there when this program was built. */
struct probe {
	const char *row[PROBE_ROWS]; /* names, NULL-ended */
	bool once; /* run() alone, once: many operations make its figure */
	enum mm_err (*open)(struct bench *b, void **ctx);
	enum mm_err (*run)(struct bench *b, void *ctx, struct row *rows);
	void (*close)(void *ctx);
};

extern const struct probe probe_evp, probe_evp_2, probe_evp_digest;
extern const struct probe probe_first_sight, probe_first_sight_2;
extern const struct probe probe_hot_1k, probe_hot_1k_2, probe_hot_100k;
extern const struct probe probe_status_10m, probe_open_10m;
extern const struct probe peer_libjwt, peer_cjose, peer_rhonabwy;
extern const struct probe system_mint, system_propagation, system_polls;
extern const struct probe system_door, system_nginx;

/* report.c; a machine is told in one line. */
void report_table(const struct bench *b);
void report_json(const struct bench *b);

/* guard.c: run body() in a child; whatever ends it, its children end too
 * and b->folder is removed.  Returns the exit status. */
int guard_run(struct bench *b, int (*body)(struct bench *b));

/* ---- tools ---- */

#define PARALLEL_MAX 2

/* parallel.c: body(arg[i]) in n threads, each on a processor of its own,
 * all from one starting line; from the first's start to the last's end. */
double parallel_run(size_t n, void (*body)(void *), void *const arg[]);

/* Likewise: this thread, and what it starts meanwhile, on one processor. */
struct processors {
	cpu_set_t all;
	bool known;
};
void processors_keep(struct processors *p); /* to be restored */
void processors_use(const struct processors *p, size_t i);
void processors_restore(struct processors *p);

double ns_now(void); /* CLOCK_MONOTONIC, the same for all processes */
void ns_sleep(double ns);

/* The same numbers on every run; *seed is what it goes on from. */
uint64_t random_next(uint64_t *seed);
static inline size_t random_below(uint64_t *seed, size_t n)
{
	return (size_t)(random_next(seed) % n);
}

#endif
