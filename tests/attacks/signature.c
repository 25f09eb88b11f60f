/* signature.c - which bytes are a signature, at the door of the library: none
 * of those that prove nothing, and of ECDSA's two the one is as good as the
 * other, so that nothing may hang on which it is. */
#include "common/signature.h"
#include "tests/attacks/attack.h"
#include "tests/unit/es256_number.h"

/* ---- a good token, and other signatures on it ---- */

struct signed_one {
	const struct scene *s;
	struct buf b; /* header.payload */
	uint8_t raw[SIGNATURE_MAX];
	size_t n;
};

static void sign_one(struct signed_one *o, const struct scene *s, size_t key)
{
	o->s = s;
	draft(&o->b, GOOD_HEADER, s->key[key], span_str(CLAIMS_WITH("")));
	assert_ok(signature_make(s->key[key], done(&o->b), o->raw, &o->n));
}

static enum mm_err say(struct signed_one *o, const char *what,
		       const uint8_t *sig, size_t n)
{
	size_t before = o->b.len;
	enum mm_err e = answer(o->s, what, with_bytes(&o->b, span_of(sig, n)));
	o->b.len = before;
	return e;
}

static void refuse(struct signed_one *o, const char *what, const uint8_t *sig,
		   size_t n)
{
	expect(what, say(o, what, sig, n), MM_ERR_BAD_SIGNATURE);
}

/* r and s as put_number() makes them. */
static void refuse_numbers(const struct scene *s, const char (*pairs)[3],
			   size_t count)
{
	struct signed_one o;
	sign_one(&o, s, 0);
	expect("good", say(&o, "good", o.raw, 64), MM_OK);
	for (size_t i = 0; i < count; i++) {
		uint8_t sig[64];
		put_number(sig, o.raw, o.raw + 32, pairs[i][0]);
		put_number(sig + 32, o.raw + 32, o.raw, pairs[i][1]);
		refuse(&o, pairs[i], sig, sizeof sig);
	}
	buf_free(&o.b);
}

/* ---- A11: numbers that prove nothing ---- */

static void test_A11_zero_signature(void **state)
{
	static const char pairs[][3] = { "00", "0.", ".0", "01",
					 "10", "11", "1.", ".1" };
	refuse_numbers(*state, pairs, ROWS(pairs));
	struct signed_one o;
	static const uint8_t zeros[SIGNATURE_MAX];
	for (size_t k = 1; k < KEYS; k++) {
		sign_one(&o, *state, k);
		refuse(&o, "zeros", zeros, o.n);
		buf_free(&o.b);
	}
}

static void test_A11_r_or_s_is_n(void **state)
{
	static const char pairs[][3] = { "n.", ".n", "nn", "n0", "0n", "n1",
					 "1n", "F.", ".F", "FF", "F0", "0F",
					 "-.", "xx", ".x", "x." };
	refuse_numbers(*state, pairs, ROWS(pairs));
}

/* ---- A12: lengths, and DER ---- */

static void test_A12_der(void **state)
{
	struct signed_one o;
	uint8_t der[80], *p = der;
	sign_one(&o, *state, 0);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(o.raw, 32, NULL),
					BN_bin2bn(o.raw + 32, 32, NULL)),
			 1);
	int n = i2d_ECDSA_SIG(sig, &p);
	ECDSA_SIG_free(sig);
	assert_in_range(n, 64, sizeof der);
	refuse(&o, "DER", der, (size_t)n);
	refuse(&o, "64 bytes of DER", der, 64);
	buf_free(&o.b);
}

static void test_A12_lengths(void **state)
{
	for (size_t k = 0; k < KEYS; k++) {
		struct signed_one o;
		uint8_t sig[SIGNATURE_MAX + 2] = { 0 };
		sign_one(&o, *state, k);
		memcpy(sig, o.raw, o.n);
		for (size_t n = 1; n <= o.n + 1; n++) /* cut, and a 0 behind */
			expect("length", say(&o, "length", sig, n),
			       n == o.n ? MM_OK : MM_ERR_BAD_SIGNATURE);
		memset(sig, 0, 2);
		memcpy(sig + 1, o.raw, o.n);
		refuse(&o, "a zero in front", sig, o.n + 1);
		if (k == 0) { /* of each number, as DER would have it */
			memmove(sig + 34, sig + 33, 32);
			sig[33] = 0;
			refuse(&o, "zeros in front", sig, 66);
		}
		buf_free(&o.b);
	}
}

