/* session.h - who is signed in to the console: a cookie in place of his
 * token (docs/decisions/0016).
 *
 * The cookie holds an access token for the audience ISSUER/console, made of
 * the token that was shown at the sign-in and dead with it.  Nothing is
 * remembered here.  It is renewed while the console is in use, for
 * SESSION_LONGEST after the sign-in at most, and never past its parent's end.
 *
 * Threads: any.
 */
#ifndef MM_ISSUER_SESSION_H
#define MM_ISSUER_SESSION_H

#include "issuer/issuer.h"

#define SESSION_LONGEST (12 * INT64_C(3600)) /* s, from the sign-in */

/* The longest cookie, with its attributes. */
#define SESSION_COOKIE_MAX 2048

/* Does the request come from the console's own page?  No form, link or script
 * of another site can say X-Mintmark-Console; where browsers say more, that
 * has to agree.  MM_ERR_FORBIDDEN with the sentence. */
MM_MUST_USE enum mm_err session_own_page(struct issuer *is,
					 struct http_request *rq);

struct session {
	int64_t since, ends; /* the sign-in; the cookie's end */
};

/* Sign in who has shown the token that says `c`: set the cookie. */
MM_MUST_USE enum mm_err session_begin(struct issuer *is,
				      struct http_request *rq,
				      const struct claims *c,
				      struct session *out);

/* Who is signed in?  Fills *c from the cookie (scope: mintmark:admin or
 * mintmark:self, whatever else its parent has; list and idx: its parent's).
 * MM_ERR_UNAUTHENTICATED: there is no cookie.  MM_ERR_FORBIDDEN: not from our
 * own page, with the sentence.  Else as own_read() and own_check(). */
MM_MUST_USE enum mm_err session_check(struct issuer *is,
				      struct http_request *rq, struct claims *c,
				      struct session *out);
/* He uses the console: set a new cookie when more than half of this one's
 * time is gone. */
void session_renew(struct issuer *is, struct http_request *rq,
		   const struct claims *c, struct session *s);

/* Sign out: take the cookie away. */
void session_end(struct issuer *is, struct http_request *rq);

#endif
