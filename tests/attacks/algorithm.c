/* algorithm.c - the key decides the algorithm: not the token, by saying none,
 * an HMAC or a relative; and no public key is ever a secret. */
#include <openssl/bio.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tests/attacks/attack.h"

#define SAYS(alg) "{\"alg\":\"" alg "\",\"kid\":\"$\",\"typ\":\"JWT\"}"

/* ---- A1, A2: none ---- */

/* An unsigned token is unsigned in several ways: `tail` is what it has where
 * the signature should be. */
static void without_signature(const struct scene *s, const char *header)
{
	static const struct {
		const char *tail;
		bool signs; /* with one of its own kind behind it */
	} ends[] = { { "", false },   { ".", false },	    { ".AA", false },
		     { "..", false }, { ".bm9uZQ", false }, { "", true } };
	for (size_t k = 0; k < KEYS; k++)
		for (size_t i = 0; i < ROWS(ends); i++) {
			AUTO_BUF struct buf b;
			draft(&b, header, s->key[k], span_str(CLAIMS_WITH("")));
			buf_str(&b, ends[i].tail);
			if (ends[i].signs)
				add_signature(&b, s->key[k]);
			refuse_forged(s, header, done(&b));
		}
}

static void test_A1_none(void **state)
{
	without_signature(*state, SAYS("none"));
	without_signature(*state, "{\"alg\":\"none\"}");
	without_signature(*state, "{\"alg\":\"none\",\"typ\":\"JWT\"}");
}

static void test_A2_none_in_disguise(void **state)
{
	static const char *const headers[] = {
		SAYS("None"),
		SAYS("NONE"),
		SAYS("nOnE"),
		SAYS("none "),
		SAYS(" none"),
		SAYS("none\\u0000"),
		SAYS("\\u006eone"),
		SAYS("no\xC2\xADne"),
		SAYS("\\tnone"),
		SAYS(""),
		SAYS("null"),
		SAYS("unsecured"),
		SAYS("\xEF\xBD\x8Eone"),
		"{\"alg\":null,\"kid\":\"$\",\"typ\":\"JWT\"}",
		"{\"alg\":false,\"kid\":\"$\",\"typ\":\"JWT\"}",
		"{\"alg\":[\"none\"],\"kid\":\"$\",\"typ\":\"JWT\"}",
		"{\"kid\":\"$\",\"typ\":\"JWT\"}",
	};
	for (size_t i = 0; i < ROWS(headers); i++)
		without_signature(*state, headers[i]);
}

/* ---- A3, A4: a public key, or nothing, as the secret of an HMAC ---- */

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
} macs[] = { { "HS256", EVP_sha256 },
	     { "HS384", EVP_sha384 },
	     { "HS512", EVP_sha512 } };

/* Under its own name, and under the key's. */
static void try_secret(const struct scene *s, const struct jwk *k,
		       const char *what, struct span secret)
{
	static const char *const headers[] = { SAYS("HS256"), SAYS("HS384"),
					       SAYS("HS512"), GOOD_HEADER };
	for (size_t m = 0; m < ROWS(macs); m++)
		for (size_t h = 0; h < ROWS(headers); h++) {
			AUTO_BUF struct buf b;
			uint8_t mac[EVP_MAX_MD_SIZE];
			unsigned n;
			draft(&b, headers[h], k, span_str(CLAIMS_WITH("")));
			assert_non_null(HMAC(macs[m].md(), secret.at,
					     (int)secret.len, b.at, b.len, mac,
					     &n));
			expect(what,
			       answer(s, what, with_bytes(&b, span_of(mac, n))),
			       MM_ERR_BAD_SIGNATURE);
		}
}

enum { PEM, DER, FORMS };

static struct span written(const struct jwk *k, int form, BIO *to)
{
	char *text;
	int ok = form == DER ? i2d_PUBKEY_bio(to, jwk_evp(k))
			     : PEM_write_bio_PUBKEY(to, jwk_evp(k));
	assert_int_equal(ok, 1);
	long n = BIO_get_mem_data(to, &text);
	return span_of(text, (size_t)n);
}

