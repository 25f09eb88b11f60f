/* own.h - tokens of our own, judged as any service would judge them: from
 * what is published, without a look-up in the store. */
#ifndef MM_ISSUER_OWN_H
#define MM_ISSUER_OWN_H

#include "issuer/issuer.h"

enum {
	OWN_ACCESS = 1,	   /* at+jwt are taken, too */
	OWN_FORMER_KEY = 2 /* a key that is gone will do */
};

/* Form and signature: is it a token that we signed?  It may be dead. */
MM_MUST_USE enum mm_err own_read(struct issuer *is, struct span token,
				 unsigned flags, struct claims *out);
/* What is asked of a token of ours. */
struct own_ask {
	const char *audience; /* NULL: any */
	const char *from;     /* the address that it came from; "": not known */
	int64_t now;
};

/* Is it alive, for this audience, and may it come from there?  *last_use is
 * written if so. */
MM_MUST_USE enum mm_err own_check(struct issuer *is, const struct claims *c,
				  const struct own_ask *ask, int64_t *last_use);

/* When will it be revoked, since another was made in its place (PROTOCOL.md
 * s7, rotate with an overlap)?  INT64_MAX: nothing is known of that;
 * MM_ERR_REVOKED: it is about to be.  The store is asked: verifiers hear of
 * it when it is so.  MM_ERR_REVOKED or MM_ERR_SUSPENDED: it is so there by now,
 * and has not been heard of yet, as by a process that was frozen. */
MM_MUST_USE enum mm_err own_due(struct issuer *is, const struct claims *c,
				int64_t now, int64_t *at);

/* Is `e` something against the token, and no trouble of ours? */
bool own_is_refusal(enum mm_err e);

/* A token that was used. */
struct own_used {
	const struct claims *claims;
	int64_t last_use; /* that is known of */
	const char *from; /* the address that it came from; "": not known */
};

/* A token that is alive is used now.  Written down at once only when it is
 * news, as verifiers do it (use_is_news()); a use that cannot be is lost, and
 * said to be in the log.  Returns the last use that is known then. */
int64_t own_use(struct issuer *is, const struct http_request *rq,
		const struct own_used *u, int64_t now);
/* The same, but written down a little later: this never waits for the disk. */
void own_use_later(struct issuer *is, const struct own_used *u, int64_t now);

#endif
