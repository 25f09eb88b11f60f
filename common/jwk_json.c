/* jwk_json.c - public keys as JSON (RFC 7517, 7518, 8037), both ways. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stddef.h>

#include "common/json.h"
#include "common/jwk_internal.h"

/* ---- writing ---- */

static void bn_free_at(BIGNUM **b)
{
	BN_free(*b);
}
#define AUTO_BN __attribute__((cleanup(bn_free_at)))

/* One number of the key, big-endian; at least `width` bytes long, since
 * RFC 7518 s6.2.1.2 wants a coordinate's leading zeros kept. */
static enum mm_err add_number(const EVP_PKEY *evp, const char *param, int width,
			      struct buf *out)
{
	AUTO_BN BIGNUM *n = NULL;
	uint8_t bytes[512];
	if (!EVP_PKEY_get_bn_param(evp, param, &n))
		return MM_ERR_CRYPTO;
	int len = BN_num_bytes(n) > width ? BN_num_bytes(n) : width;
	if (len > (int)sizeof bytes || BN_bn2binpad(n, bytes, len) != len)
		return MM_ERR_CRYPTO;
	base64url_add(out, span_of(bytes, (size_t)len));
	return MM_OK;
}

static enum mm_err ec_members(const EVP_PKEY *evp, struct buf *out)
{
	buf_str(out, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
	TRY(add_number(evp, OSSL_PKEY_PARAM_EC_PUB_X, 32, out));
	buf_str(out, "\",\"y\":\"");
	TRY(add_number(evp, OSSL_PKEY_PARAM_EC_PUB_Y, 32, out));
	buf_str(out, "\"}");
	return MM_OK;
}

static enum mm_err rsa_members(const EVP_PKEY *evp, struct buf *out)
{
	buf_str(out, "{\"e\":\"");
	TRY(add_number(evp, OSSL_PKEY_PARAM_RSA_E, 0, out));
	buf_str(out, "\",\"kty\":\"RSA\",\"n\":\"");
	TRY(add_number(evp, OSSL_PKEY_PARAM_RSA_N, 0, out));
	buf_str(out, "\"}");
	return MM_OK;
}

static enum mm_err okp_members(const EVP_PKEY *evp, struct buf *out)
{
	uint8_t x[32];
	size_t n = sizeof x;
	if (!EVP_PKEY_get_raw_public_key(evp, x, &n) || n != sizeof x)
		return MM_ERR_CRYPTO;
	buf_str(out, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
	base64url_add(out, span_of(x, n));
	buf_str(out, "\"}");
	return MM_OK;
}

enum mm_err jwk_members(const EVP_PKEY *evp, enum jwk_alg alg, struct buf *out)
{
	switch (alg) {
	case JWK_ES256:
		return ec_members(evp, out);
	case JWK_EDDSA:
		return okp_members(evp, out);
	case JWK_RS256:
		return rsa_members(evp, out);
	}
	return MM_ERR_CRYPTO;
}

enum mm_err jwk_to_json(const struct jwk *k, struct buf *out)
{
	AUTO_BUF struct buf members = buf_new(JWK_TEXT_MAX);
	struct span text;
	TRY(jwk_members(k->evp, k->alg, &members));
	TRY(buf_done(&members, &text));
	buf_add(out, span_of(text.at, text.len - 1)); /* without the brace */
	buf_fmt(out, ",\"use\":\"sig\",\"alg\":\"%s\",\"kid\":\"%s\"}",
		jwk_alg_name(k), k->kid);
	return out->failed;
}

/* ---- reading ---- */

struct jwk_text {
	char kty[8], crv[16], alg[16], use[8], kid[64];
	char x[64], y[64], e[16], n[BASE64URL_LEN(512) + 1];
	char secret[JSON_TEXT_MAX];
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
	HAS_SECRET = 512
};

#define ROW_OF(name, member, bit)                                              \
	{                                                                      \
		name, JSON_KIND_STR, offsetof(struct jwk_text, member),        \
			sizeof(((struct jwk_text *)0)->member), (bit), NULL    \
	}
#define ROW(member, bit) ROW_OF(#member, member, bit)
#define SECRET(name)	 ROW_OF(name, secret, HAS_SECRET)

static const struct json_field rows[] = {
	ROW(kty, HAS_KTY), ROW(crv, HAS_CRV), ROW(x, HAS_X),
	ROW(y, HAS_Y),	   ROW(n, HAS_N),     ROW(e, HAS_E),
	ROW(alg, HAS_ALG), ROW(use, HAS_USE), ROW(kid, HAS_KID),
	SECRET("d"),	   SECRET("p"),	      SECRET("q"),
	SECRET("dp"),	   SECRET("dq"),      SECRET("qi"),
	SECRET("k"),
};
static const struct json_table table = { rows, sizeof rows / sizeof rows[0],
					 false, 0 };

/* A number or coordinate: exactly `want` bytes, or 1..size when want 0. */
static bool read_bytes(const char *text, size_t want, uint8_t *out, size_t size,
		       size_t *len)
{
	return base64url_decode(span_str(text), out, size, len) == MM_OK &&
	       (want ? *len == want : *len != 0);
}

static void param_bld_free_at(OSSL_PARAM_BLD **b)
{
	OSSL_PARAM_BLD_free(*b);
}
static void param_free_at(OSSL_PARAM **p)
{
	OSSL_PARAM_free(*p);
}
static void ctx_free_at(EVP_PKEY_CTX **c)
{
	EVP_PKEY_CTX_free(*c);
}
#define AUTO_BLD   __attribute__((cleanup(param_bld_free_at)))
#define AUTO_PARAM __attribute__((cleanup(param_free_at)))
#define AUTO_CTX   __attribute__((cleanup(ctx_free_at)))

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	AUTO_PARAM OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	AUTO_CTX EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *evp = NULL;
	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &evp, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		return NULL;
	return evp;
}

static EVP_PKEY *ec_key(const struct jwk_text *t)
{
	uint8_t point[65] = { POINT_CONVERSION_UNCOMPRESSED };
	size_t n;
	AUTO_BLD OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	if (bld == NULL || strcmp(t->crv, "P-256") != 0 ||
	    !read_bytes(t->x, 32, point + 1, 32, &n) ||
	    !read_bytes(t->y, 32, point + 33, 32, &n) ||
	    !OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					     "prime256v1", 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
					      point, sizeof point))
		return NULL;

