/* test_settings.c - settings from four places, and the sentences that say
 * in which of them something is wrong.  Those of the file:
 * test_settings_file.c. */
#include "tests/unit/settings_fixture.h"

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

/* ---- the environment ---- */

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
					 "--data=/a=b", "--data=--odd")),
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
	{ { "--data", "--issuer", "x" },
	  "--data: a value must follow, and not a flag" },
	{ { "--config", "--data", "x" },
	  "--config: a value must follow, and not a flag" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_standards),
		TEST(test_precedence),
		TEST(test_texts_gather_within_a_source),
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
