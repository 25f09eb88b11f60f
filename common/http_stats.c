/* http_stats.c - how often each route was asked, and how long its answers
 * took: from the whole request to the reply that is about to be sent, so
 * that neither a slow client nor a slow reader counts.  (A request that is
 * refused before it was whole took no time.)
 *
 * By the route's pattern, for there are few of these; what no route fits is
 * counted together.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/http_internal.h"
#include "common/http_stats.h"

enum mm_err stats_init(struct http_server *s)
{
	while (s->opt.routes[s->routes].method != NULL)
		s->routes++;
	s->stats = calloc(s->routes + 1, sizeof *s->stats);
	return s->stats ? MM_OK : MM_ERR_NOMEM;
}

void stats_note(const struct http_request *rq)
{
	const struct http_server *s = rq->server;
	size_t route =
		rq->route ? (size_t)(rq->route - s->opt.routes) : s->routes;
	struct http_stats *st = &s->stats[route];
	unsigned class = rq->status / 100;
	counter_add(&st->status[class < STATUS_CLASSES ? class : 0], 1);
	histogram_add(&st->took, rq->whole_at ? clock_ns() - rq->whole_at : 0);
}

/* ---- on the page ---- */

static const struct http_route *route_of(const struct http_server *s, size_t i)
{
	static const struct http_route none = { .method = "none",
						.path = "none" };
	return i < s->routes ? &s->opt.routes[i] : &none;
}

static const char *const class_name[STATUS_CLASSES] = { "0xx", "1xx", "2xx",
							"3xx", "4xx", "5xx" };

void http_put_requests(const struct http_server *s, struct metrics_page *p)
{
	for (size_t i = 0; i <= s->routes; i++)
		for (size_t k = 0; k < STATUS_CLASSES; k++) {
			uint64_t n = counter_get(&s->stats[i].status[k]);
			const struct http_route *r = route_of(s, i);
			if (n != 0)
				metrics_put(p, (double)n,
					    METRIC_LABELS(r->method, r->path,
							  class_name[k]));
		}
}

static bool was_asked(const struct http_stats *st)
{
	uint64_t n = 0;
	for (size_t k = 0; k < STATUS_CLASSES; k++)
		n += counter_get(&st->status[k]);
	return n != 0;
}

void http_put_durations(const struct http_server *s, struct metrics_page *p)
{
	for (size_t i = 0; i <= s->routes; i++) {
		const struct http_route *r = route_of(s, i);
		if (was_asked(&s->stats[i]))
			metrics_put_histogram(
				p, &s->stats[i].took,
				METRIC_LABELS(r->method, r->path));
	}
}
