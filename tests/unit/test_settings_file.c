/* test_settings_file.c - settings in a file, and the sentences that say in
 * which line something is wrong. */
#include "tests/unit/settings_fixture.h"

#include <sys/stat.h>

static void test_file_forms(void **state)
{
	struct trial t;
	(void)state;
	assert_int_equal(try_file(&t,
				  "# a comment\n\n"
				  "  \t\n"
				  "\tdata\t=  /with space/and=signs#1 \t\r\n"
				  "  # workers = 9\n"
				  "max_life=1h30m"), /* no newline */
			 MM_OK);
	assert_string_equal(t.out.data, "/with space/and=signs#1");
	assert_int_equal(t.out.workers, 4);
	assert_int_equal(t.out.max_life, 5400);
	assert_int_equal(try_file(&t, "data =\n"), MM_OK);
	assert_string_equal(t.out.data, "");
	assert_int_equal(try_file(&t, ""), MM_OK);
}

static const struct {
	const char *text;
	int line;
	const char *says;
} bad_files[] = {
	{ "workers = 1\nnonsense = 2\n", 2, "unknown setting \"nonsense\"" },
	{ "max-life = 1d\n", 1, "unknown setting \"max-life\"" },
	{ "Data = /x\n", 1, "unknown setting" },
	{ " = /x\n", 1, "unknown setting \"\"" },
	{ "config = /x\n", 1, "unknown setting" },
	{ "\n\nworkers\n", 3, "name = value" },
	{ "workers = -1\n", 1, "whole number" },
	{ "workers = 1.5\n", 1, "whole number" },
	{ "workers =\n", 1, "whole number" },
	{ "workers = 9999999999999999999\n", 1, "whole number" },
	{ "max_life = 1.5d\n", 1, "\"1.5d\" is not a duration" },
	{ "max_life =\n", 1, "is not a duration" },
	{ "dev = yes\n", 1, "true or false" },
	{ "dev = TRUE\n", 1, "true or false" },
	{ "dev =\n", 1, "true or false" },
	{ "data = /a\nworkers = 1\ndata = /b\n", 3, "second time" },
	{ "data = /a # where\n", 1, "line of its own" },
	{ "data = a\x01z\n", 1, "control character" },
};

static void test_bad_files(void **state)
{
	struct trial t;
	char want[128];
	(void)state;
	for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
		if (try_file(&t, bad_files[i].text) != MM_ERR_INVALID)
			fail_msg("accepted: %s", bad_files[i].text);
		snprintf(want, sizeof want, "%s:%d: ", t.path,
			 bad_files[i].line);
		assert_int_equal(strncmp(t.why.text, want, strlen(want)), 0);
		if (strstr(t.why.text, bad_files[i].says) == NULL)
			fail_msg("%s", t.why.text);
	}
}

static void test_nul_in_file(void **state)
{
	struct trial t;
	(void)state;
	write_file(&t, "data = /a\0b\n", 12);
	assert_int_equal(try_flags(&t, t.path, no_flags), MM_ERR_INVALID);
	unlink(t.path);
}

static void test_long_values(void **state)
{
	struct trial t;
	char flag[600] = "--data=";
	(void)state;
	memset(flag + 7, 'x', 511);
	assert_int_equal(try_flags(&t, NULL, FLAGS(flag)), MM_OK);
	assert_int_equal(strlen(t.out.data), 511);
	memset(flag + 7, 'x', 512);
	assert_int_equal(try_flags(&t, NULL, FLAGS(flag)), MM_ERR_INVALID);
	assert_non_null(strstr(t.why.text, "longer than 511"));
}

static void test_peek(void **state)
{
	struct trial t;
	char out[SETTING_SIZE];
	static const char file[] = "# data = /commented\nnonsense\n"
				   "unknown = 1\n data =  /a=b \r\n"
				   "data = /c\nempty =";
	(void)state;
	write_file(&t, file, strlen(file));
	assert_int_equal(settings_peek(t.path, "data", out, NULL), MM_OK);
	assert_string_equal(out, "/a=b");
	assert_int_equal(settings_peek(t.path, "empty", out, NULL), MM_OK);
	assert_string_equal(out, "");
	assert_int_equal(settings_peek(t.path, "dat", out, NULL),
			 MM_ERR_NOT_FOUND);
	unlink(t.path);
	assert_int_equal(settings_peek(t.path, "data", out, NULL),
			 MM_ERR_NOT_FOUND);
}

/* As the program would gather them. */
static void test_peek_at_all(void **state)
{
	struct trial t;
	struct setting_texts out;
	static const char file[] = "feed = a\n# feed = b\nother = c\n"
				   " feed=d e \nnone = f\nnone =\n";
	(void)state;
	write_file(&t, file, strlen(file));
	settings_peek_all(t.path, "feed", &out);
	assert_int_equal(out.count, 2);
	assert_string_equal(out.at[0], "a");
	assert_string_equal(out.at[1], "d e");
	settings_peek_all(t.path, "none", &out);
	assert_int_equal(out.count, 0);
	unlink(t.path);
	settings_peek_all(t.path, "feed", &out);
	assert_int_equal(out.count, 0);
}

static void test_missing_files(void **state)
{
	struct trial t;
	(void)state;
	assert_int_equal(try_flags(&t, "/nowhere/m.conf", no_flags), MM_OK);
	assert_int_not_equal(
		try_flags(&t, NULL, FLAGS("--config", "/nowhere/m.conf")),
		MM_OK);
	assert_non_null(strstr(t.why.text, "/nowhere/m.conf"));
	assert_int_not_equal(try_flags(&t, "/", no_flags), MM_OK);
}

/* Who can write it says what is believed, and run. */
static void test_F26_a_file_that_others_can_write(void **state)
{
	static const mode_t modes[] = { 0644, 0440, 0664, 0646, 0666 };
	struct trial t;
	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		bool good = (modes[i] & 022) == 0;
		write_file(&t, "workers = 3\n", 12);
		assert_int_equal(chmod(t.path, modes[i]), 0);
		enum mm_err e = try_flags(&t, t.path, no_flags);
		if (good && geteuid() == 0) { /* nor another's */
			assert_int_equal(e, MM_OK);
			assert_int_equal(chown(t.path, 12345, 0), 0);
			e = try_flags(&t, t.path, no_flags);
			good = false;
			assert_non_null(strstr(t.why.text, "uid 12345"));
		}
		unlink(t.path);
		assert_int_equal(e, good ? MM_OK : MM_ERR_INVALID);
		if (!good)
			assert_non_null(strstr(t.why.text, t.path));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_forms),
		TEST(test_bad_files),
		TEST(test_nul_in_file),
		TEST(test_long_values),
		TEST(test_peek),
		TEST(test_peek_at_all),
		TEST(test_missing_files),
		TEST(test_F26_a_file_that_others_can_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
