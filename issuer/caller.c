/* caller.c - callers of the API, by admin.sock, by a token of our own, or
 * signed in to the console with one. */
#include "issuer/caller.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/json_heap.h"
#include "common/log.h"
#include "common/scope.h"
#include "issuer/counts.h"
#include "issuer/own.h"
#include "issuer/session.h"

/* ---- his token ---- */

/* What a caller has shown, and what was found of it. */
struct shown {
	enum mm_err found;
	struct claims c;
	int64_t last_use; /* that is known of */
	bool former;	  /* signed by a key that is gone */
	bool cookie;	  /* it was the console's */
	struct session session;
	char from[ADDRESS_SIZE]; /* of http_peer() */
};

/* "Bearer TOKEN" (RFC 6750 s2.1); the scheme in any case (RFC 9110). */
static bool bearer_of(struct http_request *rq, struct span *token)
{
	const char *value = http_header(rq, "Authorization");
	if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
		return false;
	*token = span_str(value + 7);
	while (token->len != 0 && token->at[0] == ' ')
		*token = span_of(token->at + 1, token->len - 1);
	return true;
}

/* A token without a scope claim has its user's rights, and no user is an
 * administrator by being one: those scopes must be written out. */
static bool scope_says(const struct claims *c, const char *name)
{
	return c->has_scope &&
	       scope_has(claims_span(c, c->scope), span_str(name));
}

static bool may_self(const struct claims *c)
{
	return !c->has_scope || scope_says(c, "mintmark:self");
}

/* ---- deciding ---- */

/* One answer for every refused token (no oracle); the log has the reason. */
static enum mm_err refuse_token(struct http_request *rq, enum mm_err reason,
				const char *id, const char *event)
{
	count_refused(reason);
	log_event(LOG_NOTICE, event, "request=%s id=%s reason=%s",
		  http_request_id(rq), id, mm_err_word(reason));
	http_set(rq, "WWW-Authenticate",
		 "Bearer realm=\"mintmark\", error=\"invalid_token\"");
	return why_say(http_why(rq), MM_ERR_UNAUTHENTICATED, NULL,
		       "the token is not valid here");
}

/* Nobody can tell now whether the token is good; explain.c says why. */
static enum mm_err cannot_tell(void)
{
	count_refused(MM_ERR_UNAVAILABLE);
	return MM_ERR_UNAVAILABLE;
}

static enum mm_err no_token(struct http_request *rq)
{
	http_set(rq, "WWW-Authenticate", "Bearer realm=\"mintmark\"");
	return why_say(http_why(rq), MM_ERR_UNAUTHENTICATED, NULL,
		       "this needs a token: Authorization: Bearer ...");
}

/* Who may, besides an administrator; the scope to say when it lacks; and
 * whether the console's cookie will do. */
static const struct {
	const char *scope;
	bool agent, self, session;
} needs[] = {
	[NEED_ADMIN] = { "mintmark:admin", .session = true },
	[NEED_AGENT] = { "mintmark:agent", .agent = true },
	[NEED_SELF] = { "mintmark:self", .self = true, .session = true },
	[NEED_FEED] = { "mintmark:agent", .agent = true },
	[NEED_LOOK] = { "mintmark:agent", .agent = true, .self = true },
	[NEED_ROTATE] = { "mintmark:self", .self = true, .session = true },
};

static enum mm_err too_little(struct http_request *rq, unsigned need,
			      const char *id, const char *event)
{
	char challenge[128]; /* RFC 6750 s3.1 */
	count_refused(MM_ERR_INSUFFICIENT_SCOPE);
	snprintf(challenge, sizeof challenge,
		 "Bearer realm=\"mintmark\", error=\"insufficient_scope\", "
		 "scope=\"%s\"",
		 needs[need].scope);
	log_event(LOG_NOTICE, event, "request=%s id=%s reason=%s",
		  http_request_id(rq), id,
		  mm_err_word(MM_ERR_INSUFFICIENT_SCOPE));
	http_set(rq, "WWW-Authenticate", challenge);
	return why_say(http_why(rq), MM_ERR_INSUFFICIENT_SCOPE, NULL,
		       "this needs a token with scope %s", needs[need].scope);
}

