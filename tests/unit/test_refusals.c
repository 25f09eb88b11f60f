/* test_refusals.c - so many a minute, of whom, and the count of the others. */
#include "issuer/caller.h"
#include "issuer/refusals.h"
#include "tests/unit/unit.h"

static struct refusals *r;
static uint64_t left_out;

static int set_up(void **state)
{
	(void)state;
	r = refusals_new();
	return r == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	refusals_free(r);
	return 0;
}

static bool take(uint32_t idx, int64_t now)
{
	const struct caller by = { .list = 1, .idx = idx };
	return refusals_take(r, &by, now, &left_out);
}

static bool stranger(int64_t now)
{
	return refusals_take(r, NULL, now, &left_out);
}

static void so_many_a_minute(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < REFUSALS_A_MINUTE; i++) {
		assert_true(take(i, 6000 + i));
		assert_int_equal(left_out, 0);
	}
	for (uint32_t i = 0; i < 7; i++)
		assert_false(take(100 + i, 6059));
	assert_true(take(7, 6060));
	assert_int_equal(left_out, 7);
	assert_true(take(7, 6060));
	assert_int_equal(left_out, 0);
}

static void nobody_takes_all(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(take(1, 6000), i < REFUSALS_OF_A_TOKEN);
	assert_true(take(2, 6000));
	assert_int_equal(left_out, 1000 - REFUSALS_OF_A_TOKEN);
	assert_false(take(1, 6059));
	assert_true(take(1, 6060));
}

static void strangers_have_one_line(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(stranger(6000), i == 0);
	for (uint32_t i = 0; i < REFUSALS_A_MINUTE; i++) {
		assert_true(take(i, 6000));
		assert_int_equal(left_out, 0);
	}
	assert_true(stranger(6060));
	assert_int_equal(left_out, 999);
}

static void the_rest_is_said(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		stranger(6000);
	for (int i = 0; i < REFUSALS_OF_A_TOKEN + 2; i++)
		take(1, 6000);
	assert_int_equal(refusals_rest(r, false, 6119), 0);
	assert_int_equal(refusals_rest(r, false, 6120), 4);
	assert_int_equal(refusals_rest(r, false, 6120), 0);
	assert_int_equal(refusals_rest(r, true, INT64_MAX), 2);
	assert_true(stranger(6121));
	assert_int_equal(left_out, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(so_many_a_minute),
		TEST(nobody_takes_all),
		TEST(strangers_have_one_line),
		TEST(the_rest_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
