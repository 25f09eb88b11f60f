/* test_followers.c - agents that poll: counted once, missed for a day. */
#include "issuer/followers.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

#define NOW INT64_C(1790000000)

static void note(struct followers *f, uint32_t list, const char *address,
		 uint64_t after, int64_t at)
{
	struct follower who = {
		.list = list, .idx = 7, .after = after, .at = at
	};
	snprintf(who.address, sizeof who.address, "%s", address);
	followers_note(f, &who);
}

struct seen {
	size_t count;
	uint64_t sum;
};

static void see(void *ctx, const struct follower *who)
{
	struct seen *s = ctx;
	s->count++;
	s->sum += who->after;
}

static void expect_seen(struct followers *f, int64_t now, size_t count,
			uint64_t sum)
{
	struct seen s = { 0, 0 };
	followers_each(f, now, see, &s);
	assert_int_equal(s.count, count);
	assert_int_equal(s.sum, sum);
}

static void test_one_is_one(void **state)
{
	struct followers *f = followers_new();
	(void)state;
	expect_seen(f, NOW, 0, 0);
	note(f, 1, "192.0.2.1", 10, NOW);
	note(f, 1, "192.0.2.1", 11, NOW + 1);
	expect_seen(f, NOW + 1, 1, 11);
	note(f, 1, "192.0.2.2", 20, NOW + 2); /* the same token elsewhere */
	note(f, 2, "192.0.2.1", 30, NOW + 3); /* another token there */
	expect_seen(f, NOW + 3, 3, 61);
	note(f, 1, "192.0.2.2", 5, NOW + 4); /* it has begun anew */
	expect_seen(f, NOW + 4, 3, 46);
	followers_free(f);
}

static void test_a_day(void **state)
{
	struct followers *f = followers_new();
	(void)state;
	note(f, 1, "a", 1, NOW);
	note(f, 2, "a", 2, NOW + 10);
	expect_seen(f, NOW + FOLLOWER_KEPT - 1, 2, 3);
	expect_seen(f, NOW + FOLLOWER_KEPT, 1, 2);
	followers_free(f);
}

static void test_ten_thousand(void **state)
{
	struct followers *f = followers_new();
	struct seen s = { 0, 0 };
	(void)state;
	for (uint32_t i = 1; i <= 10000; i++)
		note(f, i, "192.0.2.1", 1, NOW);
	followers_each(f, NOW, see, &s);
	assert_in_range(s.count, 9950, 10000);
	for (uint32_t i = 1; i <= 10000; i++)
		note(f, i, "192.0.2.1", 1, NOW + 1);
	s = (struct seen){ 0, 0 };
	followers_each(f, NOW, see, &s);
	assert_in_range(s.count, 9950, 10000);
	followers_free(f);
	followers_free(NULL);
}

/* Whoever came last is there, and as many before as there is room for. */
static void test_room(void **state)
{
	struct followers *f = followers_new();
	struct seen s = { 0, 0 };
	const uint32_t many = 16 * FOLLOWERS_MAX;
	(void)state;
	for (uint32_t i = 1; i <= many; i++)
		note(f, i, "a", i > many - 1000 ? 1 : 0, NOW + i);
	followers_each(f, NOW, see, &s);
	assert_int_equal(s.count, FOLLOWERS_MAX);
	assert_int_equal(s.sum, 1000);
	followers_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_is_one),
		cmocka_unit_test(test_a_day),
		cmocka_unit_test(test_ten_thousand),
		cmocka_unit_test(test_room),
	};
	return cmocka_run_group_tests_name("followers", tests, NULL, NULL);
}
