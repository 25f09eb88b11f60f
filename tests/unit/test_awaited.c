/* test_awaited.c - who is waited for, and who is not. */
#include "tests/unit/unit.h"

#include "issuer/awaited.h"

#define T0 INT64_C(1000000)

/* An answer that was made and given in one moment. */
static void give(struct awaited *a, uint64_t from, uint64_t to, int64_t now)
{
	awaited_begin(a, from, now);
	awaited_given(a, from, to, now);
}

static void test_given_and_back(void **state)
{
	struct awaited a = { .blind_until = 0 };
	(void)state;
	assert_int_equal(awaited_until(&a, 6, T0), 0);
	give(&a, 5, 6, T0);
	assert_int_equal(awaited_until(&a, 6, T0), T0 + AWAITED_MS);
	assert_true(awaited_back(&a, 6));
	assert_int_equal(awaited_until(&a, 6, T0), 0);
}

/* Until it is known what it is given, too; and nobody waits for an agent
 * that was given an error. */
static void test_in_hand(void **state)
{
	struct awaited a = { .blind_until = 0 };
	(void)state;
	awaited_begin(&a, 5, T0);
	assert_int_not_equal(awaited_until(&a, 6, T0), 0);
	assert_false(awaited_back(&a, 6));
	assert_int_not_equal(awaited_until(&a, 6, T0 + 2 * AWAITED_MS), 0);
	awaited_given(&a, 5, 6, T0 + 2 * AWAITED_MS);
	assert_int_not_equal(awaited_until(&a, 6, T0 + 2 * AWAITED_MS), 0);
	assert_true(awaited_back(&a, 6));
	assert_int_equal(awaited_until(&a, 6, T0 + 2 * AWAITED_MS), 0);
	awaited_begin(&a, 5, T0);
	awaited_refused(&a, 5);
	assert_int_equal(awaited_until(&a, 6, T0), 0);
}

/* A poll says by its number whose it is: one that stands elsewhere is not the
 * return of somebody else.  (Those that stand at the same place are alike.) */
static void test_others_do_not_count(void **state)
{
	struct awaited a = { .blind_until = 0 };
	(void)state;
	give(&a, 5, 6, T0);
	give(&a, 5, 6, T0);
	assert_false(awaited_back(&a, 5));
	assert_false(awaited_back(&a, 4));
	assert_false(awaited_back(&a, 7));
	assert_false(awaited_back(&a, 6));
	assert_int_not_equal(awaited_until(&a, 6, T0), 0);
	assert_true(awaited_back(&a, 6));
	assert_int_equal(awaited_until(&a, 6, T0), 0);
}

static void test_who_has_it_already_is_not_awaited(void **state)
{
	struct awaited a = { .blind_until = 0 };
	(void)state;
	give(&a, 6, 7, T0);
	give(&a, 9, 9, T0); /* a heartbeat */
	assert_int_equal(awaited_until(&a, 6, T0), 0);
	assert_int_not_equal(awaited_until(&a, 7, T0), 0);
	assert_true(awaited_back(&a, 7));
	assert_int_equal(awaited_until(&a, 9, T0), 0);
	assert_int_not_equal(awaited_until(&a, 10, T0), 0);
}

/* Two that come back with the same number: which of them is it? */
static void test_in_doubt_wait(void **state)
{
	struct awaited a = { .blind_until = 0 };
	(void)state;
	give(&a, 3, 9, T0);
	give(&a, 8, 9, T0);
	awaited_back(&a, 9);
	assert_int_not_equal(awaited_until(&a, 5, T0), 0);
	awaited_back(&a, 9);
	assert_int_equal(awaited_until(&a, 9, T0), 0);
}

static void test_who_stays_away_is_forgotten(void **state)
{
	struct awaited a = { .blind_until = 0 };
	int64_t later = T0 + AWAITED_MS;
	(void)state;
	give(&a, 5, 6, T0);
	give(&a, 5, 6, T0);
	assert_int_equal(awaited_until(&a, 6, later - 1), later);
	assert_int_equal(awaited_until(&a, 6, later), 0);
	give(&a, 5, 6, later);
	assert_true(awaited_back(&a, 6)); /* the third, alone */
	assert_int_equal(awaited_until(&a, 6, later), 0);
}

/* More kinds than there is room for: then everybody is waited for. */
static void test_too_many_kinds(void **state)
{
	struct awaited a = { .blind_until = 0 };
	(void)state;
	for (uint64_t i = 0; i < 2 * AWAITED_KINDS; i++)
		give(&a, 100 + i, 1000, T0);
	for (uint64_t i = 0; i < 2 * AWAITED_KINDS; i++)
		awaited_back(&a, 1000);
	assert_int_equal(awaited_until(&a, 1, T0), T0 + AWAITED_MS);
	assert_int_equal(awaited_until(&a, 1, T0 + AWAITED_MS), 0);
	give(&a, 5, 6, T0 + AWAITED_MS);
	assert_int_not_equal(awaited_until(&a, 6, T0 + AWAITED_MS), 0);
	assert_true(awaited_back(&a, 6));
	assert_int_equal(awaited_until(&a, 6, T0 + AWAITED_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_and_back),
		cmocka_unit_test(test_in_hand),
		cmocka_unit_test(test_others_do_not_count),
		cmocka_unit_test(test_who_has_it_already_is_not_awaited),
		cmocka_unit_test(test_in_doubt_wait),
		cmocka_unit_test(test_who_stays_away_is_forgotten),
		cmocka_unit_test(test_too_many_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
