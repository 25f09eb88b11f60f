/* mint.c - a grant becomes a signed token; the only file that knows libjwt.
 *
 * libjwt (1.10 to 1.17) signs ES256 and RS256 with a key that it is given as
 * PEM text, and always writes typ JWT, which is what a PAT has.  It knows no
 * EdDSA, and no key that stays in a PKCS#11 token: such keys sign through
 * common/jws.c, which writes the same header and claims.
 */
#include "issuer/mint.h"

#include <errno.h>
#include <jansson.h>
#include <jwt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/json_heap.h"
#include "common/log.h"
#include "common/signature.h"
#include "issuer/counts.h"
#include "issuer/optional.h"
#include "issuer/signing.h"

#define POOLS	   64  /* lists being filled: kinds times periods */
#define TAKE_FIRST 8   /* indexes taken from the store at first ... */
#define TAKE_MOST  256 /* ... doubled each time, up to this many */

#define CLOCK_TOLERANCE 1     /* s: a leap second, or NTP correcting a little */
#define SAY_BEHIND_MS	60000 /* between two words of a clock that stays so */

/* Indexes of one list that are ours to give. */
struct pool {
	enum list_kind kind;
	int64_t period_end; /* 0: the slot is free */
	uint32_t list, next, left, take;
};

struct mint {
	struct store *store;
	char iss[ISS_SIZE];
	bool with_jws;		   /* always, not only where libjwt cannot */
	_Atomic int64_t behind_at; /* clock_ms(), when that was said last */
	pthread_mutex_t lock;	   /* guards pools */
	struct pool pool[POOLS];
};

enum mm_err mint_open(struct store *store, const char *iss, bool with_jws,
		      struct mint **out)
{
	struct mint *m = calloc(1, sizeof *m);
	if (m == NULL)
		return MM_ERR_NOMEM;
	m->store = store;
	m->with_jws = with_jws;
	pthread_mutex_init(&m->lock, NULL);
	if (!span_copy(m->iss, sizeof m->iss, span_str(iss))) {
		free(m);
		return MM_ERR_INVALID;
	}
	*out = m;
	return MM_OK;
}

void mint_close(struct mint *m)
{
	free(m);
}

/* ---- indexes ---- */

/* The pool of a list, or the slot to put it in: a free one, else the one
 * whose period ends first (what was left in it is never used). */
static struct pool *find_pool(struct mint *m, enum list_kind kind,
			      int64_t period_end)
{
	struct pool *oldest = &m->pool[0];
	for (size_t i = 0; i < POOLS; i++) {
		struct pool *p = &m->pool[i];
		if (p->kind == kind && p->period_end == period_end)
			return p;
		if (p->period_end < oldest->period_end)
			oldest = p;
	}
	*oldest = (struct pool){ .kind = kind,
				 .period_end = period_end,
				 .take = TAKE_FIRST };
	return oldest;
}

static enum mm_err refill(struct mint *m, struct pool *p)
{
	struct index_range range;
	TRY(store_reserve(m->store, p->kind, p->period_end, p->take, &range));
	p->list = range.list;
	p->next = range.first;
	p->left = range.count;
	p->take = p->take * 2 < TAKE_MOST ? p->take * 2 : TAKE_MOST;
	return MM_OK;
}

void mint_forget(struct mint *m)
{
	pthread_mutex_lock(&m->lock);
	memset(m->pool, 0, sizeof m->pool);
	pthread_mutex_unlock(&m->lock);
}

static enum mm_err take_index(struct mint *m, struct token_row *t)
{
	enum list_kind kind = t->auto_refresh ? LIST_AUTO_REFRESH : LIST_FIXED;
	enum mm_err e = MM_OK;
	pthread_mutex_lock(&m->lock);
	struct pool *p = find_pool(m, kind, list_period_end(t->exp));
	if (p->left == 0)
		e = refill(m, p);
	if (e == MM_OK) {
		t->list = p->list;
		t->idx = p->next++;
		p->left--;
	}
	pthread_mutex_unlock(&m->lock);
	return e;
}

/* ---- the clock ---- */

bool mint_clock_is_right(struct store *store, int64_t now)
{
	struct token_row newest;
	return store_issued_after(store, now + CLOCK_TOLERANCE, &newest) !=
	       MM_OK;
}

static void log_behind(struct mint *m, const char *is, const char *was,
		       const struct token_row *newest)
{
	int64_t now = clock_ms(), last = atomic_load(&m->behind_at);
	if ((last != 0 && now - last < SAY_BEHIND_MS) ||
	    !atomic_compare_exchange_strong(&m->behind_at, &last, now))
		return;
	log_event(LOG_ERR, "clock.behind",
		  "now=%s issued=%s id=%u.%u detail=nothing is minted: set "
		  "the clock; or, if it was ahead then, revoke what was "
		  "issued ahead of it",
		  is, was, newest->list, newest->idx);
}

