/* Files that are acknowledged as written would be there after a power cut: so
 * it is asked what was synced, and when.  Keys: test_synced_keyring.c; what an
 * agent holds: test_synced_keep.c. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/key_handout.h"
#include "common/buf.h"
#include "issuer/become.h"
#include "issuer/store_sqlite.h"
#include "tests/faults/synced_fixture.h"
#include "tests/unit/skip_since.h"

#define PATH 256

/* Each test is in a folder of its own: it is where it works. */
static char folder[PATH];

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");
	(void)state;
	snprintf(folder, sizeof folder, "%.200s/synced.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	synced_watch(folder);
	return 0;
}

static void remove_in(const char *const names[])
{
	for (; *names != NULL; names++)
		(void)!remove(*names);
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"a",  "a.damaged", "b", "to/a", "to/alice.tokens",
		"to", "data",	   NULL
	};
	(void)state;
	synced_watch("");
	remove_in(names);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static int make(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text", 4), 4);
	return fd;
}

static void sync_names(const char *of)
{
	int fd = open(of, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

static void assert_lost(const char *want)
{
	assert_string_equal(synced_lost(), want);
}

/* ---- what the other tests rely on ---- */

static void test_F2_what_is_lost_is_seen(void **state)
{
	(void)state;
	int fd = make("a");
	assert_lost("names in .\nbytes of a\n");
	sync_names(".");
	assert_lost("bytes of a\n");
	assert_int_equal(fdatasync(fd), 0);
	assert_synced();
	assert_int_equal(futimens(fd, NULL), 0);
	assert_int_equal(fdatasync(fd), 0);
	assert_lost("times, mode or owner of a\n");
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(pwrite(fd, "T", 1, 0), 1);
	assert_lost("bytes of a\n");
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(mkdir("to", 0700), 0);
	assert_lost("names in .\n");
	sync_names(".");
	assert_int_equal(rename("a", "to/a"), 0);
	assert_lost("names in .\nnames in to\n");
	sync_names(".");
	sync_names("to");
	assert_int_equal(unlink("to/a"), 0);
	assert_lost("names in to\n");
	close(fd);
}

static void test_F2_what_comes_too_early_is_seen(void **state)
{
	(void)state;
	int a = make("a"), b = make("b");
	sync_names(".");
	assert_int_equal(fsync(a), 0);
	assert_int_equal(ftruncate(a, 1), 0);
	assert_int_equal(fsync(a), 0);
	assert_int_equal(fsync(b), 0);
	assert_lost("cut or removed: a\n\tbefore this was synced: b\n");

	synced_watch(folder);
	assert_int_equal(pwrite(b, "T", 1, 0), 1);
	assert_int_equal(rename("b", "a"), 0);
	assert_int_equal(fsync(b), 0);
	sync_names(".");
	assert_lost("renamed before it was synced: a\n");

	synced_watch(folder);
	close(make("b"));
	assert_int_equal(unlink("a"), 0);
	sync_names(".");
	assert_lost("cut or removed: a\n\tbefore this was synced: .\n"
		    "cut or removed: a\n\tbefore this was synced: b\n"
		    "bytes of b\n");
	close(a);
	close(b);
}

/* ---- our files ---- */

static void test_F2_a_file_replaced(void **state)
{
	char path[PATH + 8];
	(void)state;
	snprintf(path, sizeof path, "%s/a", folder);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			file_replace(path, span_str("new"), 0600, NULL), MM_OK);
		assert_synced();
	}
	assert_int_equal(file_replace("a", span_str("newer"), 0600, NULL),
			 MM_OK);
	assert_synced();
}

static void test_F2_the_folder_of_a_mint(void **state)
{
	(void)state;
	assert_int_equal(data_folder_make("data/", NULL), MM_OK);
	assert_synced();
}

static int leave_root(void)
{
	if (become_user("12345", "data", NULL) != MM_OK)
		return 1;
	return synced_lost()[0] == '\0' ? 0 : 2;
}

/* For good, so it is a child that does. */
static void test_F2_the_folder_of_a_mint_that_leaves_root(void **state)
{
	int ended;
	(void)state;
	if (geteuid() != 0)
		skip_since("only root can leave it");
	pid_t child = fork();
	if (child == 0)
		_exit(leave_root());
	assert_int_equal(waitpid(child, &ended, 0), child);
	assert_int_equal(ended, 0);
}

/* Else a start after the power cut would mint on what is damaged. */
static void test_F2_the_mark_of_damage(void **state)
{
	struct sqlite_conn c = { .lock_fd = -1, .file_lock_fd = -1 };
	(void)state;
	assert_int_equal(sqlite3_open("a", &c.db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(c.db, "CREATE TABLE t(x)", NULL, NULL, NULL),
		SQLITE_OK);
	synced_watch(folder);
	sqlite_note_damage(&c);
	assert_synced();
	assert_int_equal(access("a.damaged", F_OK), 0);
	sqlite3_close(c.db);
}

/* New tokens for users, at `mintmark key reissue`. */
static void test_F2_tokens_handed_out(void **state)
{
	struct handout h;
	json_t *token = json_pack("{s:s, s:s}", "id", "3.9", "token", "eyJ");
	(void)state;
	assert_int_equal(handout_open(&h, "to", NULL), MM_OK);
	assert_synced();
	assert_int_equal(handout_begin(&h, "alice", "3.1", NULL), MM_OK);
	assert_int_equal(handout_put(&h, "3.1", token, NULL), MM_OK);
	assert_synced();
	assert_int_equal(handout_put(&h, "3.2", token, NULL), MM_OK);
	assert_synced();
	assert_int_equal(handout_begin(&h, "alice", "3.1", NULL), MM_OK);
	assert_int_equal(handout_put(&h, "3.3", token, NULL), MM_OK);
	assert_synced();
	handout_close(&h);
	json_decref(token);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_F2_what_is_lost_is_seen),
		T(test_F2_what_comes_too_early_is_seen),
		T(test_F2_a_file_replaced),
		T(test_F2_the_folder_of_a_mint),
		T(test_F2_the_folder_of_a_mint_that_leaves_root),
		T(test_F2_the_mark_of_damage),
		T(test_F2_tokens_handed_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
