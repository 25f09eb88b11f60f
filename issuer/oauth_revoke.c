/* oauth_revoke.c - RFC 7009: who has a token may end it. */
#include "common/clock.h"
#include "common/log.h"
#include "issuer/counts.h"
#include "issuer/explain.h"
#include "issuer/handlers.h"
#include "issuer/oauth_form.h"
#include "issuer/own.h"

struct ask {
	const char *token;
};

/* token_type_hint is passed over (RFC 7009 s2.1). */
static const struct oauth_param params[] = {
	{ "token", OAUTH_TEXT, offsetof(struct ask, token) },
};

/* RFC 7009 s2.2: also for what is no token, which is as good as revoked. */
static enum mm_err done(struct http_request *rq)
{
	return http_reply(rq, 200, NULL, span_of("", 0));
}

static enum mm_err not_revoked(struct issuer *is, struct http_request *rq,
			       enum mm_err e)
{
	if (e == MM_ERR_UNSURE)
		return why_say(http_why(rq), e, NULL,
			       "the database broke off: the token may have "
			       "been revoked, or not; ask again");
	return why_say(http_why(rq), MM_ERR_UNAVAILABLE, NULL,
		       "the token was not revoked (%s): %s", mm_err_word(e),
		       explain(is->store, e));
}

static enum mm_err revoke(struct issuer *is, struct http_request *rq,
			  const struct claims *c, int64_t now)
{
	char actor[ACTOR_SIZE], address[ADDRESS_SIZE];
	bool changed;
	const char *user = claims_text(c, c->sub);
	/* No user: nobody shows that he is one by having a token that he may
	 * have found. */
	snprintf(actor, sizeof actor, "holder of %s", claims_text(c, c->jti));
	http_peer(rq, address);
	const struct stamp stamp = { .by = actor,
				     .at = now,
				     .address = address,
				     .request = http_request_id(rq) };
	enum mm_err e = store_set_status(is->store, c->list, c->idx,
					 STATUS_REVOKED, &stamp, &changed);
	if (e != MM_OK)
		return not_revoked(is, rq, e);
	publisher_settle(is->publisher, "token.revoke", rq);
	if (changed) {
		count_changed(CHANGED_REVOKED, 1);
		log_event(LOG_INFO, "token.revoke",
			  "request=%s id=%u.%u user=%s by=%s",
			  http_request_id(rq), c->list, c->idx, user, actor);
	}
	return done(rq);
}

/* Is it the token that the store has under this id?  Who has stolen a key
 * that is gone can sign any id with it, also one of another key's. */
static enum mm_err check_ours(struct issuer *is, struct span token,
			      const struct claims *c)
{
	struct token_row t;
	struct jws parts;
	TRY(jws_split(token, &parts));
	TRY(store_get(is->store, c->list, c->idx, &t));
	return strcmp(t.kid, parts.header.kid) == 0 && t.iat == c->iat &&
			       t.exp == c->exp &&
			       strcmp(t.user, claims_text(c, c->sub)) == 0
		       ? MM_OK
		       : MM_ERR_NOT_FOUND;
}

enum mm_err oauth_revoke(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	AUTO_BUF struct buf room = buf_new(0);
	struct ask ask = { NULL };
	struct claims c;
	int64_t now = clock_now();
	TRY(oauth_read(rq, params, 1, &room, &ask));
	if (ask.token == NULL)
		return oauth_refuse(rq, "invalid_request", "token is missing");

	/* Also of a key that is gone: an agent's still opens the feed. */
	struct span token = span_str(ask.token);
	enum mm_err e = own_read(is, token, OWN_ACCESS | OWN_FORMER_KEY, &c);
	if (e == MM_OK && !c.access)
		e = check_ours(is, token, &c);
	if (own_is_refusal(e) || e == MM_ERR_NOT_FOUND)
		return done(rq); /* not ours, or of a lost history */
	if (e != MM_OK)
		return not_revoked(is, rq, e);
	if (c.access) /* s2.2.1: it has no status of its own to set */
		return oauth_refuse(rq, "unsupported_token_type",
				    "an access token ends by itself, soon; to "
				    "end it now, revoke the token that it was "
				    "made from (%u.%u)",
				    c.list, c.idx);
	return now >= c.exp ? done(rq) : revoke(is, rq, &c, now);
}
