/* test_store_audit.c - what the store writes down of each change, in the
 * same transaction, and that nobody takes it out again. */
#include "tests/unit/store_fixture.h"

#define LINES_MAX 64

struct lines {
	char at[LINES_MAX][1024];
	size_t count;
};

static void add(void *ctx, struct span line)
{
	struct lines *l = ctx;
	assert_true(l->count < LINES_MAX);
	assert_true(span_copy(l->at[l->count++], 1024, line));
}

static void read_all(struct fixture *f, struct lines *l)
{
	const struct audit_query q = { .limit = LINES_MAX };
	*l = (struct lines){ .count = 0 };
	assert_int_equal(store_audit_read(f->s, &q, add, l), MM_OK);
}

/* The newest line has this in it. */
static void expect_last(struct fixture *f, const char *part)
{
	const struct audit_query q = { .backwards = true, .limit = 1 };
	struct lines l = { .count = 0 };
	assert_int_equal(store_audit_read(f->s, &q, add, &l), MM_OK);
	assert_int_equal(l.count, 1);
	if (strstr(l.at[0], part) == NULL)
		fail_msg("%s is not in %s", part, l.at[0]);
}

static void every_change_is_written_down(void **state)
{
	struct fixture *f = *state;
	const struct stamp by = { .by = "eve (token 1.9)",
				  .at = T0 + 1,
				  .admin = true,
				  .address = "192.0.2.7",
				  .request = "abc" };
	struct token_row t, next;
	bool changed;
	size_t n;
	expect_last(f, "\"event\":\"key.new\",\"by\":\"unit\","
		       "\"key\":\"kid00000001\"");
	t = mint(f, 90 * DAY, 7 * DAY);
	expect_last(f,
		    "\"event\":\"token.mint\",\"by\":\"unit\",\"id\":\"1.0\","
		    "\"user\":\"alice\",\"key\":\"kid00000001\","
		    "\"label\":\"test\",\"scope\":\"a b\","
		    "\"expires_at\":\"2026-12-20T14:13:20Z\","
		    "\"auto_refresh\":604800,");
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_SUSPENDED,
					  &by, &changed),
			 MM_OK);
	expect_last(f, "\"event\":\"token.suspend\","
		       "\"by\":\"eve (token 1.9)\",\"id\":\"1.0\","
		       "\"user\":\"alice\",\"label\":\"test\","
		       "\"address\":\"192.0.2.7\",\"request\":\"abc\"");
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_VALID,
					  &by, &changed),
			 MM_OK);
	expect_last(f, "\"token.reinstate\"");
	assert_int_equal(store_sweep_tokens(f->s, T0 + 8 * DAY, 9, &n), MM_OK);
	expect_last(f, "\"event\":\"token.idle\",\"by\":\"idle\"");
	assert_int_equal(store_use(f->s,
				   &(struct use){ t.list, t.idx, T0 + 6 * DAY },
				   1, T0 + 8 * DAY, &n),
			 MM_OK);
	expect_last(f, "\"event\":\"token.revive\",\"by\":\"late use\"");

	next = t;
	take_next(f, &next);
	next.iat = T0 + 2;
	next.request = "rotating";
	assert_int_equal(store_rotate(f->s, t.list, t.idx, 0, &next), MM_OK);
	expect_last(f, "\"event\":\"token.revoke\",\"by\":\"unit\","
		       "\"id\":\"1.0\"");
	expect_last(f, "\"request\":\"rotating\"");
	assert_int_equal(store_revoke_user(f->s, "alice", &by, &n), MM_OK);
	expect_last(f, "\"event\":\"token.revoke\","
		       "\"by\":\"eve (token 1.9)\",\"id\":\"1.1\"");

	assert_int_equal(store_key_add(f->s, "kid00000002", "{}", &by), MM_OK);
	assert_int_equal(store_key_signs(f->s, "kid00000002", &by), MM_OK);
	expect_last(f, "\"key.sign\"");
	assert_int_equal(store_key_gone(f->s, "kid00000001", true, &by), MM_OK);
	expect_last(f, "\"event\":\"key.compromise\"");
	assert_int_equal(store_key_gone(f->s, "kid00000002", false, &by),
			 MM_OK);
	expect_last(f, "\"event\":\"key.retire\"");
	assert_int_equal(store_begin_history(f->s, 0), MM_OK);
	expect_last(f, "\"event\":\"store.restore\"");
	assert_int_equal(
		store_audit(f->s,
			    &(struct audit_entry){ .event = "console.sign_in" },
			    &by),
		MM_OK);
	expect_last(f, "\"event\":\"console.sign_in\","
		       "\"by\":\"eve (token 1.9)\"");
}

