/* test_store_seen.c - when and where tokens were used last: to the hour, only
 * forward, and seen by nobody who does not look at the token. */
#include "issuer/store_forget.h"
#include "tests/unit/store_fixture.h"

#define HOUR (T0 - 800) /* the one that T0 is in */

static struct sighting seen_at(const struct token_row *t, int64_t at,
			       const char *door, const char *from)
{
	struct sighting s = { .list = t->list, .idx = t->idx, .hour = at };
	door_write(s.door, door);
	snprintf(s.from, sizeof s.from, "%s", from);
	return s;
}

/* How many of them counted: 1 or 0. */
static size_t see(struct fixture *f, const struct token_row *t, int64_t at,
		  const char *door, const char *from)
{
	struct sighting s = seen_at(t, at, door, from);
	size_t accepted = 9;
	assert_int_equal(store_seen(f->s, &s, 1, T0 + DAY, &accepted), MM_OK);
	return accepted;
}

static void expect_seen(struct fixture *f, const struct token_row *t,
			int64_t at, const char *door, const char *from)
{
	struct token_row got;
	assert_int_equal(store_get(f->s, t->list, t->idx, &got), MM_OK);
	assert_int_equal(got.seen_at, at);
	assert_string_equal(got.seen_door, door);
	assert_string_equal(got.seen_from, from);
	assert_int_equal(got.last_use, 0);
}

static void only_forward(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, 90 * DAY, 0);
	expect_seen(f, &t, 0, "", "");
	assert_int_equal(see(f, &t, HOUR + SEEN_GRAIN, "http", "192.0.2.7"), 1);
	expect_seen(f, &t, HOUR + SEEN_GRAIN, "http", "192.0.2.7");
	/* again: a report whose answer was lost */
	assert_int_equal(see(f, &t, HOUR + SEEN_GRAIN, "http", "192.0.2.7"), 0);
	assert_int_equal(see(f, &t, HOUR + SEEN_GRAIN, "http", ""), 0);
	assert_int_equal(see(f, &t, HOUR, "pam:sshd", ""), 0);
	expect_seen(f, &t, HOUR + SEEN_GRAIN, "http", "192.0.2.7");
	assert_int_equal(see(f, &t, HOUR + SEEN_GRAIN, "pam:sshd", ""), 1);
	expect_seen(f, &t, HOUR + SEEN_GRAIN, "pam:sshd", "");
	/* nobody learns the minute, whatever he is told */
	assert_int_equal(see(f, &t, HOUR + 2 * SEEN_GRAIN + 1234, "http", ""),
			 1);
	expect_seen(f, &t, HOUR + 2 * SEEN_GRAIN, "http", "");
}

static void within_its_life(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, 2 * SEEN_GRAIN, 0);
	struct token_row unknown = { .list = t.list, .idx = t.idx + 1 };
	size_t accepted = 9;
	assert_int_equal(see(f, &unknown, HOUR, "http", ""), 0);
	assert_int_equal(see(f, &t, HOUR - SEEN_GRAIN, "http", ""), 0);
	assert_int_equal(see(f, &t, HOUR, "http", ""), 1); /* of its birth */
	assert_int_equal(see(f, &t, HOUR + 2 * SEEN_GRAIN, "http", ""), 1);
	assert_int_equal(see(f, &t, HOUR + 3 * SEEN_GRAIN, "http", ""), 0);
	struct sighting ahead = seen_at(&t, HOUR + SEEN_GRAIN, "verify", "");
	t = mint(f, DAY, 0);
	ahead.idx = t.idx;
	assert_int_equal(
		store_seen(f->s, &ahead, 1, HOUR + SEEN_GRAIN - 1, &accepted),
		MM_OK);
	assert_int_equal(accepted, 0);
	assert_int_equal(
		store_seen(f->s, &ahead, 1, HOUR + SEEN_GRAIN, &accepted),
		MM_OK);
	assert_int_equal(accepted, 1);
}