/* ---- A14: Ed25519 ---- */

/* The group's order L (RFC 8032 s5.1). */
#define L "1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED"

/* s5.1.7: S is below L; S + L has the same value, and is refused. */
static void test_A14_s_beyond_the_order(void **state)
{
	struct signed_one o;
	BIGNUM *l = NULL;
	int tried = 0;
	sign_one(&o, *state, 1);
	expect("good", say(&o, "good", o.raw, 64), MM_OK);
	assert_int_not_equal(BN_hex2bn(&l, L), 0);
	BIGNUM *s = BN_lebin2bn(o.raw + 32, 32, NULL);
	for (; tried < 20; tried++) {
		uint8_t sig[64];
		BN_add(s, s, l);
		memcpy(sig, o.raw, 32);
		if (BN_bn2lebinpad(s, sig + 32, 32) != 32)
			break;
		refuse(&o, "S + L", sig, 64);
	}
	assert_in_range(tried, 14, 16);
	BN_free(s);
	BN_free(l);
	buf_free(&o.b);
}

/* Points whose multiples are few: with a key that is none of them (jwk_make.c
 * refuses such keys) they are no signature's R. */
static void test_A14_small_order(void **state)
{
	static const char *const points[] = {
		"00000000000000000000000000000000000000000000000000000000000000"
		"00",
		"01000000000000000000000000000000000000000000000000000000000000"
		"00",
		"01000000000000000000000000000000000000000000000000000000000000"
		"80",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc"
		"05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03"
		"7a",
	};
	struct signed_one o;
	sign_one(&o, *state, 1);
	for (size_t i = 0; i < ROWS(points); i++) {
		uint8_t sig[64] = { 0 };
		size_t n;
		assert_int_equal(
			OPENSSL_hexstr2buf_ex(sig, 32, &n, points[i], '\0'), 1);
		refuse(&o, "R of small order, S zero", sig, 64);
		sig[32] = 1;
		refuse(&o, "R of small order, S one", sig, 64);
		memcpy(sig + 32, o.raw + 32, 32);
		refuse(&o, "R of small order, the good S", sig, 64);
	}
	o.raw[31] ^= 0x80;
	refuse(&o, "-R", o.raw, 64);
	buf_free(&o.b);
}

/* ---- A28: time tells nothing ---- */

/* Comparisons as long as a token. */
static atomic_int compared;
int __real_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n)
{
	atomic_fetch_add(&compared, n > 200);
	return __real_memcmp(a, b, n);
}

/* The one secret that is compared byte by byte is a token that was seen
 * before, and only with one that has 8 certain characters of its signature:
 * 48 bits that nobody can find one by one, since with all but one of them it
 * is not compared at all. */
static void test_A28_the_cache_asks_the_signature_first(void **state)
{
	const struct scene *s = *state;
	AUTO_BUF struct buf b;
	struct mm_token t;
	struct span token =
		with_claims(&b, s->key[0], span_str(CLAIMS_WITH("")));
	const char *text = (const char *)token.at;
	size_t most = 0;
	assert_ok(mm_verify(s->d.v, text, token.len, &t));
	atomic_store(&compared, 0);
	assert_ok(mm_verify(s->d.v, text, token.len, &t));
	assert_int_equal(atomic_load(&compared), 1); /* found */
	for (size_t at = token.len - 86; at < token.len; at++) {
		uint8_t keep = b.at[at];
		b.at[at] = keep == 'A' ? 'B' : 'A';
		atomic_store(&compared, 0);
		assert_true(mm_verify(s->d.v, text, token.len, &t) != MM_OK);
		bool asked = at >= token.len - 24 && at < token.len - 16;
		assert_int_equal(atomic_load(&compared), !asked);
		most += asked;
		b.at[at] = keep;
	}
	assert_int_equal(most, 8);
}

/* ---- the program ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A11_zero_signature),
		cmocka_unit_test(test_A11_r_or_s_is_n),
		cmocka_unit_test(test_A12_der),
		cmocka_unit_test(test_A12_lengths),
		cmocka_unit_test(test_A14_s_beyond_the_order),
		cmocka_unit_test(test_A14_small_order),
		cmocka_unit_test(test_A28_the_cache_asks_the_signature_first),
	};
	return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
