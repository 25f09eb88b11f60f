/* grant.h - what is asked for, checked and made into a token's row. */
#ifndef MM_ISSUER_GRANT_H
#define MM_ISSUER_GRANT_H

#include "issuer/body.h"
#include "issuer/caller.h"

/* The body of POST /v1/tokens. */
struct grant {
	char user[USER_SIZE];
	char label[LABEL_SIZE];
	int64_t expires_in, expires_at, auto_refresh;
	struct body_texts scopes, audience, cidr;
	bool allow_long;
};

MM_MUST_USE enum mm_err grant_read(struct span json, struct grant *out,
				   struct why *why);

/* Check every rule and fill a row (but for list, idx and kid).
 * MM_ERR_INVALID with the field's name; MM_ERR_FORBIDDEN for what this
 * caller may not give. */
MM_MUST_USE enum mm_err grant_row(const struct grant *g,
				  const struct caller *by,
				  const struct issuer_settings *set,
				  int64_t now, struct token_row *out,
				  struct why *why);

/* Is one of the scopes that open this issuer's own administration in it? */
bool grant_reserves(struct span scope);
/* Does the token open this issuer's own administration?  Only an
 * administrator makes such a one, also by rotation. */
bool grant_is_reserved(const struct token_row *t);

/* 1 to 255 bytes, no control character, no colon (RFC 7617 s2), no space
 * at either end. */
MM_MUST_USE enum mm_err user_check(const char *user, struct why *why);

#endif
