/* http_stats.h - what a server was asked, for a page of metrics. */
#ifndef MM_COMMON_HTTP_STATS_H
#define MM_COMMON_HTTP_STATS_H

#include "common/http.h"
#include "common/metrics.h"

/* Labels: method, route (its pattern; "none": there is none), and the
 * status's class.  What never happened is not there. */
void http_put_requests(const struct http_server *s, struct metrics_page *p);
/* Labels: method and route. */
void http_put_durations(const struct http_server *s, struct metrics_page *p);

#endif
