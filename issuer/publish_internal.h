/* publish_internal.h - what the files publish*.c share: the replica, the
 * objects made from it, and who waits for more. */
#ifndef MM_ISSUER_PUBLISH_INTERNAL_H
#define MM_ISSUER_PUBLISH_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/polls.h"
#include "issuer/awaited.h"
#include "issuer/publish.h"

#define BATCHES	   32	/* signed batches kept */
#define BATCH_MS   1000 /* a heartbeat is made new after this */
#define RECENT	   256	/* events kept: agents that follow lack no more */
#define KEPT_LISTS 64	/* signed status lists kept */
#define LIST_MS	   250	/* none is made again sooner: strangers ask for them */
#define LOOK_MS	   250	/* who waits looks whether the log is followed */

/* A signed object, and what it was made from. */
struct kept {
	uint64_t what; /* batches: after; lists: number + 1; 0: empty slot */
	uint64_t seq;  /* the replica's sequence when it was made */
	uint64_t upto; /* who has taken it in has the events up to this */
	int64_t made;  /* clock_ms() */
	int64_t began; /* ... before anything was read for it; snapshots */
	struct http_body *body;
};

/* What the store has lost in this history, after it was read from it. */
struct loss {
	atomic_llong at;  /* clock_ms() when that was found; 0: nothing is */
	uint64_t seq;	  /* the last event that was there */
	atomic_bool said; /* in the log */
};

struct moment {
	int64_t ms, now; /* clock_ms(), clock_now() */
};

struct publisher {
	struct store *store;
	struct signing *signing;
	struct publish_ttl ttl;

	pthread_rwlock_t state; /* guards replica, and */
	struct replica replica;
	int64_t began; /* when its history did (struct newest); -1: none is */
	struct newest
		newest; /* how far the store had come, when it was whole */
	/* the last events that it was made of, each where its number says */
	struct event recent[RECENT];

	/* clock_ms() when an agent was last ahead of the log; 0: none was, in
	 * this history */
	atomic_llong ahead_at;
	struct loss events, lines; /* of the log, of the audit */
	atomic_bool found_again;   /* ... what was said to be lost; to say */

	/* One maker at a time, so that all get the same bytes; batches do
	 * not wait for the larger objects, and for who makes one not with the
	 * lock, as he may read the store. */
	pthread_mutex_t batching;
	pthread_cond_t batched;
	bool batch_begun;
	struct kept batch[BATCHES];
	pthread_mutex_t snapping; /* snapshot */
	pthread_mutex_t making;	  /* lists, JWKS, index */
	struct kept list[KEPT_LISTS];
	struct kept snapshot, jwks, index;

	pthread_mutex_t looking;       /* at the audit; guards */
	int64_t looked_at, look_again; /* clock_ms() */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t woken, followed, ending;
	struct polls polls; /* that wait for an event */
	bool wake, stopping, releasing, following, running, watched;
	uint64_t rounds_begun, rounds_done;
	struct awaited awaited;
	int64_t round_at;	  /* clock_ms(): the last one's end */
	struct moment good_round; /* ... the last good one's begin */
	unsigned settling;	  /* changes that wait for agents */
	char silent[KID_SIZE];	  /* the key that could not sign last, or "" */
	pthread_t thread, watch;
};

uint64_t publisher_seq(struct publisher *p);
bool publish_is_silent(struct publisher *p); /* the key could not sign last */
/* MM_ERR_UNAVAILABLE while the log cannot be followed.  *as_of is when it was
 * last read to its end, and the date of what is signed now: nothing that was
 * acknowledged before is missing from it, whoever shares the store, and however
 * long this process was frozen since. */
MM_MUST_USE enum mm_err publish_check(struct publisher *p, int64_t *as_of);
/* With the lock held.  Is what was read from a store that others write, too,
 * so old that they may have gone on?  One that is ours alone has no news. */
bool publish_is_deaf(struct publisher *p);
/* An agent that has the events up to `from` is about to be given more, and
 * then is given those up to *to (NULL: nothing, after all). */
void publish_note_begin(struct publisher *p, uint64_t from);
void publish_note_given(struct publisher *p, uint64_t from, const uint64_t *to);

struct publish_kind {
	const char *typ, *media_type;
};

/* Sign a payload and make a body from it. */
MM_MUST_USE enum mm_err publish_sign(struct publisher *p, const struct jwk *key,
				     struct publish_kind kind,
				     struct buf *payload,
				     struct http_body **out, struct why *why);

/* Put `fresh` and its body (taken over), made now, in the slot and hand out
 * one more hold on it. */
struct http_body *kept_put(struct kept *k, const struct kept *fresh);
/* The slot for `what`: its own, or the oldest to be used again. */
struct kept *kept_find(struct kept *slots, size_t n, uint64_t what);
/* Is it that, made at this sequence less than `ms` ago? */
bool kept_good(const struct kept *k, uint64_t what, uint64_t seq, int64_t ms);
void kept_clear(struct kept *slots, size_t n);

/* The batch that follows `after` (a heartbeat if nothing does), and the last
 * event in it. */
MM_MUST_USE enum mm_err publish_batch(struct publisher *p, uint64_t after,
				      uint64_t *upto, struct http_body **out,
				      struct why *why);
/* Answer those who wait and now can be, or whose time is up (all: every
 * one). */
void publish_answer(struct publisher *p, bool all);

/* Let those who wait go when nothing is heard from a shared store. */
MM_MUST_USE enum mm_err publish_watch(struct publisher *p, struct why *why);
void publish_unwatch(struct publisher *p); /* when p->stopping is set */

/* The replica is of another state now than `old`: of a history that began then;
 * lost: the store has not any more what the old one was made of. */
void publish_note_history(struct publisher *p, const struct replica *old,
			  int64_t began, bool lost);
/* After its events were read: what is lost, and what is over. */
void publish_say_lost(struct publisher *p);
/* Has the store lost any of what was seen in it?  And events, so that agents
 * are ahead of it? */
bool publish_has_lost(struct publisher *p);
bool publish_has_lost_events(struct publisher *p);
bool publish_loss_is_said(struct publisher *p);

#endif
