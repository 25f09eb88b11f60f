/* The words behind pam_mintmark.so: what is understood, and above all what is
 * not, for a door must not open by a misspelt line. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "verifier/pam/options.h"

static enum mm_err read_words(int argc, const char **argv, struct options *out,
			      struct why *why)
{
	*why = (struct why){ .text = "" };
	memset(out, 0xA5, sizeof *out);
	return options_read(argc, argv, out, why);
}

static void test_none(void **state)
{
	struct options o;
	struct why why;
	(void)state;
	expect("no words", read_words(0, NULL, &o, &why), MM_OK);
	assert_string_equal(o.state, "/run/mintmark/state");
	assert_null(o.audience);
	assert_null(o.user_map);
	assert_int_equal(o.scopes, 0);
	assert_int_equal(o.max_staleness, 0);
}

static void test_all(void **state)
{
	const char *words[] = {
		"state=/s",	     "audience=files",	    "scope=node:1:rw",
		"user_map=/etc/map", "max_staleness=1h30m", "scope=sftp:read"
	};
	struct options o;
	struct why why;
	(void)state;
	expect("all", read_words(6, words, &o, &why), MM_OK);
	assert_string_equal(o.state, "/s");
	assert_string_equal(o.audience, "files");
	assert_string_equal(o.user_map, "/etc/map");
	assert_int_equal(o.scopes, 2);
	assert_string_equal(o.scope[0], "node:1:rw");
	assert_string_equal(o.scope[1], "sftp:read");
	assert_int_equal(o.max_staleness, 5400);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *words[3];
		const char *says; /* a part of the sentence */
	} cases[] = {
		{ { "scopes=sftp:read" }, "no option \"scopes=sftp:read\"" },
		{ { "scope" }, "known are state=PATH audience=WORD" },
		{ { "Scope=a" }, "no option" },
		{ { "debug" }, "no option \"debug\"" },
		{ { "" }, "no option \"\"" },
		{ { "=" }, "no option" },
		{ { "state=" }, "option \"state=\": it must be an absolute" },
		{ { "state=run/state" }, "absolute path" },
		{ { "user_map=users" }, "absolute path" },
		{ { "audience=" }, "one word" },
		{ { "audience=a b" }, "one word" },
		{ { "scope=" }, "option \"scope=\": " },
		{ { "scope=a b" }, "option \"scope=a b\": " },
		{ { "scope=node:1:rwx" }, "option \"scope=node:1:rwx\": " },
		{ { "max_staleness=" }, "option \"max_staleness=\": " },
		{ { "max_staleness=1.5d" }, "option" },
		{ { "max_staleness=0" }, "option" },
		{ { "max_staleness=-1" }, "option" },
		{ { "audience=a", "audience=a" }, "given twice" },
		{ { "state=/a", "scope=x", "state=/b" }, "given twice" },
		{ { "scope=x", "state=/a", "x\n\x1b[2J" }, "\"x??[2J\"" },
	};
	struct options o;
	struct why why;
	(void)state;
	for (size_t i = 0; i < ROWS(cases); i++) {
		const char *words[3];
		int n = 0;
		for (; n < 3 && cases[i].words[n] != NULL; n++)
			words[n] = cases[i].words[n];
		expect(cases[i].words[0], read_words(n, words, &o, &why),
		       MM_ERR_INVALID);
		if (strstr(why.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].words[0], why.text);
	}
}

static void test_many_scopes(void **state)
{
	const char *words[OPTIONS_SCOPES + 1];
	struct options o;
	struct why why;
	(void)state;
	for (size_t i = 0; i <= OPTIONS_SCOPES; i++)
		words[i] = "scope=a";
	expect("16", read_words(OPTIONS_SCOPES, words, &o, &why), MM_OK);
	assert_int_equal(o.scopes, OPTIONS_SCOPES);
	expect("17", read_words(OPTIONS_SCOPES + 1, words, &o, &why),
	       MM_ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_many_scopes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
