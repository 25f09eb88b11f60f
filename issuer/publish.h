/* publish.h - step 2: what verifiers need to know, signed and ready.
 *
 * One thread follows the store's event log (also for this issuer's own
 * writes) and keeps a replica; everything published is made from that.
 * Made once, served to all: objects are kept until something changes, so
 * that everybody at the same sequence gets the same bytes.
 *
 * Threads: any, but for start and stop.
 */
#ifndef MM_ISSUER_PUBLISH_H
#define MM_ISSUER_PUBLISH_H

#include "common/http.h"
#include "issuer/signing.h"
#include "issuer/store_events.h"

struct publisher;

/* Seconds: how long an object may be kept by who reads it. */
struct publish_ttl {
	int64_t feed, list;
};

/* Made before the store is opened, since the store wakes it. */
struct publisher *publisher_new(struct publish_ttl ttl);
/* The store's wake function: there may be new events. */
void publisher_wake(void *publisher);
MM_MUST_USE enum mm_err publisher_start(struct publisher *p,
					struct store *store,
					struct signing *signing,
					struct why *why);
/* Answer every waiting poll now; later ones are answered at once. */
void publisher_release(struct publisher *p);
/* The thread first, then (when the store, which wakes it, is closed) the
 * rest.  NULL is allowed. */
void publisher_stop_thread(struct publisher *p);
void publisher_free(struct publisher *p);

/* Return when all that the store acknowledged before this call is in the
 * replica, so in everything published, and when every agent that follows has
 * taken it in (it polls again, from there): who is then told that a token is
 * revoked can rely on it.  An agent that does not come back within 0.5 s is
 * waited for only once.  False: the log could not be followed within 2 s. */
bool publisher_catch_up(struct publisher *p);
/* The same for a handler; false also when the key that signs could not, when
 * it last had to.  The log then says what is not published. */
bool publisher_settle(struct publisher *p, const char *what,
		      const struct http_request *rq);

/* Answer a feed poll: at once when there are events after `after`, else
 * when there are or `wait` seconds have passed.  MM_ERR_UNAVAILABLE: nothing
 * has been heard for a while from a store that is not ours alone; MM_ERR_GONE:
 * `after` is older than the log, take the snapshot. */
MM_MUST_USE enum mm_err publisher_feed(struct publisher *p,
				       struct http_request *rq, uint64_t after,
				       int64_t wait);

/* Made once for all; drop with http_body_drop().  Lists, JWKS and the index
 * of lists are http_body_prepare()d. */
MM_MUST_USE enum mm_err publisher_snapshot(struct publisher *p,
					   struct http_body **out,
					   struct why *why);
MM_MUST_USE enum mm_err publisher_list(struct publisher *p, uint32_t list,
				       struct http_body **out, struct why *why);
MM_MUST_USE enum mm_err publisher_jwks(struct publisher *p,
				       struct http_body **out);
MM_MUST_USE enum mm_err publisher_index(struct publisher *p,
					struct http_body **out);

/* For this issuer's own checks: a published key (drop it; NULL: none), and
 * what the lists say of a token.  *last_use is written when it is alive. */
struct jwk *publisher_key(struct publisher *p, const char *kid);
MM_MUST_USE enum mm_err publisher_alive(struct publisher *p,
					const struct claims *c, int64_t now,
					int64_t *last_use);

/* Look at the end of the audit, in which each mint is (an event is none): has
 * the store all of it still?  To be called once a second; may wait for the
 * store. */
void publisher_look(struct publisher *p);
/* How far the store had come when it was last seen to be whole; seq is 0 before
 * anything is published. */
void publisher_newest(struct publisher *p, struct newest *out);

/* MM_ERR_UNAVAILABLE: the store has lost what was seen in it, and would give
 * the same ids again. */
MM_MUST_USE enum mm_err publisher_check_whole(struct publisher *p,
					      struct why *why);
/* The same, where the store has found it by itself. */
enum mm_err publisher_not_whole(struct why *why);

struct publisher_stats {
	uint64_t seq;
	size_t lists, keys, waiting;
	bool following; /* the log could be read last time */
	bool silent;	/* the key whose turn it is could not sign last */
	bool outrun;	/* there were events that the store has no more */
	/* Milliseconds since the publisher's thread was last seen to be at
	 * work, and since it could last read the log. */
	int64_t round_ms, good_round_ms;
};
void publisher_stats(struct publisher *p, struct publisher_stats *out);

#endif
