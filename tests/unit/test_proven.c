/* test_proven.c - what was proven of one token and key says nothing of any
 * other. */
#include "tests/unit/unit.h"

#include "issuer/proven.h"

struct fixture {
	struct proven *p;
	struct jwk *key, *other;
};

static int set_up(void **state)
{
	static struct fixture f;
	f.p = proven_new();
	assert_non_null(f.p);
	expect("key", jwk_generate(JWK_ES256, &f.key), MM_OK);
	expect("other", jwk_generate(JWK_ES256, &f.other), MM_OK);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	proven_free(f->p);
	jwk_drop(f->key);
	jwk_drop(f->other);
	return 0;
}

static void test_this_token_and_this_key(void **state)
{
	struct fixture *f = *state;
	struct span token = span_str("head.payload.signature");
	assert_false(proven_has(f->p, token, f->key));
	proven_add(f->p, token, f->key);
	assert_true(proven_has(f->p, token, f->key));
	assert_false(proven_has(f->p, token, f->other));
	assert_false(
		proven_has(f->p, span_of(token.at, token.len - 1), f->key));
	assert_false(
		proven_has(f->p, span_str("head.payloae.signature"), f->key));
	assert_false(
		proven_has(f->p, span_str("head.payload.signaturf"), f->key));
}

/* A key that was loaded again is another object: proven anew, for it alone. */
static void test_the_last_key_counts(void **state)
{
	struct fixture *f = *state;
	struct span token = span_str("head.payload.signature");
	proven_add(f->p, token, f->key);
	proven_add(f->p, token, f->other);
	assert_true(proven_has(f->p, token, f->other));
	assert_false(proven_has(f->p, token, f->key));
}

/* The key stays as long as what was proven with it: no other key can have
 * its address. */
static void test_keys_are_held(void **state)
{
	struct fixture *f = *state;
	struct span token = span_str("head.payload.signature");
	char kid[KID_SIZE];
	struct jwk *key = f->key;
	memcpy(kid, jwk_kid(key), sizeof kid);
	proven_add(f->p, token, key);
	jwk_drop(key);
	f->key = NULL;
	assert_string_equal(jwk_kid(key), kid);
	assert_true(proven_has(f->p, token, key));
}

/* More tokens than places: some are forgotten, the newest is there, and none
 * that was not added. */
static void test_it_is_bounded(void **state)
{
	struct fixture *f = *state;
	char text[32];
	size_t kept = 0, more = PROVEN_MAX + PROVEN_MAX / 2;
	for (size_t i = 0; i < more; i++) {
		snprintf(text, sizeof text, "token.%zu", i);
		proven_add(f->p, span_str(text), f->key);
		assert_true(proven_has(f->p, span_str(text), f->key));
	}
	for (size_t i = 0; i < 2 * more; i++) {
		snprintf(text, sizeof text, "token.%zu", i);
		bool has = proven_has(f->p, span_str(text), f->key);
		assert_true(!has || i < more);
		kept += has;
	}
	assert_in_range(kept, PROVEN_MAX * 3 / 4, PROVEN_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_this_token_and_this_key,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_last_key_counts,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys_are_held, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_it_is_bounded, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
