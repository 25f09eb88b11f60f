/* test_doctor.c - from where on something is wrong, figures as people read
 * them, and checks that hang or break off. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/doctor_judge.h"
#include "cli/output.h"
#include "common/clock.h"
#include "common/use_format.h"

#define DAY  86400
#define NOW  1790000000
#define MANY 10000000000u

static void test_thresholds(void **state)
{
	(void)state;
	static const struct {
		enum found (*judge)(int64_t);
		int64_t figure;
		enum found want;
	} cases[] = {
		{ judge_clock, 0, FOUND_OK },
		{ judge_clock, 5, FOUND_OK },
		{ judge_clock, -6, FOUND_NOTE },
		{ judge_clock, 60, FOUND_NOTE },
		{ judge_clock, 61, FOUND_WRONG },
		{ judge_clock, -61, FOUND_WRONG },
		{ judge_end, 15 * DAY, FOUND_OK },
		{ judge_end, 14 * DAY, FOUND_NOTE },
		{ judge_end, 3 * DAY, FOUND_WRONG },
		{ judge_end, -1, FOUND_WRONG },
		{ judge_key, 100 * DAY, FOUND_OK },
		{ judge_key, 100 * DAY + 1, FOUND_NOTE },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(cases[i].judge(cases[i].figure),
				 cases[i].want);
	assert_int_equal(judge_news(25, DAY), FOUND_OK);
	assert_int_equal(judge_news(121, DAY), FOUND_WRONG);
	assert_int_equal(judge_news(25, 20), FOUND_WRONG);
	assert_int_equal(judge_room(MANY, 1000), FOUND_OK);
	assert_int_equal(judge_room(MANY, MANY + 1), FOUND_NOTE);
	assert_int_equal(judge_room(511999999, 1000), FOUND_WRONG);
	assert_int_equal(judge_spare(17000000, 500000), FOUND_OK);
	assert_int_equal(judge_spare(16999999, 500000), FOUND_NOTE);
	assert_int_equal(judge_spare(1000000, 500000), FOUND_NOTE);
	assert_int_equal(judge_spare(999999, 500000), FOUND_WRONG);
}

static void test_whose_the_most_is(void **state)
{
	(void)state;
	static const uid_t one[] = { 7 }, folder[] = { 0, 7, 7, 7 },
			   store[] = { 7, 0, 7 }, tie[] = { 3, 4, 4, 3 };
	assert_int_equal(judge_most(one, 1), 0);
	assert_int_equal(judge_most(folder, 4), 1);
	assert_int_equal(judge_most(store, 3), 0);
	assert_int_equal(judge_most(tie, 4), 0);
}

static void test_figures(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *text;
	} times[] = {
		{ -3, "0 s" },	       { 119, "119 s" },
		{ 120, "2 min" },      { 7199, "119 min" },
		{ 7200, "2 h" },       { 2 * DAY - 1, "47 h" },
		{ 2 * DAY, "2 days" }, { INT64_MAX, "106751991167300 days" },
	};
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0.0 kB" },
		{ 1234, "1.2 kB" },
		{ 52000000, "52 MB" },
		{ 3200000000, "3.2 GB" },
		{ 4000000000000000, "4000 TB" },
	};
	char out[JUDGED_SIZE];
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		judge_time(out, times[i].seconds);
		assert_string_equal(out, times[i].text);
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		judge_bytes(out, sizes[i].bytes);
		assert_string_equal(out, sizes[i].text);
	}
}

/* What an agent keeps of one token, with `uses` in its chain. */
struct kept {
	struct use_file_head head;
	struct use_file_token token;
	int64_t at[40000];
};

static struct span pending(struct kept *k, int64_t iat, int64_t exp,
			   int64_t sent, uint32_t uses)
{
	size_t size = offsetof(struct kept, at) + uses * sizeof k->at[0];
	*k = (struct kept){ .head = { .magic = USE_FILE_MAGIC,
				      .seen_at = size },
			    .token = { .count = uses,
				       .iat = iat,
				       .exp = exp,
				       .window = DAY,
				       .sent = sent } };
	return span_of(k, size);
}

static void test_uses(void **state)
{
	(void)state;
	static const struct {
		int64_t iat, exp, sent;
		uint32_t uses;
		struct judged_uses want;
	} cases[] = {
		{ NOW - 100, NOW + DAY, 0, 2, { 2, 1, 0, 0 } },
		{ NOW - DAY - 1, NOW + DAY, 0, 2, { 2, 1, 1, 0 } },
		{ NOW - 9 * DAY, NOW + DAY, NOW - 5, 1, { 1, 1, 0, 0 } },
		{ NOW - 9 * DAY, NOW, 0, 3, { 0, 0, 0, 0 } }, /* its end */
		{ NOW - 9 * DAY, NOW + DAY, 0, 0, { 0, 0, 0, 0 } },
	};
	static struct kept k;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct judged_uses u;
		assert_true(judge_uses(pending(&k, cases[i].iat, cases[i].exp,
					       cases[i].sent, cases[i].uses),
				       NOW, &u));
		assert_int_equal(u.uses, cases[i].want.uses);
		assert_int_equal(u.tokens, cases[i].want.tokens);
		assert_int_equal(u.late, cases[i].want.late);
	}
}

