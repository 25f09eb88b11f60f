/* late.h - a verifier on the agent's own state file, opened when there is one:
 * at first contact there is none until the issuer has answered. */
#ifndef MM_VERIFIER_AGENT_LATE_H
#define MM_VERIFIER_AGENT_LATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "verifier/verifier.h"

struct late {
	const char *state; /* path; the owner's */
	struct mm_options opt;
	pthread_mutex_t opening;
	int64_t next_try;			/* clock_ms(); by opening */
	_Atomic(struct mm_verifier *) verifier; /* NULL: no state yet */
};

void late_init(struct late *l, const char *state, const struct mm_options *opt);
/* The verifier, or NULL.  From any thread; it does not wait. */
struct mm_verifier *late_get(struct late *l);
/* When nobody asks any more. */
void late_end(struct late *l);

#endif
