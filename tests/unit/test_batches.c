/* test_batches.c - what a relay keeps of the feed. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "verifier/agent/batches.h"

#define T0 INT64_C(1000000)

static void add(struct batches *b, const char *text, uint64_t from,
		uint64_t upto)
{
	batches_add(b, span_str(text), from, upto, T0);
}

static const struct batch_kept *kept_of(const struct batches *b, uint64_t after)
{
	struct http_body *body = batches_next(b, after);
	const struct batch_kept *found = NULL;
	for (size_t i = 0; i < BATCHES_MAX && body != NULL; i++)
		if (b->at[i].body == body)
			found = &b->at[i];
	http_body_drop(body);
	return found;
}

/* Wherever a reader stands: the batch that has the event it lacks. */
static void test_between(void **state)
{
	static struct batches b;
	(void)state;
	assert_null(batches_next(&b, 0));
	batches_clear(&b, 10);
	add(&b, "one", 10, 12);
	add(&b, "two", 12, 13);
	add(&b, "three", 13, 17);
	assert_int_equal(b.head, 17);
	assert_null(batches_next(&b, 9));
	for (uint64_t after = 10; after < 17; after++) {
		const struct batch_kept *k = kept_of(&b, after);
		assert_non_null(k);
		assert_true(k->from <= after && after < k->upto);
	}
	assert_null(batches_next(&b, 17));
	assert_null(batches_next(&b, 99));
	batches_clear(&b, 3); /* another history */
	assert_null(batches_next(&b, 12));
	assert_int_equal(b.head, 3);
	assert_int_equal(b.bytes, 0);
}

/* A heartbeat is the newest, and leads nowhere. */
static void test_newest(void **state)
{
	static struct batches b;
	struct http_body *first, *second;
	(void)state;
	assert_null(batches_newest(&b, T0, 1000));
	add(&b, "news", 10, 11);
	first = batches_newest(&b, T0, 1000);
	assert_non_null(first);
	add(&b, "beat", 11, 11);
	second = batches_newest(&b, T0 + 1000, 1000);
	assert_ptr_not_equal(first, second);
	assert_int_equal(b.count, 1);
	assert_null(batches_next(&b, 11));
	assert_null(batches_newest(&b, T0 + 1001, 1000));
	http_body_drop(first);
	http_body_drop(second);
	batches_clear(&b, 0);
}

/* A gap (there was no memory, say) is not led across. */
static void test_gap(void **state)
{
	static struct batches b;
	(void)state;
	add(&b, "one", 10, 12);
	add(&b, "three", 13, 17);
	assert_null(kept_of(&b, 12));
	assert_non_null(kept_of(&b, 11));
	assert_non_null(kept_of(&b, 13));
	batches_clear(&b, 0);
}

static void test_bounds(void **state)
{
	static struct batches b;
	(void)state;
	for (uint64_t n = 0; n < BATCHES_MAX + 100; n++)
		add(&b, "x", n, n + 1);
	assert_int_equal(b.count, BATCHES_MAX);
	assert_null(batches_next(&b, 99));
	assert_non_null(kept_of(&b, 100));
	assert_non_null(kept_of(&b, BATCHES_MAX + 99));

	uint8_t *large = calloc(1, BATCHES_BYTES / 2);
	for (uint64_t n = 0; n < 5; n++)
		batches_add(&b, span_of(large, BATCHES_BYTES / 2), n + 5000,
			    n + 5001, T0);
	assert_int_equal(b.count, 2);
	assert_true(b.bytes <= BATCHES_BYTES);
	free(large);
	batches_clear(&b, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_newest),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
