/* test_settings.c - settings from four places, and the sentences that say
 * in which of them something is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/settings.h"

struct values {
	char data[SETTING_SIZE];
	char secret_file[SETTING_SIZE];
	bool dev;
	int64_t workers;
	int64_t max_life;
	int64_t staleness;
	struct setting_texts audience;
	char user[SETTING_SIZE];
};

#define ROW(name, kind, standard, arg, help)                                   \
	{                                                                      \
#name, kind, standard, arg, help,                              \
			offsetof(struct values, name)                          \
	}
static const struct setting rows[] = {
	ROW(data, SET_TEXT, "/var/lib/mintmark", "DIR", "where files are"),
	ROW(secret_file, SET_TEXT, "", NULL, "no flag"),
	ROW(dev, SET_BOOL, "false", "", "for trying things out"),
	ROW(workers, SET_INT, "4", "N", "threads"),
	ROW(max_life, SET_DURATION, "366d", "DUR", "the longest life"),
	ROW(staleness, SET_DURATION, "", "DUR", "none by default"),
	ROW(audience, SET_TEXTS, "standard", "A", "may be given again"),
	ROW(user, SET_NAME, "", "NAME", "said, it is somebody"),
};
static const struct settings_table table = {
	.program = "mintmark-test",
	.usage = "usage: mintmark-test [flags]",
	.rows = rows,
	.count = sizeof rows / sizeof *rows,
};

enum { ARGS_MAX = 24 };

/* One reading: environment and flags as lists that end in NULL. */
struct trial {
	struct values out;
	enum settings_wish wish;
	struct why why;
	char path[64];
};

static enum mm_err try_flags(struct trial *t, const char *config,
			     const char *const *flags)
{
	char words[ARGS_MAX][SETTING_SIZE + 64] = { "mintmark-test" };
	char *argv[ARGS_MAX + 1] = { words[0] };
	int argc = 1;
	for (; *flags != NULL; flags++, argc++) {
		assert_true(argc < ARGS_MAX);
		assert_true(span_copy(words[argc], sizeof words[argc],
				      span_str(*flags)));
		argv[argc] = words[argc];
	}
	t->why.text[0] = '\0';
	struct settings_table with_file = table;
	with_file.config = config;
	return settings_read(&with_file, argc, argv, &t->out, &t->wish,
			     &t->why);
}

#define FLAGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
static const char *const no_flags[] = { NULL };

