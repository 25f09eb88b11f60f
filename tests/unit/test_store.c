/* test_store.c - the store's verbs: what lasts, what is refused, what the
 * log says.  Time comes in as an argument, so the sliding rule is tried at
 * its exact seconds. */
#include "common/history.h"
#include "issuer/store_forget.h"
#include "tests/unit/store_fixture.h"

static enum token_status status_of(struct fixture *f, const struct token_row *t)
{
	struct token_row now;
	assert_int_equal(store_get(f->s, t->list, t->idx, &now), MM_OK);
	return now.status;
}

/* Every event so far; they must be numbered 1, 2, 3 ..., and each says to which
 * history it leads from the one before it. */
static size_t events(struct fixture *f, struct event *out, size_t max)
{
	size_t n;
	char history[HISTORY_SIZE] = "";
	assert_int_equal(store_events(f->s, LOG_AT(0), max, out, &n), MM_OK);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(out[i].seq, i + 1);
		assert_int_equal(history_add(history, &out[i]), MM_OK);
		assert_string_equal(out[i].history, history);
	}
	return n;
}

static void a_minted_token_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0), got;
	open_again(f);
	assert_int_equal(store_get(f->s, t.list, t.idx, &got), MM_OK);
	assert_string_equal(got.user, "alice");
	assert_string_equal(got.scope, "a b");
	assert_true(got.has_scope);
	assert_int_equal(got.exp, t.exp);
	assert_int_equal(got.status, TOKEN_VALID);
	assert_int_equal(store_get(f->s, t.list, t.idx + 1, &got),
			 MM_ERR_NOT_FOUND);
}

/* At its exact seconds, and without those that were revoked. */
static void the_newest_token_is_known(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0), later = t, got;
	const struct stamp by = by_unit;
	bool changed;
	assert_int_equal(store_issued_after(f->s, T0, &got), MM_ERR_NOT_FOUND);
	assert_int_equal(store_issued_after(f->s, T0 - 1, &got), MM_OK);
	assert_int_equal(got.idx, t.idx);

	struct index_range r;
	assert_int_equal(store_reserve(f->s, LIST_FIXED, t.exp, 1, &r), MM_OK);
	later.list = r.list;
	later.idx = r.first;
	later.iat = T0 + 5;
	assert_int_equal(store_mint(f->s, &later), MM_OK);
	assert_int_equal(store_issued_after(f->s, T0 - 1, &got), MM_OK);
	assert_int_equal(got.idx, later.idx);
	assert_int_equal(got.iat, T0 + 5);
	open_again(f);
	assert_int_equal(store_issued_after(f->s, T0 + 4, &got), MM_OK);
	assert_int_equal(store_issued_after(f->s, T0 + 5, &got),
			 MM_ERR_NOT_FOUND);
	assert_int_equal(store_set_status(f->s, later.list, later.idx,
					  STATUS_REVOKED, &by, &changed),
			 MM_OK);
	assert_int_equal(store_issued_after(f->s, T0 - 1, &got), MM_OK);
	assert_int_equal(got.idx, t.idx);
}

static void test_A36_an_index_is_given_once(void **state)
{
	struct fixture *f = *state;
	struct index_range a, b;
	assert_int_equal(store_reserve(f->s, LIST_FIXED, T0 + DAY, 10, &a),
			 MM_OK);
	open_again(f); /* what was taken and not used stays taken */
	assert_int_equal(store_reserve(f->s, LIST_FIXED, T0 + DAY, 10, &b),
			 MM_OK);
	assert_int_equal(a.list, b.list);
	assert_int_equal(b.first, a.first + 10);
	/* other kinds and periods have lists of their own */
	assert_int_equal(
		store_reserve(f->s, LIST_AUTO_REFRESH, T0 + DAY, 1, &b), MM_OK);
	assert_int_not_equal(a.list, b.list);
	assert_int_equal(store_reserve(f->s, LIST_FIXED, T0 + 40 * DAY, 1, &b),
			 MM_OK);
	assert_int_not_equal(a.list, b.list);
}

static void a_full_list_is_followed_by_a_new_one(void **state)
{
	struct fixture *f = *state;
	struct index_range a, b;
	assert_int_equal(store_reserve(f->s, LIST_FIXED, T0 + DAY,
				       LIST_SIZE_MAX - 3, &a),
			 MM_OK);
	assert_int_equal(store_reserve(f->s, LIST_FIXED, T0 + DAY, 8, &b),
			 MM_OK);
	assert_int_equal(b.list, a.list);
	assert_int_equal(b.count, 3); /* never past the end */
	assert_int_equal(store_reserve(f->s, LIST_FIXED, T0 + DAY, 8, &b),
			 MM_OK);
	assert_int_not_equal(b.list, a.list);
	assert_int_equal(b.first, 0);
}

