/* test_jwk.c - keys made, written, read back; and all that is no key.
 */
#include "common/jwk.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/signature.h"
#include "tests/unit/unit.h"

static const enum jwk_alg algs[] = { JWK_ES256, JWK_EDDSA, JWK_RS256 };

/* ---- known answers ---- */

/* The example's kid is no thumbprint: read the key without it. */
static void read_without_kid(struct span text, struct jwk **k)
{
	json_t *o = json_loadb((const char *)text.at, text.len, 0, NULL);
	json_object_del(o, "kid");
	char *bare = json_dumps(o, JSON_COMPACT);
	assert_non_null(bare);
	assert_int_equal(jwk_from_json(span_str(bare), k, NULL), MM_OK);
	free(bare);
	json_decref(o);
}

static void test_thumbprints(void **state)
{
	(void)state;
	static const struct {
		const char *key, *print;
		enum jwk_alg alg;
		enum mm_err as_it_is;
	} cases[] = {
		{ "rfc7638.jwk", "rfc7638.thumbprint", JWK_RS256,
		  MM_ERR_INVALID },
		{ "rfc8037-a2.jwk", "rfc8037-a3.thumbprint", JWK_EDDSA, MM_OK },
	};
	for (size_t i = 0; i < ROWS(cases); i++) {
		AUTO_BUF struct buf a, b;
		AUTO_JWK struct jwk *k = NULL, *whole = NULL;
		struct span key = vector(cases[i].key, &a);
		struct span print = vector(cases[i].print, &b);
		char got[44];
		expect(cases[i].key, jwk_from_json(key, &whole, NULL),
		       cases[i].as_it_is);
		read_without_kid(key, &k);
		assert_int_equal(jwk_alg(k), cases[i].alg);
		assert_int_equal(jwk_thumbprint(k, got), MM_OK);
		assert_true(span_is(print, got));
		assert_true(span_is(span_of(got, KID_LEN), jwk_kid(k)));
	}
}

/* ---- round trips ---- */

static void assert_same_key(const struct jwk *a, const struct jwk *b)
{
	char print[2][44];
	assert_int_equal(jwk_alg(a), jwk_alg(b));
	assert_string_equal(jwk_alg_name(a), jwk_alg_name(b));
	assert_string_equal(jwk_kid(a), jwk_kid(b));
	assert_int_equal(jwk_thumbprint(a, print[0]), MM_OK);
	assert_int_equal(jwk_thumbprint(b, print[1]), MM_OK);
	assert_string_equal(print[0], print[1]);
	assert_int_equal(EVP_PKEY_eq(jwk_evp(a), jwk_evp(b)), 1);
}

static void test_json_round_trip(void **state)
{
	(void)state;
	static const char *const names[] = { "ES256", "EdDSA", "RS256" };
	for (size_t i = 0; i < ROWS(algs); i++) {
		AUTO_BUF struct buf a = buf_new(JWK_TEXT_MAX);
		AUTO_BUF struct buf b = buf_new(JWK_TEXT_MAX);
		AUTO_JWK struct jwk *k = NULL, *back = NULL;
		struct span text, again;
		assert_int_equal(jwk_generate(algs[i], &k), MM_OK);
		assert_int_equal(jwk_alg(k), algs[i]);
		assert_string_equal(jwk_alg_name(k), names[i]);
		assert_true(jwk_is_private(k));

		assert_int_equal(jwk_to_json(k, &a), MM_OK);
		assert_int_equal(buf_done(&a, &text), MM_OK);
		assert_null(strstr((const char *)text.at, "\"d\""));
		assert_int_equal(jwk_from_json(text, &back, NULL), MM_OK);
		assert_same_key(k, back);
		assert_false(jwk_is_private(back));
		assert_int_equal(jwk_pem(back).len, 0);

		assert_int_equal(jwk_to_json(back, &b), MM_OK);
		assert_int_equal(buf_done(&b, &again), MM_OK);
		assert_true(span_eq(text, again));
	}
}

