/* oauth_exchange.c - RFC 8693: a PAT is exchanged for a short-lived access
 * token (RFC 9068), for services that should not see the PAT itself.
 *
 * Nothing is written down for it.  It shares its parent's place in the status
 * list: whatever ends or suspends the parent does the same to it, everywhere,
 * at once.
 */
#include "issuer/oauth_exchange.h"

#include "common/clock.h"
#include "common/log.h"
#include "issuer/access.h"
#include "issuer/counts.h"
#include "issuer/handlers.h"
#include "issuer/narrow.h"
#include "issuer/optional.h"
#include "issuer/own.h"
#include "issuer/reply.h"

#define TYPE_ACCESS "urn:ietf:params:oauth:token-type:access_token"
#define TYPE_JWT    "urn:ietf:params:oauth:token-type:jwt"

/* ---- what is asked ---- */

struct ask {
	const char *grant_type, *token, *token_type, *wanted_type, *actor;
	const char *actor_type;
	struct narrow_ask narrow;
};

#define TEXT(name, member)                                                     \
	{                                                                      \
		name, OAUTH_TEXT, offsetof(struct ask, member)                 \
	}
#define TEXTS(name, member)                                                    \
	{                                                                      \
		name, OAUTH_TEXTS, offsetof(struct ask, narrow.member)         \
	}
static const struct oauth_param params[] = {
	TEXT("grant_type", grant_type),
	TEXT("subject_token", token),
	TEXT("subject_token_type", token_type),
	TEXT("requested_token_type", wanted_type),
	TEXT("actor_token", actor),
	TEXT("actor_token_type", actor_type),
	TEXT("scope", narrow.scope),
	TEXTS("audience", audience),
	TEXTS("resource", resource),
};

static bool is_known_type(const char *type)
{
	return strcmp(type, TYPE_ACCESS) == 0 || strcmp(type, TYPE_JWT) == 0;
}

/* RFC 8693 s2.1 */
static enum mm_err check_form(struct http_request *rq, const struct ask *a)
{
	if (a->grant_type == NULL)
		return oauth_refuse(rq, "invalid_request",
				    "grant_type is missing");
	if (strcmp(a->grant_type, GRANT_EXCHANGE) != 0)
		return oauth_refuse(rq, "unsupported_grant_type",
				    "the grant type here is " GRANT_EXCHANGE);
	if (a->token == NULL || a->token_type == NULL)
		return oauth_refuse(rq, "invalid_request",
				    "subject_token and subject_token_type are "
				    "both needed");
	if (!is_known_type(a->token_type))
		return oauth_refuse(rq, "invalid_request",
				    "subject_token_type is " TYPE_ACCESS
				    " or " TYPE_JWT);
	if (a->wanted_type != NULL && !is_known_type(a->wanted_type))
		return oauth_refuse(rq, "invalid_request",
				    "requested_token_type is " TYPE_ACCESS
				    " or " TYPE_JWT);
	if (a->actor != NULL || a->actor_type != NULL)
		return oauth_refuse(rq, "invalid_request",
				    "nobody acts for others here: no "
				    "actor_token");
	return MM_OK;
}

/* ---- the parent ---- */

/* One answer for all that are refused, as at the other doors; s2.2.2 says
 * which. */
static enum mm_err refuse_parent(struct http_request *rq, enum mm_err e,
				 const char *id)
{
	count_refused(e);
	log_event(LOG_NOTICE, "auth.refused", "request=%s id=%s reason=%s",
		  http_request_id(rq), id, mm_err_word(e));
	return oauth_refuse(rq, "invalid_request",
			    "subject_token is no personal access token that "
			    "is valid here");
}

