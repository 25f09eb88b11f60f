/* polls.c - a list of requests that are held. */
#include "common/polls.h"

#include <stdlib.h>

#include "common/clock.h"

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