static void test_A36_an_index_is_not_minted_twice(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0);
	assert_int_equal(store_mint(f->s, &t), MM_ERR_GONE);
	t.idx++; /* nor one that was not reserved */
	assert_int_equal(store_mint(f->s, &t), MM_ERR_GONE);
}

static void status_moves_as_it_may(void **state)
{
	static const struct {
		enum status to;
		enum mm_err want;
		bool changed;
	} steps[] = {
		{ STATUS_VALID, MM_OK, false },
		{ STATUS_SUSPENDED, MM_OK, true },
		{ STATUS_SUSPENDED, MM_OK, false },
		{ STATUS_VALID, MM_OK, true },
		{ STATUS_REVOKED, MM_OK, true },
		{ STATUS_REVOKED, MM_OK, false },
		{ STATUS_VALID, MM_ERR_CONFLICT, false },
		{ STATUS_SUSPENDED, MM_ERR_CONFLICT, false },
	};
	struct fixture *f = *state;
	struct event log[64];
	const struct stamp by = by_unit;
	struct token_row t = mint(f, DAY, 0);
	size_t before = events(f, log, 64), changes = 0;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		bool changed = false;
		assert_int_equal(store_set_status(f->s, t.list, t.idx,
						  steps[i].to, &by, &changed),
				 steps[i].want);
		assert_int_equal(changed, steps[i].changed);
		changes += changed;
	}
	/* one event a change, and none for what changed nothing */
	assert_int_equal(events(f, log, 64), before + changes);
	assert_int_equal(log[before + changes - 1].type, EVENT_STATUS);
	assert_int_equal(log[before + changes - 1].value, STATUS_REVOKED);
	bool changed;
	assert_int_equal(store_set_status(f->s, t.list, 999, STATUS_REVOKED,
					  &by, &changed),
			 MM_ERR_NOT_FOUND);
}

/* alice pauses hers; the administrator pauses it, too; she cannot undo
 * that. */
static void an_administrators_suspension_stands(void **state)
{
	static const struct {
		const char *by;
		bool admin;
		enum status to;
		enum mm_err want;
	} steps[] = {
		{ "alice (token 1.1)", false, STATUS_SUSPENDED, MM_OK },
		{ "alice (token 1.2)", false, STATUS_VALID, MM_OK },
		{ "alice (token 1.1)", false, STATUS_SUSPENDED, MM_OK },
		{ "al (token 1.3)", false, STATUS_VALID, MM_ERR_FORBIDDEN },
		{ "root (token 1.9)", true, STATUS_SUSPENDED, MM_OK },
		{ "alice (token 1.1)", false, STATUS_SUSPENDED, MM_OK },
		{ "alice (token 1.1)", false, STATUS_VALID, MM_ERR_FORBIDDEN },
		{ "root (token x (token 1.1)", false, STATUS_VALID,
		  MM_ERR_FORBIDDEN },
		{ "root (token 1.9)", true, STATUS_VALID, MM_OK },
	};
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		const struct stamp by = { .by = steps[i].by,
					  .at = T0,
					  .admin = steps[i].admin };
		bool changed;
		assert_int_equal(store_set_status(f->s, t.list, t.idx,
						  steps[i].to, &by, &changed),
				 steps[i].want);
	}
}

/* Let in a moment ago, revoked since: what it asked for is not made. */
static void a_revoked_token_mints_nothing(void **state)
{
	struct fixture *f = *state;
	const struct stamp by = by_unit;
	struct token_row thief = mint(f, DAY, 0), t = thief;
	size_t count;
	take_next(f, &t);
	t.by_list = thief.list;
	t.by_idx = thief.idx;
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	assert_int_equal(store_revoke_user(f->s, "alice", &by, &count), MM_OK);
	take_next(f, &t);
	assert_int_equal(store_mint(f->s, &t), MM_ERR_UNAUTHENTICATED);
	assert_int_equal(store_get(f->s, t.list, t.idx, &t), MM_ERR_NOT_FOUND);
}

/* Taken from the list, but not in this store: given out and lost, for all
 * that anybody knows. */
