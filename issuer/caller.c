/* caller.c - callers of the API, by admin.sock or by a token of our own. */
#include "issuer/caller.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/scope.h"
#include "issuer/own.h"

/* ---- his token ---- */

/* An agent may read the feed with a token whose key was retired or stolen:
 * how else would it hear of that?  It learns nothing that is not public, and
 * the feed proves itself. */
static enum mm_err check_token(struct issuer *is, struct span token,
			       unsigned need, struct claims *c)
{
	int64_t last_use;
	TRY(own_read(is, token, need == NEED_FEED ? OWN_FORMER_KEY : 0, c));
	return own_check(is, c, is->set.issuer, clock_now(), &last_use);
}

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
				const char *id)
{
	log_event(LOG_NOTICE, "auth.refused", "request=%s id=%s reason=%s",
		  http_request_id(rq), id, mm_err_word(reason));
	http_set(rq, "WWW-Authenticate",
		 "Bearer realm=\"mintmark\", error=\"invalid_token\"");
	return why_say(http_why(rq), MM_ERR_UNAUTHENTICATED, NULL,
		       "the token is not valid here");
}

static enum mm_err no_token(struct http_request *rq)
{
	http_set(rq, "WWW-Authenticate", "Bearer realm=\"mintmark\"");
	return why_say(http_why(rq), MM_ERR_UNAUTHENTICATED, NULL,
		       "this needs a token: Authorization: Bearer ...");
}

/* Who may, besides an administrator; and the scope to say when it lacks. */
static const struct {
	const char *scope;
	bool agent, self;
} needs[] = {
	[NEED_ADMIN] = { "mintmark:admin", false, false },
	[NEED_AGENT] = { "mintmark:agent", true, false },
	[NEED_SELF] = { "mintmark:self", false, true },
	[NEED_FEED] = { "mintmark:agent", true, false },
	[NEED_LOOK] = { "mintmark:agent", true, true },
	[NEED_ROTATE] = { "mintmark:self", false, true },
};

static enum mm_err too_little(struct http_request *rq, unsigned need)
{
	char challenge[128]; /* RFC 6750 s3.1 */
	snprintf(challenge, sizeof challenge,
		 "Bearer realm=\"mintmark\", error=\"insufficient_scope\", "
		 "scope=\"%s\"",
		 needs[need].scope);
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

static enum mm_err remote_caller(struct issuer *is, struct http_request *rq,
				 unsigned need)
{
	struct claims c;
	struct span token;
	char actor[ACTOR_SIZE];
	c.jti = (struct json_text){ 0, 0 };
	c.texts.text[0] = '\0'; /* no id to be logged yet */
	if (!bearer_of(rq, &token))
		return no_token(rq);
	enum mm_err e = check_token(is, token, need, &c);
	if (e == MM_ERR_UNAVAILABLE)
		return why_say(http_why(rq), e, NULL,
			       "nobody can tell now whether the token is "
			       "good: try again");
	bool dead = e == MM_ERR_REVOKED && may_be_dead(rq, need);
	if (e != MM_OK && !dead)
		return refuse_token(rq, e, claims_text(&c, c.jti));

	bool admin = scope_says(&c, "mintmark:admin");
	bool agent = scope_says(&c, "mintmark:agent");
	bool allowed = admin || (needs[need].agent && agent) ||
		       (needs[need].self && may_self(&c));
	const char *user = claims_text(&c, c.sub);
	snprintf(actor, sizeof actor, "%s (token %s)", user,
		 claims_text(&c, c.jti));
	TRY(set_caller(rq, (struct caller){ .admin = admin && !dead,
					    .agent = agent && !dead,
					    .dead = dead,
					    .list = c.list,
					    .idx = c.idx,
					    .user = user,
					    .actor = actor }));
	return allowed ? MM_OK : too_little(rq, need);
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
	if (route->need == NEED_NOTHING)
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
	return refuse_token(rq, MM_ERR_REVOKED, id);
}

enum mm_err caller_owns(struct http_request *rq, const char *user)
{
	const struct caller *c = caller_of(rq);
	return c->admin || strcmp(c->user, user) == 0 ? MM_OK
						      : MM_ERR_NOT_FOUND;
}