static void test_pem_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(algs); i++) {
		AUTO_JWK struct jwk *k = NULL, *back = NULL;
		assert_int_equal(jwk_generate(algs[i], &k), MM_OK);
		assert_int_equal(jwk_from_pem(jwk_pem(k), NULL, &back, NULL),
				 MM_OK);
		assert_true(jwk_is_private(back));
		assert_same_key(k, back);
		assert_true(span_eq(jwk_pem(k), jwk_pem(back)));
	}
}

/* ---- refused: PEM ---- */

static void refuse_pem(struct span pem, const char *what)
{
	struct why why = { .text = "" };
	struct jwk *k = NULL;
	if (jwk_from_pem(pem, NULL, &k, &why) != MM_ERR_INVALID)
		fail_msg("accepted: %s", what);
	assert_null(k);
	assert_true(why.text[0] != '\0');
}

static void refuse_evp(EVP_PKEY *evp, const EVP_CIPHER *cipher, bool public,
		       const char *what)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, phrase[] = "phrase";
	assert_non_null(evp);
	assert_true(public ? PEM_write_bio_PUBKEY(bio, evp)
			   : PEM_write_bio_PKCS8PrivateKey(
				     bio, evp, cipher, cipher ? phrase : NULL,
				     cipher ? 6 : 0, NULL, NULL));
	long n = BIO_get_mem_data(bio, &text);
	refuse_pem(span_of(text, (size_t)n), what);
	BIO_free(bio);
	EVP_PKEY_free(evp);
}

/* One bit of the DER is not what it was. */
static void flip(struct span pem, size_t at, struct buf *out)
{
	char *name, *header, *text;
	unsigned char *der;
	long n;
	BIO *in = BIO_new_mem_buf(pem.at, (int)pem.len);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_read_bio(in, &name, &header, &der, &n), 1);
	assert_true(at < (size_t)n);
	der[at] ^= 0x10;
	assert_true(PEM_write_bio(bio, name, header, der, n) > 0);
	long len = BIO_get_mem_data(bio, &text);
	buf_add(out, span_of(text, (size_t)len));
	BIO_free(in);
	BIO_free(bio);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
}

/* A key that loads signs for the key that it says it is. */
static void flip_all(enum jwk_alg alg, size_t bytes, size_t step)
{
	AUTO_JWK struct jwk *k = NULL;
	size_t refused = 0;
	assert_int_equal(jwk_generate(alg, &k), MM_OK);
	for (size_t at = 0; at < bytes; at += step) {
		AUTO_BUF struct buf pem = buf_new(8192);
		AUTO_JWK struct jwk *back = NULL;
		uint8_t raw[SIGNATURE_MAX];
		size_t n;
		flip(jwk_pem(k), at, &pem);
		if (jwk_from_pem(done(&pem), NULL, &back, NULL) != MM_OK) {
			refused++;
			continue;
		}
		assert_int_equal(signature_make(back, span_str("x"), raw, &n),
				 MM_OK);
		if (signature_check(back, span_str("x"), span_of(raw, n)) !=
		    MM_OK)
			fail_msg("alg %d, byte %zu", (int)alg, at);
	}
	assert_true(refused != 0);
}

static void test_pem_damaged(void **state)
{
	(void)state;
	flip_all(JWK_ES256, 138, 1);
	flip_all(JWK_EDDSA, 48, 1);
	flip_all(JWK_RS256, 1700, 31);
}

/* Any exponent will sign. */
static EVP_PKEY *rsa_by(const char *exponent)
{
	BIGNUM *e = NULL;
	EVP_PKEY *evp = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	assert_true(BN_hex2bn(&e, exponent));
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &evp), 1);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return evp;
}

static void test_pem_refused(void **state)
{
	(void)state;
	refuse_pem(span_str(""), "nothing");
	refuse_pem(span_str("{\"kty\":\"EC\"}"), "a JWK");
	refuse_pem(span_str("-----BEGIN PRIVATE KEY-----\nAAAA\n"
			    "-----END PRIVATE KEY-----\n"),
		   "an empty frame");
	refuse_evp(EVP_EC_gen("P-256"), NULL, true, "a public key");
	refuse_evp(EVP_EC_gen("P-256"), EVP_aes_128_cbc(), false,
		   "one with a passphrase");
	refuse_evp(EVP_EC_gen("P-384"), NULL, false, "P-384");
	refuse_evp(EVP_EC_gen("secp256k1"), NULL, false, "secp256k1");
	refuse_evp(EVP_RSA_gen(1024), NULL, false, "RSA 1024");
	refuse_evp(rsa_by("1000000000000000D"), NULL, false,
		   "an exponent of 65 bits, which no verifier takes");
	refuse_evp(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL, false,
		   "Ed448");
	refuse_evp(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), NULL, false,
		   "X25519");
}