/* Cut anywhere, of another release, or with more uses than there are. */
static void test_damaged_uses(void **state)
{
	(void)state;
	static struct kept k;
	struct judged_uses u;
	struct span whole = pending(&k, NOW - 100, NOW + DAY, 0, 3);
	for (size_t n = 0; n < whole.len; n++)
		assert_false(judge_uses(span_of(whole.at, n), NOW, &u));
	k.token.count++;
	assert_false(judge_uses(whole, NOW, &u));
	k.token.count--;
	k.head.seen_at = sizeof k.head - 1;
	assert_false(judge_uses(whole, NOW, &u));
	k.head.seen_at = whole.len;
	assert_true(judge_uses(whole, NOW, &u));
	k.head.magic[6]++;
	assert_false(judge_uses(whole, NOW, &u));
}

/* By the room that an agent has, also for those whose end has come. */
static void test_room_for_uses(void **state)
{
	(void)state;
	static struct kept k;
	struct judged_uses u;
	assert_true(judge_uses(pending(&k, NOW - 100, NOW + DAY, 0, 10485), NOW,
			       &u));
	assert_int_equal(u.full, 0);
	assert_true(judge_uses(pending(&k, NOW - 100, NOW, 0, 31458), NOW, &u));
	assert_int_equal(u.full, 3);
	assert_int_equal(judge_full(74), FOUND_OK);
	assert_int_equal(judge_full(75), FOUND_NOTE);
	assert_int_equal(judge_full(99), FOUND_WRONG);
}

static void test_listen(void **state)
{
	(void)state;
	char url[JUDGED_URL];
	assert_null(judge_listen("127.0.0.1:9465", "/metrics", url));
	assert_string_equal(url, "http://127.0.0.1:9465/metrics");
	assert_null(judge_listen("[::1]:1", "/x", url));
	assert_string_equal(url, "http://[::1]:1/x");
	assert_string_equal(judge_listen("unix:/run/a.sock", "/x", url),
			    "/run/a.sock");
	assert_string_equal(url, "http://localhost/x");
	assert_string_equal(judge_listen("/run/a.sock", "/x", url),
			    "/run/a.sock");
}

/* ---- running ---- */

static void look_good(const struct doctor *d, const char *arg, json_t *all)
{
	(void)d;
	found(all, FOUND_OK, "good", "%s", arg);
	advise(all, "nothing is to be done where it is well");
	found(all, FOUND_NOTE, "noted", "x");
	advise(all, "do %s", arg);
}

static void look_for_ever(const struct doctor *d, const char *arg, json_t *all)
{
	(void)d, (void)arg, (void)all;
	for (;;)
		pause();
}

static void look_and_die(const struct doctor *d, const char *arg, json_t *all)
{
	(void)d, (void)arg, (void)all;
	kill(getpid(), SIGKILL);
}

/* More than a pipe holds. */
static void look_at_much(const struct doctor *d, const char *arg, json_t *all)
{
	(void)d, (void)arg;
	for (int i = 0; i < 5000; i++)
		found(all, FOUND_OK, "much", "%d of many", i);
}

static void assert_found(const json_t *all, size_t i, const char *check,
			 const char *what, const char *next)
{
	const json_t *f = json_array_get(all, i);
	assert_string_equal(json_text(f, "check", ""), check);
	assert_string_equal(json_text(f, "state", ""), what);
	assert_string_equal(json_text(f, "next", "-"), next);
}

static void test_one_that_hangs_stops_no_other(void **state)
{
	(void)state;
	static const struct doctor_job jobs[] = {
		{ "hangs", look_for_ever, NULL },
		{ "good", look_good, "this" },
		{ "hangs too", look_for_ever, NULL },
		{ "dies", look_and_die, NULL },
		{ "much", look_at_much, NULL },
	};
	struct doctor d = { .mint = false };
	AUTO_JSON json_t *all = json_array();
	int64_t begun = clock_ms();
	doctor_run(&d, jobs, 5, 1500, all);
	assert_in_range(clock_ms() - begun, 1500, 2900); /* not 2 x 1.5 s */
	assert_int_equal(json_array_size(all), 3 + 2 + 5000);
	assert_string_equal(json_text(json_array_get(all, 0), "detail", ""),
			    "no answer within 2 s: what it looks at hangs");
	assert_string_equal(json_text(json_array_get(all, 0), "state", ""),
			    "wrong");
	assert_found(all, 1, "good", "ok", "-");
	assert_found(all, 2, "noted", "note", "do this");
	assert_string_equal(json_text(json_array_get(all, 3), "check", ""),
			    "hangs too");
	assert_string_equal(json_text(json_array_get(all, 4), "detail", ""),
			    "the check broke off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_whose_the_most_is),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_damaged_uses),
		cmocka_unit_test(test_room_for_uses),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_one_that_hangs_stops_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
