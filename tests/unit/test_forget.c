/* test_forget.c - what is kept no longer goes, whatever there is of it and
 * however the first try goes. */
#include "common/clock.h"
#include "issuer/forget.h"
#include "tests/unit/store_fixture.h"

#define MANY	  1700 /* tokens: more than are forgotten at once */
#define MANY_TEXT "1700"

static struct forget forget_of(struct fixture *f, bool keep_addresses)
{
	return (struct forget){ .store = f->s,
				.feed_retain = DAY,
				.keep_addresses = keep_addresses };
}

static int64_t from_table(struct fixture *f, const char *what)
{
	char sql[256];
	int64_t n = -1;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
	if (pg_address() == NULL) {
		sqlite3 *db;
		sqlite3_stmt *st;
		assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
		sqlite3_prepare_v2(db, sql, -1, &st, NULL);
		if (sqlite3_step(st) == SQLITE_ROW)
			n = sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
		sqlite3_close(db);
		return n;
	}
	PGconn *pg = PQconnectdb(pg_address());
	PQclear(PQexec(pg, "SET search_path = mintmark"));
	PGresult *r = PQexec(pg, sql);
	if (PQntuples(r) == 1)
		n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	PQfinish(pg);
	return n;
}

#define NUMBERS                                                                \
	"WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g"       \
	" WHERE n < " MANY_TEXT ") "

static void add_tokens(struct fixture *f)
{
	mint(f, DAY, 0);
	assert_true(others_do(
		f, NUMBERS
		"INSERT INTO token(list, idx, \"user\", label, audience, kid,"
		" created_by, iat, exp, auto_refresh, dies_at, seen_from)"
		" SELECT list, idx + n, 'u', '', '', kid, '', iat, exp, 0,"
		" dies_at, '192.0.2.7' FROM token CROSS JOIN g"));
}

static int64_t addresses(struct fixture *f)
{
	return from_table(f, "token WHERE seen_from <> ''");
}

static size_t rounds(struct forget *forget, int64_t now, bool steady, int kind)
{
	size_t n = 0;
	do
		forget_round(forget, now, steady, n == 0);
	while (forget->due[kind] && ++n < 1000);
	return n;
}

static void all_addresses_go(void **state)
{
	struct fixture *f = *state;
	struct forget kept = forget_of(f, true), forget = forget_of(f, false);
	add_tokens(f);
	rounds(&kept, T0, true, FORGET_ADDRESSES);
	assert_int_equal(addresses(f), MANY);
	rounds(&forget, T0, false, FORGET_ADDRESSES); /* whatever the clock */
	assert_true(forget.ended);
	assert_int_equal(addresses(f), 0);
}

/* No row is to be changed until they let go. */
static void in_the_way(struct fixture *f)
{
	const char *sql = "CREATE TRIGGER no BEFORE UPDATE ON token BEGIN"
			  " SELECT raise(ABORT, 'not now'); END";
	if (pg_address() != NULL)
		sql = "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql"
		      " AS $$BEGIN RAISE 'slow' USING ERRCODE = '57014'; END$$;"
		      "CREATE TRIGGER no BEFORE UPDATE ON token"
		      " FOR EACH ROW EXECUTE FUNCTION no()";
	assert_true(others_do(f, sql));
}

static void let_go(struct fixture *f)
{
	assert_true(others_do(f, pg_address() ? "DROP FUNCTION no CASCADE"
					      : "DROP TRIGGER no"));
}

/* Then it waits for the next slow round, and is not given up. */
static void addresses_that_cannot_go_go_later(void **state)
{
	struct fixture *f = *state;
	struct forget forget = forget_of(f, false);
	add_tokens(f);
	in_the_way(f);
	forget_round(&forget, T0, true, true);
	assert_false(forget.ended || forget.due[FORGET_ADDRESSES]);
	let_go(f);
	forget_round(&forget, T0, true, false);
	assert_int_equal(addresses(f), MANY);
	rounds(&forget, T0, true, FORGET_ADDRESSES);
	assert_true(forget.ended);
	assert_int_equal(addresses(f), 0);
}

static void old_rows_go(void **state)
{
	struct fixture *f = *state;
	struct forget forget = forget_of(f, false);
	int64_t later = clock_now() + 2 * DAY, events;
	add_tokens(f);
	assert_true(others_do(
		f, NUMBERS
		"INSERT INTO event(seq, at, body, history) SELECT seq + n, at,"
		" body, '' FROM event CROSS JOIN g WHERE seq = 2"));
	assert_true(others_do(f, "UPDATE head SET seq = 2 + " MANY_TEXT));
	assert_true(others_do(
		f, NUMBERS
		"INSERT INTO repeat(name, request, at, list, idx) SELECT"
		" 'K' || n, '', 0, 1, 1 FROM g"));
	events = from_table(f, "event");
	rounds(&forget, later, false, FORGET_EVENTS);
	assert_int_equal(from_table(f, "event"), events);
	assert_int_equal(from_table(f, "repeat"), MANY);
	rounds(&forget, later, true, FORGET_REPEATS);
	rounds(&forget, later, true, FORGET_EVENTS);
	assert_int_equal(from_table(f, "repeat"), 0);
	assert_int_equal(from_table(f, "event"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_addresses_go),
		TEST(addresses_that_cannot_go_go_later),
		TEST(old_rows_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
