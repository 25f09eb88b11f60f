/* contest.h - servers that take turns under the same load, all of a server's
 * processes on one processor, and the client on another.
 *
 * In every round each is measured once: as many requests as it answers, and
 * then half of that, on a schedule.  What is compared is compared within a
 * round, for the machine is not the same from one to the next. */
#ifndef MM_TESTS_BENCH_CONTEST_H
#define MM_TESTS_BENCH_CONTEST_H

#include "tests/bench/load.h"

#define CONTEST_SERVER 0u /* the servers' processor */
#define CONTEST_CLIENT 1u

struct rival {
	struct place at;
	pid_t pid[4]; /* whose time it takes; then 0 */
	struct questions ask;
	struct rival *base; /* whom it is compared with; NULL: nobody */
	const char *of;	    /* the comparison's name */

	struct load load;
	struct load_taken now; /* in this round */
	struct times rounds, shares;
	struct times server, client; /* shares of a processor */
	struct times p50, p99;	     /* at half load */
};

/* Bases before those that are compared with them.  Fills a row for each. */
MM_MUST_USE enum mm_err contest_run(struct bench *b, struct rival *r, size_t n,
				    struct row *rows);
void contest_free(struct rival *r, size_t n);

#endif
