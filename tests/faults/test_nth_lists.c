/* Lists packed and unpacked, when the n-th malloc fails: whole, or an error. */
#include "common/status_list.h"
#include "tests/faults/nth_fixture.h"
#include "tests/unit/unit.h"

/* More than zlib looks back, and hard to pack. */
enum { BYTES = 200000 };

static uint8_t bytes[BYTES], back[BYTES];
static struct buf packed;

static void pack_round(struct nth_round *r)
{
	AUTO_BUF struct buf b = buf_new(2 * BYTES);
	nth_begin(r);
	enum mm_err e = pack_bytes(span_of(bytes, BYTES), true, &b);
	nth_end(r);
	assert_true(e == MM_OK || e == MM_ERR_NOMEM);
	if (e == MM_OK)
		assert_true(span_eq(done(&b), done(&packed)));
}

static void unpack_round(struct nth_round *r)
{
	size_t n;
	nth_begin(r);
	enum mm_err e = unpack_bytes(done(&packed), back, BYTES, &n);
	nth_end(r);
	assert_int_equal(e, r->hit ? MM_ERR_NOMEM : MM_OK);
	if (e == MM_OK)
		assert_memory_equal(back, bytes, n);
	assert_true(e != MM_OK || n == BYTES);
}

static void test_F5_lists(void **state)
{
	uint32_t x = 4711;
	(void)state;
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	packed = buf_new(2 * BYTES);
	expect("pack", pack_bytes(span_of(bytes, BYTES), true, &packed), MM_OK);
	nth_spread = 1000;
	assert_in_range(nth_each(NTH_MALLOC, pack_round), 5, 100);
	assert_in_range(nth_each(NTH_MALLOC, unpack_round), 2, 100);
	buf_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_F5_lists) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
