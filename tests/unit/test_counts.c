/* test_counts.c - a signature that failed is counted, whatever was signed. */
#include "common/feed.h"
#include "common/jws.h"
#include "issuer/counts.h"
#include "tests/unit/unit.h"

static uint64_t counted(void)
{
	uint64_t all = 0;
	for (size_t i = 0; i < SIGNED_TYPS; i++)
		all += counter_get(&issuer_counts.sign_failed[i]);
	return all;
}

static void each_typ_has_its_count(void **state)
{
	static const char *const typs[] = { TYP_PAT,	  TYP_ACCESS,
					    TYP_FEED,	  TYP_STATUS_LIST,
					    TYP_SNAPSHOT, TYP_WARNING };
	(void)state;
	for (size_t i = 0; i < ROWS(typs); i++) {
		count_sign_failed(typs[i]);
		if (counted() != i + 1)
			fail_msg("%s is not counted", typs[i]);
	}
	count_sign_failed("other+jwt");
	assert_int_equal(counted(), ROWS(typs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_typ_has_its_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
