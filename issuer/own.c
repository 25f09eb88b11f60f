/* own.c - a token of our own: signed by us, alive, used. */
#include "issuer/own.h"

#include "common/base64url.h"
#include "common/log.h"

/* ---- form and signature ---- */

static struct jwk *key_for(struct issuer *is, const char *kid, unsigned flags,
			   bool *former)
{
	struct jwk *key = publisher_key(is->publisher, kid);
	*former = key == NULL;
	if (key == NULL && (flags & OWN_FORMER_KEY) != 0 &&
	    store_former_key(is->store, kid, &key) != MM_OK)
		return NULL;
	return key;
}

/* The signature of a token that was seen before need not be checked again,
 * if it is the same key's.  Of a former key nothing is remembered: it may
 * have been stolen, and then there is no end of its tokens. */
static enum mm_err check_signature(struct issuer *is, struct span token,
				   const struct jws *t, const char *typ,
				   struct jwk *key, bool former)
{
	if (strcmp(t->header.typ, typ) != 0) /* RFC 8725 s3.11 */
		return MM_ERR_MALFORMED;
	if (!former && proven_has(is->proven, token, key))
		return MM_OK;
	TRY(jws_verify(t, typ, key));
	if (!former)
		proven_add(is->proven, token, key);
	return MM_OK;
}

enum mm_err own_read(struct issuer *is, struct span token, unsigned flags,
		     struct claims *out)
{
	struct jws t;
	uint8_t payload[TOKEN_MAX];
	size_t n;
	bool former;
	if (token.len > TOKEN_MAX)
		return MM_ERR_MALFORMED;
	TRY(jws_split(token, &t));
	AUTO_JWK struct jwk *key = key_for(is, t.header.kid, flags, &former);
	if (key == NULL)
		return MM_ERR_UNKNOWN_KEY;
	bool access = (flags & OWN_ACCESS) != 0 &&
		      strcmp(t.header.typ, TYP_ACCESS) == 0;
	TRY(check_signature(is, token, &t, access ? TYP_ACCESS : TYP_PAT, key,
			    former));
	TRY(base64url_decode(t.payload, payload, sizeof payload, &n));
	return claims_read(span_of(payload, n),
			   access ? TOKEN_ACCESS : TOKEN_PAT, out);
}

/* ---- alive ---- */

/* When we issued it, or later.  By a clock that was set back, agents would be
 * sent away, and hear of no revocation. */
static int64_t no_sooner(struct issuer *is, const struct claims *c, int64_t now)
{
	struct token_row t;
	if (c->iat <= now || c->access ||
	    store_get(is->store, c->list, c->idx, &t) != MM_OK ||
	    t.iat != c->iat)
		return now;
	return c->iat;
}

enum mm_err own_check(struct issuer *is, const struct claims *c,
		      const struct own_ask *ask, int64_t *last_use)
{
	int64_t now = no_sooner(is, c, ask->now);
	TRY(claims_check(c, span_str(is->set.issuer), ask->audience, now));
	TRY(publisher_alive(is->publisher, c, now, last_use));
	return claims_check_from(c, span_str(ask->from));
}

enum mm_err own_due(struct issuer *is, const struct claims *c, int64_t now,
		    int64_t *at)
{
	struct token_row t;
	enum mm_err e = store_get(is->store, c->list, c->idx, &t);
	*at = e == MM_OK && t.revoke_at != 0 ? t.revoke_at : INT64_MAX;
	if (e != MM_OK)
		return e == MM_ERR_NOT_FOUND ? MM_OK : e;
	if (t.status != TOKEN_VALID)
		return t.status == TOKEN_SUSPENDED ? MM_ERR_SUSPENDED
						   : MM_ERR_REVOKED;
	return now < *at ? MM_OK : MM_ERR_REVOKED;
}

bool own_is_refusal(enum mm_err e)
{
	return e > MM_OK && e < MM_ERR_STALE;
}

/* ---- used ---- */

/* The use of an access token is none of the token that it was made from. */
void own_use_later(struct issuer *is, const struct own_used *u, int64_t now)
{
	if (!u->claims->access)
		sightings_add(is->sightings, u->claims, u->last_use,
			      is->set.keep_addresses ? u->from : "", now);
}

int64_t own_use(struct issuer *is, const struct http_request *rq,
		const struct own_used *u, int64_t now)
{
	const struct claims *c = u->claims;
	const struct use use = { c->list, c->idx, now };
	struct own_used then = *u;
	size_t accepted = 0;
	if (use_is_news(c, u->last_use, now)) {
		enum mm_err e = store_use(is->store, &use, 1, now, &accepted);
		if (e != MM_OK)
			log_event(LOG_WARNING, "use.lost",
				  "request=%s id=%u.%u reason=%s",
				  http_request_id(rq), c->list, c->idx,
				  mm_err_word(e));
	}
	if (accepted)
		then.last_use = now;
	own_use_later(is, &then, now);
	return then.last_use;
}
