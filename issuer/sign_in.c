/* sign_in.c - POST and DELETE /console/session: a token becomes a session of
 * the console, and it ends. */
#include <stddef.h>

#include "common/log.h"
#include "issuer/body.h"
#include "issuer/caller.h"
#include "issuer/handlers.h"
#include "issuer/reply.h"
#include "issuer/session.h"

struct sign_in {
	char token[TOKEN_MAX + 1];
	char user[USER_SIZE]; /* "": whoever the token is for */
};

static const struct body_field fields[] = {
	{ "token", BODY_TEXT, offsetof(struct sign_in, token), TOKEN_MAX + 1 },
	{ "user", BODY_TEXT, offsetof(struct sign_in, user), USER_SIZE },
};

static void wipe(struct sign_in *s)
{
	explicit_bzero(s, sizeof *s);
}
#define AUTO_WIPE __attribute__((cleanup(wipe)))

static enum mm_err read_body(struct http_request *rq, struct sign_in *out)
{
	TRY(body_read(http_body_bytes(rq), fields,
		      sizeof fields / sizeof fields[0], out, http_why(rq)));
	return out->token[0] != '\0'
		       ? MM_OK
		       : why_say(http_why(rq), MM_ERR_INVALID, "token",
				 "token is missing: paste a personal access "
				 "token");
}

static enum mm_err not_own_page(struct http_request *rq)
{
	log_event(LOG_NOTICE, "console.refused",
		  "request=%s reason=another_page", http_request_id(rq));
	return MM_ERR_FORBIDDEN;
}

enum mm_err sign_in(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	AUTO_WIPE struct sign_in body = { .token = "" };
	struct claims c;
	struct session s;
	if (session_own_page(is, rq) != MM_OK)
		return not_own_page(rq);
	TRY(read_body(rq, &body));
	TRY(caller_sign_in(is, rq, span_str(body.token), body.user, &c));
	TRY(session_begin(is, rq, &c, &s));
	log_event(LOG_NOTICE, "console.sign_in", "request=%s id=%u.%u user=%s",
		  http_request_id(rq), c.list, c.idx, claims_text(&c, c.sub));
	return reply_me(is, rq, s.ends);
}

/* Who has no session any more is signed out all the same. */
enum mm_err sign_out(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct claims c;
	struct session s;
	TRY(session_own_page(is, rq));
	if (session_check(is, rq, &c, &s) == MM_OK)
		log_event(LOG_NOTICE, "console.sign_out",
			  "request=%s id=%u.%u user=%s", http_request_id(rq),
			  c.list, c.idx, claims_text(&c, c.sub));
	session_end(is, rq);
	return http_reply(rq, 204, NULL, span_str(""));
}
