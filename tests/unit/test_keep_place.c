/* test_keep_place.c - where a state may be kept: by whose the folder is, and
 * each file in it, and who else could have written there. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verifier/keep.h"

#define THEM 12345

static char folder[64], file[96];

static void begin(void)
{
	snprintf(folder, sizeof folder, "/tmp/mintmark-place-XXXXXX");
	assert_non_null(mkdtemp(folder));
}

static void put(const char *end, mode_t mode, uid_t uid)
{
	snprintf(file, sizeof file, "%s/state%s", folder, end);
	int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(fchown(fd, uid, (gid_t)-1), 0);
	close(fd);
}

/* NULL: it is good. */
static void check(const char *what, const char *says)
{
	char state[96];
	struct why why = { .text = "" };
	snprintf(state, sizeof state, "%s/state", folder);
	expect(what, keep_check_place(state, &why),
	       says ? MM_ERR_INVALID : MM_OK);
	if (says != NULL && (strstr(why.text, says) == NULL ||
			     strstr(why.text, folder) == NULL))
		fail_msg("%s: %s", what, why.text);
}

static void test_F26_the_folder(void **state)
{
	static const struct {
		mode_t mode;
		bool theirs;
		const char *says;
	} rows[] = {
		{ 0755, false, NULL },
		{ 0700, false, NULL },
		{ 01777, false, NULL }, /* as /tmp */
		{ 0777, false, "chmod go-w" },
		{ 0775, false, "chmod go-w" },
		{ 0755, true, "belongs to uid 12345" },
		{ 01777, true, "belongs to uid 12345" },
	};
	(void)state;
	begin();
	for (size_t i = 0; i < ROWS(rows); i++) {
		char what[32];
		if (rows[i].theirs && geteuid() != 0)
			continue; /* only root can give it away */
		assert_int_equal(chown(folder,
				       rows[i].theirs ? THEM : geteuid(),
				       (gid_t)-1),
				 0);
		assert_int_equal(chmod(folder, rows[i].mode), 0);
		snprintf(what, sizeof what, "%o", rows[i].mode);
		check(what, rows[i].says);
	}
	rmdir(folder);
}

/* Also in a folder with the sticky bit, where they may be anybody's. */
static void test_F26_what_is_there(void **state)
{
	static const char *const ends[] = { "", ".lock", ".journal",
					    ".checkpoint", ".pending" };
	(void)state;
	begin();
	assert_int_equal(chmod(folder, 01777), 0);
	for (size_t i = 0; i < ROWS(ends); i++) {
		put(ends[i], 0644, geteuid());
		check(ends[i], NULL);
		put(ends[i], 0666, geteuid());
		check(ends[i], "chmod go-w");
		if (geteuid() == 0) {
			put(ends[i], 0644, THEM);
			check(ends[i], "belongs to uid 12345");
		}
		unlink(file);
	}
	put(".sock", 0660, geteuid()); /* which is for others to send to */
	check("the socket", NULL);
	unlink(file);
	rmdir(folder);
}

/* The first to be asked, before a file is made. */
static void test_F26_nothing_is_begun(void **state)
{
	struct keeper k;
	struct why why = { .text = "" };
	(void)state;
	begin();
	assert_int_equal(chmod(folder, 0777), 0);
	snprintf(file, sizeof file, "%s/state", folder);
	assert_int_equal(
		keep_open(&k, file, "https://pat.example.org", 60, &why),
		MM_ERR_INVALID);
	keep_close(&k);
	assert_int_equal(rmdir(folder), 0); /* it is empty */
	assert_int_equal(
		keep_open(&k, file, "https://pat.example.org", 60, &why),
		MM_ERR_IO);
	assert_non_null(strstr(why.text, "make it first"));
	keep_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F26_the_folder),
		cmocka_unit_test(test_F26_what_is_there),
		cmocka_unit_test(test_F26_nothing_is_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
