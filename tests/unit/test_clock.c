/* test_clock.c - a host that slept: what is judged by how long nothing was
 * heard, or by how evenly the clock goes, counts that time. */
#include "common/clock.h"
#include "issuer/steady.h"
#include "tests/unit/unit.h"

#define HOUR 3600

/* Seconds for which this host slept, and by which its clock was set. */
static time_t slept, set;
int __real_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t which, struct timespec *t)
{
	int rc = __real_clock_gettime(which, t);
	if (which == CLOCK_BOOTTIME)
		t->tv_sec += slept;
	if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)
		t->tv_sec += slept + set;
	return rc;
}

static void test_F6_sleep_counts(void **state)
{
	(void)state;
	int64_t before = clock_ms();
	slept += HOUR;
	int64_t passed = clock_ms() - before;
	assert_in_range(passed, HOUR * 1000, HOUR * 1000 + 60000);
}

/* Who waits when it falls asleep does not wait for longer: a condition knows
 * no other clock than the one that stood still. */
static void test_waiting(void **state)
{
	(void)state;
	struct timespec now, until = clock_in_ms(1500);
	slept += HOUR;
	assert_int_equal(__real_clock_gettime(CLOCK_MONOTONIC, &now), 0);
	assert_in_range(until.tv_sec - now.tv_sec, 0, 2);
}

/* The mint's clock has not jumped, but gone on. */
static void test_F6_sleep_is_no_jump(void **state)
{
	(void)state;
	struct steady s;
	int64_t off = 1;
	steady_begin(&s, clock_now());
	slept += HOUR;
	assert_true(steady_look(&s, &off));
	assert_int_equal(off, 0);

	set += HOUR;
	assert_false(steady_look(&s, &off));
	assert_in_range(off, HOUR - 2, HOUR + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F6_sleep_counts),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_F6_sleep_is_no_jump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