/* Nobody but token_rotate() looks after the dead. */
static bool may_be_dead(struct http_request *rq, unsigned need)
{
	return need == NEED_ROTATE &&
	       http_header(rq, "Idempotency-Key") != NULL;
}

/* The texts are copied; freed with the request. */
static enum mm_err set_caller(struct http_request *rq, struct caller what)
{
	size_t user = strlen(what.user) + 1, actor = strlen(what.actor) + 1;
	struct caller *c = malloc(sizeof *c + user + actor);
	if (c == NULL)
		return MM_ERR_NOMEM;
	*c = what;
	http_peer(rq, c->address);
	c->user = memcpy(c->text, what.user, user);
	c->actor = memcpy(c->text + user, what.actor, actor);
	*http_data(rq) = c;
	return MM_OK;
}

static void nothing_shown(struct http_request *rq, struct shown *s)
{
	http_peer(rq, s->from);
	s->c.jti = (struct json_text){ 0, 0 };
	s->c.texts.text[0] = '\0'; /* no id to be logged yet */
	s->former = false;
	s->cookie = false;
	s->session = (struct session){ 0, 0 };
}

/* An agent may read the feed with a token whose key was retired or stolen:
 * how else would it hear of that?  It learns nothing that is not public, and
 * the feed proves itself. */
static enum mm_err check_token(struct issuer *is, struct span token,
			       unsigned need, int64_t now, struct shown *s)
{
	const struct own_ask ask = { is->set.issuer, s->from, now };
	enum mm_err e = own_read(is, token, 0, &s->c);
	s->former = e == MM_ERR_UNKNOWN_KEY && need == NEED_FEED;
	if (s->former)
		e = own_read(is, token, OWN_FORMER_KEY, &s->c);
	TRY(e);
	return own_check(is, &s->c, &ask, &s->last_use);
}

/* Who has a stolen key can make up any token, and is not to keep one alive by
 * that. */
static void note_use(struct issuer *is, const struct shown *s, int64_t now)
{
	const struct own_used used = { &s->c, s->last_use, s->from };
	if (s->found == MM_OK && !s->former)
		own_use_later(is, &used, now);
}

/* From now on he is known, if only for the audit: `dead`, and may nothing. */
static enum mm_err set_remote(struct http_request *rq, const struct shown *s,
			      bool dead)
{
	const struct claims *c = &s->c;
	const char *user = claims_text(c, c->sub);
	char id[JTI_SIZE], actor[ACTOR_SIZE];
	token_id_write(id, c->list, c->idx);
	snprintf(actor, sizeof actor, "%s (token %s)", user, id);
	return set_caller(
		rq, (struct caller){
			    .admin = scope_says(c, "mintmark:admin") && !dead,
			    .agent = scope_says(c, "mintmark:agent") && !dead,
			    .dead = dead,
			    .list = c->list,
			    .idx = c->idx,
			    .session = s->session.ends,
			    .user = user,
			    .actor = actor });
}

/* Is it one of ours, whatever has become of it?  The former key's may be
 * anybody's. */
static bool is_proven(const struct shown *s)
{
	return s->c.jti.len != 0 && !s->former;
}

/* Let him in with it, or say why not; `event` is for the log. */
static enum mm_err judge(struct http_request *rq, const struct shown *s,
			 unsigned need, const char *event)
{
	const struct claims *c = &s->c;
	if (s->found == MM_ERR_UNAVAILABLE)
		return cannot_tell();
	bool dead = s->found == MM_ERR_REVOKED && !s->cookie &&
		    may_be_dead(rq, need) &&
		    claims_check_from(c, span_str(s->from)) == MM_OK;
	if (s->found != MM_OK && !dead) {
		if (is_proven(s)) /* for the audit */
			TRY(set_remote(rq, s, true));
		return refuse_token(rq, s->found, claims_text(c, c->jti),
				    event);
	}

	bool admin = scope_says(c, "mintmark:admin");
	bool agent = scope_says(c, "mintmark:agent");
	bool allowed = admin || (needs[need].agent && agent) ||
		       (needs[need].self && may_self(c));
	TRY(set_remote(rq, s, dead));
	return allowed ? MM_OK
		       : too_little(rq, need, claims_text(c, c->jti), event);
}

