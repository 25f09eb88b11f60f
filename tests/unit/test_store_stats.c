/* test_store_stats.c - how much the store holds, and whether it takes more. */
#include "tests/unit/store_fixture.h"

#include "issuer/store_internal.h"

static struct store_stats stats(struct fixture *f, int64_t now)
{
	struct store_stats st;
	f->s->count_again = 0; /* a slow machine may not want to, again */
	assert_int_equal(store_stats(f->s, now, &st), MM_OK);
	return st;
}

static void live_ones_and_all(void **state)
{
	struct fixture *f = *state;
	const struct stamp by = { .by = "unit", .at = T0, .admin = true };
	bool changed;
	struct store_stats st = stats(f, T0);
	assert_int_equal(st.live, 0);
	assert_int_equal(st.total, 0);
	assert_true(st.bytes > 0);

	struct token_row gone = mint(f, DAY, 0), still = mint(f, DAY, 0);
	(void)mint(f, 10 * DAY, 2 * DAY);
	st = stats(f, T0);
	assert_int_equal(st.live, 3);
	assert_int_equal(st.total, 3);

	assert_int_equal(store_set_status(f->s, gone.list, gone.idx,
					  STATUS_REVOKED, &by, &changed),
			 MM_OK);
	assert_int_equal(store_set_status(f->s, still.list, still.idx,
					  STATUS_SUSPENDED, &by, &changed),
			 MM_OK);
	assert_int_equal(stats(f, T0).live, 1);
	assert_int_equal(stats(f, T0 + 2 * DAY - 1).live, 1);
	st = stats(f, T0 + 2 * DAY);
	assert_int_equal(st.live, 0);
	assert_int_equal(st.total, 3);
}

/* Counting that took long is not done again at once. */
static void counted_seldom_when_it_is_dear(void **state)
{
	struct fixture *f = *state;
	struct store_stats st;
	assert_int_equal(stats(f, T0).total, 0);
	f->s->count_again = INT64_MAX;
	(void)mint(f, DAY, 0);
	assert_int_equal(store_stats(f->s, T0, &st), MM_OK);
	assert_int_equal(st.total, 0);
	assert_int_equal(stats(f, T0).total, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(live_ones_and_all, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(counted_seldom_when_it_is_dear,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
