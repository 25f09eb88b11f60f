/* test_store_keys.c - signing keys in the store: announced, and known for what
 * they did. */
#include "tests/unit/store_fixture.h"

static void only_an_announced_key_signs(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0);
	take_next(f, &t);
	snprintf(t.kid, sizeof t.kid, "kid00000002");
	assert_int_equal(store_mint(f->s, &t), MM_ERR_CONFLICT);
	assert_int_equal(store_key_add(f->s, "kid00000002", "{}", &by_unit),
			 MM_OK);
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	take_next(f, &t);
	assert_int_equal(store_key_gone(f->s, "kid00000002", true, &by_unit),
			 MM_OK);
	assert_int_equal(store_mint(f->s, &t), MM_ERR_CONFLICT);
	/* a key that went never returns */
	assert_int_equal(store_key_add(f->s, "kid00000002", "{}", &by_unit),
			 MM_ERR_CONFLICT);
}

static void put_kid(void *ctx, const char *kid)
{
	assert_true(span_copy(ctx, KID_SIZE, span_str(kid)));
}

/* As many as a verifier takes. */
static void only_so_many_keys(void **state)
{
	struct fixture *f = *state;
	struct key_row k[STORE_KEYS_MAX];
	char kid[KID_SIZE];
	size_t n;
	assert_int_equal(store_keys(f->s, 0, k, &n), MM_OK);
	for (; n < STORE_KEYS_MAX; n++) {
		snprintf(kid, sizeof kid, "kid%08zu", 100 + n);
		assert_int_equal(store_key_add(f->s, kid, "{}", &by_unit),
				 MM_OK);
	}
	assert_int_equal(store_key_add(f->s, "kid00000999", "{}", &by_unit),
			 MM_ERR_TOO_LARGE);
	assert_int_equal(store_key_add(f->s, kid, "{}", &by_unit), MM_OK);
	assert_int_equal(store_key_gone(f->s, kid, false, &by_unit), MM_OK);
	assert_int_equal(store_key_add(f->s, "kid00000999", "{}", &by_unit),
			 MM_OK);
	assert_int_equal(store_keys(f->s, 0, k, &n), MM_OK);
	assert_int_equal(n, STORE_KEYS_MAX);
}

/* Known of a key: since when, until when it signed, whose tokens need it. */
static void a_key_is_known_for_what_it_did(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0), later = mint(f, 2 * DAY, 0);
	struct key_row k[STORE_KEYS_MAX];
	char former[KID_SIZE] = "";
	bool changed;
	size_t n;
	assert_int_equal(store_key_signs(f->s, t.kid, &by_unit), MM_OK);
	assert_int_equal(store_keys(f->s, T0, k, &n), MM_OK);
	assert_int_equal(n, 1);
	assert_true(k[0].announced_at > T0 && k[0].signs);
	assert_int_equal(k[0].stopped_at, 0);
	assert_int_equal(k[0].live_until, later.exp);
	assert_int_equal(store_set_status(f->s, later.list, later.idx,
					  STATUS_REVOKED, &by_unit, &changed),
			 MM_OK);
	assert_int_equal(store_key_add(f->s, "kid00000002", "{}", &by_unit),
			 MM_OK);
	assert_int_equal(store_key_signs(f->s, "kid00000002", &by_unit), MM_OK);
	assert_int_equal(store_keys(f->s, T0, k, &n), MM_OK);
	assert_false(k[0].signs);
	assert_true(k[0].stopped_at >= k[0].announced_at);
	assert_int_equal(k[0].live_until, t.exp);
	assert_int_equal(k[0].last_exp, later.exp);
	assert_true(k[1].signs);
	assert_int_equal(store_former_keys(f->s, put_kid, former), MM_OK);
	assert_string_equal(former, "");
	assert_int_equal(store_key_gone(f->s, t.kid, true, &by_unit), MM_OK);
	assert_int_equal(store_former_keys(f->s, put_kid, former), MM_OK);
	assert_string_equal(former, t.kid);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(only_an_announced_key_signs),
		TEST(only_so_many_keys),
		TEST(a_key_is_known_for_what_it_did),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
