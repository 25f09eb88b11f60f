/* test_json.c - the strict JSON reader: what it must refuse, and that
 * jansson, which shares no code with it, never refuses what it accepts.
 */
#include "common/json.h"

#include <jansson.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

#define T(text)                                                                \
	{                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                      \
	}

struct got {
	char name[8];
	int64_t n, deep;
	struct json_strs list;
	struct json_texts texts;
};

enum { SAW_NAME = 1, SAW_N = 2, SAW_LIST = 4, SAW_DEEP = 8 };

#define ROW(text, kind, member, bit)                                           \
	{                                                                      \
		text, kind, offsetof(struct got, member),                      \
			sizeof(((struct got *)0)->member), (bit), NULL         \
	}

static const struct json_field sub_rows[] = {
	ROW("deep", JSON_KIND_INT, deep, SAW_DEEP),
};
static const struct json_table sub_table = { sub_rows, 1, false, 0 };
static const struct json_field rows[] = {
	ROW("name", JSON_KIND_STR, name, SAW_NAME),
	ROW("n", JSON_KIND_INT, n, SAW_N),
	{ "list", JSON_KIND_TEXTS, offsetof(struct got, list), 1024, SAW_LIST,
	  NULL },
	{ "sub", JSON_KIND_OBJECT, 0, 0, 0, &sub_table },
};
static const struct json_table loose = { rows, ROWS(rows), false,
					 offsetof(struct got, texts) };
static const struct json_table exact = { rows, ROWS(rows), true,
					 offsetof(struct got, texts) };

static bool jansson_accepts(struct span text)
{
	json_t *v = json_loadb((const char *)text.at, text.len,
			       JSON_REJECT_DUPLICATES, NULL);
	bool object = json_is_object(v);
	json_decref(v);
	return object;
}

/* With nothing behind it, so that reading further is seen (by ASan). */
static enum mm_err read_alone(struct span text, struct got *g, uint32_t *seen)
{
	uint8_t *copy = malloc(text.len);
	if (text.len != 0)
		memcpy(copy, text.at, text.len);
	enum mm_err e =
		strict_json_read(span_of(copy, text.len), &loose, g, seen);
	free(copy);
	return e;
}

/* Read it, and hold jansson to the same: we may be stricter, never laxer. */
static enum mm_err read_both(struct span text, struct got *g, uint32_t *seen)
{
	*g = (struct got){ .n = -99 };
	enum mm_err e = read_alone(text, g, seen);
	if (e == MM_OK && !jansson_accepts(text))
		fail_msg("jansson refuses: %.*s", (int)text.len,
			 (const char *)text.at);
	return e;
}

/* ---- what is refused ---- */

