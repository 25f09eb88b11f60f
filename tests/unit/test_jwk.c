/* test_jwk.c - keys made, written, read back; and all that is no key.
 */
#include "common/jwk.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

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
		assert_int_equal(jwk_from_pem(jwk_pem(k), &back, NULL), MM_OK);
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
	if (jwk_from_pem(pem, &k, &why) != MM_ERR_INVALID)
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

/* clang-format off */
static const struct {
	const char *json;
	const char *field; /* NULL: a good key */
} jwks[] = {
	{ EC(XY), NULL },
	{ EC(XY ",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"oKIywvGUpTV\""), NULL },
	{ EC(XY ",\"x5t\":\"abc\",\"key_ops\":[\"verify\"]"), NULL },
	{ OKP(ED), NULL },
	{ OKP(ED ",\"alg\":\"EdDSA\",\"kid\":\"kPrK_qmxVWa\""), NULL },

	/* its private half, of whatever value */
	{ EC(XY ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\""), "d" },
	{ EC(XY ",\"d\":\"\""), "d" },
	{ OKP(ED ",\"d\":\"AA\""), "d" },
	{ OKP(ED ",\"k\":\"AA\""), "d" },
	{ EC(XY ",\"\\u0064\":\"AA\""), "d" },
	{ "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\",\"p\":\"AA\"}", "d" },
	{ "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\",\"q\":\"AA\"}", "d" },
	{ "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\",\"dp\":\"AA\"}", "d" },
	{ "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\",\"dq\":\"AA\"}", "d" },
	{ "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\",\"qi\":\"AA\"}", "d" },
	{ "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ\"}", "d" },

	/* labels that contradict the key */
	{ EC(XY ",\"alg\":\"RS256\""), "alg" },
	{ EC(XY ",\"alg\":\"ES384\""), "alg" },
	{ EC(XY ",\"alg\":\"es256\""), "alg" },
	{ EC(XY ",\"alg\":\"none\""), "alg" },
	{ EC(XY ",\"alg\":\"HS256\""), "alg" },
	{ EC(XY ",\"alg\":\"\""), "alg" },
	{ OKP(ED ",\"alg\":\"ES256\""), "alg" },
	{ OKP(ED ",\"alg\":\"Ed25519\""), "alg" },
	{ EC(XY ",\"use\":\"enc\""), "use" },
	{ EC(XY ",\"use\":\"\""), "use" },
	{ EC(XY ",\"kid\":\"kPrK_qmxVWa\""), "kid" },
	{ EC(XY ",\"kid\":\"\""), "kid" },
	{ EC(XY ",\"kid\":\"oKIywvGUpT\""), "kid" },
	{ EC(XY ",\"kid\":\"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U\""), "kid" },

	/* points off the curve, and no points at all */
	{ EC("\"x\":\"" EC_Y "\",\"y\":\"" EC_X "\""), "kty" },
	{ EC("\"x\":\"" EC_X "\",\"y\":\"" EC_X "\""), "kty" },
	{ EC("\"x\":\"" ZERO "\",\"y\":\"" ZERO "\""), "kty" },
	{ EC("\"x\":\"" FULL "\",\"y\":\"" FULL "\""), "kty" },
	{ EC("\"x\":\"" EC_X "\""), "kty" },
	{ EC("\"y\":\"" EC_Y "\""), "kty" },
	{ EC("\"x\":\"\"" Y), "kty" },
	{ EC("\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA\"" Y), "kty" },
	{ EC("\"x\":\"AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF\"" Y), "kty" },
	{ EC("\"x\":\"" EC_X "=\"" Y), "kty" },
	{ EC("\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\"" Y), "kty" },
	{ EC("\"x\":7" Y), "" },
	{ OKP("\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ\""), "kty" },
	{ OKP("\"x\":\"" ED_X "AA\""), "kty" },
	{ OKP("\"y\":\"" ED_X "\""), "kty" },

	/* other curves, other types */
	{ "{\"kty\":\"EC\",\"crv\":\"P-384\"," XY "}", "kty" },
	{ "{\"kty\":\"EC\",\"crv\":\"secp256k1\"," XY "}", "kty" },
	{ "{\"kty\":\"EC\",\"crv\":\"p-256\"," XY "}", "kty" },
	{ "{\"kty\":\"EC\",\"crv\":\"Ed25519\"," XY "}", "kty" },
	{ "{\"kty\":\"EC\"," XY "}", "kty" },
	{ "{\"kty\":\"OKP\",\"crv\":\"Ed448\"," ED "}", "kty" },
	{ "{\"kty\":\"OKP\",\"crv\":\"X25519\"," ED "}", "kty" },
	{ "{\"kty\":\"OKP\",\"crv\":\"P-256\"," XY "}", "kty" },
	{ "{\"kty\":\"ec\",\"crv\":\"P-256\"," XY "}", "kty" },
	{ "{\"kty\":\"RSA\",\"crv\":\"P-256\"," XY "}", "kty" },
	{ "{\"kty\":\"\",\"crv\":\"P-256\"," XY "}", "kty" },
	{ "{\"crv\":\"P-256\"," XY "}", "kty" },

	/* not one strict JSON object */
	{ "", "" }, { "{}", "kty" }, { "[]", "" }, { "null", "" },
	{ "[" EC(XY) "]", "" }, { EC(XY) "x", "" }, { EC(XY) EC(XY), "" },
	{ EC(XY ",\"kty\":\"EC\""), "" },
	{ EC(XY ",\"\\u0078\":\"" EC_X "\""), "" },
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
		assert_true(why.text[0] != '\0');
		assert_null(strstr(why.text, "jpsQ")); /* the private half */
	}
}