/* As a file of it, with its last newline and without. */
static void try_files(const struct scene *s, const struct jwk *k)
{
	for (int form = PEM; form < FORMS; form++) {
		BIO *bio = BIO_new(BIO_s_mem());
		struct span text = written(k, form, bio);
		try_secret(s, k, "a file of the key", text);
		text.len--;
		try_secret(s, k, "a file of the key, cut", text);
		BIO_free(bio);
	}
}

/* The bare numbers: a point in three ways, Ed25519's 32 bytes, a modulus. */
static void try_numbers(const struct scene *s, const struct jwk *k)
{
	uint8_t raw[600], *point = NULL;
	size_t n = sizeof raw;
	BIGNUM *modulus = NULL;
	if (jwk_alg(k) == JWK_EDDSA) {
		assert_int_equal(
			EVP_PKEY_get_raw_public_key(jwk_evp(k), raw, &n), 1);
		try_secret(s, k, "32 bytes", span_of(raw, n));
	} else if (jwk_alg(k) == JWK_RS256) {
		EVP_PKEY_get_bn_param(jwk_evp(k), "n", &modulus);
		n = (size_t)BN_bn2bin(modulus, raw);
		BN_free(modulus);
		try_secret(s, k, "the modulus", span_of(raw, n));
	} else {
		n = EVP_PKEY_get1_encoded_public_key(jwk_evp(k), &point);
		assert_int_equal(n, 65);
		try_secret(s, k, "4, x, y", span_of(point, 65));
		try_secret(s, k, "x, y", span_of(point + 1, 64));
		point[0] = 2 | (point[64] & 1);
		try_secret(s, k, "2 or 3, x", span_of(point, 33));
		OPENSSL_free(point);
	}
}

static void test_A3_public_key_as_secret(void **state)
{
	const struct scene *s = *state;
	for (size_t i = 0; i < KEYS; i++) {
		AUTO_BUF struct buf jwk = buf_new(4096);
		assert_ok(jwk_to_json(s->key[i], &jwk));
		try_secret(s, s->key[i], "its JWK", done(&jwk));
		try_secret(s, s->key[i], "its kid",
			   span_str(jwk_kid(s->key[i])));
		try_files(s, s->key[i]);
		try_numbers(s, s->key[i]);
	}
}

static void test_A4_empty_secret(void **state)
{
	const struct scene *s = *state;
	static const char *const kids[] = { "\"kid\":\"\",", "\"kid\":null,",
					    "", "\"kid\":\"no such key\"," };
	for (size_t i = 0; i < KEYS; i++)
		try_secret(s, s->key[i], "nothing", span_of("", 0));
	for (size_t i = 0; i < ROWS(kids); i++) {
		AUTO_BUF struct buf b;
		char header[100];
		uint8_t mac[32];
		snprintf(header, sizeof header,
			 "{\"alg\":\"HS256\",%s\"typ\":\"JWT\"}", kids[i]);
		draft(&b, header, s->key[0], span_str(CLAIMS_WITH("")));
		HMAC(EVP_sha256(), "", 0, b.at, b.len, mac, NULL);
		enum mm_err e =
			answer(s, header, with_bytes(&b, span_of(mac, 32)));
		if (e != MM_ERR_UNKNOWN_KEY && e != MM_ERR_MALFORMED)
			fail_msg("%s: %s", header, mm_reason(e));
	}
}

/* Nobody's key is no reason to ask for none. */
static void test_A4_no_keys_at_all(void **state)
{
	(void)state;
	struct scene s;
	AUTO_BUF struct buf b;
	uint8_t mac[32];
	scene_begin(&s, (struct mm_options){ 0 });
	jwk_set_clear(&s.d.m.r.keys);
	desk_publish(&s.d);
	draft(&b, SAYS("HS256"), s.key[0], span_str(CLAIMS_WITH("")));
	HMAC(EVP_sha256(), "", 0, b.at, b.len, mac, NULL);
	expect("no keys",
	       answer(&s, "no keys", with_bytes(&b, span_of(mac, 32))),
	       MM_ERR_UNKNOWN_KEY);
	scene_end(&s);
}

/* ---- A10: relatives of the key's own algorithm ---- */

/* By the key itself, as PS256 or RS512 would: the signature is good, only
 * not this key's kind. */
