/* health.h - is this mint able to do its work?
 *
 * A thread of its own tries, every few seconds, what costs something to
 * try: does the key sign, does the disk take a write.  Whoever asks is told
 * what was found last, at once; a trial that does not come back (a hung
 * PKCS#11 token, a disk that is away) counts as failed after a while.  Where a
 * newer release has changed the store it sends the process SIGTERM: what can
 * never write again must not look as if it might.
 *
 * Threads: any, but for start and stop.
 */
#ifndef MM_ISSUER_HEALTH_H
#define MM_ISSUER_HEALTH_H

#include "common/health_checks.h"
#include "issuer/publish.h"

enum health_check {
#define X(name, word, advice) HEALTH_##name,
	MINT_CHECKS(X)
#undef X
		HEALTH_COUNT
};
extern const char *const health_word[HEALTH_COUNT];

struct health;
/* What to do where that one fails. */
const char *health_advice(const struct health *h, size_t which);

/* Try once, then go on in a thread. */
MM_MUST_USE enum mm_err health_start(struct store *store,
				     struct signing *signing,
				     struct publisher *publisher,
				     struct health **out, struct why *why);
void health_stop(struct health *h); /* NULL is allowed */

/* Which checks are good, at a mint that is served by `http`; true: all are
 * without which it cannot do its work.  (KEYS is not: it works, and would not
 * start again.  With CLOCK what is minted fails, and the rest is needed all the
 * more; so with STORE_WHOLE, for a balancer that went by it would cut agents
 * off from what is revoked.  And HISTORY is what anybody can say who has an
 * agent's token.) */
bool health_ready(struct health *h, const struct http_server *http,
		  bool good[static HEALTH_COUNT]);
/* Is it over, for a newer release has changed the store? */
bool health_outdated(struct health *h);
/* Does the process do its work, whatever comes of it?  If not, a restart
 * helps. */
bool health_alive(struct health *h);

#endif
