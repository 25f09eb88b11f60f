/* refusals.h - calls that were refused, as the audit has them.
 *
 * Whoever can reach the API can be refused as often as he likes, and the
 * audit is kept for good: so only so many a minute are written down, and
 * how many were not is said with the next.  (The log has every one.)
 *
 * Threads: any.
 */
#ifndef MM_ISSUER_REFUSALS_H
#define MM_ISSUER_REFUSALS_H

#include "common/http.h"

#define REFUSALS_A_MINUTE 60

struct refusals;

struct refusals *refusals_new(void);	/* NULL: no memory */
void refusals_free(struct refusals *r); /* NULL is allowed */

/* May one be written down at `now`?  *left_out: how many could not be since
 * the last that was. */
bool refusals_take(struct refusals *r, int64_t now, uint64_t *left_out);

/* http_options.refused: into the audit, if it is a sign-in, or about
 * administration, or somebody known asked for what he may not. */
void issuer_refused(void *app, struct http_request *rq,
		    const struct http_route *route, enum mm_err e);

#endif
