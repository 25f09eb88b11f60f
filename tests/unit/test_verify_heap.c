/* mm_verify() uses no heap of its own: the linker leads every allocation of
 * our objects (not of OpenSSL, a library of its own) through here. */
#include <stdatomic.h>

#include "tests/unit/verify_desk.h"

static atomic_uint allocations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t each);
void *__real_realloc(void *at, size_t n);
void *__real_aligned_alloc(size_t to, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_realloc(void *at, size_t n);
void *__wrap_aligned_alloc(size_t to, size_t n);

void *__wrap_malloc(size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t each)
{
	atomic_fetch_add(&allocations, 1);
	return __real_calloc(n, each);
}

void *__wrap_realloc(void *at, size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __real_realloc(at, n);
}

void *__wrap_aligned_alloc(size_t to, size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __real_aligned_alloc(to, n);
}

enum { TOKENS = 200 };

static void verify_all(struct desk *d, const struct buf *tokens, bool good)
{
	const struct mm_client client = { .address = "2001:db8::7" };
	struct mm_token t;
	for (size_t i = 0; i < TOKENS; i++) {
		enum mm_err e = mm_verify_client(d->v, &client,
						 (const char *)tokens[i].at,
						 tokens[i].len, &t);
		assert_true((e == MM_OK) == good);
	}
}

static void test_no_heap(void **state)
{
	(void)state;
	static struct buf good[TOKENS], bad[TOKENS];
	struct desk d;
	/* room for a few: they push one another out */
	desk_begin(&d, (struct mm_options){ .cache_size = 64 << 10 });
	d.now = T0 + 50; /* with news: none looks for another file */
	for (uint32_t i = 0; i < TOKENS; i++) {
		struct says says = { .list = i % 2 ? SLIDE : FIXED,
				     .idx = i,
				     .window = i % 2 ? DAY : 0,
				     .cidr = i % 3 ? "10.0.0.0/8 2001:db8::/32"
						   : NULL };
		token_make(&d.m, says, &good[i]);
		token_make(&d.m, says, &bad[i]);
		bad[i].at[bad[i].len - 1 - i] ^= 1;
	}
	unsigned before = atomic_load(&allocations);
	assert_true(before > TOKENS); /* or none is counted */
	for (int round = 0; round < 3; round++) {
		verify_all(&d, good, true);
		verify_all(&d, bad, false);
	}
	assert_int_equal(atomic_load(&allocations), before);
	for (size_t i = 0; i < TOKENS; i++) {
		buf_free(&good[i]);
		buf_free(&bad[i]);
	}
	desk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_heap) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