static void a_new_history_revokes_what_it_does_not_know(void **state)
{
	struct fixture *f = *state;
	struct token_row known = mint(f, DAY, 0), got;
	struct index_range lost, next;
	assert_int_equal(store_reserve(f->s, LIST_FIXED, known.exp, 200, &lost),
			 MM_OK);
	assert_int_equal(lost.list, known.list);
	struct token_row last = known;
	last.idx = lost.first + 4;
	assert_int_equal(store_mint(f->s, &last), MM_OK);
	/* a list without any token here may have had one */
	assert_int_equal(
		store_reserve(f->s, LIST_AUTO_REFRESH, known.exp, 8, &lost),
		MM_OK);
	assert_int_equal(store_begin_history(f->s, 0), MM_OK);

	assert_int_equal(status_of(f, &known), TOKEN_VALID);
	assert_int_equal(status_of(f, &last), TOKEN_VALID);
	for (uint32_t idx = known.idx + 1; idx < last.idx; idx++) {
		assert_int_equal(store_get(f->s, known.list, idx, &got), MM_OK);
		assert_int_equal(got.status, TOKEN_REVOKED);
	}
	assert_int_equal(store_reserve(f->s, LIST_FIXED, known.exp, 8, &next),
			 MM_OK);
	assert_true(next.list > lost.list + 900);
	assert_int_equal(
		store_reserve(f->s, LIST_AUTO_REFRESH, known.exp, 8, &next),
		MM_OK);
	assert_int_not_equal(next.list, lost.list);
}

static void uses_count_by_the_sliding_rule(void **state)
{
	static const struct {
		int64_t at, now;
		size_t want;
	} cases[] = {
		{ T0 - 1, T0 + 50, 0 },	   /* before iat */
		{ T0 + 51, T0 + 50, 0 },   /* the future */
		{ T0 + 40, T0 + 50, 1 },   /* E is now T0 + 140 */
		{ T0 + 40, T0 + 50, 0 },   /* again */
		{ T0 + 39, T0 + 50, 0 },   /* backwards */
		{ T0 + 140, T0 + 150, 0 }, /* at E: it was dead */
		{ T0 + 139, T0 + 150, 1 }, /* the last second, told late */
		{ T0 + 230, T0 + 235, 1 },
	};
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 100), fixed = mint(f, DAY, 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct use u = { t.list, t.idx, cases[i].at };
		size_t accepted = 9;
		assert_int_equal(
			store_use(f->s, &u, 1, cases[i].now, &accepted), MM_OK);
		assert_int_equal(accepted, cases[i].want);
	}
	struct use none[] = { { fixed.list, fixed.idx, T0 + 5 },
			      { 77, 1, T0 + 5 } };
	size_t accepted = 9;
	assert_int_equal(store_use(f->s, none, 2, T0 + 9, &accepted), MM_OK);
	assert_int_equal(accepted, 0);
}

static void a_chain_of_late_uses_counts_in_any_order(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 100);
	struct use uses[] = { { t.list, t.idx, T0 + 270 },
			      { t.list, t.idx, T0 + 90 },
			      { t.list, t.idx, T0 + 180 } };
	size_t accepted;
	assert_int_equal(store_use(f->s, uses, 3, T0 + 300, &accepted), MM_OK);
	assert_int_equal(accepted, 3);
}

static void the_cap_is_never_passed(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, 150, 100);
	struct use uses[] = { { t.list, t.idx, T0 + 90 },
			      { t.list, t.idx, T0 + 149 },
			      { t.list, t.idx, T0 + 150 } };
	size_t accepted;
	assert_int_equal(store_use(f->s, uses, 3, T0 + 200, &accepted), MM_OK);
	assert_int_equal(accepted, 2);
}

static void idle_tokens_are_swept_at_their_second(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 100), fixed = mint(f, DAY, 0);
	size_t done;
	assert_int_equal(store_sweep_tokens(f->s, T0 + 99, 10, &done), MM_OK);
	assert_int_equal(done, 0);
	assert_int_equal(store_sweep_tokens(f->s, T0 + 100, 10, &done), MM_OK);
	assert_int_equal(done, 1);
	assert_int_equal(status_of(f, &t), TOKEN_IDLE);
	assert_int_equal(status_of(f, &fixed), TOKEN_VALID);
	assert_int_equal(store_sweep_tokens(f->s, T0 + 101, 10, &done), MM_OK);
	assert_int_equal(done, 0); /* once is enough */

	/* the report of a use in time was late: it lives again */
	struct use u = { t.list, t.idx, T0 + 99 };
	size_t accepted;
	assert_int_equal(store_use(f->s, &u, 1, T0 + 120, &accepted), MM_OK);
	assert_int_equal(accepted, 1);
	assert_int_equal(status_of(f, &t), TOKEN_VALID);
}

