/* credentials.h - what a client shows at a door: a token alone (Bearer, RFC
 * 6750 s2.1), or with the name of its user (Basic, RFC 7617). */
#ifndef MM_VERIFIER_AGENT_CREDENTIALS_H
#define MM_VERIFIER_AGENT_CREDENTIALS_H

#include "common/claims.h"
#include "common/jws.h"

/* user ":" token, and a NUL */
#define CREDENTIALS_SIZE (USER_SIZE + TOKEN_MAX + 1)

struct credentials {
	struct span token; /* in the header's text, or in room */
	const char *user;  /* in room; NULL: Bearer */
	size_t used;	   /* bytes of room, to be wiped */
	char room[CREDENTIALS_SIZE];
};

/* Read the value of an Authorization header, which is to outlive *out; NULL:
 * there was none.  MM_ERR_UNAUTHENTICATED: none, or of a scheme that is not
 * ours.  MM_ERR_MALFORMED: ours, but not in its form. */
MM_MUST_USE enum mm_err credentials_read(const char *authorization,
					 struct credentials *out);
void credentials_wipe(struct credentials *c);
#define AUTO_CREDENTIALS __attribute__((cleanup(credentials_wipe)))

#endif
