/* refusals.h - calls that were refused, as the audit has them.
 *
 * Whoever can reach the API can be refused as often as he likes, and the
 * audit is kept for good: so only so many a minute are written down, and how
 * many were not is said later.  (The log has every one.)  Strangers have one
 * line a minute between them, and take none of those of callers whose token
 * is one of ours; of these nobody takes all.
 *
 * Threads: any.
 */
#ifndef MM_ISSUER_REFUSALS_H
#define MM_ISSUER_REFUSALS_H

#include "common/http.h"
#include "issuer/store.h"

#define REFUSALS_A_MINUTE   60 /* of known callers */
#define REFUSALS_OF_A_TOKEN 10 /* of these */

struct caller;
struct refusals;

struct refusals *refusals_new(void);	/* NULL: no memory */
void refusals_free(struct refusals *r); /* NULL is allowed */

/* May one be written down at `now`?  `by` NULL: of a stranger.  *left_out: how
 * many of his kind could not be since the last that was. */
bool refusals_take(struct refusals *r, const struct caller *by, int64_t now,
		   uint64_t *left_out);
/* How many were left out of strangers, or of known callers, when a whole minute
 * has passed in which no other came to say it; they are then forgotten. */
uint64_t refusals_rest(struct refusals *r, bool known, int64_t now);
/* Write that down; `now` INT64_MAX: whatever is left. */
void refusals_save(struct refusals *r, struct store *store, int64_t now);

/* http_options.refused: into the audit, if it is a sign-in, or about
 * administration, or somebody known asked for what he may not. */
void issuer_refused(void *app, struct http_request *rq,
		    const struct http_route *route, enum mm_err e);

#endif
