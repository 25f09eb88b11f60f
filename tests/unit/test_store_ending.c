/* test_store_ending.c - tokens near their end, and what was said of it. */
#include "common/ending.h"
#include "tests/unit/store_fixture.h"

#define ROWS_MAX 64

struct found {
	uint32_t idx[ROWS_MAX], list[ROWS_MAX];
	int64_t exp[ROWS_MAX], ends[ROWS_MAX];
	int64_t before;
	size_t count;
};

static void take(void *ctx, const struct token_row *t)
{
	struct found *f = ctx;
	assert_true(f->count < ROWS_MAX);
	f->idx[f->count] = t->idx;
	f->list[f->count] = t->list;
	f->exp[f->count] = t->exp;
	f->ends[f->count++] = ending_for(
		effective_expiry(t->iat, t->exp, t->auto_refresh, t->last_use),
		t->exp, t->auto_refresh, f->before);
}

static struct found ask(struct fixture *f, struct ending_query q)
{
	struct found found = { .before = q.before };
	q.limit = q.limit ? q.limit : ROWS_MAX;
	assert_int_equal(store_ending(f->s, &q, take, &found), MM_OK);
	return found;
}

static size_t count(struct fixture *f, int64_t now, int64_t before)
{
	return ask(f,
		   (struct ending_query){ .now = T0 + now, .before = before })
		.count;
}

static void use(struct fixture *f, const struct token_row *t, int64_t at)
{
	const struct use u = { t->list, t->idx, T0 + at };
	size_t n;
	assert_int_equal(store_use(f->s, &u, 1, T0 + at, &n), MM_OK);
	assert_int_equal(n, 1);
}

static void warned(struct fixture *f, const struct token_row *t, int64_t before)
{
	struct token_row now;
	assert_int_equal(store_get(f->s, t->list, t->idx, &now), MM_OK);
	assert_int_equal(store_warned(f->s, &now, before, "by unit", &by_unit),
			 MM_OK);
}

static int64_t warned_of(struct fixture *f, const struct token_row *t)
{
	struct token_row now;
	assert_int_equal(store_get(f->s, t->list, t->idx, &now), MM_OK);
	return now.warned;
}

static void the_soonest_first(void **state)
{
	struct fixture *f = *state;
	mint(f, 9 * DAY, 0);
	mint(f, 30 * DAY, 0);
	mint(f, 5 * DAY, 0);
	mint(f, 90 * DAY, 20 * DAY); /* its own end, 7 days ahead: yes */
	mint(f, 8 * DAY, 2 * DAY);   /* its limit */
	assert_int_equal(count(f, 0, 7 * DAY), 1);
	assert_int_equal(count(f, 0, 20 * DAY), 3);
	struct found all =
		ask(f, (struct ending_query){ .now = T0, .before = 9 * DAY });
	assert_int_equal(all.count, 3);
	assert_int_equal(all.exp[0], T0 + 5 * DAY);
	assert_int_equal(all.exp[1], T0 + 8 * DAY);
	assert_int_equal(all.exp[2], T0 + 9 * DAY);
	all = ask(f, (struct ending_query){ .now = T0 + DAY + DAY / 2,
					    .before = 9 * DAY + DAY / 2 });
	assert_int_equal(all.count, 3);
	/* half of its window: 10 days; and what has died is not ending */
	all = ask(f, (struct ending_query){ .now = T0 + 11 * DAY,
					    .before = 9 * DAY });
	assert_int_equal(all.count, 1);
	assert_int_equal(all.exp[0], T0 + 90 * DAY);
}

/* Its end, if it is one to speak of. */
static bool is_near(const struct token_row *t, int64_t now, int64_t before)
{
	int64_t dies =
		effective_expiry(t->iat, t->exp, t->auto_refresh, t->last_use);
	int64_t ends = ending_for(dies, t->exp, t->auto_refresh, before);
	return dies > T0 + now && ends <= T0 + now + before;
}

/* Hard limits are found by one index, windows by another: none is left out
 * between them, and none comes twice. */
static void by_whichever_end(void **state)
{
	struct fixture *f = *state;
	struct token_row t[ROWS_MAX];
	size_t n = 0;
	for (int life = 8; life <= 32; life += 8)
		for (int window = 0; window <= life; window += 4) {
			t[n] = mint(f, life * DAY, window * DAY);
			if (window > 4)
				use(f, &t[n], 3 * DAY);
			t[n].last_use = window > 4 ? T0 + 3 * DAY : 0;
			n++;
		}
	for (int64_t now = 3 * DAY; now < 33 * DAY; now += DAY)
		for (int64_t before = DAY; before < 17 * DAY; before += DAY) {
			size_t near = 0;
			for (size_t i = 0; i < n; i++)
				near += is_near(&t[i], now, before);
			assert_int_equal(count(f, now, before), near);
		}
}