static void test_A36_a_revoked_token_does_not_come_back_by_use(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 100);
	const struct stamp by = by_unit;
	struct use u = { t.list, t.idx, T0 + 5 };
	bool changed;
	size_t accepted;
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_REVOKED,
					  &by, &changed),
			 MM_OK);
	assert_int_equal(store_use(f->s, &u, 1, T0 + 9, &accepted), MM_OK);
	assert_int_equal(accepted, 0);
	assert_int_equal(status_of(f, &t), TOKEN_REVOKED);
}

static void rotation_replaces(void **state)
{
	struct fixture *f = *state;
	struct token_row old = mint(f, DAY, 0), next = old;
	struct index_range r;
	size_t done;
	assert_int_equal(store_reserve(f->s, LIST_FIXED, next.exp, 2, &r),
			 MM_OK);
	next.idx = r.first;
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 60, &next),
			 MM_OK);
	assert_int_equal(status_of(f, &old), TOKEN_VALID);
	struct token_row again = old;
	again.idx = r.first + 1;
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 0, &again),
			 MM_ERR_CONFLICT); /* it is being rotated already */
	assert_int_equal(store_get(f->s, again.list, again.idx, &again),
			 MM_ERR_NOT_FOUND); /* and nothing half-done */
	assert_int_equal(store_sweep_tokens(f->s, T0 + 59, 10, &done), MM_OK);
	assert_int_equal(done, 0);
	assert_int_equal(store_sweep_tokens(f->s, T0 + 60, 10, &done), MM_OK);
	assert_int_equal(done, 1);
	assert_int_equal(status_of(f, &old), TOKEN_REVOKED);
	assert_int_equal(status_of(f, &next), TOKEN_VALID);
}

static void a_list_dies_whole(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0);
	struct replica r = { .seq = 0 };
	int64_t end = list_period_end(t.exp);
	assert_int_equal(store_sweep_lists(f->s, end - 1), MM_OK);
	assert_int_equal(store_load(f->s, &r), MM_ERR_INVALID); /* key "{}" */
	replica_free(&r);
	assert_int_equal(store_sweep_lists(f->s, end), MM_OK);
	struct event log[64];
	size_t n = events(f, log, 64);
	assert_int_equal(log[n - 1].type, EVENT_LIST_DEAD);
	assert_int_equal(log[n - 1].list, t.list);
	assert_int_equal(store_sweep_lists(f->s, end), MM_OK);
	assert_int_equal(events(f, log, 64), n); /* once */
}

/* Deleting an old token must not put an event into the log that nobody who
 * follows could apply. */
static void a_dead_list_has_no_more_events(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0), sliding = mint(f, DAY, 2 * DAY);
	const struct stamp by = { .by = "unit",
				  .at = T0 + 60 * DAY,
				  .admin = true };
	struct use u = { sliding.list, sliding.idx, T0 + 5 };
	struct event log[64];
	bool changed;
	size_t accepted, revoked;
	assert_int_equal(store_sweep_lists(f->s, T0 + 60 * DAY), MM_OK);
	size_t before = events(f, log, 64);
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_REVOKED,
					  &by, &changed),
			 MM_OK);
	assert_true(changed);
	assert_int_equal(store_use(f->s, &u, 1, by.at, &accepted), MM_OK);
	assert_int_equal(store_revoke_user(f->s, "alice", &by, &revoked),
			 MM_OK);
	assert_int_equal(events(f, log, 64), before);
}

static void a_suspended_token_is_not_swept(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 100);
	const struct stamp by = by_unit;
	struct use late = { t.list, t.idx, T0 + 50 };
	bool changed;
	size_t done, accepted;
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_SUSPENDED,
					  &by, &changed),
			 MM_OK);
	assert_int_equal(store_sweep_tokens(f->s, T0 + 100, 10, &done), MM_OK);
	assert_int_equal(store_use(f->s, &late, 1, T0 + 110, &accepted), MM_OK);
	assert_int_equal(status_of(f, &t), TOKEN_SUSPENDED);
}

