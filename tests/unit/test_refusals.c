/* test_refusals.c - so many a minute, and the count of the others. */
#include "issuer/refusals.h"

#include "tests/unit/unit.h"

static void test_so_many_a_minute(void **state)
{
	struct refusals *r = refusals_new();
	uint64_t left_out;
	(void)state;
	assert_non_null(r);
	for (int i = 0; i < REFUSALS_A_MINUTE; i++) {
		assert_true(refusals_take(r, 6000 + i % 60, &left_out));
		assert_int_equal(left_out, 0);
	}
	for (int i = 0; i < 7; i++)
		assert_false(refusals_take(r, 6059, &left_out));
	assert_true(refusals_take(r, 6060, &left_out));
	assert_int_equal(left_out, 7);
	assert_true(refusals_take(r, 6060, &left_out));
	assert_int_equal(left_out, 0);
	refusals_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_so_many_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
