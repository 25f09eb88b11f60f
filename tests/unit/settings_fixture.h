/* settings_fixture.h - a small program's settings, read once. */
#ifndef MM_TESTS_SETTINGS_FIXTURE_H
#define MM_TESTS_SETTINGS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
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

static inline enum mm_err try_flags(struct trial *t, const char *config,
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

static inline void write_file(struct trial *t, const char *text, size_t len)
{
	snprintf(t->path, sizeof t->path, "/tmp/mm-settings-XXXXXX");
	int fd = mkstemp(t->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static inline enum mm_err try_file(struct trial *t, const char *text)
{
	write_file(t, text, strlen(text));
	enum mm_err e = try_flags(t, t->path, no_flags);
	unlink(t->path);
	return e;
}

static inline int clean_environment(void **state)
{
	(void)state;
	clearenv();
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, clean_environment)

#endif
