/* test_warn.c - which warnings are due, under which names; and what is
 * remembered of those that failed. */
#include "common/ending.h"
#include "issuer/warn.h"
#include "issuer/warn_tries.h"
#include "tests/unit/unit.h"

#define DAY INT64_C(86400)
#define T0  INT64_C(1790000000)

/* ---- the setting ---- */

static void reads_durations(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		int64_t first, last;
	} good[] = {
		{ "14d 7d 1d", 3, DAY, 14 * DAY },
		{ "1d 2w 7d", 3, DAY, 14 * DAY },
		{ "20s", 1, 20, 20 },
		{ "", 0, 0, 0 },
		{ "8 7 6 5 4 3 2 1", 8, 1, 8 },
	};
	static const char *const bad[] = { " ",	     "14d  7d",
					   "14d ",   "soon",
					   "1d 24h", "9 8 7 6 5 4 3 2 1",
					   "0",	     "-1d" };
	struct warn_before b;
	(void)state;
	for (size_t i = 0; i < ROWS(good); i++) {
		expect(good[i].text, warn_read(good[i].text, &b, NULL), MM_OK);
		assert_int_equal(b.count, good[i].count);
		if (b.count == 0)
			continue;
		assert_int_equal(b.at[0], good[i].first);
		assert_int_equal(b.at[b.count - 1], good[i].last);
	}
	for (size_t i = 0; i < ROWS(bad); i++) {
		struct why why = { .text = "" };
		expect(bad[i], warn_read(bad[i], &b, &why), MM_ERR_INVALID);
		assert_non_null(strstr(why.text, "warn_before"));
	}
}

/* ---- what is due ---- */

/* Days, all but the status; life from T0, now and last_use since T0.  due: the
 * threshold of "14d 7d 1d", 0 none. */
static const struct row {
	const char *what;
	int64_t life, window, last_use, warned, now, due;
	enum token_status status;
	bool rotated;
} rows[] = {
	/* fixed */
	{ "young", 90, 0, 0, 0, 75, 0, 0, 0 },
	{ "at the threshold", 90, 0, 0, 0, 76, 14, 0, 0 },
	{ "said", 90, 0, 0, 14, 80, 0, 0, 0 },
	{ "the next one", 90, 0, 0, 14, 83, 7, 0, 0 },
	{ "the last one", 90, 0, 0, 7, 89, 1, 0, 0 },
	{ "all said", 90, 0, 0, 1, 89, 0, 0, 0 },
	{ "dead", 90, 0, 0, 0, 90, 0, 0, 0 },
	{ "we were down: the nearest alone", 90, 0, 0, 0, 89, 1, 0, 0 },
	{ "down over one", 90, 0, 0, 14, 89, 1, 0, 0 },
	{ "we had thresholds of our own", 90, 0, 0, 10, 81, 0, 0, 0 },

	/* lives that are shorter than a threshold */
	{ "14 days are not warned of at 14", 14, 0, 0, 0, 1, 0, 0, 0 },
	{ "but at 7", 14, 0, 0, 0, 7, 7, 0, 0 },
	{ "15 days are", 15, 0, 0, 0, 1, 14, 0, 0 },
	{ "a day never", 1, 0, 0, 0, 0, 0, 0, 0 },

	/* sliding: its own end, when the window is long enough */
	{ "used lately", 300, 60, 50, 0, 60, 0, 0, 0 },
	{ "unused for 46 of 60 days", 300, 60, 50, 0, 96, 14, 0, 0 },
	{ "not yet", 300, 60, 50, 0, 95, 0, 0, 0 },
	{ "for 53", 300, 60, 50, 14, 103, 7, 0, 0 },
	{ "idle", 300, 60, 50, 0, 110, 0, 0, 0 },
	{ "never used", 300, 60, 0, 0, 46, 14, 0, 0 },
	{ "a window of twice the threshold: no", 300, 28, 0, 0, 15, 0, 0, 0 },
	{ "a day more: yes", 300, 29, 0, 0, 15, 14, 0, 0 },
	{ "then at half of it", 300, 28, 0, 0, 21, 7, 0, 0 },
	{ "a window of a week, used a week ago", 300, 7, 50, 0, 51, 0, 0, 0 },
	{ "its last day", 300, 7, 50, 0, 56, 1, 0, 0 },
	{ "a window of two days: never", 300, 2, 50, 0, 51, 0, 0, 0 },

	/* and its hard limit, like a fixed one's */
	{ "a week, long before", 300, 7, 280, 0, 281, 0, 0, 0 },
	{ "at 14", 300, 7, 285, 0, 286, 14, 0, 0 },
	{ "said, and used on", 300, 7, 290, 14, 290, 0, 0, 0 },
	{ "at 7", 300, 7, 293, 14, 293, 7, 0, 0 },
	{ "at 1", 300, 2, 299, 7, 299, 1, 0, 0 },
	{ "a long window's limit is its end", 300, 60, 280, 0, 286, 14, 0, 0 },

	/* nobody would miss it */
	{ "revoked", 90, 0, 0, 0, 80, 0, TOKEN_REVOKED, 0 },
	{ "suspended", 90, 0, 0, 0, 80, 0, TOKEN_SUSPENDED, 0 },
	{ "swept", 90, 60, 0, 0, 70, 0, TOKEN_IDLE, 0 },
	{ "rotated, in its overlap", 90, 0, 0, 0, 80, 0, 0, true },
};

