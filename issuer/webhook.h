/* webhook.h - one POST to somebody else's URL; webhook.c alone knows libcurl
 * here.
 *
 * Over https, whose certificate is verified, or in the clear to this host
 * itself.  No redirect is followed.  Where the URL has a password, or is one,
 * stays between the two: no sentence says more of it than the host.
 *
 * Threads: one at a time; webhook_abort() from any.
 */
#ifndef MM_ISSUER_WEBHOOK_H
#define MM_ISSUER_WEBHOOK_H

#include "common/error.h"
#include "common/span.h"

struct webhook;

/* MM_ERR_INVALID: it is no such URL. */
MM_MUST_USE enum mm_err webhook_check(const char *url, struct why *why);

/* NULL: out of memory. */
struct webhook *webhook_new(const char *url);
void webhook_free(struct webhook *w); /* NULL is allowed */

/* MM_OK: it was taken (2xx).  MM_ERR_CONFLICT: this one is refused.
 * MM_ERR_UNAVAILABLE: nobody takes any now: not reached, not in time, 408,
 * 429 or 5xx. */
MM_MUST_USE enum mm_err webhook_post(struct webhook *w, const char *type,
				     struct span body, struct why *why);
/* End the post that is under way, and all later ones, within a second. */
void webhook_abort(struct webhook *w);

#endif
