/* test_jws_signature.c - which bytes are a signature: the RFCs' own, the
 * golden tokens', and for ES256 every number that is none.
 */
#include "common/jws.h"

#include <openssl/ec.h>

#include "tests/unit/es256_number.h"
#include "tests/unit/unit.h"

#define PAYLOAD "{\"sub\":\"alice\"}"

/* ---- known answers ---- */

/* As tokens the RFCs' examples are refused: their headers name neither key
 * nor kind.  Named by hand, their signatures are good. */
static void test_rfc_examples(void **state)
{
	(void)state;
	static const struct {
		const char *jwk, *jws, *alg;
	} cases[] = {
		{ "rfc7515-a2.jwk", "rfc7515-a2.jws", "RS256" },
		{ "rfc7515-a3.jwk", "rfc7515-a3.jws", "ES256" },
		{ "rfc8037-a2.jwk", "rfc8037-a4.jws", "EdDSA" },
	};
	for (size_t i = 0; i < ROWS(cases); i++) {
		AUTO_BUF struct buf a, b;
		AUTO_JWK struct jwk *k = NULL;
		struct jws t = { .header = { .alg = "" } };
		struct span rest = vector(cases[i].jws, &b), head = rest;
		expect(cases[i].jwk,
		       jwk_from_json(vector(cases[i].jwk, &a), &k, NULL),
		       MM_OK);
		expect(cases[i].jws, jws_split(rest, &t), MM_ERR_MALFORMED);

		t.signing_input.at = rest.at;
		assert_true(span_cut(&rest, '.', &head));
		assert_true(span_cut(&rest, '.', &t.payload));
		t.signing_input.len = head.len + 1 + t.payload.len;
		t.signature = rest;
		snprintf(t.header.alg, sizeof t.header.alg, "%s", cases[i].alg);
		snprintf(t.header.kid, sizeof t.header.kid, "%s", jwk_kid(k));
		snprintf(t.header.typ, sizeof t.header.typ, TYP_PAT);
		expect(cases[i].jws, jws_verify(&t, TYP_PAT, k), MM_OK);
		t.signing_input.len--;
		expect(cases[i].jws, jws_verify(&t, TYP_PAT, k),
		       MM_ERR_BAD_SIGNATURE);
	}
}

/* Tokens of the wire format as it is published: they stay good for ever. */
static void test_golden_tokens(void **state)
{
	(void)state;
	static const char *const names[][2] = {
		{ "golden-es256.jwk", "golden-es256.jws" },
		{ "golden-eddsa.jwk", "golden-eddsa.jws" },
		{ "golden-rs256.jwk", "golden-rs256.jws" },
	};
	for (size_t i = 0; i < ROWS(names); i++) {
		AUTO_BUF struct buf a, b, c, payload = buf_new(TOKEN_MAX);
		AUTO_JWK struct jwk *k = NULL;
		struct jwk_set set = { .count = 0 };
		expect(names[i][0],
		       jwk_from_json(vector(names[i][0], &a), &k, NULL), MM_OK);
		expect(names[i][0], jwk_set_add(&set, k), MM_OK);
		expect(names[i][1],
		       jws_open(vector(names[i][1], &b), TYP_PAT, &set,
				&payload),
		       MM_OK);
		assert_true(
			span_eq(done(&payload), vector("golden.claims", &c)));
		jwk_set_clear(&set);
	}
}

/* ---- ES256, number by number ---- */

struct signed_token {
	struct jwk *key;
	struct buf text;
	struct jws t;
	uint8_t raw[64]; /* r, s */
};

static void begin(struct signed_token *s, enum jwk_alg alg)
{
	size_t n;
	s->text = buf_new(TOKEN_MAX);
	expect("key", jwk_generate(alg, &s->key), MM_OK);
	expect("sign", jws_sign(s->key, TYP_PAT, span_str(PAYLOAD), &s->text),
	       MM_OK);
	expect("split", jws_split(done(&s->text), &s->t), MM_OK);
	expect("raw",
	       base64url_decode(s->t.signature, s->raw, sizeof s->raw, &n),
	       MM_OK);
	assert_int_equal(n, sizeof s->raw);
}

static void end(struct signed_token *s)
{
	jwk_drop(s->key);
	buf_free(&s->text);
}

static enum mm_err verify_with(const struct signed_token *s, const uint8_t *sig,
			       size_t n)
{
	char text[BASE64URL_LEN(600)];
	struct jws t = s->t;
	t.signature = span_of(
		text, base64url_encode(span_of(sig, n), text, sizeof text));
	return jws_verify(&t, TYP_PAT, s->key);
}

