/* test_trouble.c - what goes wrong again and again is in the log a few times,
 * and the log says how often it was. */
#include "tests/unit/unit.h"

#include <pthread.h>

#include "common/log.h"
#include "issuer/trouble.h"

/* ---- the log ---- */

void __wrap_log_event(int, const char *, const char *, ...) MM_PRINTF(3, 4);

static unsigned lines;
static char last[256]; /* "EVENT PAIRS" */

void __wrap_log_event(int level, const char *event, const char *fmt, ...)
{
	va_list args;
	(void)level;
	lines++;
	size_t n = (size_t)snprintf(last, sizeof last, "%s ", event);
	va_start(args, fmt);
	vsnprintf(last + n, sizeof last - n, fmt, args);
	va_end(args);
}

/* It is noted so, and the log then says that; NULL: nothing. */
#define NOTE(t, e, now, says)                                                  \
	do {                                                                   \
		const char *says_ = says;                                      \
		last[0] = '\0';                                                \
		trouble_note(t, e, NULL, now);                                 \
		assert_string_equal(last, says_ ? says_ : "");                 \
	} while (0)

/* ---- tests ---- */

static void said_at_once_and_once_a_minute(void **state)
{
	struct trouble t = TROUBLE("it.failed", "it.good");
	(void)state;
	NOTE(&t, MM_OK, 100, NULL);
	NOTE(&t, MM_ERR_UNAVAILABLE, 1000,
	     "it.failed reason=unavailable seconds=0 times=1");
	lines = 0;
	for (int64_t now = 1250; now <= 60750; now += 250)
		trouble_note(&t, MM_ERR_UNAVAILABLE, NULL, now);
	assert_int_equal(lines, 0);
	NOTE(&t, MM_ERR_UNAVAILABLE, 61000,
	     "it.failed reason=unavailable seconds=60 times=241");
	NOTE(&t, MM_ERR_UNAVAILABLE, 61250, NULL);
}

static void over_is_said_once(void **state)
{
	struct trouble t = TROUBLE("it.failed", "it.good");
	(void)state;
	NOTE(&t, MM_ERR_BUSY, 1000, "it.failed reason=busy seconds=0 times=1");
	NOTE(&t, MM_ERR_BUSY, 13000, NULL);
	NOTE(&t, MM_OK, 13250, NULL); /* it may fail again in a moment */
	NOTE(&t, MM_OK, 17999, NULL);
	NOTE(&t, MM_OK, 18000, "it.good seconds=12 times=2");
	NOTE(&t, MM_OK, 18250, NULL);
	NOTE(&t, MM_ERR_BUSY, 19000, "it.failed reason=busy seconds=0 times=1");
}

/* A connection that comes and goes four times a second is no reason to write
 * as often. */
static void in_turns_is_one_trouble(void **state)
{
	struct trouble t = TROUBLE("it.failed", "it.good");
	(void)state;
	lines = 0;
	for (int64_t now = 1000; now < 601000; now += 250)
		trouble_note(&t, now % 500 ? MM_ERR_BUSY : MM_OK, NULL, now);
	assert_int_equal(lines, 10);
}

static void another_reason_is_said_at_once(void **state)
{
	struct trouble t = TROUBLE("it.failed", "it.good");
	(void)state;
	NOTE(&t, MM_ERR_BUSY, 1000, "it.failed reason=busy seconds=0 times=1");
	NOTE(&t, MM_ERR_VERSION, 2000,
	     "it.failed reason=wrong_version seconds=1 times=2");
	NOTE(&t, MM_ERR_BUSY, 3000, NULL);
	NOTE(&t, MM_ERR_VERSION, 4000, NULL);
	NOTE(&t, MM_OK, 9000, "it.good seconds=3 times=4");
	NOTE(&t, MM_ERR_VERSION, 10000,
	     "it.failed reason=wrong_version seconds=0 times=1");
}

static void what_and_why_are_said(void **state)
{
	struct trouble one = TROUBLE_OF("it.failed", "it.good", "tokens");
	struct trouble other = TROUBLE("it.failed", "it.good");
	(void)state;
	NOTE(&one, MM_ERR_BUSY, 1000,
	     "it.failed what=tokens reason=busy seconds=0 times=1");
	NOTE(&one, MM_OK, 6000, "it.good what=tokens seconds=0 times=1");
	trouble_note(&other, MM_ERR_FULL, "no room on %s", 1000);
	assert_string_equal(last, "it.failed reason=storage_full "
				  "detail=no room on %s seconds=0 times=1");
}

static struct trouble shared = TROUBLE("it.failed", "it.good");

static void *meet(void *now)
{
	for (int i = 0; i < 10000; i++)
		trouble_note(&shared, MM_ERR_BUSY, NULL, *(int64_t *)now);
	return NULL;
}

static void several_threads_meet_it(void **state)
{
	int64_t now = 1000;
	pthread_t thread[4];
	(void)state;
	lines = 0;
	for (size_t i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, meet, &now);
	for (size_t i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(lines, 1);
	NOTE(&shared, MM_OK, 6000, "it.good seconds=0 times=40000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said_at_once_and_once_a_minute),
		cmocka_unit_test(over_is_said_once),
		cmocka_unit_test(in_turns_is_one_trouble),
		cmocka_unit_test(another_reason_is_said_at_once),
		cmocka_unit_test(what_and_why_are_said),
		cmocka_unit_test(several_threads_meet_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