/* clang-format off */
static const struct span bad[] = {
	/* one object, and nothing else */
	T(""), T(" "), T("{"), T("}"), T("null"), T("1"), T("\"name\""),
	T("[]"), T("[{}]"), T("{}{}"), T("{} x"), T("{},"), T("{}\0"),
	T("\xEF\xBB\xBF{}"), T("/**/{}"), T("{}//"), T("\f{}"), T("\xC2\xA0{}"),
	/* members */
	T("{,}"), T("{\"a\"}"), T("{\"a\":}"), T("{\"a\":1,}"), T("{\"a\" 1}"),
	T("{a:1}"), T("{'a':1}"), T("{1:1}"), T("{null:1}"), T("{\"a\"=1}"),
	T("{\"a\":1 \"b\":2}"), T("{\"a\":1;\"b\":2}"), T("{\"a\"::1}"),
	T("{\"a\":1,,\"b\":2}"), T("{\"a\":1"), T("{\"a\":1,"),
	T("{\"a\":[1}"), T("{\"a\":{]}"), T("{\"a\":[1,]}"), T("{\"a\":[,1]}"),
	/* the same name twice (RFC 8725 s2.4) */
	T("{\"n\":1,\"n\":1}"), T("{\"a\":1,\"a\":1}"),
	T("{\"n\":1,\"\\u006e\":2}"), T("{\"\\u0061\":1,\"a\":2}"),
	T("{\"/\":1,\"\\/\":2}"), T("{\"\":1,\"\":2}"),
	T("{\"\xC3\xA9\":1,\"\\u00e9\":2}"), T("{\"\\u00E9\":1,\"\\u00e9\":2}"),
	T("{\"\xF0\x9F\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
	T("{\"sub\":{\"deep\":1,\"deep\":1}}"),
	T("{\"sub\":{\"x\":1,\"x\":1}}"), T("{\"x\":{\"y\":1,\"y\":1}}"),
	T("{\"x\":[{\"y\":1,\"y\":1}]}"), T("{\"x\":[0,{\"y\":1,\"\\u0079\":1}]}"),
	T("{\"a\":{\"a\":{\"a\":1},\"a\":2}}"),
	/* strings */
	T("{\"name\":\"a}"), T("{\"name\":\"\\\"}"), T("{\"name\":\"\\x41\"}"),
	T("{\"name\":\"\\u12\"}"), T("{\"name\":\"\\u12g4\"}"),
	T("{\"name\":\"\\U0041\"}"), T("{\"name\":\"\\u+041\"}"),
	T("{\"name\":\"\\"), T("{\"name\":\"\\u00"), T("{\"name\":\"\\'\"}"), T("{\"name\":'a'}"), T("{\"name\":\"\\0\"}"),
	T("{\"name\":\"a\\u0000\"}"), T("{\"x\":\"\\u0000\"}"),
	T("{\"\\u0000\":1}"), T("{\"name\":\"a\0b\"}"), T("{\"a\0b\":1}"),
	T("{\"name\":\"a\nb\"}"), T("{\"name\":\"a\tb\"}"),
	T("{\"name\":\"\x1F\"}"), T("{\"x\":\"\x01\"}"), T("{\"name\":\"\\\n\"}"),
	/* surrogates alone, in the wrong order, cut short */
	T("{\"name\":\"\\ud800\"}"), T("{\"name\":\"\\udc00\"}"),
	T("{\"name\":\"\\ude00\\ud83d\"}"), T("{\"name\":\"\\ud83dx\"}"),
	T("{\"name\":\"\\ud83d\\u0041\"}"), T("{\"name\":\"\\ud83d\\ud83d\"}"),
	T("{\"name\":\"\\ud83d\\n\"}"), T("{\"name\":\"\\ud83d\\u\"}"),
	T("{\"x\":\"\\udfff\"}"), T("{\"\\ud800\":1}"),
	/* UTF-8: stray, cut, overlong, surrogates, past the end (RFC 3629) */
	T("{\"name\":\"\x80\"}"), T("{\"name\":\"\xC3\"}"), T("{\"x\":\"\xFF\"}"),
	T("{\"name\":\"\xC3(\"}"), T("{\"name\":\"\xC0\xAF\"}"),
	T("{\"name\":\"\xC1\xBF\"}"), T("{\"name\":\"\xE0\x80\xAF\"}"),
	T("{\"name\":\"\xE2\x82\"}"), T("{\"name\":\"\xE2(\xA1\"}"),
	T("{\"name\":\"\xED\xA0\x80\"}"), T("{\"name\":\"\xED\xBF\xBF\"}"),
	T("{\"name\":\"\xF0\x80\x80\xAF\"}"), T("{\"name\":\"\xF0\x9F\x98\"}"),
	T("{\"name\":\"\xF4\x90\x80\x80\"}"), T("{\"name\":\"\xF5\x80\x80\x80\"}"),
	T("{\"name\":\"\xF8\x88\x80\x80\x80\"}"), T("{\"\xFE\":1}"),
	T("{\"x\":\"\xE2\x82"), T("{\"x\":\"\xF0"),
	/* integers, wanted */
	T("{\"n\":1.0}"), T("{\"n\":1e3}"), T("{\"n\":1E0}"), T("{\"n\":1.7e9}"),
	T("{\"n\":1e300}"), T("{\"n\":-1.0}"), T("{\"n\":\"1\"}"), T("{\"n\":null}"),
	T("{\"n\":true}"), T("{\"n\":[1]}"), T("{\"n\":{}}"), T("{\"n\":}"),
	T("{\"n\":9223372036854775808}"), T("{\"n\":-9223372036854775809}"),
	T("{\"n\":18446744073709551617}"), T("{\"n\":1x}"), T("{\"n\":1 2}"),
	/* numbers, wanted or not */
	T("{\"x\":01}"), T("{\"x\":-01}"), T("{\"x\":00}"), T("{\"x\":+1}"),
	T("{\"x\":-}"), T("{\"x\":.5}"), T("{\"x\":1.}"), T("{\"x\":1.e1}"),
	T("{\"x\":1e}"), T("{\"x\":1e+}"), T("{\"x\":1e999}"), T("{\"x\":0x1}"),
	T("{\"x\":NaN}"), T("{\"x\":Infinity}"), T("{\"x\":-Infinity}"),
	T("{\"x\":9223372036854775808}"), T("{\"x\":1_0}"), T("{\"x\":- 1}"),
	T("{\"x\":100000000000000000000000000000000.5}"),
	/* words */
	T("{\"x\":True}"), T("{\"x\":tru}"), T("{\"x\":truex}"), T("{\"x\":nul}"),
	T("{\"x\":undefined}"), T("{\"x\":t"),
	/* another type than the table's */
	T("{\"name\":1}"), T("{\"name\":null}"), T("{\"name\":[\"a\"]}"),
	T("{\"list\":1}"), T("{\"list\":[1]}"), T("{\"list\":[\"a\",null]}"),
	T("{\"list\":[[\"a\"]]}"), T("{\"list\":{}}"), T("{\"list\":[\"a\""),
	T("{\"list\":[\"a\" \"b\"]}"), T("{\"list\":[\"a\",]}"),
	T("{\"sub\":}"), T("{\"sub\":1}"), T("{\"sub\":[]}"), T("{\"sub\":null}"),
	T("{\"sub\":{\"deep\":1.5}}"),
	/* too long for its field, by one */
	T("{\"name\":\"12345678\"}"), T("{\"name\":\"123456\xC3\xA9\"}"),
	T("{\"name\":\"123456\\u00e9\"}"),
};

/* ---- what is accepted, and read right ---- */

static const struct {
	struct span text;
	const char *name;
	int64_t n;
	uint32_t seen;
} good[] = {
	{ T("{}"), "", -99, 0 },
	{ T(" \t\r\n{ } \n"), "", -99, 0 },
	{ T("{\"name\":\"\"}"), "", -99, SAW_NAME },
	{ T("{\"name\":\"1234567\"}"), "1234567", -99, SAW_NAME },
	{ T("{ \"name\" : \"a\" , \"n\" : 7 }"), "a", 7, SAW_NAME | SAW_N },
	{ T("{\"n\":7,\"\\u006eame\":\"a\"}"), "a", 7, SAW_NAME | SAW_N },
	{ T("{\"name\":\"\\\"\\\\\\/\\b\\f\\n\\r\"}"), "\"\\/\b\f\n\r", -99, SAW_NAME },
	{ T("{\"name\":\"\\t\\u0041\x7F\"}"), "\tA\x7F", -99, SAW_NAME },
	{ T("{\"name\":\"\\u00e9\\u20AC\"}"), "\xC3\xA9\xE2\x82\xAC", -99, SAW_NAME },
	{ T("{\"name\":\"\xC3\xA9\xE2\x82\xAC\"}"), "\xC3\xA9\xE2\x82\xAC", -99, SAW_NAME },
	{ T("{\"name\":\"\\uD83d\\uDe00\"}"), "\xF0\x9F\x98\x80", -99, SAW_NAME },
	{ T("{\"name\":\"\\uDBFF\\uDFFF\"}"), "\xF4\x8F\xBF\xBF", -99, SAW_NAME },
	{ T("{\"name\":\"\xEE\x80\x80\xED\x9F\xBF\"}"), "\xEE\x80\x80\xED\x9F\xBF", -99, SAW_NAME },
	{ T("{\"n\":0}"), "", 0, SAW_N },
	{ T("{\"n\":-0}"), "", 0, SAW_N },
	{ T("{\"n\":-1}"), "", -1, SAW_N },
	{ T("{\"n\":9223372036854775807}"), "", INT64_MAX, SAW_N },
	{ T("{\"n\":-9223372036854775808}"), "", INT64_MIN, SAW_N },
	{ T("{\"sub\":{}}"), "", -99, 0 },
	{ T("{\"sub\":{\"deep\":1,\"n\":2}}"), "", -99, SAW_DEEP },
	{ T("{\"deep\":1}"), "", -99, 0 },
	{ T("{\"N\":1,\"n\":2}"), "", 2, SAW_N },
	/* nobody asked, yet well-formed */
	{ T("{\"x\":1.5e3,\"n\":3}"), "", 3, SAW_N },
	{ T("{\"x\":[true,false,null,-0.5E-1,\"\\n\",{},[]],\"n\":4}"), "", 4, SAW_N },
	{ T("{\"x\":{\"n\":1,\"name\":\"b\"},\"n\":5}"), "", 5, SAW_N },
	{ T("{\"x\":{\"y\":1},\"z\":{\"y\":1},\"y\":1,\"n\":6}"), "", 6, SAW_N },
	{ T("{\"x\":[{\"y\":1},{\"y\":1}],\"n\":7}"), "", 7, SAW_N },
};
/* clang-format on */

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++) {
		struct got g;
		uint32_t seen;
		expect((const char *)bad[i].at, read_both(bad[i], &g, &seen),
		       MM_ERR_MALFORMED);
	}
}

