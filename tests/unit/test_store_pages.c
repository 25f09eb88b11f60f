/* test_store_pages.c - pages of tokens, what is searched for, and how many
 * there are on each day. */
#include "tests/unit/store_fixture.h"

struct seen {
	size_t count;
	struct token_row last;
	char labels[256];
};

static void see(void *ctx, const struct token_row *t)
{
	struct seen *s = ctx;
	size_t n = strlen(s->labels);
	s->count++;
	s->last = *t;
	snprintf(s->labels + n, sizeof s->labels - n, "%s ", t->label);
}

static void expect_page(struct fixture *f, struct token_query q,
			const char *labels)
{
	struct seen seen = { .count = 0 };
	if (q.limit == 0)
		q.limit = 100;
	q.now = T0 + 10 * DAY;
	assert_int_equal(store_query(f->s, &q, see, &seen), MM_OK);
	assert_string_equal(seen.labels, labels);
}

static void set(struct fixture *f, const struct token_row *t, int64_t at,
		enum status to)
{
	bool changed;
	const struct stamp stamp = { .by = "unit", .at = at, .admin = true };
	assert_int_equal(
		store_set_status(f->s, t->list, t->idx, to, &stamp, &changed),
		MM_OK);
	assert_true(changed);
}

static void test_searching(void **state)
{
	struct fixture *f = *state;
	mint_for(f, "alice", "100%", 1, 90 * DAY);
	mint_for(f, "bob", "a_b", 2, 90 * DAY);
	mint_for(f, "al%ce", "Back\\slash", 3, 90 * DAY);
	static const struct {
		const char *user, *text, *labels;
	} rows[] = {
		{ NULL, NULL, "Back\\slash a_b 100% " },
		{ NULL, "ALI", "100% " },
		{ NULL, "back", "Back\\slash " },
		{ NULL, "l%c", "Back\\slash " },
		{ NULL, "%", "Back\\slash 100% " },
		{ NULL, "_", "a_b " },
		{ NULL, "\\", "Back\\slash " },
		{ NULL, "l_c", "" },
		{ NULL, "", "Back\\slash a_b 100% " },
		{ "bob", "A_", "a_b " },
		{ "bob", "%", "" },
		{ "bob", NULL, "a_b " },
		{ "nobody", NULL, "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_page(f,
			    (struct token_query){ .user = rows[i].user,
						  .text = rows[i].text,
						  .filter = FILTER_ALL },
			    rows[i].labels);
	expect_page(f,
		    (struct token_query){ .kid = "kid00000001",
					  .filter = FILTER_ALL },
		    "Back\\slash a_b 100% ");
	expect_page(f, (struct token_query){ .kid = "x", .filter = FILTER_ALL },
		    "");
}

/* By each of the four ways that a page is read. */
static void test_going_on(void **state)
{
	struct fixture *f = *state;
	static const struct token_query ways[] = {
		{ .text = NULL },
		{ .user = "alice" },
		{ .text = "t" },
		{ .user = "alice", .text = "t" },
	};
	for (int i = 0; i < 9; i++) {
		char label[16];
		snprintf(label, sizeof label, "t%d", i);
		mint_for(f, "alice", label, i / 3, 90 * DAY);
	}
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct seen seen = { .count = 0 };
		struct token_query q = ways[i];
		q.filter = FILTER_ACTIVE;
		q.now = T0 + 10 * DAY;
		q.limit = 2;
		for (size_t before = 1; seen.count != before;) {
			before = seen.count;
			assert_int_equal(store_query(f->s, &q, see, &seen),
					 MM_OK);
			q.after_iat = seen.last.iat;
			q.after_list = seen.last.list;
			q.after_idx = seen.last.idx;
		}
		assert_string_equal(seen.labels, "t8 t7 t6 t5 t4 t3 t2 t1 t0 ");
	}
}

static void test_filters(void **state)
{
	struct fixture *f = *state;
	mint_for(f, "alice", "old", 0, 2 * DAY);
	mint_for(f, "alice", "active", 1, 90 * DAY);
	struct token_row t = mint_for(f, "alice", "gone", 2, 90 * DAY);
	set(f, &t, T0 + 3 * DAY, STATUS_REVOKED);
	t = mint_for(f, "alice", "held", 3, 90 * DAY);
	set(f, &t, T0 + 4 * DAY, STATUS_SUSPENDED);
	static const char *const labels[] = {
		[FILTER_ACTIVE] = "active ",
		[FILTER_REVOKED] = "gone ",
		[FILTER_SUSPENDED] = "held ",
		[FILTER_EXPIRED] = "old ",
		[FILTER_UNKNOWN_KEY] = "",
		[FILTER_ALL] = "held gone active old "
	};
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
		for (int way = 0; way < 4; way++)
			expect_page(f,
				    (struct token_query){
					    .filter = (enum token_filter)i,
					    .user = way & 1 ? "alice" : NULL,
					    .text = way & 2 ? "" : NULL },
				    labels[i]);

	const struct stamp stamp = { .by = "test", .at = T0 };
	assert_int_equal(store_key_gone(f->s, "kid00000001", false, &stamp),
			 MM_OK);
	for (int way = 0; way < 4; way++) {
		struct token_query q = { .filter = FILTER_UNKNOWN_KEY,
					 .user = way & 1 ? "alice" : NULL,
					 .text = way & 2 ? "" : NULL };
		expect_page(f, q, "active ");
		q.filter = FILTER_ACTIVE;
		expect_page(f, q, "");
		q.filter = FILTER_SUSPENDED;
		expect_page(f, q, "held ");
	}
}