static struct token_row token_of(const struct row *r)
{
	return (struct token_row){
		.list = 3,
		.idx = 4711,
		.user = "alice",
		.label = "laptop",
		.iat = T0,
		.exp = T0 + r->life * DAY,
		.auto_refresh = r->window * DAY,
		.last_use = r->last_use ? T0 + r->last_use * DAY : 0,
		.warned = r->warned * DAY,
		.status = r->status,
		.revoke_at = r->rotated ? T0 + 85 * DAY : 0,
	};
}

static void which_are_due(void **state)
{
	struct warn_before b;
	(void)state;
	expect("14d 7d 1d", warn_read("14d 7d 1d", &b, NULL), MM_OK);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct token_row t = token_of(&rows[i]);
		int64_t due = warn_due(&b, &t, T0 + rows[i].now * DAY) / DAY;
		if (due != rows[i].due)
			fail_msg("%s: %lld, not %lld", rows[i].what,
				 (long long)due, (long long)rows[i].due);
	}
	struct token_row t = token_of(&rows[1]);
	assert_int_equal(warn_due(&b, &t, T0 + 76 * DAY - 1), 0);
	b.count = 0;
	assert_int_equal(warn_due(&b, &t, T0 + 89 * DAY), 0);
}

/* ---- in which words ---- */

static void a_name_for_each(void **state)
{
	char one[WARN_ID_SIZE], other[WARN_ID_SIZE];
	struct token_row t = token_of(
		&(struct row){ .life = 300, .window = 60, .last_use = 50 });
	(void)state;
	warn_id(&t, 7 * DAY, one);
	assert_string_equal(one, "3.4711-1799504000-604800");
	warn_id(&t, 14 * DAY, other);
	assert_string_not_equal(one, other);
	t.last_use += DAY; /* another end */
	warn_id(&t, 7 * DAY, other);
	assert_string_not_equal(one, other);
	t.last_use -= DAY;
	t.warned = 14 * DAY;
	warn_id(&t, 7 * DAY, other);
	assert_string_equal(one, other);
}

