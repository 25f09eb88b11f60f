/* load.h - one server under load: 32 connections that stay open, each with
 * the next request as soon as it may. */
#ifndef MM_TESTS_BENCH_LOAD_H
#define MM_TESTS_BENCH_LOAD_H

#include "tests/bench/system.h"

#define LOAD_CONNECTIONS 32u
#define LOAD_TOKENS	 48u /* all connections use all of them */

/* What is asked, in turn. */
struct questions {
	struct buf one[LOAD_TOKENS];
	size_t next;
};

/* GET path with each token, as Bearer, or as Basic with its user. */
MM_MUST_USE enum mm_err questions_write(struct questions *q, const char *path,
					const struct minted *hot, bool basic);
void questions_free(struct questions *q);

struct load {
	struct crowd crowd;
	struct questions *ask;
	/* connections without a question, those that wait longest first */
	struct conn *idle[LOAD_CONNECTIONS];
	size_t first, idles;
	size_t answers;
	struct times *waited; /* NULL: not wanted */
};

/* Connect, and ask each question until its answer is 200. */
MM_MUST_USE enum mm_err load_open(struct load *l, struct place at,
				  struct questions *ask, struct why *why);
struct load_taken {
	double each; /* time per answer */
	double busy; /* share of the time in which the client had something
		      * to do: far from 1, or it is what is measured */
};
/* For so long, as many as it answers. */
MM_MUST_USE enum mm_err load_full(struct load *l, double ns,
				  struct load_taken *out);
/* For so long, one question every `gap`, whether the server keeps up or not:
 * each of *waited is from the moment when a question was due, also if all
 * connections were busy then. */
MM_MUST_USE enum mm_err load_paced(struct load *l, double ns, double gap,
				   struct times *waited);
void load_close(struct load *l);

#endif
