/* auth.h - who asks?  The part to take into a service of your own.
 *
 * Takes Bearer (RFC 6750 section 2.1), and Basic (RFC 7617) with the token as
 * the password, as WebDAV and every old client can do.
 */
#ifndef AUTH_H
#define AUTH_H

#include <microhttpd.h>
#include <mintmark/verify.h>

struct auth {
	enum mm_err err;       /* MM_OK: the token is good */
	bool presented;	       /* did credentials come at all? */
	struct mm_token token; /* when it is good */
};

/* Verify the request's token.  What it may do is yet to be asked:
 * mm_allow(), mm_has_scope(). */
void auth_verify(struct mm_verifier *v, struct MHD_Connection *c,
		 struct auth *out);

/* The status to refuse with: 401, 403, 503. */
unsigned auth_status(enum mm_err err);

/* Add the headers that belong to the refusal: both challenges to a 401, the
 * scope that was missing to a 403. */
void auth_challenge(struct MHD_Response *r, const struct auth *a,
		    const char *scope);

#endif
