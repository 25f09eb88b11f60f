/* Keys, when the n-th malloc fails: the key that it is, or none and an error;
 * what is written is whole; and the next try has what this one had not. */
#include "common/json_heap.h"
#include "common/jwk_internal.h"
#include "tests/faults/nth_fixture.h"
#include "tests/unit/unit.h"

#include "tests/unit/token_provider.h"

enum { SOME = 3, EACH = 100000 }; /* nth_spread */

static struct jwk *key; /* the one that it is about */
static struct buf json; /* its public half */
static struct buf set;	/* a set of that */

static void begin(enum jwk_alg alg, const char *type)
{
	struct jwk_set one = { .count = 0 };
	key = put_key(alg, type);
	json = set = buf_new(JWK_TEXT_MAX);
	expect("json", jwk_to_json(key, &json), MM_OK);
	expect("one", jwk_set_add(&one, key), MM_OK);
	expect("set", jwk_set_to_json(&one, &set), MM_OK);
	jwk_set_clear(&one);
}

static void end(void)
{
	buf_free(&json);
	buf_free(&set);
	jwk_drop(key);
}

static void assert_same_or_none(enum mm_err e, const struct jwk *got)
{
	if (e == MM_OK)
		assert_string_equal(jwk_kid(got), jwk_kid(key));
	else
		assert_null(got);
}

/* ---- reading ---- */

static void json_round(struct nth_round *r)
{
	AUTO_JWK struct jwk *got = NULL, *again = NULL;
	nth_begin(r);
	enum mm_err e = jwk_from_json(done(&json), &got, NULL);
	nth_end(r);
	assert_same_or_none(e, got);
	expect("again", jwk_from_json(done(&json), &again, NULL), MM_OK);
}

static void set_round(struct nth_round *r)
{
	struct jwk_set got = { .count = 0 };
	struct why why = { .text = "" };
	nth_begin(r);
	enum mm_err e = jwk_set_from_json(done(&set), &got, &why);
	nth_end(r);
	assert_int_equal(got.count, e == MM_OK);
	if (e == MM_ERR_NOMEM) /* the set is not to blame */
		assert_non_null(strstr(why.text, "out of memory"));
	assert_true(e == MM_OK || why.text[0] != '\0');
	assert_null(strstr(why.text, "not a JSON Web Key Set"));
	jwk_set_clear(&got);
}

static void pem_round(struct nth_round *r)
{
	AUTO_JWK struct jwk *got = NULL, *again = NULL;
	nth_begin(r);
	enum mm_err e = jwk_from_pem(jwk_pem(key), NULL, &got, NULL);
	nth_end(r);
	assert_same_or_none(e, got);
	if (e == MM_OK)
		assert_true(jwk_is_private(got) && jwk_proves_itself(got));
	expect("again", jwk_from_pem(jwk_pem(key), NULL, &again, NULL), MM_OK);
}

/* From a token, by its PIN; no try with a wrong one counts against it.  Only
 * as far as OpenSSL 3.0 gets by itself: behind that its store follows NULL. */
#define URI_CALLS 6
static void uri_round(struct nth_round *r)
{
	AUTO_JWK struct jwk *got = NULL, *again = NULL;
	struct jwk_pass pin = { .text = span_str(PIN) };
	struct why why = { .text = "" };
	nth_begin(r);
	enum mm_err e = jwk_from_uri(URI, &pin, &got, &why);
	nth_end(r);
	assert_same_or_none(e, got);
	assert_true(e == MM_OK || e == MM_ERR_NOMEM || why.text[0] != '\0');
	assert_int_equal(token.wrong, 0);
	expect("again", jwk_from_uri(URI, &pin, &again, &why), MM_OK);
}

/* ---- writing ---- */

static void write_round(struct nth_round *r)
{
	AUTO_BUF struct buf out = buf_new(JWK_TEXT_MAX);
	struct span text = { .len = 0 };
	char print[44];
	nth_begin(r);
	enum mm_err e = jwk_to_json(key, &out);
	if (e == MM_OK)
		e = buf_done(&out, &text);
	enum mm_err printed = jwk_thumbprint(key, print);
	nth_end(r);
	if (e == MM_OK)
		assert_true(span_eq(text, done(&json)));
	if (printed == MM_OK)
		assert_memory_equal(print, jwk_kid(key), KID_LEN);
}

/* ---- each of them ---- */

static void test_F5_read_private(void **state)
{
	(void)state;
	begin(JWK_ES256, "EC");
	nth_spread = SOME;
	assert_in_range(nth_each(NTH_MALLOC, pem_round), 500, 10000);
	end();
}

static void test_F5_read_from_token(void **state)
{
	struct nth_round r = { .way = &nth_ways[0] };
	(void)state;
	begin(JWK_ES256, "EC");
	for (r.n = 1; r.n <= URI_CALLS; r.n++) {
		uri_round(&r);
		assert_true(r.hit);
	}
	end();
}

static void test_F5_public(void **state)
{
	static const struct {
		enum jwk_alg alg;
		const char *type;
	} kinds[] = { { JWK_ES256, "EC" },
		      { JWK_EDDSA, "ED25519" },
		      { JWK_RS256, "RSA" } };
	(void)state;
	nth_spread = EACH;
	for (size_t i = 0; i < ROWS(kinds); i++) {
		begin(kinds[i].alg, kinds[i].type);
		assert_in_range(nth_each(NTH_MALLOC, json_round), 20, 10000);
		assert_in_range(nth_each(NTH_MALLOC, set_round), 20, 10000);
		assert_in_range(nth_each(NTH_MALLOC, write_round), 10, 10000);
		end();
	}
}

/* ---- making ---- */

static void make_round(struct nth_round *r)
{
	AUTO_JWK struct jwk *got = NULL;
	nth_begin(r);
	enum mm_err e = jwk_generate(jwk_alg(key), &got);
	nth_end(r);
	assert_int_equal(got != NULL, e == MM_OK);
	if (e == MM_OK)
		assert_true(jwk_proves_itself(got));
}

static void test_F5_make(void **state)
{
	(void)state;
	begin(JWK_ES256, "EC");
	nth_spread = EACH;
	assert_in_range(nth_each(NTH_MALLOC, make_round), 20, 10000);
	end();
}

/* What comes out can be opened by the passphrase. */
static void seal_round(struct nth_round *r)
{
	AUTO_BUF struct buf out = buf_new(4096);
	AUTO_JWK struct jwk *got = NULL;
	struct jwk_pass pass = { .text = span_str("a passphrase") };
	nth_begin(r);
	enum mm_err e = jwk_pem_encrypt(key, pass.text, &out);
	nth_end(r);
	if (e == MM_OK)
		expect("opens", jwk_from_pem(done(&out), &pass, &got, NULL),
		       MM_OK);
}

/* A few only, also with MM_LONG: to seal is to be slow. */
static void test_F5_seal(void **state)
{
	struct nth_round r = { .way = &nth_ways[0], .n = 1, .hit = true };
	(void)state;
	begin(JWK_EDDSA, "ED25519");
	for (; r.hit; r.n *= 2)
		seal_round(&r);
	assert_in_range(r.n, 20, 10000);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F5_read_private),
		cmocka_unit_test(test_F5_read_from_token),
		cmocka_unit_test(test_F5_public),
		cmocka_unit_test(test_F5_make),
		cmocka_unit_test(test_F5_seal),
	};
	json_heap_watch(free);
	return cmocka_run_group_tests(tests, load_provider, unload_provider);
}
