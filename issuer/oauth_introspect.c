/* oauth_introspect.c - RFC 7662, for services that cannot verify offline.
 *
 * Answered from what is published, as a verifier would answer, or as the store
 * has it by now (own_due()), and counted as a use, as a verifier counts one.
 */
#include "common/clock.h"
#include "issuer/caller.h"
#include "issuer/handlers.h"
#include "issuer/oauth_form.h"
#include "issuer/optional.h"
#include "issuer/own.h"
#include "issuer/reply.h"

struct ask {
	const char *token, *from;
};

/* token_type_hint is passed over (RFC 7662 s2.1): a token says its type. */
static const struct oauth_param params[] = {
	{ "token", OAUTH_TEXT, offsetof(struct ask, token) },
	/* ours, as s2.1 has it: where who shows the token comes from */
	{ "from", OAUTH_TEXT, offsetof(struct ask, from) },
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What is absent in the token is absent here. */
static json_t *active_json(const struct claims *c, int64_t dies_at, int64_t due)
{
	const char *iss = claims_text(c, c->iss), *sub = claims_text(c, c->sub);
	json_t *all = json_pack(
		"{s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:o}", "active", 1,
		"username", sub, "token_type", "Bearer", "sub", sub, "iss", iss,
		"exp", (json_int_t)earlier(c->exp, due), "iat",
		(json_int_t)c->iat, "jti", claims_text(c, c->jti), "status",
		status_json(iss, c->list, c->idx));
	all = json_with_text(all, "scope",
			     c->has_scope ? claims_text(c, c->scope) : NULL);
	all = json_with_text(all, "client_id",
			     c->access ? claims_text(c, c->client_id) : NULL);
	all = json_with_text(all, "cidr",
			     c->cidr.len ? claims_text(c, c->cidr) : NULL);
	if (c->aud.count != 0)
		all = json_with(
			all, "aud",
			audience_json(c->texts.text + c->aud.at, c->aud.count));
	if (c->auto_refresh == 0)
		return all;
	all = json_with_number(all, "auto_refresh", c->auto_refresh);
	return json_with_number(all, "dies_at", earlier(dies_at, due));
}

/* Agents and administrators may ask of any token, others of their own. */
static bool may_see(const struct caller *by, const struct claims *c)
{
	return by->admin || by->agent ||
	       strcmp(by->user, claims_text(c, c->sub)) == 0;
}

enum mm_err oauth_inspect(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	AUTO_BUF struct buf room = buf_new(0);
	struct ask ask = { NULL, NULL };
	struct claims c;
	int64_t now = clock_now(), last_use, due;
	TRY(oauth_read(rq, params, sizeof params / sizeof params[0], &room,
		       &ask));
	if (ask.token == NULL)
		return oauth_refuse(rq, "invalid_request", "token is missing");

	const struct own_ask own = { .from = ask.from ? ask.from : "",
				     .now = now };
	enum mm_err e = own_read(is, span_str(ask.token), OWN_ACCESS, &c);
	if (e == MM_OK)
		e = own_check(is, &c, &own, &last_use);
	if (e == MM_OK)
		e = own_due(is, &c, now, &due);
	if (e != MM_OK && !own_is_refusal(e))
		return MM_ERR_UNAVAILABLE; /* nobody can tell: explain.c */
	if (e != MM_OK || !may_see(caller_of(rq), &c)) /* s2.2: no more words */
		return reply_json(rq, 200, json_pack("{s:b}", "active", 0));

	const struct own_used used = { &c, last_use, own.from };
	last_use = own_use(is, rq, &used, now);
	int64_t dies = effective_expiry(c.iat, c.exp, c.auto_refresh, last_use);
	return reply_json(rq, 200, active_json(&c, dies, due));
}
