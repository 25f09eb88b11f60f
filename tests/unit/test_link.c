/* test_link.c - which address is asked: relays first, then the issuer's own,
 * and back. */
#include "tests/unit/unit.h"

#include "verifier/link.h"

static int64_t now_ms;

int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_ms(void)
{
	return now_ms;
}

/* Two relays and two addresses, each named by a digit. */
static const struct link_target target = { .url = { "i0", "i1" },
					   .count = 2,
					   .feed_from = { "r0", "r1" },
					   .relays = 2 };

static void begin(struct link *l)
{
	now_ms = 1000000;
	assert_int_equal(link_init(l, &target), MM_OK);
}

static void test_in_order(void **state)
{
	static const char *const order[] = { "r0", "r1", "i0", "i1", "r0" };
	struct link l;
	(void)state;
	begin(&l);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		assert_string_equal(link_url(&l), order[i]);
		link_next(&l);
	}
	link_free(&l);
}

/* Not at once, one relay after the other, and less and less often. */
static void test_back(void **state)
{
	struct link l;
	int64_t pause = 0;
	(void)state;
	begin(&l);
	link_try_back(&l);
	assert_false(l.trying); /* there is nothing better */
	link_next(&l);
	link_next(&l);
	assert_string_equal(link_url(&l), "i0");
	link_try_back(&l);
	assert_false(l.trying);
	for (unsigned i = 0; i < 12; i++) {
		int64_t began = now_ms;
		while (!l.trying && now_ms - began < 1000 * 1000) {
			now_ms += 100;
			link_try_back(&l);
		}
		assert_true(l.trying);
		assert_string_equal(link_url(&l), i % 2 ? "r1" : "r0");
		assert_true(now_ms - began >= pause);
		pause = now_ms - began;
		link_next(&l);
		assert_string_equal(link_url(&l), "i0");
	}
	assert_int_equal(pause, 5 * 60 * 1000);
	now_ms += pause;
	link_try_back(&l);
	link_worked(&l);
	assert_string_equal(link_url(&l), "r0");
	link_next(&l); /* no trial any more */
	assert_string_equal(link_url(&l), "r1");
	link_free(&l);
}

/* Who is at the second relay looks for the first. */
static void test_better(void **state)
{
	struct link l;
	(void)state;
	begin(&l);
	link_next(&l);
	now_ms += 5000;
	link_try_back(&l);
	assert_string_equal(link_url(&l), "r0");
	link_next(&l);
	assert_string_equal(link_url(&l), "r1");
	link_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_back),
		cmocka_unit_test(test_better),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
