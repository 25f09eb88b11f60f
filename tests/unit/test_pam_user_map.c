/* Whose tokens open which login: the lines of a map, and the files that are
 * not believed. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verifier/pam/user_map.h"

struct desk {
	char path[64];
	struct user_map map;
	struct why why;
};

static void desk_begin(struct desk *d)
{
	snprintf(d->path, sizeof d->path, "/tmp/mintmark-map-XXXXXX");
	int fd = mkstemp(d->path);
	assert_true(fd >= 0);
	close(fd);
}

static void desk_end(struct desk *d)
{
	unlink(d->path);
}

static enum mm_err read_map(struct desk *d, struct span text, const char *login)
{
	d->why = (struct why){ .text = "" };
	expect("write", file_replace(d->path, text, 0600, NULL), MM_OK);
	return user_map_read(d->path, login, &d->map, &d->why);
}

/* The users of alice's login, joined by commas. */
static void test_lines(void **state)
{
	static const struct {
		const char *text, *users;
		unsigned wrong; /* in which line; 0: none */
	} cases[] = {
		{ "", "", 0 },
		{ "\n\n", "", 0 },
		{ "# alice bob\n", "", 0 },
		{ "  # alice bob\n", "", 0 },
		{ "alice bob\n", "bob", 0 },
		{ "alice bob", "bob", 0 },
		{ "\t alice \t bob \t\n", "bob", 0 },
		{ "alice bob\nalice carol\n", "bob,carol", 0 },
		{ "alicex bob\nAlice bob\nalic bob\n", "", 0 },
		{ "bob alice\n", "", 0 },
		{ "alice a#b\n", "a#b", 0 },
		{ "alice bob\ncarol\n", NULL, 2 },
		{ "\n\nalice bob carol\n", NULL, 3 },
		{ "alice bob # him\n", NULL, 1 },
		{ "alice: bob\n", NULL, 1 },
		{ "alice bob\ncarol: carol\n", NULL, 2 },
		{ "bob:alice alice\n", NULL, 1 },
		{ ": alice\n", NULL, 1 },
		{ "alice mail:bob\n", "mail:bob", 0 },
		{ "# alice: bob\n", "", 0 },
		{ "alice bob\r\n", NULL, 1 },
		{ "bob x\nalice\n", NULL, 2 },
		{ "x y\nbob \x01\n", NULL, 2 },
		{ "alice\vbob\n", NULL, 1 },
		{ "# a \x1b comment\n", NULL, 1 },
	};
	struct desk d;
	(void)state;
	desk_begin(&d);
	for (size_t i = 0; i < ROWS(cases); i++) {
		char users[1024] = "", where[96];
		enum mm_err e = read_map(&d, span_str(cases[i].text), "alice");
		expect(cases[i].text, e,
		       cases[i].wrong ? MM_ERR_UNAVAILABLE : MM_OK);
		if (cases[i].wrong) {
			snprintf(where, sizeof where, "%s:%u: ", d.path,
				 cases[i].wrong);
			assert_non_null(strstr(d.why.text, where));
			continue;
		}
		for (size_t n = 0, at = 0; n < d.map.count; n++)
			at += (size_t)snprintf(users + at, sizeof users - at,
					       "%s%s", n ? "," : "",
					       d.map.user[n]);
		assert_string_equal(users, cases[i].users);
		assert_int_equal(d.map.listed, users[0] != '\0');
	}
	desk_end(&d);
}

static void test_limits(void **state)
{
	struct desk d;
	AUTO_BUF struct buf many = buf_new(1 << 21), lines = buf_new(1 << 21);
	(void)state;
	desk_begin(&d);
	for (size_t i = 0; i < USER_MAP_USERS; i++)
		buf_str(&lines, "alice bob\n");
	expect("32", read_map(&d, done(&lines), "alice"), MM_OK);
	assert_int_equal(d.map.count, USER_MAP_USERS);
	buf_str(&lines, "alice bob\n");
	expect("33", read_map(&d, done(&lines), "alice"), MM_ERR_UNAVAILABLE);
	expect("33, but not mine", read_map(&d, done(&lines), "bob"), MM_OK);

	buf_fmt(&many, "alice %0255d\n", 1);
	expect("255 bytes", read_map(&d, done(&many), "alice"), MM_OK);
	buf_fmt(&many, "alice %0256d\n", 1);
	expect("256", read_map(&d, done(&many), "bob"), MM_ERR_UNAVAILABLE);
	while (many.len <= 1 << 20)
		buf_str(&many, "# more\n");
	expect("1 MiB", read_map(&d, done(&many), "bob"), MM_ERR_UNAVAILABLE);
	expect("NUL", read_map(&d, span_of("a b\0c\n", 6), "a"),
	       MM_ERR_UNAVAILABLE);
	desk_end(&d);
}

static void test_files(void **state)
{
	static const struct {
		mode_t mode;
		enum mm_err want;
	} cases[] = {
		{ 0600, MM_OK },
		{ 0644, MM_OK },
		{ 0444, MM_OK },
		{ 0664, MM_ERR_UNAVAILABLE },
		{ 0646, MM_ERR_UNAVAILABLE },
		{ 0620, MM_ERR_UNAVAILABLE },
	};
	struct desk d;
	(void)state;
	desk_begin(&d);
	expect("a map", read_map(&d, span_str("alice bob\n"), "alice"), MM_OK);
	for (size_t i = 0; i < ROWS(cases); i++) {
		char what[16];
		snprintf(what, sizeof what, "%o", cases[i].mode);
		assert_int_equal(chmod(d.path, cases[i].mode), 0);
		expect(what, user_map_read(d.path, "alice", &d.map, &d.why),
		       cases[i].want);
	}
	if (geteuid() == 0) { /* only root can give it away */
		assert_int_equal(chmod(d.path, 0644), 0);
		assert_int_equal(chown(d.path, 1234, 0), 0);
		expect("another's", user_map_read(d.path, "x", &d.map, &d.why),
		       MM_ERR_UNAVAILABLE);
	}
	desk_end(&d);
	expect("gone", user_map_read(d.path, "alice", &d.map, &d.why),
	       MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(d.why.text, d.path));
	expect("a folder", user_map_read("/tmp", "alice", &d.map, &d.why),
	       MM_ERR_UNAVAILABLE);
	expect("none", user_map_read(NULL, "alice", &d.map, &d.why), MM_OK);
	assert_false(d.map.listed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
