/* narrow.h - what an access token may say, given the token that it is made
 * from and what was asked for: the same or less, never more.  Pure. */
#ifndef MM_ISSUER_NARROW_H
#define MM_ISSUER_NARROW_H

#include "issuer/oauth_form.h"

struct narrow_ask {
	const char *scope;		       /* NULL: as the parent's */
	struct oauth_texts audience, resource; /* none: as the parent's */
	int64_t now, life;		       /* life: at most */
};

struct narrow_grant {
	int64_t exp;
	bool has_scope;
	char scope[SCOPE_SIZE];
	char aud[AUD_SIZE]; /* one behind the other, each with its NUL */
	size_t aud_count, aud_used;
};

/* `dies_at` is the parent's effective expiry.  MM_ERR_INSUFFICIENT_SCOPE and
 * MM_ERR_WRONG_AUDIENCE, with the sentence: that scope, that target is not
 * to be had from this token. */
MM_MUST_USE enum mm_err narrow(const struct claims *parent, int64_t dies_at,
			       const struct narrow_ask *ask,
			       struct narrow_grant *out, struct why *why);

#endif
