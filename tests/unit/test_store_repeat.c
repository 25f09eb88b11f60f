/* test_store_repeat.c - requests that come again are done once; and stores
 * of older versions, that knew nothing of this, are brought up to it. */
#include <pthread.h>

#include "tests/unit/store_fixture.h"

/* A row that is ready to be minted, for the request `once`. */
static struct token_row unminted(struct fixture *f, struct repeat *once)
{
	struct token_row t = { .iat = T0,
			       .exp = T0 + DAY,
			       .user = "alice",
			       .label = "once",
			       .kid = "kid00000001",
			       .created_by = "unit",
			       .once = once };
	struct index_range r;
	assert_int_equal(store_reserve(f->s, LIST_FIXED, t.exp, 1, &r), MM_OK);
	t.list = r.list;
	t.idx = r.first;
	return t;
}

static void a_request_is_done_once(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct token_row first = unminted(f, &r), again = unminted(f, &r), got;
	assert_int_equal(store_repeat(f->s, &r), MM_ERR_NOT_FOUND);
	assert_int_equal(store_mint(f->s, &first), MM_OK);
	assert_false(r.before);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_mint(f->s, &again), MM_OK);
		assert_true(r.before);
		assert_int_equal(r.made.idx, first.idx);
		assert_string_equal(r.made.label, "once");
		assert_int_equal(store_get(f->s, again.list, again.idx, &got),
				 MM_ERR_NOT_FOUND);
		open_again(f); /* it is known for good */
	}
	r.made.idx = 99;
	assert_int_equal(store_repeat(f->s, &r), MM_OK);
	assert_int_equal(r.made.idx, first.idx);
}

static void a_name_is_of_one_request(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct repeat other = { .name = "alice, K", .request = "mint more" };
	struct repeat bob = { .name = "bob, K", .request = "mint" };
	struct token_row a = unminted(f, &r), b = unminted(f, &other);
	struct token_row c = unminted(f, &bob), got;
	assert_int_equal(store_mint(f->s, &a), MM_OK);
	assert_int_equal(store_mint(f->s, &b), MM_ERR_REUSED);
	assert_int_equal(store_repeat(f->s, &other), MM_ERR_REUSED);
	assert_int_equal(store_get(f->s, b.list, b.idx, &got),
			 MM_ERR_NOT_FOUND);
	assert_int_equal(store_mint(f->s, &c), MM_OK);
	assert_false(bob.before);
}

static void what_was_refused_may_be_asked_again(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct token_row t = unminted(f, &r);
	snprintf(t.kid, sizeof t.kid, "nobody");
	assert_int_equal(store_mint(f->s, &t), MM_ERR_CONFLICT);
	assert_int_equal(store_repeat(f->s, &r), MM_ERR_NOT_FOUND);
	snprintf(t.kid, sizeof t.kid, "kid00000001");
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	assert_false(r.before);
}

static void a_rotation_is_done_once(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "rotate" };
	struct repeat other = { .name = "alice, L", .request = "rotate" };
	struct token_row old = mint(f, DAY, 0), got;
	struct token_row next = unminted(f, &r), again = unminted(f, &r);
	struct token_row more = unminted(f, &other);
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 0, &next),
			 MM_OK);
	assert_false(r.before);
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 0, &again),
			 MM_OK);
	assert_true(r.before);
	assert_int_equal(r.made.idx, next.idx);
	assert_int_equal(store_get(f->s, next.list, next.idx, &got), MM_OK);
	assert_int_equal(got.status, TOKEN_VALID);
	/* by another key it is another rotation, of a token that is gone */
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 0, &more),
			 MM_ERR_CONFLICT);
	assert_int_equal(store_repeat(f->s, &other), MM_ERR_NOT_FOUND);
}

struct asker {
	struct fixture *f;
	struct repeat r;
	struct token_row t;
	enum mm_err e;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	a->e = store_mint(a->f->s, &a->t);
	return NULL;
}

static void of_many_at_once_one_is_done(void **state)
{
	struct fixture *f = *state;
	static struct asker a[16];
	pthread_t thread[16];
	const struct asker *first = NULL;
	for (size_t i = 0; i < 16; i++) {
		a[i] = (struct asker){ .f = f };
		a[i].r = (struct repeat){ .name = "K", .request = "mint" };
		a[i].t = unminted(f, &a[i].r);
	}
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ask, &a[i]),
				 0);
	for (size_t i = 0; i < 16; i++)
		pthread_join(thread[i], NULL);
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(a[i].e, MM_OK);
		assert_true(a[i].r.before || first == NULL);
		if (!a[i].r.before)
			first = &a[i];
	}
	assert_non_null(first);
	for (size_t i = 0; i < 16; i++)
		if (a[i].r.before)
			assert_int_equal(a[i].r.made.idx, first->t.idx);
}

static void repeats_are_forgotten_in_their_time(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct token_row t = unminted(f, &r);
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	assert_int_equal(store_forget_repeats(f->s, T0), MM_OK);
	assert_int_equal(store_repeat(f->s, &r), MM_OK);
	assert_int_equal(store_forget_repeats(f->s, T0 + 1), MM_OK);
	assert_int_equal(store_repeat(f->s, &r), MM_ERR_NOT_FOUND);
}

/* ---- a store that a mintmarkd of version 1 has left ---- */

static void sql(struct fixture *f, const char *text)
{
	char command[512];
	snprintf(command, sizeof command, "sqlite3 -bail %s \"%s\"", f->path,
		 text);
	assert_int_equal(system(command), 0);
}

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
	char command[512], text[32] = "";
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
		assert_int_equal(store_events(f->s, 0, 64, e, &n), MM_OK);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_done_once),
		TEST(a_name_is_of_one_request),
		TEST(what_was_refused_may_be_asked_again),
		TEST(a_rotation_is_done_once),
		TEST(of_many_at_once_one_is_done),
		TEST(repeats_are_forgotten_in_their_time),
		TEST(test_F29_older_versions_are_brought_up),
		TEST(both_ways_lead_to_one_schema),
		TEST(a_renewal_moves_one_index),
		TEST(test_F29_an_upgrade_is_whole_or_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