static struct span sign_as(struct buf *b, const struct jwk *k, const EVP_MD *md,
			   bool pss)
{
	uint8_t sig[512];
	size_t n = sizeof sig;
	EVP_PKEY_CTX *how;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(ctx, &how, md, NULL, jwk_evp(k)),
			 1);
	if (pss)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(
					 how, RSA_PKCS1_PSS_PADDING),
				 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, b->at, b->len), 1);
	EVP_MD_CTX_free(ctx);
	n = raw_signature(jwk_alg(k), sig, n);
	return with_bytes(b, span_of(sig, n));
}

static void test_A10_another_hash_or_padding(void **state)
{
	const struct scene *s = *state;
	const struct {
		const char *header;
		size_t key;
		const EVP_MD *md;
		bool pss;
	} rows[] = {
		{ SAYS("ES384"), 0, EVP_sha384(), false },
		{ SAYS("ES512"), 0, EVP_sha512(), false },
		{ GOOD_HEADER, 0, EVP_sha384(), false },
		{ GOOD_HEADER, 0, EVP_sha1(), false },
		{ SAYS("PS256"), 2, EVP_sha256(), true },
		{ GOOD_HEADER, 2, EVP_sha256(), true },
		{ SAYS("RS384"), 2, EVP_sha384(), false },
		{ SAYS("RS512"), 2, EVP_sha512(), false },
		{ GOOD_HEADER, 2, EVP_sha512(), false },
		{ GOOD_HEADER, 2, EVP_sha1(), false },
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b;
		const struct jwk *k = s->key[rows[i].key];
		draft(&b, rows[i].header, k, span_str(CLAIMS_WITH("")));
		expect(rows[i].header,
		       answer(s, rows[i].header,
			      sign_as(&b, k, rows[i].md, rows[i].pss)),
		       MM_ERR_BAD_SIGNATURE);
	}
}

/* A good signature under a name that is not its key's. */
static void test_A10_another_name(void **state)
{
	const struct scene *s = *state;
	static const char *const headers[] = {
		SAYS("ES256"),	SAYS("EdDSA"), SAYS("RS256"),	SAYS("ES384"),
		SAYS("ES256K"), SAYS("PS256"), SAYS("Ed25519"), SAYS("es256"),
		SAYS("ES256 "), SAYS("eddsa"), SAYS("rs256"),	SAYS("SHA256"),
	};
	for (size_t k = 0; k < KEYS; k++)
		for (size_t i = 0; i < ROWS(headers); i++) {
			AUTO_BUF struct buf b;
			struct span t = under_header(&b, headers[i], s->key[k],
						     s->key[k]);
			expect(headers[i], answer(s, headers[i], t),
			       i == k ? MM_OK : MM_ERR_BAD_SIGNATURE);
		}
}

/* One of our keys is named, another one has signed: also with a P-384 key. */
static void test_A10_another_key(void **state)
{
	const struct scene *s = *state;
	for (size_t named = 0; named < KEYS; named++)
		for (size_t by = 0; by < KEYS; by++) {
			AUTO_BUF struct buf b;
			struct span t = under_header(&b, GOOD_HEADER,
						     s->key[named], s->key[by]);
			expect("another key", answer(s, "another key", t),
			       named == by ? MM_OK : MM_ERR_BAD_SIGNATURE);
		}
	AUTO_BUF struct buf b;
	uint8_t sig[120];
	size_t n = sizeof sig;
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	draft(&b, GOOD_HEADER, s->key[0], span_str(CLAIMS_WITH("")));
	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, p384);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, b.at, b.len), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(p384);
	for (size_t len = 64; len <= 96; len += 32) { /* cut, and whole */
		size_t before = b.len;
		expect("P-384",
		       answer(s, "P-384", with_bytes(&b, span_of(sig, len))),
		       MM_ERR_BAD_SIGNATURE);
		b.len = before;
	}
}

/* ---- the program ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A1_none),
		cmocka_unit_test(test_A2_none_in_disguise),
		cmocka_unit_test(test_A3_public_key_as_secret),
		cmocka_unit_test(test_A4_empty_secret),
		cmocka_unit_test(test_A4_no_keys_at_all),
		cmocka_unit_test(test_A10_another_hash_or_padding),
		cmocka_unit_test(test_A10_another_name),
		cmocka_unit_test(test_A10_another_key),
	};
	return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
