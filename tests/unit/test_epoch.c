/* test_epoch.c - more threads inside than there are slots: the next one waits
 * for a free slot, and keeps alive what it may look at from then on. */
#include "tests/unit/unit.h"
#include "verifier/epoch.h"

static struct epoch epoch;
static struct epoch_slot *inside[EPOCH_SLOTS];
static unsigned yielded;

int __wrap_sched_yield(void);

/* Where it waits; at the third time somebody leaves. */
int __wrap_sched_yield(void)
{
	if (++yielded == 3)
		epoch_leave(inside[77]);
	return 0;
}

static void test_crowded(void **state)
{
	(void)state;
	epoch_init(&epoch);
	for (size_t i = 0; i < EPOCH_SLOTS; i++) {
		inside[i] = epoch_enter(&epoch);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(inside[i], inside[j]);
	}
	assert_int_equal(yielded, 0);
	uint64_t early = epoch_retire(&epoch);
	struct epoch_slot *late = epoch_enter(&epoch);
	assert_int_equal(yielded, 3);
	assert_ptr_equal(late, inside[77]);

	uint64_t then = epoch_retire(&epoch);
	for (size_t i = 0; i < EPOCH_SLOTS; i++) {
		assert_false(epoch_over(&epoch, early));
		if (i != 77)
			epoch_leave(inside[i]);
	}
	assert_true(epoch_over(&epoch, early)); /* it came after that */
	assert_false(epoch_over(&epoch, then));
	epoch_leave(late);
	assert_true(epoch_over(&epoch, then));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_crowded) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