static void test_numbers(void **state)
{
	(void)state;
	static const struct {
		char r, s;
		enum mm_err want;
	} cases[] = {
		{ '.', '.', MM_OK },
		/* ECDSA's other solution.  It is as good a signature of the
		 * same token: so tokens are revoked by id, never by hash. */
		{ '.', '-', MM_OK },
		{ '-', '.', MM_ERR_BAD_SIGNATURE },
		{ '0', '0', MM_ERR_BAD_SIGNATURE }, /* CVE-2022-21449 */
		{ '0', '.', MM_ERR_BAD_SIGNATURE },
		{ '.', '0', MM_ERR_BAD_SIGNATURE },
		{ '1', '1', MM_ERR_BAD_SIGNATURE },
		{ '1', '0', MM_ERR_BAD_SIGNATURE },
		{ 'n', 'n', MM_ERR_BAD_SIGNATURE },
		{ 'n', '.', MM_ERR_BAD_SIGNATURE },
		{ '.', 'n', MM_ERR_BAD_SIGNATURE },
		{ 'F', 'F', MM_ERR_BAD_SIGNATURE },
		{ '.', 'F', MM_ERR_BAD_SIGNATURE },
		{ 'x', 'x', MM_ERR_BAD_SIGNATURE }, /* swapped */
		{ '.', 'x', MM_ERR_BAD_SIGNATURE },
	};
	struct signed_token s;
	begin(&s, JWK_ES256);
	for (size_t i = 0; i < ROWS(cases); i++) {
		char name[] = { 'r', cases[i].r, 's', cases[i].s, '\0' };
		uint8_t sig[64];
		put_number(sig, s.raw, s.raw + 32, cases[i].r);
		put_number(sig + 32, s.raw + 32, s.raw, cases[i].s);
		expect(name, verify_with(&s, sig, 64), cases[i].want);
	}
	end(&s);
}

/* As OpenSSL writes it, which is not as JWS does (RFC 7518 s3.4). */
static void test_der(void **state)
{
	(void)state;
	struct signed_token s;
	uint8_t der[80], *p = der;
	begin(&s, JWK_ES256);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(s.raw, 32, NULL),
					BN_bin2bn(s.raw + 32, 32, NULL)),
			 1);
	int n = i2d_ECDSA_SIG(sig, &p);
	assert_true(n > 64);
	expect("DER", verify_with(&s, der, (size_t)n), MM_ERR_BAD_SIGNATURE);
	ECDSA_SIG_free(sig);
	end(&s);
}

static void test_lengths(void **state)
{
	(void)state;
	static const enum jwk_alg algs[] = { JWK_ES256, JWK_EDDSA };
	for (size_t i = 0; i < ROWS(algs); i++) {
		struct signed_token s;
		uint8_t sig[600] = { 0 };
		begin(&s, algs[i]);
		memcpy(sig, s.raw, sizeof s.raw);
		for (size_t n = 0; n <= 512; n++)
			expect("length", verify_with(&s, sig, n),
			       n == 64 ? MM_OK : MM_ERR_BAD_SIGNATURE);
		expect("endless", verify_with(&s, sig, sizeof sig),
		       MM_ERR_MALFORMED);
		/* one zero in front: the same numbers, 65 bytes */
		memmove(sig + 1, s.raw, sizeof s.raw);
		sig[0] = 0;
		expect("padded", verify_with(&s, sig, 65),
		       MM_ERR_BAD_SIGNATURE);
		end(&s);
	}
}

/* r and s keep their leading zeros: one signature in 128 has some. */
static void test_leading_zeros(void **state)
{
	(void)state;
	AUTO_JWK struct jwk *k = NULL;
	expect("key", jwk_generate(JWK_ES256, &k), MM_OK);
	for (size_t seen = 0; seen < 5;) {
		AUTO_BUF struct buf b = buf_new(TOKEN_MAX);
		struct jws t;
		uint8_t raw[64];
		size_t n;
		expect("sign", jws_sign(k, TYP_PAT, span_str(PAYLOAD), &b),
		       MM_OK);
		expect("split", jws_split(done(&b), &t), MM_OK);
		expect("verify", jws_verify(&t, TYP_PAT, k), MM_OK);
		expect("raw", base64url_decode(t.signature, raw, 64, &n),
		       MM_OK);
		assert_int_equal(n, 64);
		seen += raw[0] == 0 || raw[32] == 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_examples),
		cmocka_unit_test(test_golden_tokens),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_der),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_leading_zeros),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
