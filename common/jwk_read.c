/* jwk_read.c - public keys as JSON (RFC 7517, 7518, 8037): read, or refused
 * with a sentence that says what is wrong with this one.
 *
 * No sentence repeats what stands in the key: it may be a private one.
 */
#include <stddef.h>

#include "common/json.h"
#include "common/jwk_internal.h"

struct jwk_text {
	struct json_text kty, crv, alg, use, kid, x, y, e, n, secret;
	struct json_strs key_ops;
	struct json_texts texts;
};

enum {
	HAS_KTY = 1,
	HAS_CRV = 2,
	HAS_X = 4,
	HAS_Y = 8,
	HAS_N = 16,
	HAS_E = 32,
	HAS_ALG = 64,
	HAS_USE = 128,
	HAS_KID = 256,
	HAS_OPS = 512,
	HAS_PRIVATE = 1024,
	HAS_SHARED = 2048
};

#define ROW_OF(name, kind, member, bit)                                        \
	{                                                                      \
		name, (kind), offsetof(struct jwk_text, member),               \
			JSON_TEXT_MAX, (bit), NULL                             \
	}
#define ROW(member, bit) ROW_OF(#member, JSON_KIND_TEXT, member, bit)
#define PRIVATE(name)	 ROW_OF(name, JSON_KIND_TEXT, secret, HAS_PRIVATE)

/* Others (x5c, x5t, x5u, iat...) are passed over: a certificate beside the
 * key makes it no better. */
static const struct json_field rows[] = {
	ROW(kty, HAS_KTY),
	ROW(crv, HAS_CRV),
	ROW(x, HAS_X),
	ROW(y, HAS_Y),
	ROW(n, HAS_N),
	ROW(e, HAS_E),
	ROW(alg, HAS_ALG),
	ROW(use, HAS_USE),
	ROW(kid, HAS_KID),
	ROW_OF("key_ops", JSON_KIND_TEXTS, key_ops, HAS_OPS),
	PRIVATE("d"),
	PRIVATE("p"),
	PRIVATE("q"),
	PRIVATE("dp"),
	PRIVATE("dq"),
	PRIVATE("qi"),
	ROW_OF("k", JSON_KIND_TEXT, secret, HAS_SHARED),
};
static const struct json_table table = { rows, sizeof rows / sizeof rows[0],
					 false,
					 offsetof(struct jwk_text, texts) };

/* A text, NUL-ended. */
static const char *str(const struct jwk_text *t, struct json_text s)
{
	return t->texts.text + s.at;
}

static enum mm_err bad(struct why *why, const char *field, const char *text)
{
	return why_say(why, MM_ERR_INVALID, field, "%s", text);
}

/* ---- the whole ---- */

static const struct {
	const char *kty; /* spelled so: RFC 7517 s4.1 */
	enum mm_err (*make)(const struct jwk_numbers *, EVP_PKEY **,
			    struct why *);
	uint32_t need;
} kinds[] = {
	{ "EC", jwk_make_ec, HAS_CRV | HAS_X | HAS_Y },
	{ "OKP", jwk_make_okp, HAS_CRV | HAS_X },
	{ "RSA", jwk_make_rsa, HAS_N | HAS_E },
};

/* The first of the rows whose members are missing; some are. */
static const char *name_of(uint32_t missing)
{
	const struct json_field *row = rows;
	while ((row->bit & missing) == 0)
		row++;
	return row->name;
}

static enum mm_err make_key(const struct jwk_text *t, uint32_t seen,
			    EVP_PKEY **out, struct why *why)
{
	const char *kty = seen & HAS_KTY ? str(t, t->kty) : "";
	struct jwk_numbers k = { str(t, t->crv), str(t, t->x), str(t, t->y),
				 str(t, t->n), str(t, t->e) };
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kty, kinds[i].kty) != 0)
			continue;
		uint32_t missing = kinds[i].need & ~seen;
		if (missing == 0)
			return kinds[i].make(&k, out, why);
		return why_say(why, MM_ERR_INVALID, name_of(missing),
			       "%s is missing: a key of kty %s has it",
			       name_of(missing), kty);
	}
	return bad(why, "kty",
		   seen & HAS_KTY ? "kty is none of EC, OKP and RSA, spelled so"
				  : "kty is missing: EC, OKP or RSA");
}