static void test_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(good); i++) {
		struct got g;
		uint32_t seen;
		expect((const char *)good[i].text.at,
		       read_both(good[i].text, &g, &seen), MM_OK);
		assert_string_equal(g.name, good[i].name);
		assert_int_equal(g.n, good[i].n);
		assert_int_equal(seen, good[i].seen);
	}
}

static void test_exact_table(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum mm_err want;
	} cases[] = {
		{ "{}", MM_OK },
		{ "{\"n\":1,\"name\":\"a\"}", MM_OK },
		{ "{\"n\":1,\"N\":1}", MM_ERR_MALFORMED },
		{ "{\"n\":1,\"x\":null}", MM_ERR_MALFORMED },
		{ "{\"\":1}", MM_ERR_MALFORMED },
		{ "{\"na\":\"a\"}", MM_ERR_MALFORMED },
		{ "{\"names\":\"a\"}", MM_ERR_MALFORMED },
		{ "{\"n \":1}", MM_ERR_MALFORMED },
	};
	for (size_t i = 0; i < ROWS(cases); i++) {
		struct got g;
		uint32_t seen;
		expect(cases[i].text,
		       strict_json_read(span_str(cases[i].text), &exact, &g,
					&seen),
		       cases[i].want);
	}
}

/* ---- limits ---- */

