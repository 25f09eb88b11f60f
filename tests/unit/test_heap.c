/* test_heap.c - what a daemon frees is no longer its own. */
#include "tests/unit/unit.h"

#include <malloc.h>
#include <stdlib.h>

#include "common/heap.h"

#define LARGE ((size_t)4 << 20)

/* A block that is mapped alone is unmapped when it is freed. */
static bool is_mapped_alone(size_t n)
{
	size_t before = mallinfo2().hblkhd;
	void *volatile block = malloc(n);
	bool alone = mallinfo2().hblkhd >= before + n;
	free(block);
	return alone;
}

static void test_what_is_large_goes_back(void **state)
{
	(void)state;
	heap_gives_back();
	for (int i = 0; i < 3; i++) /* it has not learnt to keep them */
		assert_true(is_mapped_alone(LARGE));
	assert_false(is_mapped_alone(4096));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_large_goes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
