/* test_store_file.c - the store as a file of SQLite's: whose it is, of which
 * version, and what is written into it. */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "issuer/store_internal.h"
#include "issuer/store_sqlite.h"

static void other_files_are_refused(void **state)
{
	struct fixture *f = *state;
	struct store *other = NULL;
	struct why why = { .text = "" };
	assert_int_equal(store_open(f->path, ISS, no_wake, NULL, &other, &why),
			 MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, "another mintmarkd"));
	store_close(f->s);
	f->s = NULL;
	assert_int_equal(store_open(f->path, "https://other", no_wake, NULL,
				    &other, &why),
			 MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, ISS));

	char command[320];
	snprintf(command, sizeof command,
		 "sqlite3 %s 'PRAGMA user_version = 99'", f->path);
	assert_int_equal(system(command), 0);
	assert_int_equal(store_open(f->path, ISS, no_wake, NULL, &other, &why),
			 MM_ERR_VERSION);
	assert_non_null(strstr(why.text, "99"));
	FILE *junk = fopen(f->path, "w");
	assert_non_null(junk);
	fputs("this is no database, whatever its name says\n", junk);
	fclose(junk);
	assert_int_not_equal(
		store_open(f->path, ISS, no_wake, NULL, &other, &why), MM_OK);
	assert_null(other);
}

static void sql(struct fixture *f, const char *text)
{
	char command[640];
	snprintf(command, sizeof command, "sqlite3 -bail %s \"%s\"", f->path,
		 text);
	assert_int_equal(system(command), 0);
}

/* Nobody is to put a backup in its place for that: what was acknowledged since
 * would be lost. */
static void test_F2_another_shape_is_no_damage(void **state)
{
	struct fixture *f = *state;
	struct why why = { .text = "" };
	store_close(f->s);
	f->s = NULL;
	sql(f, "ALTER TABLE token RENAME COLUMN label TO other");
	assert_int_equal(store_open(f->path, ISS, no_wake, NULL, &f->s, &why),
			 MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "no column named label"));
	assert_null(strstr(why.text, "damaged"));
}

/* ---- one file, by several names ---- */

static const char *in(const struct fixture *f, const char *name)
{
	static char path[320];
	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	return path;
}

static void leads(const struct fixture *f, const char *name, const char *to)
{
	assert_int_equal(symlink(to, in(f, name)), 0);
}

/* The other is there: that name is refused, and the reason names `held`. */
static void is_held(const struct fixture *f, const char *name, const char *held)
{
	struct store *other = NULL;
	struct why why = { .text = "" };
	assert_int_equal(
		store_open(in(f, name), ISS, no_wake, NULL, &other, &why),
		MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, "another mintmarkd holds"));
	assert_non_null(strstr(why.text, held));
	assert_null(other);
}

static void open_by(struct fixture *f, const char *name)
{
	struct why why = { .text = "" };
	store_close(f->s);
	f->s = NULL;
	if (store_open(in(f, name), ISS, no_wake, NULL, &f->s, &why) != MM_OK)
		fail_msg("%s: %s", name, why.text);
}

/* Two that write one file would give out each other's indexes. */
static void test_F15_a_file_has_one_mint_by_any_name(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir(in(f, "a"), 0700), 0);
	assert_int_equal(mkdir(in(f, "b"), 0700), 0);
	leads(f, "a/link", "../s.db");
	leads(f, "b/link", in(f, "s.db"));
	leads(f, "b/further", "../a/link");
	leads(f, "folder", ".");
	is_held(f, "a/link", "/s.db:");
	is_held(f, "b/further", "/s.db:");
	is_held(f, "folder/s.db", "/folder/s.db:");
	open_by(f, "folder/s.db");
	is_held(f, "s.db", "/s.db:");
	open_by(f, "b/further");
	is_held(f, "s.db", "/s.db:");
	is_held(f, "a/link", "/s.db:");
	is_held(f, "b/further", "/b/further:"); /* and the folder's name */
	open_by(f, "s.db");
}

/* The first start makes it, where the link leads. */
static void test_F15_one_that_is_not_there_yet(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir(in(f, "a"), 0700), 0);
	leads(f, "a/link", "../new.db");
	leads(f, "link", "a/link");
	open_by(f, "link");
	is_held(f, "a/link", "/new.db:");
	is_held(f, "new.db", "/new.db:");
	assert_int_equal(access(in(f, "new.db.lock"), F_OK), 0);
	open_by(f, "new.db");
}

