/* jwk_make.c - the numbers of a public key, made into a key of OpenSSL's, or
 * refused with a sentence that says what is wrong with which. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "common/jwk_internal.h"

#define NUMBER_MAX 4096 /* bytes: more than the longest text holds */

static enum mm_err bad(struct why *why, const char *field, const char *text)
{
	return why_say(why, MM_ERR_INVALID, field, "%s", text);
}

/* ---- numbers ---- */

static enum mm_err not_base64url(struct why *why, const char *name)
{
	return why_say(why, MM_ERR_INVALID, name,
		       "%s is not base64url without padding (RFC 4648 s5)",
		       name);
}

/* A coordinate or an Ed25519 key (RFC 7518 s6.2.1.2, RFC 8037 s2). */
static enum mm_err read_32(const char *text, const char *name, uint8_t out[32],
			   struct why *why)
{
	uint8_t bytes[NUMBER_MAX];
	size_t n;
	if (base64url_decode(span_str(text), bytes, sizeof bytes, &n) != MM_OK)
		return not_base64url(why, name);
	if (n != 32)
		return why_say(why, MM_ERR_INVALID, name,
			       "%s has %zu bytes, not 32: one number, its "
			       "leading zeros kept, none added, no compressed "
			       "point",
			       name, n);
	memcpy(out, bytes, 32);
	return MM_OK;
}

static void bn_free_at(BIGNUM **b)
{
	BN_free(*b);
}
#define AUTO_BN __attribute__((cleanup(bn_free_at)))

/* A number in its one spelling (Base64urlUInt, RFC 7518 s2). */
static enum mm_err read_number(const char *text, const char *name, BIGNUM **out,
			       struct why *why)
{
	uint8_t bytes[NUMBER_MAX];
	size_t n;
	if (base64url_decode(span_str(text), bytes, sizeof bytes, &n) !=
		    MM_OK ||
	    n == 0)
		return not_base64url(why, name);
	if (n > 1 && bytes[0] == 0)
		return why_say(why, MM_ERR_INVALID, name,
			       "%s begins with a zero byte: a number has one "
			       "spelling",
			       name);
	*out = BN_bin2bn(bytes, (int)n, NULL);
	return *out ? MM_OK : MM_ERR_NOMEM;
}

/* ---- a key of OpenSSL's ---- */

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

/* Some points are refused when the key is made, others by the check. */
static EVP_PKEY *point_key(const uint8_t point[65])
{
	AUTO_BLD OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	if (bld == NULL ||
	    !OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					     "prime256v1", 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
					      point, 65))
		return NULL;
	AUTO_EVP EVP_PKEY *evp = from_params("EC", bld);
	AUTO_CTX EVP_PKEY_CTX *ctx = evp ? EVP_PKEY_CTX_new(evp, NULL) : NULL;
	if (ctx == NULL || EVP_PKEY_public_check(ctx) != 1)
		return NULL;
	EVP_PKEY *good = evp;
	evp = NULL;
	return good;
}

enum mm_err jwk_make_ec(const struct jwk_numbers *k, EVP_PKEY **out,
			struct why *why)
{
	static const uint8_t zeros[64];
	uint8_t point[65] = { POINT_CONVERSION_UNCOMPRESSED };
	if (strcmp(k->crv, "P-256") != 0)
		return bad(why, "crv", "an EC key must be on the curve P-256");
	TRY(read_32(k->x, "x", point + 1, why));
	TRY(read_32(k->y, "y", point + 33, why));
	if (memcmp(point + 1, zeros, sizeof zeros) == 0)
		return bad(why, "x",
			   "x and y are 0: the point at infinity is no key");
	*out = point_key(point);
	return *out ? MM_OK : bad(why, "x", "the point (x, y) is not on P-256");
}

static enum mm_err check_modulus(const BIGNUM *n, struct why *why)
{
	int bits = BN_num_bits(n);
	if (bits < 2048 || bits > 4096) /* RFC 7518 s3.3: 2048 or more */
		return why_say(why, MM_ERR_INVALID, "n",
			       "an RSA key must have 2048 to 4096 bits, this "
			       "one has %d",
			       bits);
	return BN_is_odd(n) ? MM_OK
			    : bad(why, "n",
				  "n is even: it is no product of two primes "
				  "that are of use");
}

/* e = 1 signs nothing; an even e has no inverse; 65537 is usual. */
static enum mm_err check_exponent(const BIGNUM *e, struct why *why)
{
	if (BN_num_bits(e) > 64)
		return why_say(why, MM_ERR_INVALID, "e",
			       "e has %d bits, at most 64 are taken",
			       BN_num_bits(e));
	if (BN_num_bits(e) < 2)
		return bad(why, "e",
			   "e is 0 or 1: anybody could make such a signature");
	return BN_is_odd(e) ? MM_OK
			    : bad(why, "e", "e is even: that is no exponent");
}

enum mm_err jwk_check_rsa(const EVP_PKEY *evp, struct why *why)
{
	AUTO_BN BIGNUM *n = NULL, *e = NULL;
	if (!EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    !EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_E, &e))
		return MM_ERR_CRYPTO;
	TRY(check_modulus(n, why));
	return check_exponent(e, why);
}

enum mm_err jwk_make_rsa(const struct jwk_numbers *k, EVP_PKEY **out,
			 struct why *why)
{
	AUTO_BN BIGNUM *n = NULL, *e = NULL;
	TRY(read_number(k->n, "n", &n, why));
	TRY(read_number(k->e, "e", &e, why));
	TRY(check_modulus(n, why));
	TRY(check_exponent(e, why));
	AUTO_BLD OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	if (bld == NULL ||
	    !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) ||
	    !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
		return MM_ERR_NOMEM;
	*out = from_params("RSA", bld);
	return *out ? MM_OK : bad(why, "n", "OpenSSL makes no RSA key of it");
}

/* The points of small order of edwards25519, in all their spellings but for
 * the sign of x: under such a key a signature is good for any text. */
static const uint8_t small_order[][32] = {
	{ 0x00 },
	{ 0x01 },
	{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	  0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	  0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
	{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	  0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	  0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

static bool is_small_order(const uint8_t x[32])
{
	uint8_t y[32];
	memcpy(y, x, sizeof y);
	y[31] &= 0x7f; /* without the sign */
	for (size_t i = 0; i < sizeof small_order / sizeof small_order[0]; i++)
		if (memcmp(y, small_order[i], sizeof y) == 0)
			return true;
	return false;
}

enum mm_err jwk_make_okp(const struct jwk_numbers *k, EVP_PKEY **out,
			 struct why *why)
{
	uint8_t x[32];
	if (strcmp(k->crv, "Ed25519") != 0)
		return bad(why, "crv", "an OKP key must be on Ed25519");
	TRY(read_32(k->x, "x", x, why));
	if (is_small_order(x))
		return bad(why, "x",
			   "x is a point of small order: anybody could make "
			   "such a signature");
	*out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, sizeof x);
	return *out ? MM_OK
		    : bad(why, "x", "OpenSSL makes no Ed25519 key of it");
}