static enum mm_err check_public(const struct jwk_text *t, uint32_t seen,
				struct why *why)
{
	if (seen & HAS_SHARED ||
	    (seen & HAS_KTY && !strcmp(str(t, t->kty), "oct")))
		return bad(
			why, "k",
			"the key is a shared secret (kty oct, for HMAC): who "
			"can check with it can sign, too; replace it by a "
			"pair of keys");
	if (seen & HAS_PRIVATE)
		return bad(why, "d",
			   "the key holds its private half: publish only "
			   "public keys, and replace this one");
	return MM_OK;
}

static bool may_verify(const struct jwk_text *t)
{
	const char *op = t->texts.text + t->key_ops.at;
	for (size_t i = 0; i < t->key_ops.count; i++, op += strlen(op) + 1)
		if (strcmp(op, "verify") == 0)
			return true;
	return false;
}

/* alg, use and key_ops are optional, but may not contradict the key. */
static enum mm_err check_labels(const struct jwk_text *t, uint32_t seen,
				const struct jwk *k, struct why *why)
{
	if (seen & HAS_ALG && strcmp(str(t, t->alg), jwk_alg_name(k)) != 0)
		return why_say(why, MM_ERR_INVALID, "alg",
			       "this key is for %s, its alg says otherwise",
			       jwk_alg_name(k));
	if (seen & HAS_USE && strcmp(str(t, t->use), "sig") != 0)
		return bad(why, "use",
			   "the key is not for signatures (use is not "
			   "\"sig\")");
	if (seen & HAS_OPS && !may_verify(t)) /* RFC 7517 s4.3 */
		return bad(why, "key_ops",
			   "the key is not for checking signatures (key_ops "
			   "has no \"verify\")");
	return MM_OK;
}

static enum mm_err read_key(struct span json, struct jwk_text *t,
			    uint32_t *seen, struct jwk **out, struct why *why)
{
	*t = (struct jwk_text){ .texts.used = 0 };
	if (strict_json_read(json, &table, t, seen) != MM_OK)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "not a JSON Web Key: one JSON object of at most "
			       "%d bytes, no member twice, each of ours a "
			       "string",
			       JSON_TEXT_MAX);
	TRY(check_public(t, *seen, why));
	AUTO_EVP EVP_PKEY *evp = NULL;
	TRY(make_key(t, *seen, &evp, why));
	AUTO_JWK struct jwk *k = NULL;
	TRY(jwk_adopt(&evp, &k, why));
	TRY(check_labels(t, *seen, k, why));
	*out = k;
	k = NULL;
	return MM_OK;
}

static enum mm_err check_kid(const struct jwk_text *t, uint32_t seen,
			     const struct jwk *k, struct why *why)
{
	if (!(seen & HAS_KID) || strcmp(str(t, t->kid), jwk_kid(k)) == 0)
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, "kid",
		       "the kid is not the start of the key's RFC 7638 "
		       "thumbprint (%s)",
		       jwk_kid(k));
}

enum mm_err jwk_from_json(struct span json, struct jwk **out, struct why *why)
{
	struct jwk_text t;
	uint32_t seen;
	AUTO_JWK struct jwk *k = NULL;
	enum mm_err e = read_key(json, &t, &seen, &k, why);
	if (e == MM_OK)
		e = check_kid(&t, seen, k, why);
	explicit_bzero(&t, sizeof t); /* it may have been a private one */
	TRY(e);
	*out = k;
	k = NULL;
	return MM_OK;
}

enum mm_err jwk_from_json_foreign(struct span json, struct jwk **out,
				  struct why *why)
{
	struct jwk_text t;
	uint32_t seen;
	enum mm_err e = read_key(json, &t, &seen, out, why);
	explicit_bzero(&t, sizeof t);
	return e;
}
