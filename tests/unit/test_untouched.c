/* test_untouched.c - the lists of a young mint are zeros but for their
 * beginning, and pages of them are neither read nor written. */
#include <sys/resource.h>
#include <unistd.h>

#include "common/feed.h"
#include "tests/unit/unit.h"

#define EXPIRES	     1821536000
#define AUTO_REPLICA __attribute__((cleanup(replica_free)))

enum { LISTS = 8, LAST = 5000 };

static struct replica young(void)
{
	struct replica r = { .seq = 10, .iss = "https://pat.example.org" };
	struct list *l;
	memset(r.epoch, 'e', EPOCH_SIZE - 1);
	for (uint32_t i = 1; i <= LISTS; i++)
		expect("a list",
		       replica_add_list(&r, i, LIST_AUTO_REFRESH, LIST_SIZE_MAX,
					EXPIRES, &l),
		       MM_OK);
	list_put_status(replica_list(&r, 3), LAST, STATUS_REVOKED);
	list_put_last_use(replica_list(&r, 4), LAST, 1790000000);
	return r;
}

static long faults(void)
{
	struct rusage u;
	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_minflt;
}

/* Those of all the lists would be 8704 (and a sanitizer has its own). */
static void not_the_lists(long since)
{
	const long pages = LISTS * (LIST_SIZE_MAX / 4 + LIST_SIZE_MAX * 4L) /
			   getpagesize();
	assert_in_range(faults() - since, 0, pages / 2);
}

/* Also where a list forgot how far it was touched. */
static void has_the_last(const struct replica *r)
{
	assert_int_equal(status_get(replica_list(r, 3)->status, LAST),
			 STATUS_REVOKED);
	assert_int_equal(replica_list(r, 4)->last_use[LAST], 1790000000);
}

static void same(const struct replica *a, const struct replica *b)
{
	has_the_last(a);
	has_the_last(b);
	for (uint32_t i = 1; i <= LISTS; i++) {
		const struct list *x = replica_list(a, i);
		const struct list *y = replica_list(b, i);
		assert_int_equal(x->touched, y->touched);
		for (uint32_t k = 0; k < x->touched; k++) {
			assert_int_equal(status_get(x->status, k),
					 status_get(y->status, k));
			assert_int_equal(x->last_use[k], y->last_use[k]);
		}
	}
}

static void test_a_copy(void **state)
{
	AUTO_REPLICA struct replica r = young(), copy = { .seq = 0 };
	(void)state;
	long before = faults();
	expect("copy", replica_copy(&r, &copy), MM_OK);
	not_the_lists(before);
	same(&r, &copy);
}

static void test_a_snapshot(void **state)
{
	AUTO_REPLICA struct replica r = young(), back = { .seq = 0 };
	AUTO_BUF struct buf b = buf_new(SNAPSHOT_MAX);
	(void)state;
	long before = faults();
	expect("write", snapshot_write(&r, 1790000000, 60, &b), MM_OK);
	expect("read", snapshot_read(done(&b), &back), MM_OK);
	not_the_lists(before);
	same(&r, &back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_copy),
		cmocka_unit_test(test_a_snapshot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
