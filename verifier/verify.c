/* verify.c - step 3: is this token good, here, now?
 *
 * No lock, no heap of our own, no I/O but for the two exceptions that
 * <mintmark/verify.h> names.  The order is the only safe one: freshness of
 * what we know, form, signature, and only then what the token says of
 * itself; the answer is written last.  Of a token seen before only the form
 * and the signature are taken from memory (cache.h). */
#include <stdlib.h>

#include "common/clock.h"
#include "common/jws.h"
#include "common/scope.h"
#include "verifier/verifier.h"

_Static_assert((unsigned)SCOPE_READ == MM_READ &&
		       (unsigned)SCOPE_WRITE == MM_WRITE,
	       "the public permissions are the internal ones");
_Static_assert(sizeof(((struct mm_token *)0)->id) == JTI_SIZE &&
		       sizeof(((struct mm_token *)0)->user) == USER_SIZE &&
		       sizeof(((struct mm_token *)0)->scope) == SCOPE_SIZE &&
		       sizeof(((struct mm_state *)0)->issuer) == ISS_SIZE,
	       "a token's texts fit, and the issuer's name");

/* ---- the state ---- */

/* News come every 25 s at the latest (a heartbeat).  What has had none for
 * longer may not be the agent's file any more: somebody has removed it, and
 * the agent made another at the path. */
#define QUIET_SECONDS 60

static int64_t staleness_allowed(const struct mm_verifier *v,
				 const struct state_map *m)
{
	int64_t allowed = m->head->max_staleness;
	if (v->max_staleness > 0 && v->max_staleness < allowed)
		allowed = v->max_staleness;
	return allowed;
}

static bool is_stale(const struct mm_verifier *v, const struct state_map *m,
		     int64_t age)
{
	return age > staleness_allowed(v, m);
}

static enum mm_err check_fresh(struct mm_verifier *v, struct pin *p,
			       int64_t now)
{
	int64_t age = now - state_fresh_at(p->map);
	if (age <= QUIET_SECONDS && !is_stale(v, p->map, age))
		return MM_OK;
	reader_look_again(&v->reader, p);
	age = now - state_fresh_at(p->map);
	return is_stale(v, p->map, age) ? MM_ERR_STALE : MM_OK;
}

static int64_t clock_of(const struct mm_verifier *v)
{
	return v->now ? v->now(v->now_ctx) : clock_now();
}

/* Not before the newest news, which the issuer has dated: a clock that was
 * set back would wake the dead, and find what is new not yet valid. */
static int64_t no_sooner(int64_t now, const struct state_map *m)
{
	int64_t news = state_fresh_at(m);
	return now > news ? now : news;
}

/* What the token's list says of it. */
static enum mm_err check_list(const struct state_map *m,
			      const struct state_list *l,
			      const struct claims *c, int64_t now,
			      int64_t *last_use)
{
	if (l == NULL)
		return MM_ERR_STALE; /* lists are announced before tokens */
	if (c->idx >= l->size)
		return MM_ERR_REVOKED; /* unknown is not innocent */
	*last_use = state_last_use(m->head, l, c->idx);
	return claims_alive(c, state_status(m->head, l, c->idx), *last_use,
			    now);
}

/* ---- the token ---- */

static const char *const typ_of[] = {
	[TOKEN_PAT] = TYP_PAT,
	[TOKEN_ACCESS] = TYP_ACCESS,
};

/* Which of the kinds that are taken here the token has to be: all that its
 * header says is compared with that (RFC 8725 s3.11). */
static enum token_kind kind_wanted(const struct mm_verifier *v,
				   const struct jws *t)
{
	return v->access_tokens && strcmp(t->header.typ, TYP_ACCESS) == 0
		       ? TOKEN_ACCESS
		       : TOKEN_PAT;
}

/* RFC 7515 s5.2; the key decides the algorithm (RFC 8725 s3.1). */
static enum mm_err check_signature(const struct state_map *m,
				   const struct jws *t, enum token_kind kind,
				   uint64_t *key_number)
{
	for (size_t i = 0; i < m->keys.count; i++) {
		if (strcmp(jwk_kid(m->keys.key[i]), t->header.kid) != 0)
			continue;
		*key_number = m->key_number[i];
		return jws_verify(t, typ_of[kind], m->keys.key[i]);
	}
	return MM_ERR_UNKNOWN_KEY;
}

static enum mm_err read_claims(const struct jws *t, enum token_kind kind,
			       struct claims *c)
{
	uint8_t json[TOKEN_MAX / 4 * 3];
	size_t n;
	TRY(base64url_decode(t->payload, json, sizeof json, &n));
	return claims_read(span_of(json, n), kind, c);
}

