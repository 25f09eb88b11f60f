/* polls.h - long polls: requests for what comes after an event, held until
 * there is something or their time is up.
 *
 * Pure but for the holding: time is an argument, the caller has the lock, and
 * whoever takes a poll out of the list answers it with a reply and
 * http_release() (without the lock), and frees it. */
#ifndef MM_COMMON_POLLS_H
#define MM_COMMON_POLLS_H

#include "common/http.h"

struct poll {
	struct http_request *rq;
	uint64_t after;	     /* the number of the last event that it has */
	int64_t deadline;    /* clock_ms() */
	int64_t ahead_until; /* its number may be ahead of ours until then */
	struct poll *next;
};

struct polls {
	struct poll *first;
	size_t count;
};

/* The question: after= and wait= of GET /v1/feed (PROTOCOL.md section 5), in
 * seconds.  MM_ERR_INVALID with the sentence. */
MM_MUST_USE enum mm_err poll_read(struct http_request *rq, uint64_t *after,
				  int64_t *wait);
/* To be held for `wait` seconds from now (clock_ms()); NULL: no memory.  To be
 * freed with free(3), unless polls_hold() has taken it over. */
struct poll *poll_new(struct http_request *rq, uint64_t after, int64_t wait);
/* Hold p->rq, and keep it. */
void polls_hold(struct polls *all, struct poll *p);
/* Keep one that was taken out. */
void polls_add(struct polls *all, struct poll *p);
/* Take out those for which due(ctx, p) is true: a list, NULL if none is. */
struct poll *polls_take(struct polls *all,
			bool (*due)(void *ctx, const struct poll *p),
			void *ctx);

#endif