/* What changes nothing says nothing. */
static void no_change_no_line(void **state)
{
	struct fixture *f = *state;
	struct lines before, after;
	struct token_row t = mint(f, DAY, 0);
	bool changed;
	size_t n;
	assert_int_equal(store_key_signs(f->s, "kid00000001", &by_unit), MM_OK);
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_REVOKED,
					  &by_unit, &changed),
			 MM_OK);
	read_all(f, &before);
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_REVOKED,
					  &by_unit, &changed),
			 MM_OK);
	assert_int_equal(store_revoke_user(f->s, "alice", &by_unit, &n), MM_OK);
	assert_int_equal(store_key_add(f->s, "kid00000001", "{}", &by_unit),
			 MM_OK);
	assert_int_equal(store_key_signs(f->s, "kid00000001", &by_unit), MM_OK);
	assert_int_equal(store_key_signs(f->s, "kid00000009", &by_unit), MM_OK);
	assert_int_equal(store_key_gone(f->s, "kid00000009", true, &by_unit),
			 MM_OK);
	assert_int_equal(store_mint(f->s, &t), MM_ERR_GONE);
	read_all(f, &after);
	assert_int_equal(after.count, before.count);
}

static void the_lines_are_a_chain(void **state)
{
	struct fixture *f = *state;
	struct lines l;
	struct why why = { .text = "" };
	struct audit_chain chain = { 0 };
	mint(f, DAY, 0);
	open_again(f); /* the last line is known again after a start */
	mint(f, DAY, 0);
	read_all(f, &l);
	assert_int_equal(l.count, 3);
	for (size_t i = 0; i < l.count; i++)
		if (audit_chain_take(&chain, span_str(l.at[i]), &why) != MM_OK)
			fail_msg("%s", why.text);
	assert_int_equal(chain.seq, 3);
}

/* If the line cannot be written the change does not happen. */
static void no_line_no_change(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0), more = t, got;
	struct event e[8];
	bool changed;
	size_t before, after;
	assert_int_equal(store_events(f->s, LOG_AT(0), 8, e, &before), MM_OK);
	assert_true(others_do(
		f, pg_address()
			   ? "ALTER TABLE mintmark.audit ADD CHECK (seq < 0)"
			     " NOT VALID"
			   : "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN"
			     " SELECT raise(ABORT, 'no room'); END"));
	take_next(f, &more);
	assert_int_not_equal(store_mint(f->s, &more), MM_OK);
	assert_int_equal(store_get(f->s, more.list, more.idx, &got),
			 MM_ERR_NOT_FOUND);
	assert_int_not_equal(store_set_status(f->s, t.list, t.idx,
					      STATUS_REVOKED, &by_unit,
					      &changed),
			     MM_OK);
	assert_int_equal(store_get(f->s, t.list, t.idx, &got), MM_OK);
	assert_int_equal(got.status, TOKEN_VALID);
	assert_int_not_equal(
		store_key_gone(f->s, "kid00000001", true, &by_unit), MM_OK);
	assert_int_equal(store_events(f->s, LOG_AT(0), 8, e, &after), MM_OK);
	assert_int_equal(before, after);
}

static void nobody_takes_it_out(void **state)
{
	struct fixture *f = *state;
	assert_false(others_do(f, "UPDATE audit SET line = '{}'"));
	assert_false(others_do(f, "DELETE FROM audit"));
	expect_last(f, "\"key.new\"");
}

static void read_in_parts(void **state)
{
	static const struct {
		struct audit_query q;
		size_t count;
		unsigned first;
	} cases[] = {
		{ { .limit = 9 }, 6, 1 },
		{ { .limit = 2 }, 2, 1 },
		{ { .from = 4, .limit = 9 }, 2, 5 },
		{ { .from = 6, .limit = 9 }, 0, 0 },
		{ { .backwards = true, .limit = 9 }, 6, 6 },
		{ { .backwards = true, .from = 3, .limit = 9 }, 2, 2 },
		{ { .text = "KEY.NEW", .limit = 9 }, 1, 1 },
		{ { .text = "\"id\":\"1.3\"", .limit = 9 }, 1, 5 },
		{ { .text = "100%", .limit = 9 }, 0, 0 },
	};
	struct fixture *f = *state;
	for (int i = 0; i < 5; i++)
		mint(f, DAY, 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lines l = { .count = 0 };
		char first[32];
		assert_int_equal(store_audit_read(f->s, &cases[i].q, add, &l),
				 MM_OK);
		assert_int_equal(l.count, cases[i].count);
		snprintf(first, sizeof first, "{\"seq\":%u,", cases[i].first);
		if (l.count != 0)
			assert_memory_equal(l.at[0], first, strlen(first));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_change_is_written_down), TEST(no_change_no_line),
		TEST(the_lines_are_a_chain),	    TEST(no_line_no_change),
		TEST(nobody_takes_it_out),	    TEST(read_in_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