static bool key_stands(const struct state_map *m, uint64_t number)
{
	for (size_t i = 0; i < m->keys.count; i++)
		if (m->key_number[i] == number)
			return true;
	return false;
}

/* Seen before, and signed by a key that still stands? */
static bool remembers(const struct mm_verifier *v, const struct state_map *m,
		      const struct cache_query *q, struct used *out)
{
	struct cached known;
	if (!cache_find(v->cache, q, &known) || !key_stands(m, known.key))
		return false;
	out->claims = known.claims;
	out->told = known.told;
	return true;
}

/* Form and signature; then it is remembered. */
static enum mm_err first_sight(const struct mm_verifier *v,
			       const struct state_map *m, struct span token,
			       struct claims *out, struct used *used)
{
	struct jws t;
	struct cached new = { .claims = out };
	if (token.len > TOKEN_MAX)
		return MM_ERR_MALFORMED;
	TRY(jws_split(token, &t));
	enum token_kind kind = kind_wanted(v, &t);
	TRY(check_signature(m, &t, kind, &new.key));
	TRY(read_claims(&t, kind, out));
	used->claims = out;
	used->told = cache_put(v->cache, token, &new);
	return MM_OK;
}

/* It fits: claims_read() saw to that. */
static void fill_text(char *to, const struct claims *c, struct json_text t)
{
	memcpy(to, claims_text(c, t), t.len + 1u);
}

static void fill(struct mm_token *out, const struct claims *c, int64_t last_use)
{
	fill_text(out->id, c, c->jti);
	fill_text(out->user, c, c->sub);
	fill_text(out->scope, c, c->scope);
	out->has_scope = c->has_scope;
	out->issued_at = c->iat;
	out->expires_at = c->exp;
	out->dies_at =
		effective_expiry(c->iat, c->exp, c->auto_refresh, last_use);
	out->auto_refresh = c->auto_refresh;
	out->list = c->list;
	out->index = c->idx;
	out->access_token = c->access;
}

static enum mm_err verify(struct mm_verifier *v, const struct asked *ask,
			  struct span token, struct mm_token *out)
{
	struct claims room;
	struct used used;
	struct cache_query q = cache_look(v->cache, token);
	int64_t now = clock_of(v);
	AUTO_PIN struct pin p = reader_pin(&v->reader);

	TRY(check_fresh(v, &p, now));
	now = no_sooner(now, p.map);
	if (!remembers(v, p.map, &q, &used))
		TRY(first_sight(v, p.map, token, &room, &used));
	const struct claims *c = used.claims;
	if (ask->id != NULL)
		fill_text(ask->id, c, c->jti);
	const struct state_list *l = state_find(p.map->head, c->list);
	state_fetch(p.map->head, l, c->idx);
	TRY(claims_check(c, p.map->iss, ask->audience, now));
	if (c->access && ask->audience == NULL)
		return MM_ERR_WRONG_AUDIENCE; /* RFC 9068 s4: not for "any" */
	TRY(check_list(p.map, l, c, now, &used.last_use));
	TRY(claims_check_from(c, ask->from));
	if (ask->user != NULL && strcmp(ask->user, claims_text(c, c->sub)) != 0)
		return MM_ERR_WRONG_USER;

	used.from = ask->from;
	use_send(&v->uses, &used, now);
	fill(out, c, used.last_use);
	return MM_OK;
}

/* Our own troubles are not the caller's reasons: the header's words only. */
static enum mm_err public_error(enum mm_err e)
{
	return e <= MM_ERR_UNAVAILABLE ? e : MM_ERR_UNAVAILABLE;
}

enum mm_err verifier_ask(struct mm_verifier *v, const struct asked *ask,
			 struct span token, struct mm_token *out)
{
	return public_error(verify(v, ask, token, out));
}

enum mm_err mm_verify(struct mm_verifier *v, const char *token, size_t len,
		      struct mm_token *out)
{
	struct asked ask = { .audience = v->audience };
	return verifier_ask(v, &ask, span_of(token, len), out);
}

enum mm_err mm_verify_user(struct mm_verifier *v, const char *user,
			   const char *token, size_t len, struct mm_token *out)
{
	struct asked ask = { .user = user, .audience = v->audience };
	if (user == NULL)
		return MM_ERR_WRONG_USER;
	return verifier_ask(v, &ask, span_of(token, len), out);
}

