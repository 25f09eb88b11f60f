/* metrics_serve.h - a listener of its own, for Prometheus.
 *
 * GET /metrics, and nothing else.  In plain HTTP and for anybody who can
 * reach it: nothing secret is on the page, and no user's name. */
#ifndef MM_COMMON_METRICS_SERVE_H
#define MM_COMMON_METRICS_SERVE_H

#include "common/http.h"
#include "common/metrics.h"

/* Is it HOST:PORT, or ""?  MM_ERR_INVALID. */
MM_MUST_USE enum mm_err metrics_check(const char *listen, struct why *why);
/* Serve *m, which has to stay, at HOST:PORT, until http_stop(*out).  With ""
 * *out is NULL, and that is fine. */
MM_MUST_USE enum mm_err metrics_serve(const char *listen,
				      const struct metrics *m,
				      struct http_server **out,
				      struct why *why);

#endif
