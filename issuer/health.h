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

#include "issuer/publish.h"

/* clang-format off */
/* The checks: name, and what to do when it fails. */
#define HEALTH_CHECKS(X)                                                      \
	X(STORE_READ,  "store_read",                                          \
	  "the store cannot be read: the log says why (publish.behind)")      \
	X(STORE_WRITE, "store_write",                                         \
	  "the store cannot be written: make room on its disk, and see that " \
	  "no other program holds it (or that the database of --store "       \
	  "answers); the log says why (health.failing)")                      \
	X(STORE_WHOLE, "store_whole",                                         \
	  "nothing is minted, for the store's file is damaged: stop "         \
	  "mintmarkd, put a backup in its place, and start once with "        \
	  "--restored (store.corrupt in the log; SECURITY.md, When the "      \
	  "store is damaged)")                                                \
	X(SIGNING,     "signing",                                             \
	  "the active key does not sign: bring its PKCS#11 token back and "   \
	  "restart mintmarkd")                                                \
	X(KEYS,        "keys",                                                \
	  "what lies in keys/ could not be loaded, and mintmarkd goes on "    \
	  "with the keys that it has: the log says why (keys.reload_failed); " \
	  "mend it and send SIGHUP")                                          \
	X(FEED,        "feed",                                                \
	  "agents hear of no change: mend the other checks; if they are "     \
	  "good, restart mintmarkd")                                          \
	X(CONNECTIONS, "connections",                                         \
	  "nobody can connect: the log says what is lacking (http.full)")     \
	X(CLOCK,       "clock",                                               \
	  "nothing is minted, for a token was issued at a later time than "   \
	  "this clock says it is: set the clock; or, if it was ahead then, "  \
	  "revoke what was issued ahead (clock.behind in the log, with the "  \
	  "next one that is asked for)")                                      \
	X(HISTORY,     "history",                                             \
	  "there were events that are not in this store: if it came from a "  \
	  "backup, stop mintmarkd and start it once with --restored, before " \
	  "anything is minted or revoked (feed.agent_ahead or "               \
	  "store.went_back in the log; SECURITY.md, After a backup was put "  \
	  "back)")
/* clang-format on */

enum health_check {
#define X(name, word, advice) HEALTH_##name,
	HEALTH_CHECKS(X)
#undef X
		HEALTH_COUNT
};
extern const char *const health_word[HEALTH_COUNT];
extern const char *const health_advice[HEALTH_COUNT];

struct health;

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