/* `piece` n times between `head` and `tail`; '$' in it is its number. */
static enum mm_err read_repeated(const char *head, const char *piece, size_t n,
				 const char *tail)
{
	AUTO_BUF struct buf b = buf_new(1 << 16);
	struct got g;
	uint32_t seen;
	buf_str(&b, head);
	for (size_t i = 0; i < n; i++)
		for (const char *p = piece; *p; p++)
			if (*p == '$')
				buf_fmt(&b, "%zu", i);
			else
				buf_add(&b, span_of(p, 1));
	buf_str(&b, tail);
	struct span text = done(&b);
	assert_true(jansson_accepts(text)); /* too much is the only fault */
	return read_both(text, &g, &seen);
}

static void test_limits(void **state)
{
	(void)state;
	static const struct {
		const char *head, *piece, *tail;
		size_t most;
	} cases[] = {
		/* members of an object, known or not */
		{ "{\"m\":1", ",\"$\":1", "}", JSON_MEMBERS_MAX - 1 },
		{ "{\"x\":{\"m\":1", ",\"$\":1", "}}", JSON_MEMBERS_MAX - 1 },
		{ "{\"sub\":{\"m\":1", ",\"$\":1", "}}", JSON_MEMBERS_MAX - 1 },
		/* the whole text */
		{ "{}", " ", "", JSON_TEXT_MAX - 2 },
		{ "{\"x\":\"", "y", "\"}", JSON_TEXT_MAX - 8 },
		/* a list of strings: 1024 bytes, each string with its NUL */
		{ "{\"list\":[\"abc\"", ",\"abc\"", "]}", 255 },
		{ "{\"list\":\"", "y", "\"}", 1023 },
	};
	for (size_t i = 0; i < ROWS(cases); i++)
		for (size_t more = 0; more < 2; more++)
			expect(cases[i].head,
			       read_repeated(cases[i].head, cases[i].piece,
					     cases[i].most + more,
					     cases[i].tail),
			       more ? MM_ERR_MALFORMED : MM_OK);
	/* an array that nobody asked for is as long as its text */
	expect("array", read_repeated("{\"x\":[0", ",$", 700, "]}"), MM_OK);
}

