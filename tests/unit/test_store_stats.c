/* test_store_stats.c - does the store take a write? */
#include "tests/unit/store_fixture.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "issuer/store_sqlite.h"

static off_t wal_size(const struct fixture *f)
{
	char path[128];
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
	sqlite3_busy_timeout(f->s->writer.db, 10);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_probe_writes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_probe_of_a_held_store_fails,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