/* By a clock that is behind, tokens would be dated in the past: they die too
 * soon, and in lists that may have been given up already.  What was revoked
 * does not count: so a clock that was ahead for a while is got over by
 * revoking what was issued then. */
enum mm_err mint_check_clock(struct mint *m, int64_t now, struct why *why)
{
	struct token_row newest;
	char is[32], was[32];
	enum mm_err e =
		store_issued_after(m->store, now + CLOCK_TOLERANCE, &newest);
	if (e == MM_ERR_NOT_FOUND)
		return MM_OK;
	TRY(e);
	date_write(is, now);
	date_write(was, newest.iat);
	log_behind(m, is, was, &newest);
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "the mint's clock says %s, but it has issued a token "
		       "at %s already: no token is made until its "
		       "administrator has set it right; or, if it was ahead "
		       "then, revoked what was issued ahead (mintmark token "
		       "list --status all; the newest is %u.%u)",
		       is, was, newest.list, newest.idx);
}

/* ---- claims ---- */

static json_t *audience_of(const char *words)
{
	return strchr(words, ' ') ? json_words(words) : json_string(words);
}

/* What is absent in the row is absent here. */
static json_t *claims_json(const struct mint *m, const struct token_row *t)
{
	char jti[JTI_SIZE], uri[ISS_SIZE + 32];
	token_id_write(jti, t->list, t->idx);
	snprintf(uri, sizeof uri, "%s/s/%u", m->iss, t->list);
	json_t *all =
		json_pack("{s:s, s:s, s:I, s:I, s:s, s:{s:{s:I, s:s}}}", "iss",
			  m->iss, "sub", t->user, "iat", (json_int_t)t->iat,
			  "exp", (json_int_t)t->exp, "jti", jti, "status",
			  "status_list", "idx", (json_int_t)t->idx, "uri", uri);
	if (t->audience[0] != '\0')
		all = json_with(all, "aud", audience_of(t->audience));
	all = json_with_text(all, "scope", t->has_scope ? t->scope : NULL);
	all = json_with_text(all, "cidr", t->cidr[0] ? t->cidr : NULL);
	return json_with_number(all, "auto_refresh", t->auto_refresh);
}

static void free_text(char **s)
{
	free(*s);
}
#define AUTO_TEXT __attribute__((cleanup(free_text)))

/* Sorted, as libjwt writes them whatever order it is given: who signs makes
 * no difference. */
