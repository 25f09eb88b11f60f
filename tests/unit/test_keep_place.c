/* test_keep_place.c - where a state may be kept: by whose the folder is, and
 * each file in it, and who else could have written there. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verifier/checkpoint.h"
#include "verifier/keep.h"
#include "verifier/use_file.h"

#define ISS  "https://pat.example.org"
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

static void at(const char *end)
{
	snprintf(file, sizeof file, "%s/state%s", folder, end);
}

/* Through them it would be another's file that is read, or written: root's,
 * where root keeps the state in a folder such as /tmp. */
static void test_F26_links_and_pipes(void **state)
{
	static const char *const ends[] = { "", ".lock", ".journal",
					    ".checkpoint", ".pending" };
	char target[sizeof file];
	(void)state;
	begin();
	assert_int_equal(chmod(folder, 01777), 0);
	put(".target", 0600, geteuid());
	memcpy(target, file, sizeof target);
	for (size_t i = 0; i < ROWS(ends); i++) {
		at(ends[i]);
		assert_int_equal(symlink(target, file), 0);
		check(file, "is no file of its own");
		unlink(file);
		assert_int_equal(symlink("nowhere", file), 0);
		check(file, "is no file of its own");
		unlink(file);
		assert_int_equal(link(target, file), 0);
		check(file, "is no file of its own");
		unlink(file);
		assert_int_equal(mkfifo(file, 0600), 0);
		check(file, "is no file of its own");
		unlink(file);
	}
	at(".sock"); /* it is removed, and made anew */
	assert_int_equal(symlink(target, file), 0);
	check(file, NULL);
	unlink(file);
	unlink(target);
	rmdir(folder);
}

static enum mm_err load_checkpoint(struct why *why)
{
	struct replica r = { .seq = 0 };
	enum mm_err e = checkpoint_load(&r, file, why);
	replica_free(&r);
	return e;
}

static enum mm_err load_uses(struct why *why)
{
	return use_file_load((struct use_tables){ NULL, NULL }, file, ISS, why);
}

static enum mm_err open_journal(struct why *why)
{
	struct journal j;
	enum mm_err e = journal_open(&j, file, why);
	journal_close(&j);
	return e;
}

static void expect_refused(enum mm_err (*open)(struct why *), const char *says)
{
	struct why why = { .text = "" };
	assert_int_not_equal(open(&why), MM_OK);
	if (strstr(why.text, says) == NULL)
		fail_msg("%s: %s", file, why.text);
}

/* Somebody was quicker: it is looked at once more when it is open.  What it
 * holds would be believed. */
static void test_F26_what_is_opened(void **state)
{
	static const struct {
		const char *end;
		enum mm_err (*open)(struct why *);
	} rows[] = {
		{ ".checkpoint", load_checkpoint },
		{ ".pending", load_uses },
		{ ".journal", open_journal },
	};
	char link[sizeof file];
	(void)state;
	begin();
	snprintf(link, sizeof link, "%s/link", folder);
	for (size_t i = 0; i < ROWS(rows); i++) {
		put(rows[i].end, 0666, geteuid());
		expect_refused(rows[i].open, "chmod go-w");
		if (geteuid() == 0) {
			put(rows[i].end, 0600, THEM);
			expect_refused(rows[i].open, "belongs to uid 12345");
		}
		put(rows[i].end, 0600, geteuid());
		assert_int_equal(rename(file, link), 0);
		assert_int_equal(symlink(link, file), 0);
		expect_refused(rows[i].open, "symbolic link");
		unlink(file);
		assert_int_equal(mkfifo(file, 0600), 0);
		expect_refused(rows[i].open, "is no file of its own");
		unlink(file);
		unlink(link);
	}
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
	assert_int_equal(keep_open(&k, file, ISS, 60, &why), MM_ERR_INVALID);
	keep_close(&k);
	assert_int_equal(rmdir(folder), 0); /* it is empty */
	assert_int_equal(keep_open(&k, file, ISS, 60, &why), MM_ERR_IO);
	assert_non_null(strstr(why.text, "make it first"));
	keep_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F26_the_folder),
		cmocka_unit_test(test_F26_what_is_there),
		cmocka_unit_test(test_F26_links_and_pipes),
		cmocka_unit_test(test_F26_what_is_opened),
		cmocka_unit_test(test_F26_nothing_is_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
