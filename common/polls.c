/* polls.c - a list of requests that are held. */
#include "common/polls.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/query.h"

#define WAIT_MAX 30 /* seconds; a peer that left is not noticed sooner */

enum mm_err poll_read(struct http_request *rq, uint64_t *after, int64_t *wait)
{
	uint64_t seconds = 0;
	*after = UINT64_MAX;
	TRY(query_number(rq, "after", 0, INT64_MAX, after));
	TRY(query_number(rq, "wait", 0, WAIT_MAX, &seconds));
	*wait = (int64_t)seconds;
	if (*after == UINT64_MAX)
		return why_say(http_why(rq), MM_ERR_INVALID, "after",
			       "say after=SEQ: the number of the last event "
			       "you have");
	return MM_OK;
}

struct poll *poll_new(struct http_request *rq, uint64_t after, int64_t wait)
{
	struct poll *p = malloc(sizeof *p);
	if (p != NULL)
		*p = (struct poll){ .rq = rq,
				    .after = after,
				    .deadline = clock_ms() + wait * 1000 };
	return p;
}

void polls_hold(struct polls *all, struct poll *p)
{
	http_hold(p->rq);
	polls_add(all, p);
}

void polls_add(struct polls *all, struct poll *p)
{
	p->next = all->first;
	all->first = p;
	all->count++;
}

struct poll *polls_take(struct polls *all,
			bool (*due)(void *ctx, const struct poll *p), void *ctx)
{
	struct poll *taken = NULL;
	for (struct poll **at = &all->first; *at != NULL;) {
		struct poll *p = *at;
		if (!due(ctx, p)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		p->next = taken;
		taken = p;
		all->count--;
	}
	return taken;
}
