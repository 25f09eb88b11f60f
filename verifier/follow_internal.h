/* follow_internal.h - a follower's insides, for follow.c and follow_ask.c. */
#ifndef MM_VERIFIER_FOLLOW_INTERNAL_H
#define MM_VERIFIER_FOLLOW_INTERNAL_H

#include "verifier/follow.h"
#include "verifier/keep.h"
#include "verifier/uses.h"

struct follower {
	struct follower_options opt; /* its strings are ours: */
	char state[PATH_MAX], jwks_file[PATH_MAX];
	struct keeper keep;
	struct uses uses;
	pthread_t thread;
	bool running;

	/* the thread only */
	struct link link;
	struct jwk_set trusted; /* of the issuer's JWKS or the pinned file */
	int64_t next_jwks;	/* clock_ms() */
	bool want_snapshot;
	bool whole;	       /* it was a snapshot that was asked for last */
	int64_t passed_iat;    /* of the batch passed on last; 0: none since the
				* last snapshot */
	uint64_t said;	       /* a bit for each kind of trouble reported */
	const char *said_file; /* the event, while there is trouble with the
				* state file; else NULL */
	unsigned failures;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool stopping, woken, ready;
	bool refused;	/* what was said last was feed.refused */
	bool connected; /* only the thread writes it, and reads it without */
	uint64_t connects, failed;
	struct why trouble; /* the last one */
};

/* keep_is_behind(), with the keeper's lock. */
bool follow_is_behind(struct follower *f);

/* Ask for whatever comes next: keys, the snapshot, or more of the feed. */
MM_MUST_USE enum mm_err follow_ask(struct follower *f, struct why *why);

#endif