static void says_what_it_is(void **state)
{
	AUTO_BUF struct buf b = buf_new(4096);
	struct token_row t = token_of(
		&(struct row){ .life = 300, .window = 60, .last_use = 50 });
	(void)state;
	expect("writing", warn_write(&t, 7 * DAY, "https://x", T0 + 9, &b),
	       MM_OK);
	assert_string_equal(
		(const char *)done(&b).at,
		"{\"event\":\"token.expires\",\"iss\":\"https://x\","
		"\"iat\":1790000009,\"jti\":\"3.4711-1799504000-604800\","
		"\"id\":\"3.4711\",\"user\":\"alice\",\"label\":\"laptop\","
		"\"model\":\"auto_refresh\","
		"\"expires_at\":\"2027-01-09T14:13:20Z\","
		"\"limit_at\":\"2027-07-18T14:13:20Z\","
		"\"last_used_at\":\"2026-11-10T14:13:20Z\","
		"\"before\":604800}");
}

/* ---- what failed ---- */

static const struct warn_try *failed(struct warn_tries *s,
				     const struct token_row *t, unsigned bits,
				     int64_t at_ms)
{
	const struct warn_try *old = tries_find(s, t, DAY);
	struct warn_try one =
		old ? *old
		    : (struct warn_try){ .list = t->list,
					 .idx = t->idx,
					 .before = DAY,
					 .ends = warn_end(t, DAY) };
	one.done |= bits;
	tries_failed(s, &one, 60, at_ms);
	return tries_find(s, t, DAY);
}

static void pauses_double_up_to_an_hour(void **state)
{
	static const int64_t pauses[] = { 60,  120,  240,  480,
					  960, 1920, 3600, 3600 };
	struct warn_tries s = { .at = NULL };
	struct token_row t = token_of(&rows[0]);
	(void)state;
	assert_null(tries_find(&s, &t, DAY));
	for (size_t i = 0; i < ROWS(pauses); i++)
		assert_int_equal(failed(&s, &t, 1, 5)->next_ms,
				 5 + 1000 * pauses[i]);
	assert_int_equal(s.count, 1);
	assert_int_equal(tries_find(&s, &t, DAY)->done, 1);
	assert_null(tries_find(&s, &t, 7 * DAY)); /* another warning */
	t.exp++;
	assert_null(tries_find(&s, &t, DAY)); /* of another end */
	assert_int_equal(failed(&s, &t, 0, 5)->pause, 60);
	assert_int_equal(s.count, 1);
	tries_drop(&s, &t);
	tries_drop(&s, &t);
	assert_int_equal(s.count, 0);
	tries_free(&s);
}

static void remembers_many_and_forgets_what_is_not_due(void **state)
{
	struct warn_tries s = { .at = NULL };
	struct token_row t = token_of(&rows[0]);
	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		t.idx = i * 7919 % 1000;
		assert_non_null(failed(&s, &t, 0, i * 1000));
	}
	assert_int_equal(s.count, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		t.idx = i;
		assert_int_equal(tries_find(&s, &t, DAY)->idx, i);
	}
	tries_clean(&s, T0); /* all were due */
	assert_int_equal(s.count, 1000);
	for (uint32_t i = 0; i < 500; i++) {
		t.idx = 2 * i;
		assert_non_null(tries_find(&s, &t, DAY));
	}
	t.idx = 7; /* the webhook has it, say */
	failed(&s, &t, 1, 0);
	tries_clean(&s, T0);
	assert_int_equal(s.count, 501);
	for (int64_t look = T0; look < t.exp; look += DAY)
		tries_clean(&s, look);
	assert_int_equal(s.count, 1);
	assert_int_equal(tries_find(&s, &t, DAY)->done, 1);
	tries_clean(&s, t.exp);
	tries_clean(&s, t.exp);
	assert_int_equal(s.count, 0);
	tries_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(which_are_due),
		cmocka_unit_test(a_name_for_each),
		cmocka_unit_test(says_what_it_is),
		cmocka_unit_test(pauses_double_up_to_an_hour),
		cmocka_unit_test(remembers_many_and_forgets_what_is_not_due),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
