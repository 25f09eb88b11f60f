/* publish_internal.h - what publish.c, publish_feed.c and publish_object.c
 * share: the replica, the objects made from it, and who waits for more. */
#ifndef MM_ISSUER_PUBLISH_INTERNAL_H
#define MM_ISSUER_PUBLISH_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "issuer/publish.h"

#define BATCHES	   32	/* signed batches kept */
#define BATCH_MS   1000 /* a heartbeat is made new after this */
#define KEPT_LISTS 64	/* signed status lists kept */

/* A poll that waits for an event. */
struct waiter {
	struct http_request *rq;
	uint64_t after;
	int64_t deadline; /* clock_ms() */
	struct waiter *next;
};

/* A signed object, and what it was made from. */
struct kept {
	uint64_t what; /* batches: after; lists: number + 1; 0: empty slot */
	uint64_t seq;  /* the replica's sequence when it was made */
	int64_t made;  /* clock_ms() */
	struct http_body *body;
};

struct publisher {
	struct store *store;
	struct signing *signing;
	struct publish_ttl ttl;

	pthread_rwlock_t state; /* guards replica */
	struct replica replica;

	/* One maker at a time, so that all get the same bytes; batches do
	 * not wait for the larger objects. */
	pthread_mutex_t batching;
	struct kept batch[BATCHES];
	pthread_mutex_t snapping; /* snapshot */
	pthread_mutex_t making;	  /* lists, JWKS */
	struct kept list[KEPT_LISTS];
	struct kept snapshot, jwks;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t woken, followed;
	struct waiter *waiters;
	size_t waiting;
	bool wake, stopping, releasing, following, running;
	uint64_t rounds_begun, rounds_done;
	/* Answers given to agents (batches, snapshots), and polls that came
	 * after one: given - came agents are about to poll again. */
	uint64_t given, came;
	unsigned settling; /* changes that wait for them */
	pthread_t thread;
};

uint64_t publisher_seq(struct publisher *p);
/* MM_ERR_UNAVAILABLE while the log cannot be followed. */
MM_MUST_USE enum mm_err publish_check(struct publisher *p);
/* Note that an agent is given news, or a snapshot. */
void publish_note_given(struct publisher *p);

/* Sign a payload and make a body of media type `type` from it. */
MM_MUST_USE enum mm_err publish_sign(const struct jwk *key, const char *typ,
				     struct buf *payload, const char *type,
				     struct http_body **out);

/* Put `body` (taken over) in the slot and hand out one more hold on it. */
struct http_body *kept_put(struct kept *k, uint64_t what, uint64_t seq,
			   struct http_body *body);
/* The slot for `what`: its own, or the oldest to be used again. */
struct kept *kept_find(struct kept *slots, size_t n, uint64_t what);
void kept_clear(struct kept *slots, size_t n);

/* The batch that follows `after` (a heartbeat if nothing does). */
MM_MUST_USE enum mm_err publish_batch(struct publisher *p, uint64_t after,
				      struct http_body **out);
/* Answer those who wait and now can be, or whose time is up (all: every
 * one). */
void publish_answer(struct publisher *p, bool all);

#endif
