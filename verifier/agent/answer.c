/* answer.c - the answers, with their headers. */
#include "verifier/agent/answer.h"

#include "common/duration.h"
#include "common/log.h"

#define BEARER "Bearer realm=\"mintmark\""
#define BASIC  "Basic realm=\"mintmark\", charset=\"UTF-8\""

/* RFC 9110 s5.5: a field's value has no control characters, and loses the
 * space around it; then it would be another user's name. */
static bool fits_header(const char *s)
{
	size_t n = strlen(s);
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)s[i] < 0x20 || s[i] == 0x7F)
			return false;
	return n != 0 && s[0] != ' ' && s[n - 1] != ' ';
}

/* All that the user may do.  Said, and not left out: some proxies leave a
 * header of the client's where we have none. */
#define ALL_RIGHTS "*"

/* Would the service behind the proxy read what the token says? */
static enum mm_err check_fits(const struct mm_token *t, struct why *why)
{
	if (!fits_header(t->user))
		return why_say(why, MM_ERR_SETUP, NULL,
			       "the name of the token's user cannot be written "
			       "in a header");
	if (t->has_scope && scope_has(span_str(t->scope), span_str(ALL_RIGHTS)))
		return why_say(why, MM_ERR_SETUP, NULL,
			       "the token has a scope " ALL_RIGHTS
			       ", which means all rights in "
			       "X-Mintmark-Scopes");
	return MM_OK;
}

/* RFC 8594.  It is also how a proxy knows that the two are for the client. */
static void say_sunset(struct http_request *rq, const struct mm_token *t)
{
	char date[32];
	date_write_http(date, t->expires_at);
	http_set(rq, "Sunset", date);
}

enum mm_err answer_pass(struct http_request *rq, const struct mm_token *t,
			bool near)
{
	char expires[32];
	enum mm_err e = check_fits(t, http_why(rq));
	if (e != MM_OK)
		return answer_wrong(rq, e);
	date_write(expires, t->dies_at);
	http_set(rq, "X-Mintmark-User", t->user);
	http_set(rq, "X-Mintmark-Scopes", t->has_scope ? t->scope : ALL_RIGHTS);
	http_set(rq, "X-Mintmark-Id", t->id);
	http_set(rq, "X-Mintmark-Expires", expires);
	if (near)
		say_sunset(rq, t);
	return http_reply(rq, 200, NULL, span_of(NULL, 0));
}

static void log_refused(struct http_request *rq, const struct refused *no)
{
	if (no->e == MM_ERR_INSUFFICIENT_SCOPE)
		log_event(LOG_INFO, "auth.refused",
			  "request=%s reason=%s id=%s missing=%s",
			  http_request_id(rq), mm_err_word(no->e), no->id,
			  no->missing);
	else
		log_event(LOG_INFO, "auth.refused",
			  "request=%s reason=%s id=%s", http_request_id(rq),
			  mm_err_word(no->e), no->id);
}

/* Both challenges: WebDAV clients and browsers ask their user when they see
 * Basic.  (nginx 1.22 hands on the first only; deploy/nginx adds the other.) */
enum mm_err answer_refuse(struct http_request *rq, const struct refused *no)
{
	enum mm_err e = no->e;
	bool none = e == MM_ERR_UNAUTHENTICATED;
	if (!none)
		log_refused(rq, no);
	if (mm_err_http(e) != 401) {
		http_set(rq, "Retry-After", "1");
		http_set(rq, "X-Mintmark-Reason", mm_err_word(e));
		(void)why_say(http_why(rq), e, NULL,
			      "nobody can tell now whether a token is good: "
			      "try again");
		return http_problem(rq, e, http_why(rq));
	}
	if (!none)
		http_set(rq, "X-Mintmark-Reason", mm_err_word(e));
	http_set(rq, "WWW-Authenticate",
		 none ? BEARER : BEARER ", error=\"invalid_token\"");
	http_set(rq, "WWW-Authenticate", BASIC);
	(void)why_say(http_why(rq), e, NULL,
		      none ? "this needs a token: Authorization: Bearer, or "
			     "Basic with user and token"
			   : "the token is not valid here");
	return http_problem(rq, MM_ERR_UNAUTHENTICATED, http_why(rq));
}

/* RFC 6750 s3.1 */
enum mm_err answer_lacks(struct http_request *rq, const struct refused *no)
{
	const char *missing = no->missing;
	char challenge[NEED_MISSING + 80];
	snprintf(challenge, sizeof challenge,
		 missing[0] ? BEARER
			 ", error=\"insufficient_scope\", scope=\"%s\""
			    : BEARER ", error=\"insufficient_scope\"",
		 missing);
	log_refused(rq, no);
	http_set(rq, "WWW-Authenticate", challenge);
	http_set(rq, "X-Mintmark-Reason",
		 mm_err_word(MM_ERR_INSUFFICIENT_SCOPE));
	(void)why_say(http_why(rq), MM_ERR_INSUFFICIENT_SCOPE, NULL,
		      "the token does not allow this%s%s",
		      missing[0] ? ": it lacks the scope " : "", missing);
	return http_problem(rq, MM_ERR_INSUFFICIENT_SCOPE, http_why(rq));
}

enum mm_err answer_wrong(struct http_request *rq, enum mm_err e)
{
	const struct why *why = http_why(rq);
	bool setup = e == MM_ERR_SETUP;
	log_event(setup ? LOG_ERR : LOG_INFO,
		  setup ? "auth.misconfigured" : "auth.invalid",
		  "request=%s detail=%s", http_request_id(rq),
		  why ? why->text : "");
	return http_problem(rq, e, why);
}
