/* test_store_users.c - users, in order of name, and what is searched for. */
#include "tests/unit/store_fixture.h"

static void see_user(void *ctx, const struct user_row *u)
{
	char *text = ctx;
	size_t n = strlen(text);
	snprintf(text + n, 256 - n, "%s:%lld/%lld ", u->user,
		 (long long)u->active, (long long)u->total);
}

static void expect_users(struct fixture *f, struct user_query q,
			 const char *users)
{
	char text[256] = "";
	if (q.limit == 0)
		q.limit = 100;
	if (q.now == 0)
		q.now = T0 + 10 * DAY;
	assert_int_equal(store_users(f->s, &q, see_user, text), MM_OK);
	assert_string_equal(text, users);
}

static void test_users(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text, *after, *users;
	} rows[] = {
		{ NULL, "", "Bob:1/1 a_b:1/2 alice:0/1 " },
		{ NULL, "Bob", "a_b:1/2 alice:0/1 " },
		{ "B", "", "Bob:1/1 a_b:1/2 " },
		{ "_", "", "a_b:1/2 " },
		{ "%", "", "" },
	};
	mint_for(f, "alice", "", 0, DAY);
	mint_for(f, "a_b", "", 0, 90 * DAY);
	mint_for(f, "a_b", "", 0, DAY);
	mint_for(f, "Bob", "", 0, 90 * DAY);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_users(f,
			     (struct user_query){ .text = rows[i].text,
						  .after = rows[i].after },
			     rows[i].users);
}

/* To the second, before the sweep has come to those whose window passed. */
static void test_users_idle(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int64_t now;
		const char *users;
	} rows[] = { { T0 + 5 * DAY - 1, "alice:4/5 " },
		     { T0 + 5 * DAY, "alice:3/5 " },
		     { T0 + 8 * DAY, "alice:2/5 " },
		     { T0 + 9 * DAY, "alice:1/5 " },
		     { T0 + 30 * DAY, "alice:0/5 " } };
	mint(f, 90 * DAY, 5 * DAY);
	mint(f, 90 * DAY, 30 * DAY);
	struct token_row nine = mint(f, 90 * DAY, 5 * DAY),
			 eight = mint(f, 8 * DAY, 5 * DAY),
			 held = mint(f, 90 * DAY, 30 * DAY);
	const struct use uses[] = {
		{ nine.list, nine.idx, T0 + 4 * DAY },
		{ eight.list, eight.idx, T0 + 4 * DAY },
	};
	size_t n;
	bool changed;
	assert_int_equal(store_use(f->s, uses, 2, T0 + 4 * DAY, &n), MM_OK);
	assert_int_equal(n, 2);
	assert_int_equal(store_set_status(f->s, held.list, held.idx,
					  STATUS_SUSPENDED, &by_unit, &changed),
			 MM_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct user_query q = { .after = "", .now = rows[i].now };
		expect_users(f, q, rows[i].users);
		q.text = "ALI";
		expect_users(f, q, rows[i].users);
	}
}

/* `count` tokens in a list, of which 300 at a time end in one moment; `user` is
 * SQL for whose the i-th is. */
static void put_tokens(struct fixture *f, unsigned list, unsigned count,
		       const char *user)
{
	char sql[512];
	int n = snprintf(
		sql, sizeof sql,
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1"
		" FROM n WHERE i < %u)"
		" INSERT INTO token(list, idx, \"user\", label, audience,"
		" kid, created_by, iat, exp, auto_refresh, dies_at)"
		" SELECT %u, i, %s, '', '', 'kid00000001', 'unit',"
		" 1790000000, 1799999999 - i / 300, 0, 1799999999 - i / 300"
		" FROM n",
		count - 1, list, user);
	assert_in_range(n, 1, sizeof sql - 1);
	assert_true(others_do(f, sql));
}

/* More than PG_STEPS, each with a token: what is found among the next of them,
 * behind them, and at the edge. */
static void test_users_far(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text, *after;
		size_t limit;
		const char *users;
	} rows[] = {
		{ NULL, "u-2497", 9, "u-2498:1/1 u-2499:1/1 " },
		{ "u", "", 2, "u-0000:1/1 u-0001:1/1 " },
		{ "u-2", "", 2, "u-2000:1/1 u-2001:1/1 " },
		{ "nobody", "", 9, "" },
		{ "U-2499", "", 9, "u-2499:1/1 " },
		{ "499", "", 9, "u-0499:1/1 u-1499:1/1 u-2499:1/1 " },
		{ "499", "", 2, "u-0499:1/1 u-1499:1/1 " },
		{ "499", "", 1, "u-0499:1/1 " },
		{ "499", "u-0499", 9, "u-1499:1/1 u-2499:1/1 " },
		{ "499", "u-1498", 9, "u-1499:1/1 u-2499:1/1 " },
		{ "2499", "u-1498", 9, "u-2499:1/1 " },
		{ "2499", "u-1499", 9, "u-2499:1/1 " },
		{ "2499", "u-1500", 9, "u-2499:1/1 " },
		{ "2498", "u-1498", 9, "u-2498:1/1 " },
		{ "499", "u-2499", 9, "" },
	};
	put_tokens(f, 99, 2500, "'u-' || substr(cast(10000 + i AS TEXT), 2)");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_users(f,
			     (struct user_query){ .text = rows[i].text,
						  .after = rows[i].after,
						  .limit = rows[i].limit },
			     rows[i].users);
}

/* By steps of 500: none is passed over, where they end and where they do not,
 * and nobody else's is touched. */
static void test_revoked(void **state)
{
	struct fixture *f = *state;
	static const struct {
		unsigned count;
		const char *user, *users;
	} rows[] = {
		{ 499, "a", "a:0/499 b:500/500 c:501/501 d:1250/1250 " },
		{ 500, "b", "a:0/499 b:0/500 c:501/501 d:1250/1250 " },
		{ 501, "c", "a:0/499 b:0/500 c:0/501 d:1250/1250 " },
		{ 1250, "d", "a:0/499 b:0/500 c:0/501 d:0/1250 " },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char quoted[8];
		snprintf(quoted, sizeof quoted, "'%s'", rows[i].user);
		put_tokens(f, 100 + (unsigned)i, rows[i].count, quoted);
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t count;
		assert_int_equal(
			store_revoke_user(f->s, rows[i].user, &by_unit, &count),
			MM_OK);
		assert_int_equal(count, rows[i].count);
		expect_users(f, (struct user_query){ .after = "" },
			     rows[i].users);
	}
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(users),
		TEST(users_idle),
		TEST(users_far),
		TEST(revoked),
	};
	return cmocka_run_group_tests_name("store_users", tests, NULL, NULL);
}