/* ---- refused: JSON ---- */

#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU" /* RFC 7515 A.3 */
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" /* RFC 8037 A.2 */
#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define FULL "__________________________________________8"

#define EC(more)  "{\"kty\":\"EC\",\"crv\":\"P-256\"," more "}"
#define XY	  "\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""
#define OKP(more) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," more "}"
#define ED	  "\"x\":\"" ED_X "\""
#define Y	  ",\"y\":\"" EC_Y "\""

#define RSA_E	   "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\","
#define SHORT_X	   "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA"	  /* 31 bytes */
#define LONG_X	   "AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF" /* 0, then it */
#define COMPRESSED "An_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF"

/* clang-format off */
static const struct {
	const char *json;
	const char *field; /* NULL: a good key */
	const char *says;  /* what the sentence says, among other things */
} jwks[] = {
	{ EC(XY), NULL, NULL },
	{ EC(XY ",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"oKIywvGUpTV\""), NULL, NULL },
	{ EC(XY ",\"x5t\":\"abc\",\"key_ops\":[\"verify\"]"), NULL, NULL },
	{ EC(XY ",\"key_ops\":[\"sign\",\"verify\"]"), NULL, NULL },
	{ EC(XY ",\"x5c\":[\"MIIB\",\"no certificate\"],\"x5u\":\"https://evil\""), NULL, NULL },
	{ EC(XY ",\"ext\":true,\"iat\":1,\"more\":{\"d\":\"not its own\"}"), NULL, NULL },
	{ OKP(ED), NULL, NULL },
	{ OKP(ED ",\"alg\":\"EdDSA\",\"kid\":\"kPrK_qmxVWa\""), NULL, NULL },
	{ OKP(ED ",\"y\":\"what it has no use for\",\"n\":\"\""), NULL, NULL },

	/* its private half, of whatever value */
	{ EC(XY ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\""), "d", "private half" },
	{ EC(XY ",\"d\":\"\""), "d", "private half" },
	{ OKP(ED ",\"d\":\"AA\""), "d", "private half" },
	{ EC(XY ",\"\\u0064\":\"AA\""), "d", "private half" },
	{ RSA_E "\"p\":\"AA\"}", "d", "private half" },
	{ RSA_E "\"q\":\"AA\"}", "d", "private half" },
	{ RSA_E "\"dp\":\"AA\"}", "d", "private half" },
	{ RSA_E "\"dq\":\"AA\"}", "d", "private half" },
	{ RSA_E "\"qi\":\"AA\"}", "d", "private half" },

	/* for HMAC */
	{ "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ\"}", "k", "shared secret" },
	{ "{\"kty\":\"oct\",\"k\":\"AA\",\"alg\":\"HS256\"}", "k", "shared secret" },
	{ "{\"kty\":\"oct\"}", "k", "shared secret" },
	{ OKP(ED ",\"k\":\"AA\""), "k", "shared secret" },

	/* labels that contradict the key */
	{ EC(XY ",\"alg\":\"RS256\""), "alg", "is for ES256" },
	{ EC(XY ",\"alg\":\"ES384\""), "alg", "is for ES256" },
	{ EC(XY ",\"alg\":\"es256\""), "alg", "is for ES256" },
	{ EC(XY ",\"alg\":\"none\""), "alg", "is for ES256" },
	{ EC(XY ",\"alg\":\"HS256\""), "alg", "is for ES256" },
	{ EC(XY ",\"alg\":\"\""), "alg", "is for ES256" },
	{ OKP(ED ",\"alg\":\"ES256\""), "alg", "is for EdDSA" },
	{ OKP(ED ",\"alg\":\"Ed25519\""), "alg", "is for EdDSA" },
	{ EC(XY ",\"use\":\"enc\""), "use", "not for signatures" },
	{ EC(XY ",\"use\":\"SIG\""), "use", "not for signatures" },
	{ EC(XY ",\"use\":\"\""), "use", "not for signatures" },
	{ EC(XY ",\"key_ops\":[\"sign\"]"), "key_ops", "no \"verify\"" },
	{ EC(XY ",\"key_ops\":[\"encrypt\",\"wrapKey\"]"), "key_ops", "no \"verify\"" },
	{ EC(XY ",\"key_ops\":[\"Verify\"]"), "key_ops", "no \"verify\"" },
	{ EC(XY ",\"key_ops\":[]"), "key_ops", "no \"verify\"" },
	{ EC(XY ",\"kid\":\"kPrK_qmxVWa\""), "kid", "thumbprint (oKIywvGUpTV)" },
	{ EC(XY ",\"kid\":\"\""), "kid", "thumbprint" },
	{ EC(XY ",\"kid\":\"oKIywvGUpT\""), "kid", "thumbprint" },
	{ EC(XY ",\"kid\":\"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U\""), "kid", "thumbprint" },

	/* points off the curve, and no points at all */
	{ EC("\"x\":\"" EC_Y "\",\"y\":\"" EC_X "\""), "x", "not on P-256" },
	{ EC("\"x\":\"" EC_X "\",\"y\":\"" EC_X "\""), "x", "not on P-256" },
	{ EC("\"x\":\"" EC_X "\",\"y\":\"" ZERO "\""), "x", "not on P-256" },
	{ EC("\"x\":\"" FULL "\",\"y\":\"" FULL "\""), "x", "not on P-256" },
	{ EC("\"x\":\"" ZERO "\",\"y\":\"" ZERO "\""), "x", "at infinity" },
	{ EC("\"x\":\"" EC_X "\""), "y", "y is missing" },
	{ EC("\"y\":\"" EC_Y "\""), "x", "x is missing" },
	{ EC("\"x\":\"\"" Y), "x", "0 bytes, not 32" },
	{ EC("\"x\":\"" SHORT_X "\"" Y), "x", "31 bytes, not 32" },
	{ EC("\"x\":\"" LONG_X "\"" Y), "x", "33 bytes, not 32" },
	{ EC("\"x\":\"" COMPRESSED "\"" Y), "x", "no compressed point" },
	{ EC("\"x\":\"" EC_X "\",\"y\":\"AA\""), "y", "1 bytes, not 32" },
	{ EC("\"x\":\"" EC_X "=\"" Y), "x", "not base64url" },
	{ EC("\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\"" Y), "x", "not base64url" },
	{ EC("\"x\":7" Y), "", "not a JSON Web Key" },
	{ OKP("\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ\""), "x", "31 bytes, not 32" },
	{ OKP("\"x\":\"" ED_X "A\""), "x", "33 bytes, not 32" },
	{ OKP("\"y\":\"" ED_X "\""), "x", "x is missing" },
	{ OKP("\"x\":\"" ZERO "\""), "x", "small order" },
	{ OKP("\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""), "x", "small order" },
	{ OKP("\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA\""), "x", "small order" },
	{ OKP("\"x\":\"JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU\""), "x", "small order" },
	{ OKP("\"x\":\"xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o\""), "x", "small order" },
	{ OKP("\"x\":\"7P_______________________________________38\""), "x", "small order" },

	/* other curves, other types */
	{ "{\"kty\":\"EC\",\"crv\":\"P-384\"," XY "}", "crv", "on the curve P-256" },
	{ "{\"kty\":\"EC\",\"crv\":\"P-521\"," XY "}", "crv", "on the curve P-256" },
	{ "{\"kty\":\"EC\",\"crv\":\"secp256k1\"," XY "}", "crv", "on the curve P-256" },
	{ "{\"kty\":\"EC\",\"crv\":\"p-256\"," XY "}", "crv", "on the curve P-256" },
	{ "{\"kty\":\"EC\",\"crv\":\"Ed25519\"," XY "}", "crv", "on the curve P-256" },
	{ "{\"kty\":\"EC\"," XY "}", "crv", "crv is missing" },
	{ "{\"kty\":\"OKP\",\"crv\":\"Ed448\"," ED "}", "crv", "Ed25519" },
	{ "{\"kty\":\"OKP\",\"crv\":\"X25519\"," ED "}", "crv", "Ed25519" },
	{ "{\"kty\":\"OKP\",\"crv\":\"P-256\"," XY "}", "crv", "Ed25519" },
	{ "{\"kty\":\"ec\",\"crv\":\"P-256\"," XY "}", "kty", "spelled so" },
	{ "{\"kty\":\"rsa\",\"n\":\"AQ\",\"e\":\"AQAB\"}", "kty", "spelled so" },
	{ "{\"kty\":\"OCT\"}", "kty", "spelled so" },
	{ "{\"kty\":\"RSA\",\"crv\":\"P-256\"," XY "}", "n", "n is missing" },
	{ "{\"kty\":\"RSA\",\"n\":\"AQ\"}", "e", "e is missing" },
	{ "{\"kty\":\"\",\"crv\":\"P-256\"," XY "}", "kty", "spelled so" },
	{ "{\"crv\":\"P-256\"," XY "}", "kty", "kty is missing" },

	/* not one strict JSON object */
	{ "", "", "not a JSON Web Key" }, { "{}", "kty", "kty is missing" },
	{ "[]", "", "not a JSON Web Key" }, { "null", "", "not a JSON Web Key" },
	{ "[" EC(XY) "]", "", "not a JSON Web Key" },
	{ EC(XY) "x", "", "not a JSON Web Key" },
	{ EC(XY) EC(XY), "", "not a JSON Web Key" },
	{ EC(XY ",\"kty\":\"EC\""), "", "no member twice" },
	{ EC(XY ",\"\\u0078\":\"" EC_X "\""), "", "no member twice" },
	{ EC(XY ",\"other\":1,\"other\":1"), "", "no member twice" },
};
/* clang-format on */

static void test_json_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(jwks); i++) {
		AUTO_JWK struct jwk *k = NULL;
		struct why why = { .text = "" };
		enum mm_err want = jwks[i].field ? MM_ERR_INVALID : MM_OK;
		if (jwk_from_json(span_str(jwks[i].json), &k, &why) != want)
			fail_msg("row %zu: %s", i, jwks[i].json);
		assert_true((k != NULL) == (want == MM_OK));
		if (jwks[i].field == NULL)
			continue;
		assert_string_equal(why.field, jwks[i].field);
		if (strstr(why.text, jwks[i].says) == NULL)
			fail_msg("row %zu: %s", i, why.text);
		assert_null(strstr(why.text, "jpsQ")); /* the private half */
	}
}

