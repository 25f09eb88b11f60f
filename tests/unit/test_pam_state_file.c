/* May the state file be believed?  Whose it is, whose its folder is, and who
 * else could have written there. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/skip_since.h"
#include "verifier/pam/state_file.h"

struct desk {
	char folder[64], path[80], link[80];
	struct why why;
};

static void desk_begin(struct desk *d)
{
	snprintf(d->folder, sizeof d->folder, "/tmp/mintmark-state-XXXXXX");
	assert_non_null(mkdtemp(d->folder));
	snprintf(d->path, sizeof d->path, "%s/state", d->folder);
	snprintf(d->link, sizeof d->link, "%s/link", d->folder);
	int fd = open(d->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static void desk_end(struct desk *d)
{
	unlink(d->link);
	unlink(d->path);
	rmdir(d->folder);
}

static enum mm_err check(struct desk *d, const char *path)
{
	d->why = (struct why){ .text = "" };
	return state_file_check(path, &d->why);
}

static void says(const struct desk *d, const char *part)
{
	if (strstr(d->why.text, part) == NULL)
		fail_msg("%s", d->why.text);
}

static void test_modes(void **state)
{
	static const struct {
		const char *what;
		mode_t folder, file;
		const char *says; /* NULL: believed */
	} cases[] = {
		{ "as the agent's", 0755, 0644, NULL },
		{ "private", 0700, 0600, NULL },
		{ "group's file", 0755, 0664, "others may write /tmp/" },
		{ "others' file", 0755, 0646, "others may write /tmp/" },
		{ "group's folder", 0775, 0644, "the state's folder" },
		{ "others' folder", 0757, 0644, "the state's folder" },
		{ "everybody's", 0777, 0644, "the state's folder" },
		{ "sticky", 01777, 0644, "the state's folder" },
	};
	struct desk d;
	(void)state;
	desk_begin(&d);
	for (size_t i = 0; i < ROWS(cases); i++) {
		assert_int_equal(chmod(d.folder, cases[i].folder), 0);
		assert_int_equal(chmod(d.path, cases[i].file), 0);
		expect(cases[i].what, check(&d, d.path),
		       cases[i].says ? MM_ERR_UNAVAILABLE : MM_OK);
		says(&d, cases[i].says ? cases[i].says : "");
	}
	desk_end(&d);
}

static void test_owners(void **state)
{
	static const struct {
		const char *what;
		uid_t folder, file;
		enum mm_err want;
	} cases[] = {
		{ "root's", 0, 0, MM_OK },
		{ "the agent's", 1234, 1234, MM_OK },
		{ "root's, there", 1234, 0, MM_OK },
		{ "a stranger's", 0, 12345, MM_ERR_UNAVAILABLE },
		{ "a stranger's, there", 1234, 12345, MM_ERR_UNAVAILABLE },
	};
	struct desk d;
	(void)state;
	if (geteuid() != 0)
		skip_since("only root gives files away");
	desk_begin(&d);
	for (size_t i = 0; i < ROWS(cases); i++) {
		assert_int_equal(chown(d.folder, cases[i].folder, 0), 0);
		assert_int_equal(chown(d.path, cases[i].file, 0), 0);
		expect(cases[i].what, check(&d, d.path), cases[i].want);
		if (cases[i].want != MM_OK)
			says(&d, "belongs to uid 12345");
	}
	assert_int_equal(seteuid(12345), 0);
	assert_int_equal(check(&d, d.path), MM_ERR_UNAVAILABLE); /* 0700 */
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(d.folder, 0755), 0);
	assert_int_equal(seteuid(12345), 0);
	enum mm_err own = check(&d, d.path);
	assert_int_equal(seteuid(0), 0);
	expect("who asks", own, MM_OK);
	desk_end(&d);
}

static void test_paths(void **state)
{
	struct desk d;
	char path[256];
	(void)state;
	desk_begin(&d);
	assert_int_equal(symlink(d.path, d.link), 0);
	expect("a link", check(&d, d.link), MM_ERR_UNAVAILABLE);
	says(&d, "is not a file");
	unlink(d.link);
	assert_int_equal(symlink(d.folder, d.link), 0);
	snprintf(path, sizeof path, "%s/state", d.link);
	expect("a linked folder", check(&d, path), MM_OK);
	expect("a folder", check(&d, d.folder), MM_ERR_UNAVAILABLE);
	snprintf(path, sizeof path, "%s/", d.folder);
	expect("no name", check(&d, path), MM_ERR_UNAVAILABLE);
	snprintf(path, sizeof path, "%s/x", d.path);
	expect("under a file", check(&d, path), MM_ERR_UNAVAILABLE);
	snprintf(path, sizeof path, "%s/none", d.folder);
	expect("none", check(&d, path), MM_ERR_UNAVAILABLE);
	says(&d, "is mintmark-agent running?");
	expect("at the top", check(&d, "/mintmark-none"), MM_ERR_UNAVAILABLE);
	says(&d, "cannot open /mintmark-none: No such file");
	desk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