static void write_file(struct trial *t, const char *text, size_t len)
{
	snprintf(t->path, sizeof t->path, "/tmp/mm-settings-XXXXXX");
	int fd = mkstemp(t->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static enum mm_err try_file(struct trial *t, const char *text)
{
	write_file(t, text, strlen(text));
	enum mm_err e = try_flags(t, t->path, no_flags);
	unlink(t->path);
	return e;
}

static int clean_environment(void **state)
{
	(void)state;
	clearenv();
	return 0;
}

/* ---- precedence ---- */

static void test_standards(void **state)
{
	struct trial t;
	(void)state;
	memset(&t, 0xAA, sizeof t);
	assert_int_equal(try_flags(&t, NULL, no_flags), MM_OK);
	assert_int_equal(t.wish, SETTINGS_RUN);
	assert_string_equal(t.out.data, "/var/lib/mintmark");
	assert_string_equal(t.out.secret_file, "");
	assert_false(t.out.dev);
	assert_int_equal(t.out.workers, 4);
	assert_int_equal(t.out.max_life, 366 * 86400);
	assert_int_equal(t.out.staleness, 0);
	assert_int_equal(t.out.audience.count, 1);
	assert_string_equal(t.out.audience.at[0], "standard");
}

static void test_precedence(void **state)
{
	struct trial t;
	(void)state;
	const char *file = "data = /file\nworkers=1\nmax_life = 1d\n"
			   "dev = true\n";
	write_file(&t, file, strlen(file));
	setenv("MINTMARK_WORKERS", "2", 1);
	setenv("MINTMARK_MAX_LIFE", "2d", 1);
	setenv("MINTMARK_ISSUER", "another program's", 1);
	setenv("MINTMARK_max_life", "5d", 1);
	assert_int_equal(try_flags(&t, t.path, FLAGS("--max-life", "3d")),
			 MM_OK);
	assert_string_equal(t.out.data, "/file");
	assert_int_equal(t.out.workers, 2);
	assert_int_equal(t.out.max_life, 3 * 86400);
	assert_true(t.out.dev);

	/* --config instead of the file that is read otherwise */
	setenv("MINTMARK_WORKERS", "9", 1);
	char config[96];
	snprintf(config, sizeof config, "--config=%s", t.path);
	assert_int_equal(try_flags(&t, "/nowhere", FLAGS(config)), MM_OK);
	assert_string_equal(t.out.data, "/file");
	assert_int_equal(t.out.workers, 9);
	assert_int_equal(try_flags(&t, "/nowhere", FLAGS("--config", t.path)),
			 MM_OK);
	assert_string_equal(t.out.data, "/file");
	unlink(t.path);
}

static void test_texts_gather_within_a_source(void **state)
{
	const char *file = "audience = a\naudience = b c\n";
	struct trial t;
	(void)state;
	assert_int_equal(try_file(&t, file), MM_OK);
	assert_int_equal(t.out.audience.count, 2);
	assert_string_equal(t.out.audience.at[0], "a");
	assert_string_equal(t.out.audience.at[1], "b c");

	write_file(&t, file, strlen(file));
	setenv("MINTMARK_AUDIENCE", "env", 1);
	assert_int_equal(try_flags(&t, t.path, no_flags), MM_OK);
	assert_int_equal(t.out.audience.count, 1);
	assert_string_equal(t.out.audience.at[0], "env");
	assert_int_equal(try_flags(&t, t.path,
				   FLAGS("--audience", "x", "--audience=y",
					 "--audience", "z")),
			 MM_OK);
	assert_int_equal(t.out.audience.count, 3);
	assert_string_equal(t.out.audience.at[1], "y");
	assert_int_equal(try_flags(&t, t.path, FLAGS("--audience=")), MM_OK);
	assert_int_equal(t.out.audience.count, 0);
	unlink(t.path);
	assert_int_equal(
		try_flags(&t, NULL,
			  FLAGS("--audience=1", "--audience=2", "--audience=3",
				"--audience=4", "--audience=5", "--audience=6",
				"--audience=7", "--audience=8",
				"--audience=9")),
		MM_ERR_INVALID);
}

/* ---- the file ---- */

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

/* ---- the environment ---- */

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

/* An empty one is taken where --print has written it, and nowhere else. */
static void test_names(void **state)
{
	struct trial t;
	(void)state;
	assert_int_equal(try_flags(&t, NULL, FLAGS("--user", "mint")), MM_OK);
	assert_string_equal(t.out.user, "mint");
	assert_int_equal(try_flags(&t, NULL, FLAGS("--user", "")),
			 MM_ERR_INVALID);
	assert_non_null(strstr(t.why.text, "--user: the name is empty"));
	assert_int_equal(try_flags(&t, NULL, FLAGS("--user=")), MM_ERR_INVALID);
	assert_int_equal(setenv("MINTMARK_USER", "", 1), 0);
	assert_int_equal(try_flags(&t, NULL, no_flags), MM_ERR_INVALID);
	assert_non_null(strstr(t.why.text, "MINTMARK_USER"));
	assert_int_equal(unsetenv("MINTMARK_USER"), 0);
	assert_int_equal(try_file(&t, "user =\n"), MM_OK);
	assert_string_equal(t.out.user, "");
}

static void test_bad_environment(void **state)
{
	struct trial t;
	(void)state;
	setenv("MINTMARK_MAX_LIFE", "20u", 1);
	assert_int_equal(try_flags(&t, NULL, no_flags), MM_ERR_INVALID);
	assert_int_equal(strncmp(t.why.text, "MINTMARK_MAX_LIFE: \"20u\"", 24),
			 0);
	assert_string_equal(t.why.field, "max_life");
}

/* ---- flags ---- */

static void test_flag_forms(void **state)
{
	struct trial t;
	(void)state;
	assert_int_equal(try_flags(&t, NULL,
				   FLAGS("--dev", "--workers", "7",
					 "--data=/a=b", "--data", "--odd")),
			 MM_OK);
	assert_true(t.out.dev);
	assert_int_equal(t.out.workers, 7);
	assert_string_equal(t.out.data, "--odd"); /* the last one counts */
	assert_int_equal(try_flags(&t, NULL, FLAGS("--dev=false")), MM_OK);
	assert_false(t.out.dev);
	assert_int_equal(try_flags(&t, NULL, FLAGS("--test")), MM_OK);
	assert_int_equal(t.wish, SETTINGS_TEST);
}

static const struct {
	const char *flags[4];
	const char *says;
} bad_flags[] = {
	{ { "--nonsense" }, "--nonsense: no such flag, see --help" },
	{ { "--nonsense=s3cret" }, "--nonsense: no such flag, see --help" },
	{ { "--secret-file", "x" }, "--secret-file: no such flag" },
	{ { "--max_life", "1d" }, "--max_life: no such flag" },
	{ { "--max", "1d" }, "--max: no such flag" },
	{ { "--=1" }, "--: no such flag" },
	{ { "--data" }, "--data: a value must follow" },
	{ { "--config" }, "--config: a value must follow" },
	{ { "--workers", "x" }, "--workers: the value must be a whole" },
	{ { "--workers=" }, "--workers: the value must be a whole" },
	{ { "--dev", "true" }, "argument 2 is not a flag, see --help" },
	{ { "--dev=1" }, "--dev: the value must be true or false" },
	{ { "--test=1" }, "--test: takes no value" },
	{ { "--data=a\nb" }, "--data: the value holds a control" },
	{ { "--data= a" }, "--data: the value begins or ends with a space" },
	{ { "--data=a " }, "--data: the value begins or ends with a space" },
	{ { "--data=a #b" }, "--data: the value begins or ends with a space" },
	{ { "eyJhbGciOi" }, "argument 1 is not a flag, see --help" },
	{ { "-d" }, "argument 1 is not a flag" },
	{ { "--" }, "argument 1 is not a flag" },
	{ { "" }, "argument 1 is not a flag" },
	{ { "--wei\x1brd" }, "--wei?rd: no such flag" },
};

static void test_bad_flags(void **state)
{
	struct trial t;
	(void)state;
	for (size_t i = 0; i < sizeof bad_flags / sizeof *bad_flags; i++) {
		const char *says = bad_flags[i].says;
		if (try_flags(&t, NULL, bad_flags[i].flags) != MM_ERR_INVALID)
			fail_msg("accepted: %s", bad_flags[i].flags[0]);
		if (strncmp(t.why.text, says, strlen(says)) != 0)
			fail_msg("%s", t.why.text);
	}
}

/* ---- what is printed ---- */

/* Read with these flags, and hand back what came to standard output. */
static char *printed(struct trial *t, const char *const *flags)
{
	FILE *file = tmpfile();
	int before = dup(STDOUT_FILENO);
	assert_non_null(file);
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	enum mm_err e = try_flags(t, NULL, flags);
	if (e == MM_OK && t->wish == SETTINGS_PRINT)
		settings_print_values(&table, &t->out);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	assert_int_equal(e, MM_OK);
	size_t size = (size_t)lseek(fileno(file), 0, SEEK_END);
	char *text = calloc(1, size + 1);
	assert_non_null(text);
	assert_int_equal(pread(fileno(file), text, size, 0), size);
	fclose(file);
	return text;
}

/* What --print says is a file that makes the same settings. */
static void test_print_reads_back(void **state)
{
	static const char *const flags[][10] = {
		{ "--print" },
		{ "--print", "--dev", "--data", "/x y", "--audience=a",
		  "--audience=b", "--staleness", "90s", "--workers=0" },
		{ "--print", "--audience=", "--data=" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		struct trial first, second;
		char *text = printed(&first, flags[i]);
		assert_int_equal(first.wish, SETTINGS_PRINT);
		assert_int_equal(try_file(&second, text), MM_OK);
		const struct values *a = &first.out, *b = &second.out;
		assert_string_equal(a->data, b->data);
		assert_string_equal(a->secret_file, b->secret_file);
		assert_int_equal(a->dev, b->dev);
		assert_int_equal(a->workers, b->workers);
		assert_int_equal(a->max_life, b->max_life);
		assert_int_equal(a->staleness, b->staleness);
		assert_int_equal(a->audience.count, b->audience.count);
		for (size_t n = 0; n < a->audience.count; n++)
			assert_string_equal(a->audience.at[n],
					    b->audience.at[n]);
		free(text);
	}
}

static void test_help_and_version(void **state)
{
	struct trial t;
	(void)state;
	setenv("MINTMARK_WORKERS", "bad", 1); /* is not even looked at */
	char *text = printed(&t, FLAGS("--help", "--nonsense"));
	assert_int_equal(t.wish, SETTINGS_HELP);
	assert_non_null(strstr(text, "usage: mintmark-test [flags]\n"));
	assert_non_null(strstr(text, "--max-life DUR"));
	assert_non_null(strstr(text, "(default 366d)"));
	assert_non_null(strstr(text, "environment only:\n\n  secret_file"));
	assert_null(strstr(text, "--secret"));
	free(text);
	text = printed(&t, FLAGS("--version"));
	assert_int_equal(t.wish, SETTINGS_HELP);
	assert_string_equal(text, "mintmark-test " MM_VERSION "\n");
	free(text);
}

/* ---- addresses ---- */

static const struct {
	const char *text, *host;
	uint16_t port;
} addresses[] = {
	{ "127.0.0.1:8080", "127.0.0.1", 8080 },
	{ "localhost:0", "localhost", 0 },
	{ "0.0.0.0:65535", "0.0.0.0", 65535 },
	{ "[::1]:443", "::1", 443 },
	{ "[::]:1", "::", 1 },
	{ "pat-1.example.org:80", "pat-1.example.org", 80 },
	{ "", NULL, 0 },
	{ ":", NULL, 0 },
	{ ":80", NULL, 0 },
	{ "host", NULL, 0 },
	{ "host:", NULL, 0 },
	{ "host:x", NULL, 0 },
	{ "host:-1", NULL, 0 },
	{ "host:+1", NULL, 0 },
	{ "host: 1", NULL, 0 },
	{ "host:1 ", NULL, 0 },
	{ "host:65536", NULL, 0 },
	{ "host:000080", NULL, 0 },
	{ "host:99999999999999999999", NULL, 0 },
	{ "::1:80", NULL, 0 },
	{ "[]:80", NULL, 0 },
	{ "[::1:80", NULL, 0 },
	{ "[::1]80", NULL, 0 },
	{ "ho st:80", NULL, 0 },
	{ "host/x:80", NULL, 0 },
	{ "http://host:80", NULL, 0 },
};

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct why why = { .text = "" };
		char host[256];
		uint16_t port;
		enum mm_err e =
			address_read(addresses[i].text, host, &port, &why);
		if (addresses[i].host == NULL) {
			if (e != MM_ERR_INVALID)
				fail_msg("accepted: %s", addresses[i].text);
			assert_non_null(strstr(why.text, "HOST:PORT"));
			continue;
		}
		assert_int_equal(e, MM_OK);
		assert_string_equal(host, addresses[i].host);
		assert_int_equal(port, addresses[i].port);
	}
	char long_one[300];
	char host[256];
	uint16_t port;
	memset(long_one, 'a', sizeof long_one);
	memcpy(long_one + 256, ":80", 4);
	assert_int_equal(address_read(long_one, host, &port, NULL),
			 MM_ERR_INVALID);
	assert_int_equal(address_read(long_one + 1, host, &port, NULL), MM_OK);
}

#define TEST(f) cmocka_unit_test_setup(f, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_standards),
		TEST(test_precedence),
		TEST(test_texts_gather_within_a_source),
		TEST(test_file_forms),
		TEST(test_bad_files),
		TEST(test_nul_in_file),
		TEST(test_long_values),
		TEST(test_peek),
		TEST(test_missing_files),
		TEST(test_F26_a_file_that_others_can_write),
		TEST(test_names),
		TEST(test_bad_environment),
		TEST(test_flag_forms),
		TEST(test_bad_flags),
		TEST(test_print_reads_back),
		TEST(test_help_and_version),
		TEST(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