/* Somebody else's key may be called anything, and is else as strict. */
static void test_foreign(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(jwks); i++) {
		AUTO_JWK struct jwk *k = NULL;
		struct why why = { .text = "" };
		bool good = jwks[i].field == NULL ||
			    strcmp(jwks[i].field, "kid") == 0;
		if (jwk_from_json_foreign(span_str(jwks[i].json), &k, &why) !=
		    (good ? MM_OK : MM_ERR_INVALID))
			fail_msg("row %zu: %s", i, jwks[i].json);
		assert_true((k != NULL) == good);
	}
}

/* An RSA modulus of `bits`, first and last bit set unless `even`, behind
 * `zeros` bytes of nothing. */
struct rsa_case {
	size_t bits;
	bool even;
	size_t zeros;
	const char *e;
	const char *field, *says; /* NULL: a good key */
};

static enum mm_err read_rsa(const struct rsa_case *r, struct why *why)
{
	AUTO_BUF struct buf b = buf_new(4096);
	AUTO_JWK struct jwk *k = NULL;
	uint8_t n[1200] = { 0 };
	size_t len = (r->bits + 7) / 8;
	n[r->zeros] = (uint8_t)(1u << (r->bits + 7) % 8);
	n[r->zeros + len - 1] |= r->even ? 2 : 1;
	buf_str(&b, "{\"kty\":\"RSA\",\"n\":\"");
	base64url_add(&b, span_of(n, r->zeros + len));
	buf_fmt(&b, "\",\"e\":\"%s\"}", r->e);
	return jwk_from_json(done(&b), &k, why);
}

