/* test_store_migrate.c - tables in PostgreSQL that an older release has left
 * are brought up, by store_migrate() alone, whole or not at all.
 *
 * No release has made tables of a version before 3, so this makes some: it
 * takes away what its own steps add.  They stand here in place of
 * store_pg_steps.c. */
#include "tests/unit/store_fixture.h"

#include "issuer/store_pg.h"

const struct pg_step pg_steps[] = {
	{ 2, "ALTER TABLE token ADD seen_at BIGINT NOT NULL DEFAULT 0" },
	{ 3, "CREATE TABLE repeat(name TEXT COLLATE \"C\" PRIMARY KEY,"
	     " request TEXT COLLATE \"C\" NOT NULL, at BIGINT NOT NULL,"
	     " list BIGINT NOT NULL, idx BIGINT NOT NULL);"
	     "CREATE INDEX repeat_age ON repeat(at)" },
	{ 0, NULL },
};

static void make_older(struct fixture *f, int version)
{
	char set[64];
	snprintf(set, sizeof set, "UPDATE head SET version = %d", version);
	store_close(f->s);
	f->s = NULL;
	assert_true(pg_do("DROP TABLE repeat"));
	if (version < 2)
		assert_true(pg_do("ALTER TABLE token DROP COLUMN seen_at"));
	assert_true(pg_do(set));
}

static void refused(const struct fixture *f, const char *why_it_is)
{
	struct store *s = NULL;
	struct why why = { .text = "" };
	assert_int_equal(store_open(f->path, ISS, no_wake, NULL, &s, &why),
			 MM_ERR_VERSION);
	assert_non_null(strstr(why.text, why_it_is));
	assert_null(s);
}

static void migrate(const struct fixture *f, enum mm_err want, int64_t was,
		    const char *says)
{
	struct why why = { .text = "" };
	int64_t from = 0, to = 0;
	assert_int_equal(store_migrate(f->path, &from, &to, &why), want);
	assert_int_equal(from, was);
	assert_int_equal(to, STORE_VERSION);
	assert_non_null(strstr(why.text, says));
}

static void test_F29_tables_are_brought_up_when_told(void **state)
{
	struct fixture *f = *state;
	for (int version = 1; version <= 2; version++) {
		struct repeat once = { .name = "alice, K", .request = "mint" };
		struct token_row t = mint(f, DAY, 0), again;
		make_older(f, version);
		refused(f, "run mintmarkd migrate");
		migrate(f, MM_OK, version, "");
		migrate(f, MM_OK, STORE_VERSION, "");
		open_again(f);
		assert_int_equal(store_get(f->s, t.list, t.idx, &again), MM_OK);
		assert_string_equal(again.user, "alice");
		t = unminted(f, &once);
		assert_int_equal(store_mint(f->s, &t), MM_OK);
	}
}

/* The first step can be done, the second cannot. */
static void test_F29_a_migration_is_whole_or_none(void **state)
{
	struct fixture *f = *state;
	make_older(f, 1);
	assert_true(pg_do("CREATE TABLE repeat(a BIGINT)"));
	migrate(f, MM_ERR_UNAVAILABLE, 1, "they are as they were");
	refused(f, "has version 1");
	assert_false(pg_do("ALTER TABLE token DROP COLUMN seen_at"));
	assert_true(pg_do("DROP TABLE repeat"));
	migrate(f, MM_OK, 1, "");
	open_again(f);
}

/* The database ends the session in the middle of COMMIT: it may have been done,
 * as far as anybody can tell. */
static void test_F29_a_migration_that_nobody_saw_end(void **state)
{
	struct fixture *f = *state;
	make_older(f, 1);
	assert_true(pg_do("CREATE FUNCTION leave() RETURNS trigger LANGUAGE"
			  " plpgsql AS 'BEGIN PERFORM"
			  " pg_terminate_backend(pg_backend_pid());"
			  " RETURN NULL; END'"));
	assert_true(pg_do("CREATE CONSTRAINT TRIGGER leaves AFTER UPDATE ON"
			  " head DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
			  " EXECUTE FUNCTION leave()"));
	migrate(f, MM_ERR_UNSURE, 1, "or nothing: run this again");
	assert_true(pg_do("DROP TRIGGER leaves ON head"));
	migrate(f, MM_OK, 1, "");
	open_again(f);
}

static void what_no_release_made_is_left(void **state)
{
	struct fixture *f = *state;
	make_older(f, 2);
	assert_true(pg_do("UPDATE head SET version = 0"));
	migrate(f, MM_ERR_VERSION, 0, "no release has made such tables");
	assert_true(pg_do("UPDATE head SET version = 4"));
	migrate(f, MM_ERR_VERSION, 4, "the newer mintmarkd");
	refused(f, "the newer mintmarkd");
	assert_true(pg_do("DROP SCHEMA mintmark CASCADE"));
	migrate(f, MM_ERR_NOT_FOUND, 0, "there is no store");
}

/* An issuer of the older release, at work: here, one of today. */
static void test_F29_who_is_left_behind_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0), now;
	bool changed;
	assert_true(pg_do("UPDATE head SET version = 4"));
	assert_int_equal(store_probe(f->s), MM_ERR_VERSION);
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_REVOKED,
					  &by_unit, &changed),
			 MM_ERR_VERSION);
	assert_int_equal(store_get(f->s, t.list, t.idx, &now), MM_OK);
	assert_int_equal(now.status, TOKEN_VALID);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_F29_tables_are_brought_up_when_told),
		TEST(test_F29_a_migration_is_whole_or_none),
		TEST(test_F29_a_migration_that_nobody_saw_end),
		TEST(what_no_release_made_is_left),
		TEST(test_F29_who_is_left_behind_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
