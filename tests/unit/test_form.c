/* Parameters: what is read, and what is not taken. */
#include "common/form.h"
#include "tests/unit/unit.h"

struct room {
	char text[512];
	struct form f;
};

static bool read(struct room *r, const char *text)
{
	/* exactly the room that is promised: the sanitizers see more */
	size_t size = FORM_ROOM(strlen(text));
	char *room = malloc(size);
	assert_non_null(room);
	bool good = form_read(span_str(text), room, &r->f);
	memcpy(r->text, room, size < sizeof r->text ? size : sizeof r->text);
	if (good) {
		r->f.end = r->text + (r->f.end - r->f.at);
		r->f.at = r->text;
	}
	free(room);
	return good;
}

static void test_values(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name, *value;
		size_t count;
	} rows[] = {
		{ "", "a", NULL, 0 },
		{ "&&", "", NULL, 0 },
		{ "a=b", "a", "b", 1 },
		{ "a=b", "b", NULL, 1 },
		{ "a=b&c=d", "c", "d", 2 },
		{ "&a=b&&c=d&", "c", "d", 2 },
		{ "a", "a", "", 1 },
		{ "a=", "a", "", 1 },
		{ "=b", "", "b", 1 },
		{ "a=b=c", "a", "b=c", 1 },
		{ "a=x+y%20z%2b", "a", "x y z+", 1 },
		{ "%61%3D=%26", "a=", "&", 1 },
		{ "a=%c3%a9", "a", "\xC3\xA9", 1 },
		{ "A=1&a=2", "a", "2", 2 },
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct room r;
		assert_true(read(&r, rows[i].text));
		assert_int_equal(r.f.count, rows[i].count);
		const char *value = form_value(&r.f, rows[i].name);
		if (rows[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, rows[i].value);
	}
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"a=%",	       "a=%4",	  "a=%4g",   "%",     "a=%00",
		"a=%0a",       "a=%7f",	  "a=\x01",  "a=%ff", "a=\xC3",
		"a=%ed%a0%80", "a=1&a=2", "a=1&%61", "&a&a",
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct room r;
		if (read(&r, rows[i]))
			fail_msg("%s was read", rows[i]);
	}
}

/* In their order, each one as it came. */
static void test_repeats(void **state)
{
	static const char *const want[] = { "a", "1", "b", "2",
					    "a", "3", "a", "" };
	static const char text[] = "a=1&b=2&%61=3&a";
	char room[FORM_ROOM(sizeof text)];
	struct form f;
	const char *name = NULL, *value;
	size_t i = 0;
	(void)state;
	assert_true(form_read_repeats(span_str(text), room, &f));
	assert_int_equal(f.count, 4);
	assert_string_equal(form_value(&f, "a"), "1");
	for (; form_next(&f, &name, &value); i += 2) {
		assert_string_equal(name, want[i]);
		assert_string_equal(value, want[i + 1]);
	}
	assert_int_equal(i, ROWS(want));
	assert_false(form_read_repeats(span_str("a=1&a=%"), room, &f));
}

static void test_how_many(void **state)
{
	(void)state;
	struct room r;
	assert_true(read(&r, "a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p"));
	assert_int_equal(r.f.count, FORM_MAX);
	assert_string_equal(form_value(&r.f, "p"), "");
	assert_false(read(&r, "a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q"));
}

static void test_one_after_the_other(void **state)
{
	(void)state;
	struct room r;
	const char *name = NULL, *value;
	assert_true(read(&r, "x=1&y&=3"));
	assert_true(form_next(&r.f, &name, &value));
	assert_string_equal(name, "x");
	assert_string_equal(value, "1");
	assert_true(form_next(&r.f, &name, &value));
	assert_string_equal(name, "y");
	assert_string_equal(value, "");
	assert_true(form_next(&r.f, &name, &value));
	assert_string_equal(name, "");
	assert_string_equal(value, "3");
	assert_false(form_next(&r.f, &name, &value));

	struct form none = { .count = 0 };
	name = NULL;
	assert_false(form_next(&none, &name, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_how_many),
		cmocka_unit_test(test_one_after_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
