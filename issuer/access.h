/* access.h - access tokens (RFC 9068) as this issuer makes them: signed, and
 * written down nowhere, for they share their parent's place in the status
 * list. */
#ifndef MM_ISSUER_ACCESS_H
#define MM_ISSUER_ACCESS_H

#include "issuer/issuer.h"
#include "issuer/narrow.h"

struct access_says {
	const char *iss, *sub;
	const char *parent; /* the id of the token that it is made from */
	uint32_t list, idx; /* the parent's */
	int64_t iat;
	const char *cidr;  /* the parent's; "": from any address */
	int64_t auth_time; /* RFC 9068 s2.2.1; 0: not said */
	const struct narrow_grant *grant; /* scope, audience, end */
};

/* Sign it with the key in force: appended to *out, its id to id.  Errors as
 * signing_jws(). */
MM_MUST_USE enum mm_err access_sign(struct issuer *is,
				    const struct access_says *says,
				    char id[JTI_SIZE], struct buf *out,
				    struct why *why);

#endif
