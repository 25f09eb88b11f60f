/* test_scope.c - the grammar of scopes, and what they allow. */
#include "common/scope.h"
#include "tests/unit/unit.h"

#define RW (SCOPE_READ | SCOPE_WRITE)

static void test_words(void **state)
{
	static const struct {
		const char *word, *type, *id;
		unsigned perm;
	} rows[] = {
		{ "node:1b9d:r", "node", "1b9d", SCOPE_READ },
		{ "node:1b9d:w", "node", "1b9d", SCOPE_WRITE },
		{ "node:1b9d:rw", "node", "1b9d", RW },
		{ "x:/a/b.c:rw", "x", "/a/b.c", RW },
		/* everything else is a name */
		{ "photos:read", "", "", 0 },
		{ "a", "", "", 0 },
		{ "r", "", "", 0 },
		{ "rw", "", "", 0 },
		{ "node:1:2:rw", "", "", 0 },
		{ "node:1:read", "", "", 0 },
		{ "node:1:write", "", "", 0 },
		{ "node:1:admin", "", "", 0 },
		{ "https://example.org/read", "", "", 0 },
		{ "!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~", "", "", 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct scope_word w;
		expect(rows[i].word,
		       scope_word_read(span_str(rows[i].word), &w, NULL),
		       MM_OK);
		assert_true(span_is(w.whole, rows[i].word));
		assert_int_equal(w.perm, rows[i].perm);
		assert_true(span_is(w.type, rows[i].type));
		assert_true(span_is(w.id, rows[i].id));
	}
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"a  b",
		" a",
		"a ",
		"a\tb",
		"a\nb",
		"a\x7f",
		"a\"b",
		"a\\b",
		"caf\xc3\xa9",
		"\x01",
		":",
		"::",
		"node:",
		":1",
		"node::r",
		":1:r",
		"node:1:",
		"::r",
		"node:1:rwx",
		"node:1:wr",
		"node:1:x",
		"node:1:d",
		"node:1:R",
		"node:1:RW",
		"node:1:rr",
		"node:1:rwd",
		"a node::r",
		"a:b:c:",
		":a:b:c",
		"a:b::c",
		"a::b:c:rw",
		"node:1:rwxrwx",
		"node:1:rw node:2:wr",
		"node:1:rwxrw",
		"node:1:r:",
		"node::1:2",
		":a:b:c",
		"a::b",
		"a:b::c:d",
		"node:1:rw ",
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct why why = { .text = "" };
		expect(rows[i], scope_check(span_str(rows[i]), &why),
		       MM_ERR_INVALID);
		assert_string_equal(why.field, "scopes");
		assert_true(why.text[0] != '\0');
	}
	/* the text is in the sentence, and a NUL is no way to hide one */
	struct why why;
	assert_int_equal(scope_check(span_str("node:1:rwx"), &why),
			 MM_ERR_INVALID);
	assert_non_null(strstr(why.text, "node:1:rwx"));
	assert_int_equal(scope_check(span_of("a\0b", 3), NULL), MM_ERR_INVALID);
}

static void test_named(void **state)
{
	static const struct {
		const char *scope, *name;
		bool has;
	} rows[] = {
		{ "photos:read", "photos:read", true },
		{ "a photos:read b", "photos:read", true },
		{ "a b photos:read", "photos:read", true },
		{ "photos:read", "photos", false },
		{ "photos", "photos:read", false },
		{ "photos:readx", "photos:read", false },
		{ "xphotos:read", "photos:read", false },
		{ "photos:read", "Photos:read", false },
		{ "a b", "a b", false },
		{ "a", "", false },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (scope_has(span_str(rows[i].scope),
			      span_str(rows[i].name)) != rows[i].has)
			fail_msg("row %zu", i);
}

static void test_perms(void **state)
{
	static const struct {
		const char *scope, *type, *ids[3];
		unsigned perms;
	} rows[] = {
		{ "node:1:r", "node", { "1" }, SCOPE_READ },
		{ "node:1:w", "node", { "1" }, SCOPE_WRITE },
		{ "node:1:r node:1:w", "node", { "1" }, RW },
		{ "node:1:r node:1:r", "node", { "1" }, SCOPE_READ },
		{ "node:1:r", "node", { "2" }, 0 },
		{ "node:1:r", "file", { "1" }, 0 },
		{ "node:1:r", "node", { NULL }, 0 },
		{ "photos:read", "photos", { "read" }, 0 },
		/* a folder's scope covers what is inside it */
		{ "node:3:rw", "node", { "1", "2", "3" }, RW },
		{ "node:1:r node:3:w", "node", { "1", "2", "3" }, RW },
		{ "node:4:rw", "node", { "1", "2", "3" }, 0 },
		/* whole ids only */
		{ "node:12:rw", "node", { "1", "2" }, 0 },
		{ "node:1:rw", "node", { "12" }, 0 },
		{ "node:1:rw", "nod", { "1" }, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t n = 0;
		while (n < 3 && rows[i].ids[n] != NULL)
			n++;
		unsigned perms =
			scope_perms(span_str(rows[i].scope),
				    span_str(rows[i].type), rows[i].ids, n);
		if (perms != rows[i].perms)
			fail_msg("row %zu: %u", i, perms);
	}
}

static void test_covers(void **state)
{
	static const struct {
		const char *scope, *need;
		bool covers;
	} rows[] = {
		{ "node:1:rw", "node:1:r", true },
		{ "node:1:rw", "node:1:w", true },
		{ "node:1:rw", "node:1:rw", true },
		{ "node:1:r node:1:w", "node:1:rw", true },
		{ "node:1:r", "node:1:rw", false },
		{ "node:1:r", "node:1:w", false },
		{ "node:1:rw", "node:2:r", false },
		{ "photos:read", "photos:read", true },
		{ "photos:read", "photos", false },
		{ "node:1:rw", "node:1:rwx", false },
		{ "node:1:rw", "", false },
		{ "node:1:rw", "node::r", false },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (scope_covers(span_str(rows[i].scope),
				 span_str(rows[i].need)) != rows[i].covers)
			fail_msg("row %zu", i);
}

static void test_long_id(void **state)
{
	char need[SCOPE_ID_SIZE + 16];
	(void)state;
	memset(need, 'a', sizeof need);
	memcpy(need, "node:", 5);
	memcpy(need + sizeof need - 2, ":r", 2);
	struct span s = span_of(need, sizeof need);
	assert_false(scope_covers(s, s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_named),  cmocka_unit_test(test_perms),
		cmocka_unit_test(test_covers), cmocka_unit_test(test_long_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