static void a_pause_does_not_end_an_overlap(void **state)
{
	static const enum status pause[] = { STATUS_SUSPENDED, STATUS_VALID };
	struct fixture *f = *state;
	struct token_row old = mint(f, DAY, 0), next = old;
	const struct stamp by = by_unit;
	struct index_range r;
	bool changed;
	size_t done;
	assert_int_equal(store_reserve(f->s, LIST_FIXED, next.exp, 1, &r),
			 MM_OK);
	next.idx = r.first;
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 60, &next),
			 MM_OK);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(store_set_status(f->s, old.list, old.idx,
						  pause[i], &by, &changed),
				 MM_OK);
	assert_int_equal(store_sweep_tokens(f->s, T0 + 60, 10, &done), MM_OK);
	assert_int_equal(status_of(f, &old), TOKEN_REVOKED);
}

static void test_A36_the_dead_are_not_rotated(void **state)
{
	struct fixture *f = *state;
	struct token_row expired = mint(f, DAY, 0), next = expired;
	struct token_row idle = mint(f, 9 * DAY, 100), after = idle;
	next.idx += 1;
	next.iat = expired.exp;
	next.exp = next.iat + DAY;
	assert_int_equal(
		store_rotate(f->s, expired.list, expired.idx, 0, &next),
		MM_ERR_CONFLICT);
	after.idx += 1;
	after.iat = T0 + 100;
	assert_int_equal(store_rotate(f->s, idle.list, idle.idx, 0, &after),
			 MM_ERR_CONFLICT);
}

static void forgotten_events_are_gone(void **state)
{
	struct fixture *f = *state;
	struct event log[64];
	mint(f, DAY, 0);
	size_t n, done, before = events(f, log, 64);
	assert_int_equal(store_forget_events(f->s, INT64_MAX, 64, &done),
			 MM_OK);
	assert_int_equal(done, before - 1);
	assert_int_equal(store_events(f->s, LOG_AT(0), 64, log, &n),
			 MM_ERR_GONE);
	/* the newest stays, so that who is up to date can go on */
	assert_int_equal(store_events(f->s, LOG_AT(before - 1), 64, log, &n),
			 MM_OK);
	assert_int_equal(n, 1);
	assert_int_equal(store_events(f->s, LOG_AT(before), 64, log, &n),
			 MM_OK);
	assert_int_equal(n, 0);
}

/* And only up to the first that is to be kept, whatever stands behind it. */
static void events_are_forgotten_some_at_once(void **state)
{
	static const size_t want[] = { 3, 1, 0 };
	struct fixture *f = *state;
	struct event log[64];
	size_t n, before;
	for (int i = 0; i < 5; i++) {
		struct token_row t = mint(f, DAY, 100);
		struct use u = { t.list, t.idx, T0 + 5 };
		assert_int_equal(store_use(f->s, &u, 1, T0 + 5, &n), MM_OK);
	}
	before = events(f, log, 64);
	assert_true(others_do(f, "UPDATE event SET at = 5"));
	assert_true(
		others_do(f, "UPDATE event SET at = 10 WHERE seq IN (5, 6)"));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(store_forget_events(f->s, 10, 3, &n), MM_OK);
		assert_int_equal(n, want[i]);
	}
	assert_int_equal(store_events(f->s, LOG_AT(3), 64, log, &n),
			 MM_ERR_GONE);
	assert_int_equal(store_events(f->s, LOG_AT(4), 64, log, &n), MM_OK);
	assert_int_equal(n, before - 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_minted_token_is_there_after_reopening),
		TEST(the_newest_token_is_known),
		TEST(test_A36_an_index_is_given_once),
		TEST(a_full_list_is_followed_by_a_new_one),
		TEST(test_A36_an_index_is_not_minted_twice),
		TEST(status_moves_as_it_may),
		TEST(an_administrators_suspension_stands),
		TEST(a_revoked_token_mints_nothing),
		TEST(a_new_history_revokes_what_it_does_not_know),
		TEST(uses_count_by_the_sliding_rule),
		TEST(a_chain_of_late_uses_counts_in_any_order),
		TEST(the_cap_is_never_passed),
		TEST(idle_tokens_are_swept_at_their_second),
		TEST(test_A36_a_revoked_token_does_not_come_back_by_use),
		TEST(rotation_replaces),
		TEST(a_list_dies_whole),
		TEST(a_dead_list_has_no_more_events),
		TEST(a_suspended_token_is_not_swept),
		TEST(a_pause_does_not_end_an_overlap),
		TEST(test_A36_the_dead_are_not_rotated),
		TEST(forgotten_events_are_gone),
		TEST(events_are_forgotten_some_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
