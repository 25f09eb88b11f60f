/* followers.h - which agents follow the feed, from where, and how far.
 *
 * An agent is known by its token and its address: two behind one address,
 * with one token, are counted as one.  Who has polled last is remembered, for
 * a day, so that one that is gone is missed; nothing of it is kept when the
 * daemon ends.
 *
 * Threads: any.
 */
#ifndef MM_ISSUER_FOLLOWERS_H
#define MM_ISSUER_FOLLOWERS_H

#include "common/claims.h"
#include "common/http.h"

#define FOLLOWERS_WAYS	8     /* places where an agent may be: of these */
#define FOLLOWERS_MAX	32768 /* who came longest ago makes room */
#define FOLLOWER_KEPT	86400 /* s */
#define FOLLOWER_SILENT 60    /* s: it would have polled again by now */

struct follower {
	uint32_t list, idx; /* of its token; list 0: a free place */
	char user[USER_SIZE];
	char address[ADDRESS_SIZE];
	uint64_t after; /* the last event that it has */
	int64_t at;	/* when it said so */
};

struct followers;

struct followers *followers_new(void);	  /* NULL: no memory */
void followers_free(struct followers *f); /* NULL is allowed */

/* It polls. */
void followers_note(struct followers *f, const struct follower *who);
/* Visit those of the last day, under the lock. */
void followers_each(struct followers *f, int64_t now,
		    void (*each)(void *, const struct follower *), void *ctx);

#endif