static enum mm_err claims_dump(const struct mint *m, const struct token_row *t,
			       char **out)
{
	json_t *claims = claims_json(m, t);
	*out = json_heap_dump(claims, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(claims);
	return *out ? MM_OK : MM_ERR_NOMEM;
}

/* ---- signing ---- */

static void jwt_free_at(jwt_t **j)
{
	if (*j != NULL)
		jwt_free(*j);
}
#define AUTO_JWT __attribute__((cleanup(jwt_free_at)))

/* Does it say that, to the byte?  libjwt reads the claims with jansson, which
 * leaves out what it has no memory for (common/json_heap.h): the scope, say. */
static bool says(const char *token, const char *claims)
{
	AUTO_BUF struct buf want = buf_new(4 * TOKEN_MAX);
	struct span text, rest = span_str(token), part;
	base64url_add(&want, span_str(claims));
	return buf_done(&want, &text) == MM_OK && span_cut(&rest, '.', &part) &&
	       span_cut(&rest, '.', &part) && part.len == text.len &&
	       !memcmp(part.at, text.at, text.len);
}

static enum mm_err encode(const struct jwk *key, const char *claims, char **out)
{
	struct span pem = jwk_pem(key);
	jwt_alg_t alg =
		jwk_alg(key) == JWK_RS256 ? JWT_ALG_RS256 : JWT_ALG_ES256;
	AUTO_JWT jwt_t *jwt = NULL;
	if (jwt_new(&jwt) != 0)
		return MM_ERR_NOMEM;
	if (jwt_set_alg(jwt, alg, pem.at, (int)pem.len) != 0 ||
	    jwt_add_header(jwt, "kid", jwk_kid(key)) != 0 ||
	    jwt_add_grants_json(jwt, claims) != 0)
		return MM_ERR_NOMEM;
	*out = jwt_encode_str(jwt);
	if (*out == NULL)
		return errno == ENOMEM ? MM_ERR_NOMEM : MM_ERR_CRYPTO;
	return MM_OK;
}

/* What libjwt could need to write a token of TOKEN_MAX bytes. */
#define LIBJWT_ROOM (1u << 17)

static enum mm_err sign_libjwt(const struct jwk *key, const char *claims,
			       struct buf *token)
{
	char *text = NULL;
	if (!json_heap_spare(LIBJWT_ROOM))
		return MM_ERR_NOMEM;
	enum mm_err e = encode(key, claims, &text);
	json_heap_spare_end();
	TRY(e);
	if (says(text, claims))
		buf_str(token, text);
	else
		token->failed = MM_ERR_NOMEM;
	explicit_bzero(text, strlen(text));
	free(text);
	return token->failed;
}

static bool libjwt_can(const struct jwk *key)
{
	return jwk_alg(key) != JWK_EDDSA && jwk_pem(key).len != 0;
}

static enum mm_err sign(const struct mint *m, const struct jwk *key,
			const char *claims, struct buf *token, struct why *why)
{
	if (m->with_jws || !libjwt_can(key))
		return signing_jws(key, TYP_PAT, span_str(claims), token, why);
	enum mm_err e = sign_libjwt(key, claims, token);
	if (e != MM_OK)
		count_sign_failed(TYP_PAT);
	return e;
}

/* ---- length ---- */

enum mm_err mint_length(struct mint *m, const struct jwk *key,
			const struct token_row *t, size_t *out)
{
	AUTO_TEXT char *claims = NULL;
	size_t header = sizeof "{'alg':'','kid':'','typ':'JWT'}" - 1;
	TRY(claims_dump(m, t, &claims));
	header += strlen(jwk_alg_name(key)) + KID_LEN;
	*out = BASE64URL_LEN(header) + 1 + BASE64URL_LEN(strlen(claims)) + 1 +
	       BASE64URL_LEN(signature_size(key));
	return MM_OK;
}

static size_t signature_len(struct span token)
{
	const uint8_t *dot = memrchr(token.at, '.', token.len);
	return (size_t)(token.at + token.len - dot) - 1;
}

/* Name the claims that make it long. */
static enum mm_err too_long(const struct token_row *t, struct span token,
			    size_t max, struct why *why)
{
	bool hard = max == TOKEN_MAX;
	size_t scope = strlen(t->scope), aud = strlen(t->audience);
	size_t cidr = strlen(t->cidr);
	const char *field = scope >= aud && scope >= cidr ? "scopes"
			    : aud >= cidr		  ? "audience"
							  : "cidr";
	return why_say(why, MM_ERR_INVALID, field,
		       "the token would have %zu characters, over %zu "
		       "(before encoding: scope %zu, aud %zu, cidr %zu, sub "
		       "%zu; its signature: %zu): shorten them%s",
		       token.len, max, scope, aud, cidr, strlen(t->user),
		       signature_len(token),
		       hard ? ""
			    : ", or set allow_long for Bearer only (PAM cuts "
			      "longer passwords)");
}

/* A backup will take this store's place, and know nothing of the token. */
static enum mm_err check_store(struct mint *m, struct why *why)
{
	if (!store_is_damaged(m->store))
		return MM_OK;
	return why_say(
		why, MM_ERR_UNAVAILABLE, NULL,
		"the mint's store is damaged: no token is made until its "
		"administrator has put a backup in its place");
}

enum mm_err mint_token(struct mint *m, const struct jwk *key, bool allow_long,
		       struct token_row *t, struct buf *token, struct why *why)
{
	AUTO_TEXT char *claims = NULL;
	struct span text;
	size_t max = allow_long ? TOKEN_MAX : TOKEN_PORTABLE;
	TRY(check_store(m, why));
	TRY(mint_check_clock(m, t->iat, why));
	TRY(take_index(m, t));
	(void)span_copy(t->kid, sizeof t->kid, span_str(jwk_kid(key)));
	TRY(claims_dump(m, t, &claims));
	TRY(sign(m, key, claims, token, why));
	TRY(buf_done(token, &text));
	return text.len <= max ? MM_OK : too_long(t, text, max, why);
}

enum mm_err mint_again(struct mint *m, const struct jwk *key,
		       const struct token_row *t, struct buf *token,
		       struct why *why)
{
	AUTO_TEXT char *claims = NULL;
	struct span text;
	MM_ASSERT(strcmp(t->kid, jwk_kid(key)) == 0);
	TRY(claims_dump(m, t, &claims));
	TRY(sign(m, key, claims, token, why));
	return buf_done(token, &text);
}