enum mm_err mm_verify_client(struct mm_verifier *v,
			     const struct mm_client *client, const char *token,
			     size_t len, struct mm_token *out)
{
	const char *from = client->address ? client->address : "";
	struct asked ask = { .user = client->user,
			     .audience = v->audience,
			     .from = span_str(from) };
	return verifier_ask(v, &ask, span_of(token, len), out);
}

enum mm_err verifier_check_again(struct mm_verifier *v,
				 const struct mm_token *t)
{
	int64_t now = clock_of(v), last_use;
	struct claims c;
	c.iat = t->issued_at;
	c.exp = t->expires_at;
	c.auto_refresh = t->auto_refresh;
	c.list = t->list;
	c.idx = t->index;
	AUTO_PIN struct pin p = reader_pin(&v->reader);
	TRY(check_fresh(v, &p, now));
	now = no_sooner(now, p.map);
	const struct state_list *l = state_find(p.map->head, c.list);
	return check_list(p.map, l, &c, now, &last_use);
}

enum mm_err verifier_fresh(struct mm_verifier *v)
{
	int64_t now = clock_of(v);
	AUTO_PIN struct pin p = reader_pin(&v->reader);
	return check_fresh(v, &p, now);
}

enum mm_err mm_state(struct mm_verifier *v, struct mm_state *out)
{
	int64_t now = clock_of(v);
	AUTO_PIN struct pin p = reader_pin(&v->reader);
	enum mm_err e = check_fresh(v, &p, now);
	*out = (struct mm_state){
		.sequence = atomic_load(&p.map->head->seq),
		.heard_at = state_fresh_at(p.map),
		.max_staleness = staleness_allowed(v, p.map),
		.superseded = state_superseded(p.map),
	};
	(void)span_copy(out->issuer, sizeof out->issuer, p.map->iss);
	return e;
}

/* ---- what it may do ---- */

enum mm_err mm_allow(const struct mm_token *t, const char *type,
		     const char *const *ids, size_t n, unsigned perm)
{
	if (perm == 0 || (perm & ~(MM_READ | MM_WRITE)) != 0)
		return MM_ERR_INSUFFICIENT_SCOPE;
	if (!t->has_scope)
		return MM_OK;
	unsigned has = scope_perms(span_str(t->scope), span_str(type), ids, n);
	return (has & perm) == perm ? MM_OK : MM_ERR_INSUFFICIENT_SCOPE;
}

bool mm_has_scope(const struct mm_token *t, const char *name)
{
	return !t->has_scope || scope_has(span_str(t->scope), span_str(name));
}

const char *mm_reason(enum mm_err e)
{
	return mm_err_word(e);
}

/* ---- opening ---- */

static void verifier_close_at(struct mm_verifier **v)
{
	verifier_close(*v);
}
#define AUTO_VERIFIER __attribute__((cleanup(verifier_close_at)))

enum mm_err verifier_open_state(const struct mm_options *opt, const char *path,
				struct mm_verifier **out, struct why *why)
{
	AUTO_VERIFIER struct mm_verifier *v = aligned_alloc(
		_Alignof(struct mm_verifier), sizeof(struct mm_verifier));
	if (v == NULL)
		return MM_ERR_NOMEM;
	memset(v, 0, sizeof *v);
	v->uses.fd = -1;
	v->max_staleness = opt->max_staleness;
	v->access_tokens = (opt->flags & MM_ACCESS_TOKENS) != 0;
	v->now = opt->now;
	v->now_ctx = opt->now_ctx;
	if (opt->audience && (v->audience = strdup(opt->audience)) == NULL)
		return MM_ERR_NOMEM;

	TRY(reader_open(&v->reader, path, why));
	if ((opt->flags & MM_NO_CACHE) == 0)
		TRY(cache_open(opt->cache_size ? opt->cache_size
					       : MM_CACHE_SIZE,
			       &v->reader.epoch, &v->cache));
	if ((opt->flags & MM_NO_USE) == 0)
		use_sender_open(&v->uses, path,
				opt->door ? opt->door : opt->audience);
	if (use_sender_barred(&v->uses))
		(void)why_say(why, MM_OK, NULL,
			      "uses do not count here, so tokens with "
			      "auto_refresh will die: run this in the group "
			      "of %s",
			      v->uses.to.sun_path);
	*out = v;
	v = NULL;
	return MM_OK;
}

void verifier_close(struct mm_verifier *v)
{
	if (v == NULL)
		return;
	cache_close(v->cache);
	reader_close(&v->reader);
	use_sender_close(&v->uses);
	free(v->audience);
	free(v);
}