/* An Authorization header wins over the cookie, whatever it says: who sends
 * one means it. */
static enum mm_err remote_caller(struct issuer *is, struct http_request *rq,
				 unsigned need)
{
	struct shown s;
	struct span token;
	int64_t now = clock_now();
	nothing_shown(rq, &s);
	if (bearer_of(rq, &token)) {
		s.found = check_token(is, token, need, now, &s);
		note_use(is, &s, now);
		return judge(rq, &s, need, "auth.refused");
	}
	if (!needs[need].session || http_header(rq, "Authorization") != NULL)
		return no_token(rq);
	s.cookie = true;
	s.found = session_check(is, rq, &s.c, &s.session);
	if (s.found == MM_ERR_UNAUTHENTICATED)
		return no_token(rq);
	if (s.found == MM_ERR_FORBIDDEN)
		return s.found;
	if (s.found == MM_OK)
		session_renew(is, rq, &s.c, &s.session);
	return judge(rq, &s, need, "auth.refused");
}

enum mm_err caller_sign_in(struct issuer *is, struct http_request *rq,
			   struct span token, const char *user,
			   struct claims *out)
{
	struct shown s;
	int64_t now = clock_now();
	nothing_shown(rq, &s);
	s.found = check_token(is, token, NEED_SELF, now, &s);
	if (s.found == MM_OK && user[0] != '\0' &&
	    strcmp(user, claims_text(&s.c, s.c.sub)) != 0)
		s.found = MM_ERR_WRONG_USER;
	TRY(judge(rq, &s, NEED_SELF, "console.refused"));
	char from[ADDRESS_SIZE];
	const struct own_used used = { &s.c, s.last_use, from };
	http_peer(rq, from);
	(void)own_use(is, rq, &used, now);
	*out = s.c;
	return MM_OK;
}

bool caller_is_signed_in(struct issuer *is, struct http_request *rq)
{
	struct shown s;
	nothing_shown(rq, &s);
	s.cookie = true;
	return session_check(is, rq, &s.c, &s.session) == MM_OK &&
	       set_remote(rq, &s, false) == MM_OK;
}

/* Who may open the socket is an administrator of the host. */
static enum mm_err local_caller(struct http_request *rq, unsigned uid)
{
	char actor[ACTOR_SIZE];
	snprintf(actor, sizeof actor, "local uid %u", uid);
	return set_caller(rq, (struct caller){ .admin = true,
					       .agent = true,
					       .user = "",
					       .actor = actor });
}

enum mm_err issuer_allow(void *app, struct http_request *rq,
			 const struct http_route *route)
{
	unsigned uid;
	json_heap_begin(); /* whatever went wrong in the request before */
	if (route->need == NEED_NOTHING || route->need == NEED_SIGN_IN)
		return MM_OK;
	return http_is_local(rq, &uid) ? local_caller(rq, uid)
				       : remote_caller(app, rq, route->need);
}

const struct caller *caller_of(struct http_request *rq)
{
	return *http_data(rq);
}

struct stamp caller_stamp(struct http_request *rq)
{
	const struct caller *c = caller_of(rq);
	return (struct stamp){ .by = c->actor,
			       .at = clock_now(),
			       .admin = c->admin,
			       .address = c->address,
			       .request = http_request_id(rq) };
}

enum mm_err caller_refuse(struct http_request *rq)
{
	const struct caller *c = caller_of(rq);
	char id[JTI_SIZE];
	token_id_write(id, c->list, c->idx);
	return refuse_token(rq, MM_ERR_REVOKED, id, "auth.refused");
}

enum mm_err caller_owns(struct http_request *rq, const char *user)
{
	const struct caller *c = caller_of(rq);
	return c->admin || strcmp(c->user, user) == 0 ? MM_OK
						      : MM_ERR_NOT_FOUND;
}
