/* uses.h - step 4, in the follower: hear of uses, and tell the issuer. */
#ifndef MM_VERIFIER_USES_H
#define MM_VERIFIER_USES_H

#include "verifier/follow.h"
#include "verifier/keep.h"

struct uses {
	struct keeper *keep;
	const struct follower_options *opt;
	struct link link;
	int sock, stop_fd;
	pthread_t hearing, telling;
	bool running;
	uint64_t told; /* uses that the issuer has taken; by keep->lock */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool stopping, tell_all;

	/* the telling thread only */
	int64_t next_tell, next_save, next_prune; /* clock_ms() */
	int64_t next_seen, next_full;		  /* the same */
	uint64_t said_refused; /* of those that had no room */
	int64_t pause;	       /* after a failure, ms */
	enum mm_err said;      /* the trouble reported last */
};

/* Bind the socket and start both threads. */
MM_MUST_USE enum mm_err uses_start(struct uses *u, struct keeper *k,
				   const struct follower_options *opt,
				   struct why *why);
/* `tell_all`: try to tell the issuer of every use first.  Fine, too, when
 * uses_start() failed, and on zeros. */
void uses_stop(struct uses *u, bool tell_all);

#endif