	EVP_PKEY *evp = from_params("EC", bld);
	AUTO_CTX EVP_PKEY_CTX *ctx = evp ? EVP_PKEY_CTX_new(evp, NULL) : NULL;
	if (ctx != NULL && EVP_PKEY_public_check(ctx) == 1)
		return evp; /* the point is on the curve */
	EVP_PKEY_free(evp);
	return NULL;
}

static EVP_PKEY *rsa_key(const struct jwk_text *t)
{
	uint8_t n[512], e[8];
	size_t n_len, e_len;
	AUTO_BLD OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	if (bld == NULL || !read_bytes(t->n, 0, n, sizeof n, &n_len) ||
	    !read_bytes(t->e, 0, e, sizeof e, &e_len))
		return NULL;
	AUTO_BN BIGNUM *bn = BN_bin2bn(n, (int)n_len, NULL);
	AUTO_BN BIGNUM *be = BN_bin2bn(e, (int)e_len, NULL);
	/* e = 1 signs nothing, an even e is no exponent; 65537 is usual */
	if (bn == NULL || be == NULL || !BN_is_odd(bn) || !BN_is_odd(be) ||
	    BN_num_bits(be) < 2 ||
	    !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) ||
	    !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be))
		return NULL;
	return from_params("RSA", bld);
}

static EVP_PKEY *okp_key(const struct jwk_text *t)
{
	uint8_t x[32];
	size_t n;
	if (strcmp(t->crv, "Ed25519") != 0 ||
	    !read_bytes(t->x, 32, x, sizeof x, &n))
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, n);
}

static const struct {
	const char *kty;
	uint32_t need;
	EVP_PKEY *(*make)(const struct jwk_text *);
} kinds[] = {
	{ "EC", HAS_CRV | HAS_X | HAS_Y, ec_key },
	{ "OKP", HAS_CRV | HAS_X, okp_key },
	{ "RSA", HAS_N | HAS_E, rsa_key },
};

static EVP_PKEY *key_of(const struct jwk_text *t, uint32_t seen)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(t->kty, kinds[i].kty) == 0)
			return (seen & kinds[i].need) == kinds[i].need
				       ? kinds[i].make(t)
				       : NULL;
	return NULL;
}

/* alg, use and kid are optional, but may not contradict the key. */
static enum mm_err check_labels(const struct jwk_text *t, uint32_t seen,
				const struct jwk *k, struct why *why)
{
	if (seen & HAS_ALG && strcmp(t->alg, jwk_alg_name(k)) != 0)
		return why_say(why, MM_ERR_INVALID, "alg",
			       "this key is for %s, its alg says otherwise",
			       jwk_alg_name(k));
	if (seen & HAS_USE && strcmp(t->use, "sig") != 0)
		return why_say(why, MM_ERR_INVALID, "use",
			       "the key is not for signatures (use is not "
			       "\"sig\")");
	if (seen & HAS_KID && strcmp(t->kid, k->kid) != 0)
		return why_say(why, MM_ERR_INVALID, "kid",
			       "the kid is not the start of the key's RFC "
			       "7638 thumbprint (%s)",
			       k->kid);
	return MM_OK;
}

enum mm_err jwk_from_json(struct span json, struct jwk **out, struct why *why)
{
	struct jwk_text t = { .kty = "" };
	uint32_t seen;
	if (strict_json_read(json, &table, &t, &seen) != MM_OK)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "not a JSON Web Key of a kind we use");
	if (seen & HAS_SECRET) {
		explicit_bzero(&t, sizeof t);
		return why_say(why, MM_ERR_INVALID, "d",
			       "the key holds its private half: publish only "
			       "public keys, and replace this one");
	}
	AUTO_EVP EVP_PKEY *evp = key_of(&t, seen);
	if (evp == NULL)
		return why_say(why, MM_ERR_INVALID, "kty",
			       "not a usable public key (EC P-256 on its "
			       "curve, Ed25519, or RSA)");

	AUTO_JWK struct jwk *k = NULL;
	TRY(jwk_adopt(&evp, &k, why));
	TRY(check_labels(&t, seen, k, why));
	*out = k;
	k = NULL;
	return MM_OK;
}