/* Where it leads cannot be told, and why not. */
static void a_link_that_is_too_long(void **state)
{
	struct fixture *f = *state;
	struct store *other = NULL;
	struct why why = { .text = "" };
	char to[PATH_MAX - 9], file[PATH_MAX], path[PATH_MAX + 8];
	for (size_t i = 0; i + 1 < sizeof to; i += 2)
		memcpy(&to[i], "./", 2);
	snprintf(&to[sizeof to - 7], 7, "new.db");
	leads(f, "link", to);
	assert_int_equal(
		store_open(in(f, "link"), ISS, no_wake, NULL, &other, &why),
		MM_ERR_IO);
	assert_non_null(strstr(why.text, strerror(ENAMETOOLONG)));
	memset(path, 'a', sizeof path);
	path[sizeof path - 1] = '\0';
	errno = 0;
	assert_false(sqlite_file_of(path, file));
	assert_int_equal(errno, ENAMETOOLONG);
}

/* Whoever may write there cannot make the one that writes wait: no mark. */
static void test_F2_the_mark_of_damage_is_a_pipe(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkfifo(in(f, "s.db.damaged"), 0600), 0);
	sqlite_note_damage((struct sqlite_conn *)f->s->writer);
	assert_true(sqlite_has_mark(f->path));
}

static int tear_down_all(void **state)
{
	char command[160];
	struct fixture *f = *state;
	store_close(f->s);
	f->s = NULL;
	snprintf(command, sizeof command, "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* ---- a store that a mintmarkd of version 1 has left ---- */

static void put_version_1(struct fixture *f)
{
	tear_down_store(f);
	sql(f, ".read " MM_VECTORS "/store-1.sql");
}

/* What mintmarkds of version 2 made of it. */
static void put_version_2(struct fixture *f)
{
	put_version_1(f);
	sql(f, "CREATE TABLE repeat(name TEXT PRIMARY KEY,"
	       " request TEXT NOT NULL, at INTEGER NOT NULL,"
	       " list INTEGER NOT NULL, idx INTEGER NOT NULL) WITHOUT ROWID;"
	       "CREATE INDEX repeat_age ON repeat(at);"
	       "PRAGMA user_version = 2");
}

static void (*const put_version[])(struct fixture *) = {
	[1] = put_version_1,
	[2] = put_version_2,
};

static int64_t number(struct fixture *f, const char *question)
{
	char command[640], text[32] = "";
	snprintf(command, sizeof command, "sqlite3 %s '%s'", f->path, question);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(text, sizeof text, p));
	pclose(p);
	return strtoll(text, NULL, 10);
}

static void check_brought_up(struct fixture *f, int from)
{
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct token_row t;
	struct event e[64];
	size_t n;
	put_version[from](f);
	assert_int_equal(number(f, "PRAGMA user_version"), from);
	for (int i = 0; i < 2; i++) { /* the second time it is of today */
		open_again(f);
		assert_int_equal(number(f, "PRAGMA user_version"), 3);
		assert_int_equal(store_get(f->s, 1, 0, &t), MM_OK);
		assert_string_equal(t.user, "alice");
		assert_string_equal(t.label, "first");
		assert_string_equal(t.scope, "photos:read");
		assert_int_not_equal(t.revoke_at, 0);
		assert_int_equal(store_get(f->s, 1, 1, &t), MM_OK);
		assert_int_equal(t.status, TOKEN_REVOKED);
		assert_int_equal(store_get(f->s, 2, 0, &t), MM_OK);
		assert_int_equal(t.status, TOKEN_SUSPENDED);
		assert_int_equal(t.auto_refresh, 3600);
		assert_int_equal(store_events(f->s, LOG_AT(0), 64, e, &n),
				 MM_OK);
		assert_int_equal(n, 30);
	}
	/* keys may have signed until just now */
	assert_int_equal(number(f, "SELECT count(*) FROM key WHERE stopped ="
				   " 0"),
			 0);
	assert_int_equal(store_key_add(f->s, "kid00000001", "{}", &by_unit),
			 MM_OK);
	t = unminted(f, &r);
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	assert_int_equal(store_repeat(f->s, &r), MM_OK);
}

static void test_F29_older_versions_are_brought_up(void **state)
{
	struct fixture *f = *state;
	for (int from = 1; from <= 2; from++) {
		check_brought_up(f, from);
		tear_down_store(f);
	}
}

/* Old stores and new ones are of one shape. */
static void both_ways_lead_to_one_schema(void **state)
{
	static const char question[] =
		"SELECT group_concat(sql) = (SELECT group_concat(sql) FROM"
		" (SELECT sql FROM new.sqlite_master ORDER BY name)) FROM"
		" (SELECT sql FROM main.sqlite_master ORDER BY name)";
	struct fixture *f = *state;
	char attach[256], copy[256];
	snprintf(copy, sizeof copy, "VACUUM INTO '%s/new.db'", f->dir);
	sql(f, copy);
	snprintf(attach, sizeof attach, "ATTACH \"%s/new.db\" AS new; %s",
		 f->dir, question);
	for (int from = 1; from <= 2; from++) {
		put_version[from](f);
		open_again(f);
		assert_int_equal(number(f, attach), 1);
	}
	snprintf(copy, sizeof copy, "%s/new.db", f->dir);
	unlink(copy);
}

/* Each renewal moves dies_at, and so every index that has it. */
static void a_renewal_moves_one_index(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE"
				   " type = \"index\" AND sql LIKE"
				   " \"%dies_at%\""),
			 1);
}