/* ---- counted ---- */

static void test_tally(void **state)
{
	struct fixture *f = *state;
	struct tally t;
	int64_t now = T0 + 100 * DAY, today = TALLY_DAYS - 1;
	mint_for(f, "alice", "before it all", 0, 200 * DAY);
	mint_for(f, "bob", "dead on day 60", 50, 10 * DAY);
	mint_for(f, "bob", "3 days more", 100, 3 * DAY);
	mint_for(f, "bob", "29 days more", 99, 30 * DAY);
	struct token_row gone = mint_for(f, "carol", "gone", 90, 90 * DAY);
	set(f, &gone, now - DAY, STATUS_REVOKED);
	/* revoked when it was dead: it had died before */
	gone = mint_for(f, "carol", "dead, then revoked", 80, DAY);
	set(f, &gone, now - DAY, STATUS_REVOKED);
	struct token_row held = mint_for(f, "carol", "held", 98, 90 * DAY);
	set(f, &held, now, STATUS_SUSPENDED);

	assert_int_equal(store_tally(f->s, now, &t), MM_OK);
	assert_int_equal(t.live, 4);
	assert_int_equal(t.suspended, 1);
	assert_int_equal(t.within_7, 1);
	assert_int_equal(t.within_30, 2);
	assert_int_equal(t.unused, 3);
	assert_int_equal(t.users, 3);
	int64_t minted = 0, died = 0;
	for (int i = 0; i < TALLY_DAYS; i++) {
		minted += t.minted[i];
		died += t.died[i];
	}
	assert_int_equal(minted, 6);
	assert_int_equal(died, 3);
	assert_int_equal(t.minted[today], 1);
	assert_int_equal(t.minted[today - 1], 1);
	assert_int_equal(t.minted[today - 50], 1);
	assert_int_equal(t.died[today - 40], 1);
	assert_int_equal(t.died[today - 19], 1);
	assert_int_equal(t.died[today - 1], 1);
}

/* To the second: when a token is dead, and within how many days it ends. */
static void test_tally_edges(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int64_t ends; /* from now on */
		int64_t live, within_7, within_30, died;
	} rows[] = {
		{ 0, 0, 0, 0, 1 },	  { 1, 1, 1, 1, 0 },
		{ 7 * DAY, 1, 1, 1, 0 },  { 7 * DAY + 1, 1, 0, 1, 0 },
		{ 30 * DAY, 1, 0, 1, 0 }, { 30 * DAY + 1, 1, 0, 0, 0 },
	};
	int64_t now = T0 + 100 * DAY + 4711;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tally before, t;
		assert_int_equal(store_tally(f->s, now, &before), MM_OK);
		mint_for(f, "alice", "", 95, 5 * DAY + 4711 + rows[i].ends);
		assert_int_equal(store_tally(f->s, now, &t), MM_OK);
		assert_int_equal(t.live - before.live, rows[i].live);
		assert_int_equal(t.within_7 - before.within_7,
				 rows[i].within_7);
		assert_int_equal(t.within_30 - before.within_30,
				 rows[i].within_30);
		assert_int_equal(t.died[TALLY_DAYS - 1] -
					 before.died[TALLY_DAYS - 1],
				 rows[i].died);
	}
}

static void test_picks(void **state)
{
	struct fixture *f = *state;
	int64_t now = T0 + 10 * DAY;
	mint_for(f, "alice", "dead", 0, DAY);
	mint_for(f, "alice", "second", 1, 60 * DAY);
	mint_for(f, "alice", "third", 0, 70 * DAY);
	mint_for(f, "alice", "first", 2, 9 * DAY);
	struct token_row held = mint_for(f, "alice", "held", 3, 30 * DAY);
	set(f, &held, now, STATUS_SUSPENDED);
	const struct {
		enum token_pick pick;
		size_t limit;
		const char *labels;
	} rows[] = { { PICK_EXPIRING, 9, "first second third " },
		     { PICK_EXPIRING, 2, "first second " },
		     { PICK_UNUSED, 9, "third second first " } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct seen seen = { .count = 0 };
		const struct token_query q = { .now = now,
					       .limit = rows[i].limit };
		assert_int_equal(store_pick(f->s, rows[i].pick, &q, see, &seen),
				 MM_OK);
		assert_string_equal(seen.labels, rows[i].labels);
	}
	/* a used one */
	struct token_row t = mint(f, 50 * DAY, 20 * DAY);
	const struct use use = { t.list, t.idx, now };
	size_t n;
	assert_int_equal(store_use(f->s, &use, 1, now, &n), MM_OK);
	struct seen seen = { .count = 0 };
	const struct token_query q = { .now = now, .limit = 9 };
	assert_int_equal(store_pick(f->s, PICK_UNUSED, &q, see, &seen), MM_OK);
	assert_int_equal(seen.count, 3);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(searching), TEST(going_on),    TEST(filters),
		TEST(tally),	 TEST(tally_edges), TEST(picks),
	};
	return cmocka_run_group_tests_name("store_pages", tests, NULL, NULL);
}
