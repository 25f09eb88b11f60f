/* batches.h - the newest batches of the feed, as they came, to be handed on.
 *
 * Each leads from one event to another.  Who stands anywhere between the two
 * is led to the second, for followers pass over what they have already; so a
 * reader need not have come the way that we came.  Bounded: what is older
 * than the first one kept is asked for upstream.
 *
 * Pure: time is an argument, and the caller has the lock. */
#ifndef MM_VERIFIER_AGENT_BATCHES_H
#define MM_VERIFIER_AGENT_BATCHES_H

#include "common/http.h"

#define BATCHES_MAX   1024
#define BATCHES_BYTES (16u << 20)

struct batch_kept {
	uint64_t from, upto; /* events from+1 .. upto */
	size_t bytes;
	struct http_body *body;
};

/* All zeros is an empty one. */
struct batches {
	struct batch_kept at[BATCHES_MAX]; /* a ring, rising */
	size_t first, count, bytes;
	uint64_t head; /* where we stand */
	/* What says last how things are at head; NULL: nothing does. */
	struct http_body *newest;
	int64_t newest_ms; /* clock_ms() when it came */
};

/* Keep one that has just come, which leads to `upto`.  Where there is no
 * memory it is missing, as if it were too old. */
void batches_add(struct batches *b, struct span jws, uint64_t from,
		 uint64_t upto, int64_t now_ms);
/* Begin anew at `head`: what was before does not lead there. */
void batches_clear(struct batches *b, uint64_t head);

/* What leads on from `after`, or NULL: we have none, or it is not behind us.
 * Drop it with http_body_drop(). */
struct http_body *batches_next(const struct batches *b, uint64_t after);
/* The newest, if it is not older than max_ms; else NULL.  Drop likewise. */
struct http_body *batches_newest(const struct batches *b, int64_t now_ms,
				 int64_t max_ms);

#endif
