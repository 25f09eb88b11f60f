/* trouble.h - trouble that goes on, in the log: said at once, then once a
 * minute (how long by now, and how often), and once when it is over.
 *
 * Threads: any.
 */
#ifndef MM_ISSUER_TROUBLE_H
#define MM_ISSUER_TROUBLE_H

#include <pthread.h>
#include <stdint.h>

#include "common/error.h"

struct trouble {
	/* Literals: the event, the one for when it is over, and what of
	 * several things it is; NULL: there is only one. */
	const char *event, *over, *what;
	pthread_mutex_t lock;	/* guards what follows */
	int64_t first, last;	/* when it was met; clock_ms() */
	int64_t said;		/* ... and said last */
	uint64_t reasons;	/* that were said: a bit for each */
	unsigned long long met; /* so often; 0: there is none */
};

/* What a file has one of, as the process has one log. */
#define TROUBLE_OF(event_, over_, what_)                                       \
	{                                                                      \
		.event = event_, .over = over_, .what = what_,                 \
		.lock = PTHREAD_MUTEX_INITIALIZER                              \
	}
#define TROUBLE(event_, over_) TROUBLE_OF(event_, over_, NULL)

/* What was tried came to `e`, at `now` (clock_ms()).  Another reason than those
 * before is said at once, too.  It is over when all has gone well for 5 s: what
 * fails and goes well in turns is one trouble.  `detail` may be NULL. */
void trouble_note(struct trouble *t, enum mm_err e, const char *detail,
		  int64_t now);

#endif
