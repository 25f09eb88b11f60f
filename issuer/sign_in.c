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

/* Into the log and the audit; caller_of() is who. */
static enum mm_err note(struct issuer *is, struct http_request *rq,
			const char *event)
{
	const struct caller *by = caller_of(rq);
	const struct stamp stamp = caller_stamp(rq);
	char id[JTI_SIZE];
	token_id_write(id, by->list, by->idx);
	log_event(LOG_NOTICE, event, "request=%s id=%s user=%s",
		  http_request_id(rq), id, by->user);
	return store_audit(is->store,
			   &(struct audit_entry){
				   .event = event, .id = id, .user = by->user },
			   &stamp);
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
	TRY(note(is, rq, "console.sign_in"));
	TRY(session_begin(is, rq, &c, &s));
	return reply_me(is, rq, s.ends);
}

/* Who has no session any more is signed out all the same, and so is he whose
 * leaving cannot be written down. */
enum mm_err sign_out(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	TRY(session_own_page(is, rq));
	enum mm_err e = caller_is_signed_in(is, rq)
				? note(is, rq, "console.sign_out")
				: MM_OK;
	if (e != MM_OK)
		log_event(LOG_ERR, "audit.lost",
			  "request=%s reason=%s detail=a sign-out is not in "
			  "the audit",
			  http_request_id(rq), mm_err_word(e));
	session_end(is, rq);
	return http_reply(rq, 204, NULL, span_str(""));
}