/* An RSA modulus of `bits`, first and last bit set unless `even`. */
static enum mm_err read_rsa(size_t bits, bool even, const char *e)
{
	AUTO_BUF struct buf b = buf_new(4096);
	AUTO_JWK struct jwk *k = NULL;
	uint8_t n[600] = { 0 };
	struct span text;
	size_t len = (bits + 7) / 8;
	n[0] = (uint8_t)(1u << (bits + 7) % 8);
	n[len - 1] |= even ? 2 : 1;
	buf_str(&b, "{\"kty\":\"RSA\",\"n\":\"");
	base64url_add(&b, span_of(n, len));
	buf_fmt(&b, "\",\"e\":\"%s\"}", e);
	assert_int_equal(buf_done(&b, &text), MM_OK);
	return jwk_from_json(text, &k, NULL);
}

static void test_weak_rsa(void **state)
{
	(void)state;
	static const struct {
		size_t bits;
		bool even;
		const char *e;
		enum mm_err want;
	} cases[] = {
		{ 2048, false, "AQAB", MM_OK },
		{ 4096, false, "AQAB", MM_OK },
		{ 2048, false, "Aw", MM_OK },
		{ 512, false, "AQAB", MM_ERR_INVALID },
		{ 1024, false, "AQAB", MM_ERR_INVALID },
		{ 2047, false, "AQAB", MM_ERR_INVALID },
		{ 4097, false, "AQAB", MM_ERR_INVALID },
		{ 4104, false, "AQAB", MM_ERR_INVALID },
		{ 2048, true, "AQAB", MM_ERR_INVALID },
		{ 2048, false, "AQ", MM_ERR_INVALID },	 /* 1 */
		{ 2048, false, "AAE", MM_ERR_INVALID },	 /* 1, padded */
		{ 2048, false, "AA", MM_ERR_INVALID },	 /* 0 */
		{ 2048, false, "Ag", MM_ERR_INVALID },	 /* 2 */
		{ 2048, false, "AQAA", MM_ERR_INVALID }, /* 65536 */
		{ 2048, false, "", MM_ERR_INVALID },
		{ 2048, false, "AQAB=", MM_ERR_INVALID },
		{ 2048, false, "AQAAAAAAAAAB", MM_ERR_INVALID }, /* 9 bytes */
	};
	for (size_t i = 0; i < ROWS(cases); i++)
		if (read_rsa(cases[i].bits, cases[i].even, cases[i].e) !=
		    cases[i].want)
			fail_msg("row %zu", i);
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
		cmocka_unit_test(test_pem_refused),
		cmocka_unit_test(test_json_refused),
		cmocka_unit_test(test_weak_rsa),
		cmocka_unit_test(test_sets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