/* Of each status, whether it is seen; and it stays what it is. */
static void status_stays(void **state)
{
	static const struct {
		enum status to;
		size_t want;
		enum token_status after;
	} cases[] = {
		{ STATUS_SUSPENDED, 1, TOKEN_SUSPENDED }, /* told late */
		{ STATUS_REVOKED, 0, TOKEN_REVOKED },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < 2; i++) {
		struct token_row t = mint(f, DAY, 0), got;
		bool changed;
		assert_int_equal(store_set_status(f->s, t.list, t.idx,
						  cases[i].to, &by_unit,
						  &changed),
				 MM_OK);
		assert_int_equal(see(f, &t, HOUR, "http", ""), cases[i].want);
		assert_int_equal(store_get(f->s, t.list, t.idx, &got), MM_OK);
		assert_int_equal(got.status, cases[i].after);
		assert_int_equal(got.seen_at, cases[i].want ? HOUR : 0);
	}
	/* an auto_refresh token lives no longer by it */
	struct token_row t = mint(f, DAY, 100), got;
	size_t done;
	assert_int_equal(see(f, &t, HOUR, "http", ""), 1);
	assert_int_equal(store_sweep_tokens(f->s, T0 + 100, 10, &done), MM_OK);
	assert_int_equal(done, 1);
	assert_int_equal(see(f, &t, HOUR + SEEN_GRAIN, "http", ""), 1);
	assert_int_equal(store_get(f->s, t.list, t.idx, &got), MM_OK);
	assert_int_equal(got.status, TOKEN_IDLE);
}

static void count_line(void *ctx, struct span line)
{
	(void)line;
	++*(size_t *)ctx;
}

/* How far events and audit are, together. */
static size_t written(struct fixture *f)
{
	const struct audit_query q = { .limit = 100 };
	struct event events[100];
	size_t n, lines = 0;
	assert_int_equal(store_events(f->s, LOG_AT(0), 100, events, &n), MM_OK);
	assert_int_equal(store_audit_read(f->s, &q, count_line, &lines), MM_OK);
	return n + lines;
}

static void nobody_is_told(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0), u = mint(f, DAY, 100);
	size_t before = written(f), accepted;
	assert_true(before > 0);
	struct sighting both[] = { seen_at(&t, HOUR, "http", ""),
				   seen_at(&u, HOUR, "http", "") };
	assert_int_equal(store_seen(f->s, both, 2, T0 + 9, &accepted), MM_OK);
	assert_int_equal(accepted, 2);
	assert_int_equal(written(f), before);
	assert_int_equal(store_seen(f->s, both, 0, T0 + 9, &accepted), MM_OK);
	assert_int_equal(accepted, 0);
}

static void who_was_seen_is_used(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, 90 * DAY, 0);
	struct tally tally;
	assert_int_equal(store_tally(f->s, T0 + 9, &tally), MM_OK);
	assert_int_equal(tally.unused, 1);
	assert_int_equal(see(f, &t, HOUR, "http", ""), 1);
	assert_int_equal(store_tally(f->s, T0 + 9, &tally), MM_OK);
	assert_int_equal(tally.unused, 0);
}

static void addresses_are_forgotten(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0);
	struct token_place at = { 0, 0 };
	size_t done;
	assert_int_equal(see(f, &t, HOUR, "http", "2001:db8::7"), 1);
	open_again(f);
	expect_seen(f, &t, HOUR, "http", "2001:db8::7");
	assert_int_equal(store_forget_addresses(f->s, &at, 9, &done), MM_OK);
	assert_int_equal(done, 1);
	expect_seen(f, &t, HOUR, "http", "");
}

/* Through several lists, and past tokens without one. */
static void addresses_are_forgotten_some_at_once(void **state)
{
	static const size_t want[] = { 2, 2, 1, 0 };
	struct fixture *f = *state;
	struct token_row t[8];
	struct token_place at = { 0, 0 };
	for (int i = 0; i < 8; i++) {
		t[i] = mint(f, DAY, i % 2 ? 100 : 0);
		assert_int_equal(
			see(f, &t[i], HOUR, "http", i < 5 ? "192.0.2.7" : ""),
			1);
	}
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		size_t done;
		assert_int_equal(store_forget_addresses(f->s, &at, 2, &done),
				 MM_OK);
		assert_int_equal(done, want[i]);
	}
	for (int i = 0; i < 8; i++)
		expect_seen(f, &t[i], HOUR, "http", "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_forward),
		TEST(within_its_life),
		TEST(status_stays),
		TEST(nobody_is_told),
		TEST(who_was_seen_is_used),
		TEST(addresses_are_forgotten),
		TEST(addresses_are_forgotten_some_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