/* Cut short, it is as it was, and can be brought up later. */
static void test_F29_an_upgrade_is_whole_or_none(void **state)
{
	struct fixture *f = *state;
	struct why why = { .text = "" };
	put_version_1(f);
	/* the step's first half can be done, its second cannot */
	sql(f, "CREATE TABLE other(a); CREATE INDEX repeat_age ON other(a)");
	assert_int_equal(store_open(f->path, ISS, no_wake, NULL, &f->s, &why),
			 MM_ERR_UNAVAILABLE);
	assert_null(f->s);
	assert_non_null(strstr(why.text, "it is as it was"));
	assert_int_equal(number(f, "PRAGMA user_version"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master"
				   " WHERE name = \"repeat\""),
			 0);
	assert_int_equal(number(f, "SELECT count(*) FROM token"), 4);
	sql(f, "DROP TABLE other");
	open_again(f);
	assert_int_equal(number(f, "PRAGMA user_version"), 3);
}

/* ---- writing ---- */

static off_t wal_size(const struct fixture *f)
{
	char path[280];
	struct stat st;
	snprintf(path, sizeof path, "%s-wal", f->path);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* It must reach the disk: what SQLite leaves out would prove nothing. */
static void a_probe_writes(void **state)
{
	struct fixture *f = *state;
	off_t before = wal_size(f);
	assert_int_equal(store_probe(f->s), MM_OK);
	off_t after = wal_size(f);
	assert_true(after > before);
	assert_int_equal(store_probe(f->s), MM_OK);
	assert_true(wal_size(f) > after);
	open_again(f); /* and it is the store that it was */
}

static void a_probe_of_a_held_store_fails(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;
	sqlite3_busy_timeout(((struct sqlite_conn *)f->s->writer)->db, 10);
	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(store_probe(f->s), MM_ERR_BUSY);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(store_probe(f->s), MM_OK);
	sqlite3_close(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_files_are_refused),
		cmocka_unit_test_setup_teardown(
			test_F15_a_file_has_one_mint_by_any_name, set_up,
			tear_down_all),
		cmocka_unit_test_setup_teardown(
			test_F15_one_that_is_not_there_yet, set_up,
			tear_down_all),
		cmocka_unit_test_setup_teardown(a_link_that_is_too_long, set_up,
						tear_down_all),
		cmocka_unit_test_setup_teardown(
			test_F2_the_mark_of_damage_is_a_pipe, set_up,
			tear_down_all),
		TEST(test_F2_another_shape_is_no_damage),
		TEST(test_F29_older_versions_are_brought_up),
		TEST(both_ways_lead_to_one_schema),
		TEST(a_renewal_moves_one_index),
		TEST(test_F29_an_upgrade_is_whole_or_none),
		TEST(a_probe_writes),
		TEST(a_probe_of_a_held_store_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