static enum mm_err read_parent(struct issuer *is, struct http_request *rq,
			       const struct ask *a, struct claims *out,
			       int64_t *last_use, int64_t *due)
{
	const char *id = "";
	char from[ADDRESS_SIZE];
	const struct own_ask own = { .from = from, .now = a->narrow.now };
	http_peer(rq, from);
	enum mm_err e = own_read(is, span_str(a->token), 0, out);
	if (e == MM_OK) {
		id = claims_text(out, out->jti);
		e = own_check(is, out, &own, last_use);
	}
	if (e == MM_OK)
		e = own_due(is, out, a->narrow.now, due);
	if (own_is_refusal(e))
		return refuse_parent(rq, e, id);
	if (e == MM_OK)
		return MM_OK;
	count_refused(MM_ERR_UNAVAILABLE); /* nobody can tell: explain.c */
	return MM_ERR_UNAVAILABLE;
}

/* ---- the child ---- */

static enum mm_err refuse_wide(struct http_request *rq, enum mm_err e,
			       const struct why *why)
{
	return oauth_refuse(rq,
			    e == MM_ERR_WRONG_AUDIENCE ? "invalid_target"
						       : "invalid_scope",
			    "%s", why->text);
}

/* RFC 8693 s2.2.1 */
static enum mm_err reply(struct http_request *rq, const struct ask *a,
			 const struct narrow_grant *g, const struct buf *token)
{
	const char *type = a->wanted_type ? a->wanted_type : TYPE_ACCESS;
	http_set(rq, "Pragma", "no-cache"); /* RFC 6749 s5.1 */
	json_t *all =
		json_pack("{s:s#, s:s, s:s, s:I}", "access_token",
			  (const char *)token->at, (int)token->len,
			  "issued_token_type", type, "token_type", "Bearer",
			  "expires_in", (json_int_t)(g->exp - a->narrow.now));
	return reply_json(
		rq, 200,
		json_with_text(all, "scope", g->has_scope ? g->scope : NULL));
}

static enum mm_err give(struct issuer *is, struct http_request *rq,
			const struct ask *a, const struct claims *parent,
			const struct narrow_grant *g)
{
	char id[JTI_SIZE];
	AUTO_BUF struct buf token = buf_new(2 * TOKEN_MAX);
	const struct access_says says = {
		.iss = claims_text(parent, parent->iss),
		.sub = claims_text(parent, parent->sub),
		.parent = claims_text(parent, parent->jti),
		.list = parent->list,
		.idx = parent->idx,
		.cidr = claims_text(parent, parent->cidr),
		.iat = a->narrow.now,
		.grant = g,
	};
	TRY(access_sign(is, &says, id, &token, http_why(rq)));
	if (token.len > TOKEN_MAX)
		return oauth_refuse(rq, "invalid_request",
				    "the access token would be longer than "
				    "%d characters: ask for less",
				    TOKEN_MAX);
	counter_add(&issuer_counts.minted[MINTED_ACCESS_TOKEN], 1);
	log_event(LOG_INFO, "token.exchange", "request=%s id=%s user=%s",
		  http_request_id(rq), id, claims_text(parent, parent->sub));
	return reply(rq, a, g, &token);
}

enum mm_err oauth_token(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	AUTO_BUF struct buf room = buf_new(0);
	int64_t now = clock_now(), last_use, due;
	struct ask ask = { .narrow.now = now,
			   .narrow.life = is->set.exchange_life };
	struct claims parent;
	struct narrow_grant grant;
	struct why why = { .text = "" };
	TRY(oauth_read(rq, params, sizeof params / sizeof params[0], &room,
		       &ask));
	TRY(check_form(rq, &ask));
	TRY(read_parent(is, rq, &ask, &parent, &last_use, &due));

	/* dated in the past, it would end too soon */
	TRY(mint_check_clock(is->mint, now, http_why(rq)));
	char from[ADDRESS_SIZE];
	http_peer(rq, from);
	const struct own_used used = { &parent, last_use, from };
	last_use = own_use(is, rq, &used, now);
	int64_t dies = effective_expiry(parent.iat, parent.exp,
					parent.auto_refresh, last_use);
	enum mm_err e = narrow(&parent, dies < due ? dies : due, &ask.narrow,
			       &grant, &why);
	return e == MM_OK ? give(is, rq, &ask, &parent, &grant)
			  : refuse_wide(rq, e, &why);
}
