/* JSON, when the n-th malloc fails: read and written whole, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/json_heap.h"
#include "tests/faults/nth_fixture.h"

/* Names and values longer than what jansson begins with, again and again. */
static json_t *make(void)
{
	json_t *all = json_object(), *list = json_array();
	for (int i = 0; i < 40; i++) {
		char name[32];
		snprintf(name, sizeof name, "name-number-%d", i);
		json_object_set_new(all, name, json_string("photos:read"));
		json_array_append_new(list, json_integer(i));
	}
	json_object_set_new(all, "list", list);
	return all;
}

static char *want;
static unsigned refused;

/* Nobody asked whether a member got in. */
static void write_round(struct nth_round *r)
{
	nth_begin(r);
	json_t *all = make();
	char *out = json_heap_dump(all, JSON_COMPACT);
	nth_end(r);
	json_decref(all);
	refused += out == NULL;
	if (out != NULL)
		assert_string_equal(out, want);
	free(out);

	all = make(); /* that is over */
	out = json_heap_dump(all, JSON_COMPACT);
	assert_non_null(out);
	assert_string_equal(out, want);
	free(out);
	json_decref(all);
}

static void test_F5_write(void **state)
{
	(void)state;
	refused = 0;
	assert_in_range(nth_each(NTH_MALLOC, write_round), 100, 10000);
	assert_in_range(refused, 5, 10000);
}

static const char *text;

static void read_round(struct nth_round *r)
{
	json_t *got = NULL, *whole = NULL;
	assert_int_equal(json_heap_load(span_str(text), &whole, NULL), MM_OK);
	nth_begin(r);
	enum mm_err e = json_heap_load(span_str(text), &got, NULL);
	nth_end(r);
	assert_true(e == MM_OK || e == MM_ERR_NOMEM);
	if (e == MM_OK)
		assert_true(json_equal(got, whole));
	json_decref(got);
	json_decref(whole);
}

static void test_F5_read(void **state)
{
	(void)state;
	text = want;
	assert_in_range(nth_each(NTH_MALLOC, read_round), 100, 10000);
}

/* jansson asserts that it unreads what it has read: just behind 15 digits it
 * needs memory for that. */
static void test_F5_read_number(void **state)
{
	(void)state;
	text = "[123456789012345,1234567890123456789]";
	assert_in_range(nth_each(NTH_MALLOC, read_round), 5, 100);
}

/* What a request before left behind is not the next one's. */
static void test_F5_begin(void **state)
{
	json_t *all = make();
	(void)state;
	nth_arm(NTH_MALLOC, 1, ENOMEM, false);
	assert_null(json_object());
	assert_true(nth_disarm());
	json_heap_begin();
	char *out = json_heap_dump(all, JSON_COMPACT);
	assert_non_null(out);
	free(out);
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F5_write),
		cmocka_unit_test(test_F5_read),
		cmocka_unit_test(test_F5_read_number),
		cmocka_unit_test(test_F5_begin),
	};
	json_heap_watch(free);
	json_t *all = make();
	want = json_heap_dump(all, JSON_COMPACT);
	json_decref(all);
	int failed = want ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
	free(want);
	return failed;
}