static void test_weak_rsa(void **state)
{
	(void)state;
	/* clang-format off */
	static const struct rsa_case cases[] = {
		{ 2048, false, 0, "AQAB", NULL, NULL },
		{ 4096, false, 0, "AQAB", NULL, NULL },
		{ 2048, false, 0, "Aw", NULL, NULL },
		{ 2048, false, 0, "AQAAAAAAAAE", NULL, NULL }, /* 57 bits */
		{ 512, false, 0, "AQAB", "n", "this one has 512" },
		{ 1024, false, 0, "AQAB", "n", "this one has 1024" },
		{ 2047, false, 0, "AQAB", "n", "this one has 2047" },
		{ 4097, false, 0, "AQAB", "n", "this one has 4097" },
		{ 4104, false, 0, "AQAB", "n", "this one has 4104" },
		{ 8192, false, 0, "AQAB", "n", "this one has 8192" },
		{ 2048, true, 0, "AQAB", "n", "n is even" },
		{ 2048, false, 1, "AQAB", "n", "begins with a zero byte" },
		{ 1024, false, 128, "AQAB", "n", "begins with a zero byte" },
		{ 2048, false, 0, "AQ", "e", "e is 0 or 1" },
		{ 2048, false, 0, "AA", "e", "e is 0 or 1" },
		{ 2048, false, 0, "AAE", "e", "begins with a zero byte" },
		{ 2048, false, 0, "Ag", "e", "e is even" },
		{ 2048, false, 0, "AQAA", "e", "e is even" }, /* 65536 */
		{ 2048, false, 0, "", "e", "not base64url" },
		{ 2048, false, 0, "AQAB=", "e", "not base64url" },
		{ 2048, false, 0, "AQAAAAAAAAAB", "e", "e has 65 bits" },
	};
	/* clang-format on */
	for (size_t i = 0; i < ROWS(cases); i++) {
		struct why why = { .text = "" };
		const struct rsa_case *r = &cases[i];
		if (read_rsa(r, &why) != (r->field ? MM_ERR_INVALID : MM_OK))
			fail_msg("row %zu: %s", i, why.text);
		if (r->field == NULL)
			continue;
		assert_string_equal(why.field, r->field);
		if (strstr(why.text, r->says) == NULL)
			fail_msg("row %zu: %s", i, why.text);
	}
}