static void pages(void **state)
{
	struct fixture *f = *state;
	struct ending_query q = { .now = T0, .before = 3 * DAY, .limit = 4 };
	int64_t last = 0;
	size_t n = 0;
	for (int i = 0; i < 10; i++) {
		mint(f, DAY + i % 3, 0);
		mint(f, DAY + i % 4, DAY / 4);
	}
	for (;;) {
		struct found page = ask(f, q);
		for (size_t i = 0; i < page.count; i++) {
			assert_true(page.ends[i] >= last);
			last = page.ends[i];
		}
		n += page.count;
		if (page.count < 4)
			break;
		q.after_ends = page.ends[3];
		q.after_list = page.list[3];
		q.after_idx = page.idx[3];
	}
	assert_int_equal(n, 20);
}

static void only_those_that_are_missed(void **state)
{
	struct fixture *f = *state;
	bool changed;
	struct token_row t = mint(f, 5 * DAY, 0), next = t;
	struct index_range r;
	assert_int_equal(count(f, 0, 7 * DAY), 1);
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_SUSPENDED,
					  &by_unit, &changed),
			 MM_OK);
	assert_int_equal(count(f, 0, 7 * DAY), 0);
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_VALID,
					  &by_unit, &changed),
			 MM_OK);
	assert_int_equal(count(f, 0, 7 * DAY), 1);
	assert_int_equal(store_reserve(f->s, LIST_FIXED, t.exp, 1, &r), MM_OK);
	next.idx = r.first;
	next.exp = T0 + 50 * DAY;
	assert_int_equal(store_rotate(f->s, t.list, t.idx, DAY, &next), MM_OK);
	assert_int_equal(count(f, 0, 7 * DAY), 0);
	assert_int_equal(ask(f, (struct ending_query){ .now = T0,
						       .before = 60 * DAY,
						       .user = "alice" })
				 .count,
			 1);
	assert_int_equal(ask(f, (struct ending_query){ .now = T0,
						       .before = 60 * DAY,
						       .user = "bob" })
				 .count,
			 0);
}

static size_t unwarned(struct fixture *f, int64_t now, int64_t before)
{
	return ask(f, (struct ending_query){ .now = T0 + now,
					     .before = before,
					     .unwarned = true })
		.count;
}

static void what_was_said_is_not_said_again(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, 15 * DAY, 0);
	mint(f, 7 * DAY, 0); /* too short a life for it */
	assert_int_equal(count(f, DAY, 7 * DAY), 1);
	assert_int_equal(unwarned(f, DAY, 7 * DAY), 0);
	assert_int_equal(unwarned(f, 9 * DAY, 7 * DAY), 1);
	warned(f, &t, 7 * DAY);
	assert_int_equal(warned_of(f, &t), 7 * DAY);
	assert_int_equal(unwarned(f, 9 * DAY, 7 * DAY), 0);
	assert_int_equal(unwarned(f, 9 * DAY, 14 * DAY), 0);
	assert_int_equal(unwarned(f, 14 * DAY + DAY / 2, DAY), 1);
	assert_int_equal(count(f, 9 * DAY, 7 * DAY), 1);
	open_again(f);
	assert_int_equal(unwarned(f, 9 * DAY, 7 * DAY), 0);
}

static void audit_line(void *ctx, struct span line)
{
	assert_true(span_copy(ctx, 1024, line));
}

static void a_warning_is_in_the_audit(void **state)
{
	struct fixture *f = *state;
	char line[1024] = "";
	const struct audit_query q = { .backwards = true, .limit = 1 };
	struct token_row t = mint(f, 15 * DAY, 0);
	warned(f, &t, 7 * DAY);
	assert_int_equal(store_audit_read(f->s, &q, audit_line, line), MM_OK);
	assert_non_null(strstr(line, "\"event\":\"warning.sent\","
				     "\"by\":\"unit\",\"id\":\"1.0\","
				     "\"user\":\"alice\",\"label\":\"test\","
				     "\"detail\":\"by unit\","));
}

static void a_use_that_moves_the_end_begins_anew(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, 300 * DAY, 60 * DAY), old;
	warned(f, &t, 14 * DAY);
	assert_int_equal(store_get(f->s, t.list, t.idx, &old), MM_OK);
	use(f, &t, 50 * DAY);
	assert_int_equal(warned_of(f, &t), 0);
	/* what was said meanwhile was said of the end that it had */
	assert_int_equal(store_warned(f->s, &old, 7 * DAY, "late", &by_unit),
			 MM_OK);
	assert_int_equal(warned_of(f, &t), 0);
}

static void a_use_does_not_move_the_limit(void **state)
{
	struct fixture *f = *state;
	struct token_row week = mint(f, 20 * DAY, 7 * DAY);
	struct token_row month = mint(f, 40 * DAY, 30 * DAY);
	use(f, &week, 6 * DAY);
	warned(f, &week, 14 * DAY);
	use(f, &week, 7 * DAY);
	use(f, &week, 13 * DAY);
	assert_int_equal(warned_of(f, &week), 14 * DAY);

	use(f, &month, 9 * DAY); /* it ends a day before its limit */
	warned(f, &month, 7 * DAY);
	use(f, &month, 34 * DAY); /* now at it, and as near */
	assert_int_equal(warned_of(f, &month), 7 * DAY);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_soonest_first),
		T(by_whichever_end),
		T(pages),
		T(only_those_that_are_missed),
		T(what_was_said_is_not_said_again),
		T(a_warning_is_in_the_audit),
		T(a_use_that_moves_the_end_begins_anew),
		T(a_use_does_not_move_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
