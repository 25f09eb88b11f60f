/* test_cli_args.c - the command line: what is understood, and above all what
 * is not. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/args.h"

#define AT(field) offsetof(struct args, field)

static const struct flag flags[] = {
	{ 'u', "user", FLAG_TEXT, "USER", AT(user), "whose", true },
	{ 's', "scope", FLAG_TEXTS, "SCOPE", AT(scopes), "what", false },
	{ 'a', "auto-refresh", FLAG_DURATION, "DUR", AT(auto_refresh), "how",
	  false },
	{ 'q', "quiet", FLAG_BOOL, NULL, AT(quiet), "only", false },
	{ 'o', "output", FLAG_JSON, "json", AT(json), "form", false },
	{ 0, "stdin", FLAG_BOOL, NULL, AT(from_stdin), "in", false },
	{ 0, "overlap", FLAG_DURATION_OR_0, "DUR", AT(overlap), "how", false },
};

static const struct command command = {
	.name = "token try", .flags = flags, .flag_count = 7, .operands_max = 1
};

/* Up to eight words; getopt wants them writable and starts anew at 0. */
struct line {
	char text[8][64];
	char *argv[9];
	int argc;
};

static enum mm_err read_line(struct line *l, const char *words,
			     struct args *out, bool *help, struct why *why)
{
	struct span rest = span_str(words), word;
	*l = (struct line){ .argc = 0 };
	*out = (struct args){ 0 };
	*help = false;
	for (bool more = true; more; l->argc++) {
		more = span_cut(&rest, ' ', &word);
		assert_true(
			span_copy(l->text[l->argc], 64, more ? word : rest));
		l->argv[l->argc] = l->text[l->argc];
	}
	optind = 0;
	return args_read(&command, l->argc, l->argv, out, help, why);
}

static void test_all_kinds(void **state)
{
	struct line l;
	struct args a;
	struct why why;
	bool help;
	(void)state;
	assert_int_equal(read_line(&l, "try -u al 3.1 -s a --scope=b -qa1h30m",
				   &a, &help, &why),
			 MM_OK);
	assert_false(help);
	assert_string_equal(a.user, "al");
	assert_int_equal(a.scopes.count, 2);
	assert_string_equal(a.scopes.at[0], "a");
	assert_string_equal(a.scopes.at[1], "b");
	assert_int_equal(a.auto_refresh, 5400);
	assert_true(a.quiet);
	assert_false(a.json);
	assert_int_equal(a.operand_count, 1);
	assert_string_equal(a.operand[0], "3.1");

	assert_int_equal(read_line(&l, "try --user=al -o json --stdin -- -x",
				   &a, &help, &why),
			 MM_OK);
	assert_true(a.json);
	assert_true(a.from_stdin);
	assert_false(a.quiet);
	assert_string_equal(a.operand[0], "-x");
}

static void test_no_time(void **state)
{
	static const char *const lines[] = { "try -u a --overlap 0",
					     "try -u a --overlap=0s",
					     "try -u a --overlap 1h" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct line l;
		struct args a;
		struct why why;
		bool help;
		assert_int_equal(read_line(&l, lines[i], &a, &help, &why),
				 MM_OK);
		assert_int_equal(a.overlap, i == 2 ? 3600 : 0);
	}
}

/* ---- what is refused, and how it is said ---- */

static const struct {
	const char *words, *says;
} wrongs[] = {
	{ "try", "-u USER is missing" },
	{ "try -q", "-u USER is missing" },
	{ "try -u", "-u needs a value" },
	{ "try --user", "--user needs a value" },
	{ "try -u a -u b", "--user was given twice" },
	{ "try --user=", "--user was given an empty value" },
	{ "try -u a --nope", "unknown flag --nope" },
	{ "try -u a --nope=secret", "unknown flag --nope" },
	{ "try --us al", "unknown flag --us: is --user meant?" },
	{ "try --use=al", "unknown flag --use: is --user meant?" },
	{ "try -u a 3.1 --q", "unknown flag --q: is --quiet meant?" },
	{ "try --hel", "unknown flag --hel: is --help meant?" },
	{ "try -u a -Z", "unknown flag -Z" },
	{ "try -u a -Zbcdefghi_", "say it last: -- -Zbcdefghi_)" },
	{ "try -u a -hbcdefghi-", "say it last: -- -hbcdefghi-)" },
	{ "try -u a --cdefghi-_", "say it last: -- --cdefghi-_)" },
	{ "try -u a -o yaml", "-o knows one form" },
	{ "try -u a -a 1.5d", "--auto-refresh: " },
	{ "try -u a -a -5d", "--auto-refresh: " },
	{ "try -u a -a 20u", "--auto-refresh: " },
	{ "try -u a -a 0", "--auto-refresh: " },
	{ "try -u a one two", "1 more word than" },
	{ "try -u a -- -x -y", "1 more word than" },
	{ "try -u a one two three", "2 more words than" },
	{ "try -u a --overlap 1.5d", "--overlap: " },
	{ "try -u a --overlap -1", "--overlap: " },
	{ "try -u a --overlap 0d", "--overlap: " },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		struct line l;
		struct args a;
		struct why why = { .text = "" };
		bool help;
		assert_int_equal(
			read_line(&l, wrongs[i].words, &a, &help, &why),
			MM_ERR_INVALID);
		assert_non_null(strstr(why.text, wrongs[i].says));
		assert_null(strstr(why.text, "secret"));
	}
}

static void test_too_many_of_one(void **state)
{
	char *argv[3 + 2 * ARG_TEXTS_MAX + 3];
	char words[5][4] = { "try", "-u", "a", "-s", "x" };
	int argc = 0;
	struct args a = { 0 };
	struct why why;
	bool help;
	(void)state;
	for (int i = 0; i < 3; i++)
		argv[argc++] = words[i];
	for (int i = 0; i < ARG_TEXTS_MAX + 1; i++) {
		argv[argc++] = words[3];
		argv[argc++] = words[4];
	}
	argv[argc] = NULL;
	optind = 0;
	assert_int_equal(args_read(&command, argc, argv, &a, &help, &why),
			 MM_ERR_INVALID);
	assert_int_equal(a.scopes.count, ARG_TEXTS_MAX);
}

static void test_help_wins(void **state)
{
	static const char *const lines[] = { "try --help", "try -h",
					     "try -u a -h --nope" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct line l;
		struct args a;
		struct why why;
		bool help;
		assert_int_equal(read_line(&l, lines[i], &a, &help, &why),
				 MM_OK);
		assert_true(help);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_no_time),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_too_many_of_one),
		cmocka_unit_test(test_help_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