/* ---- sets ---- */

static void test_sets(void **state)
{
	(void)state;
	struct jwk_set set = { .count = 0 };
	AUTO_JWK struct jwk *first = NULL, *over = NULL;
	assert_int_equal(jwk_generate(JWK_EDDSA, &first), MM_OK);
	assert_null(jwk_set_find(&set, jwk_kid(first)));
	assert_int_equal(jwk_set_add(&set, first), MM_OK);
	assert_int_equal(jwk_set_add(&set, first), MM_ERR_CONFLICT);
	for (size_t i = 1; i < ROWS(set.key); i++) {
		AUTO_JWK struct jwk *k = NULL;
		assert_int_equal(jwk_generate(JWK_EDDSA, &k), MM_OK);
		assert_int_equal(jwk_set_add(&set, k), MM_OK);
		assert_ptr_equal(jwk_set_find(&set, jwk_kid(k)), k);
	}
	assert_int_equal(jwk_generate(JWK_EDDSA, &over), MM_OK);
	assert_int_equal(jwk_set_add(&set, over), MM_ERR_TOO_LARGE);
	assert_null(jwk_set_find(&set, jwk_kid(over)));
	assert_null(jwk_set_find(&set, ""));
	assert_null(jwk_set_find(&set, "no-such-key"));
	assert_ptr_equal(jwk_set_find(&set, jwk_kid(first)), first);
	jwk_set_clear(&set);
	assert_int_equal(set.count, 0);
	/* the set let go of it, we have not */
	assert_int_equal(strlen(jwk_kid(first)), KID_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thumbprints),
		cmocka_unit_test(test_json_round_trip),
		cmocka_unit_test(test_pem_round_trip),
		cmocka_unit_test(test_pem_damaged),
		cmocka_unit_test(test_pem_refused),
		cmocka_unit_test(test_json_refused),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_weak_rsa),
		cmocka_unit_test(test_sets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