/* `n` values in one another: the outer object is the first level, `core`
 * the last. */
static enum mm_err read_nested(const char *open, const char *core,
			       const char *close, size_t n)
{
	AUTO_BUF struct buf b = buf_new(1 << 16);
	struct got g;
	uint32_t seen;
	for (size_t i = 0; i < n; i++)
		buf_str(&b, i == 0 ? "{\"x\":" : open);
	buf_str(&b, core);
	for (size_t i = 0; i < n; i++)
		buf_str(&b, i == n - 1 ? "}" : close);
	struct span text = done(&b);
	assert_true(jansson_accepts(text)); /* depth is the only fault */
	return read_both(text, &g, &seen);
}

static void test_depth(void **state)
{
	(void)state;
	static const struct {
		const char *open, *core, *close;
	} cases[] = {
		{ "[", "1", "]" },
		{ "[", "[]", "]" },
		{ "[", "{}", "]" },
		{ "{\"y\":", "\"\"", "}" },
	};
	for (size_t i = 0; i < ROWS(cases); i++)
		for (size_t n = 1; n < 500; n++)
			expect(cases[i].open,
			       read_nested(cases[i].open, cases[i].core,
					   cases[i].close, n),
			       n < JSON_DEPTH_MAX ? MM_OK : MM_ERR_MALFORMED);
}

/* ---- lists of strings ---- */

static void test_lists(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want[3];
	} cases[] = {
		{ "{\"list\":\"a\"}", { "a" } },
		{ "{\"list\":\"\"}", { "" } },
		{ "{\"list\":[]}", { NULL } },
		{ "{\"list\":[\"a\"]}", { "a" } },
		{ "{\"list\":[ \"a\" , \"\" , \"\\u0062\" ]}",
		  { "a", "", "b" } },
		{ "{\"list\":[\"a\",\"a\"]}", { "a", "a" } },
	};
	for (size_t i = 0; i < ROWS(cases); i++) {
		struct got g;
		uint32_t seen;
		const char *s;
		size_t n = 0;
		expect(cases[i].text,
		       read_both(span_str(cases[i].text), &g, &seen), MM_OK);
		assert_int_equal(seen, SAW_LIST);
		for (s = g.texts.text + g.list.at; n < g.list.count;
		     s += strlen(s) + 1) {
			assert_in_range(n, 0, 2);
			assert_string_equal(s, cases[i].want[n++]);
		}
		assert_ptr_equal(s, g.texts.text + g.texts.used);
		assert_true(n == 3 || cases[i].want[n] == NULL);
	}
}

/* ---- against jansson ---- */

/* Every byte of a rich text, changed to every other value, left out, and
 * the text cut there: read_both() compares. */
static void test_never_laxer_than_jansson(void **state)
{
	(void)state;
	static const char text[] =
		"{\"name\":\"\\u00e9\xC3\xA9\\n\",\"n\":-12, \"x\":[1.5e+3,"
		"true,null,\"\\ud83d\\ude00\",{\"a\":0,\"b\":\"\xE2\x82\xAC\"}]"
		","
		"\"list\":[\"a\",\"b\"]}";
	char copy[sizeof text];
	const size_t n = sizeof text - 1;
	struct got g;
	uint32_t seen;
	size_t refused = 0;
	expect(text, read_both(span_of(text, n), &g, &seen), MM_OK);
	for (size_t i = 0; i < n; i++) {
		memcpy(copy, text, sizeof text);
		for (unsigned c = 0; c < 256; c++) {
			copy[i] = (char)c;
			refused +=
				read_both(span_of(copy, n), &g, &seen) != MM_OK;
		}
		memmove(copy + i, text + i + 1, n - i);
		refused += read_both(span_of(copy, n - 1), &g, &seen) != MM_OK;
		expect("cut short", read_both(span_of(text, i), &g, &seen),
		       MM_ERR_MALFORMED);
	}
	assert_true(refused > n * 128); /* or nothing was compared */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_exact_table),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_never_laxer_than_jansson),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
