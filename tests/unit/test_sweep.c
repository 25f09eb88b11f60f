/* test_sweep.c - the sweeper's round ends soon, whatever there is to sweep, and
 * says what failed in it. */
#include <stdatomic.h>

#include "common/clock.h"
#include "issuer/newest.h"
#include "issuer/steady.h"
#include "issuer/sweep.h"
#include "tests/unit/store_fixture.h"

/* ---- what the linker puts in the way ---- */

enum mm_err __wrap_store_sweep_tokens(struct store *, int64_t, size_t,
				      size_t *);
void __wrap_signing_finish(struct signing *);
bool __wrap_steady_look(struct steady *, int64_t *);
enum mm_err __wrap_newest_save(const char *, const struct newest *,
			       struct newest *, struct why *);
void __wrap_log_event(int, const char *, const char *, ...) MM_PRINTF(3, 4);

static _Atomic enum mm_err sweeping, keeping;
static atomic_int finished, failed;
static const char *_Atomic awaited;
static char failure[256];

/* There are always more. */
enum mm_err __wrap_store_sweep_tokens(struct store *s, int64_t now, size_t max,
				      size_t *done)
{
	(void)s;
	(void)now;
	*done = max;
	return sweeping;
}

bool __wrap_steady_look(struct steady *s, int64_t *off)
{
	(void)s;
	*off = 0;
	return true;
}

void __wrap_signing_finish(struct signing *s)
{
	(void)s;
	finished++;
}

enum mm_err __wrap_newest_save(const char *data, const struct newest *now,
			       struct newest *said, struct why *why)
{
	(void)data;
	(void)now;
	(void)said;
	return keeping == MM_OK ? MM_OK
				: why_say(why, keeping, NULL, "no room");
}

void __wrap_log_event(int level, const char *event, const char *fmt, ...)
{
	(void)level;
	if (awaited == NULL || strcmp(event, awaited) != 0 || failed != 0)
		return;
	va_list args;
	va_start(args, fmt);
	vsnprintf(failure, sizeof failure, fmt, args);
	va_end(args);
	failed++;
}

/* ---- tests ---- */

/* Sweep until *n is more than 0. */
static void sweep_until(struct fixture *f, const atomic_int *n)
{
	struct why why;
	struct sweeper *sweeper;
	struct sightings *sightings = sightings_new();
	struct refusals *refusals = refusals_new();
	struct publisher *publisher =
		publisher_new((struct publish_ttl){ .feed = 30, .list = 30 });
	const struct sweep_options opt = { .store = f->s,
					   .sightings = sightings,
					   .refusals = refusals,
					   .publisher = publisher,
					   .data = f->dir,
					   .max_life = DAY,
					   .feed_retain = DAY,
					   .keep_addresses = true };
	assert_int_equal(sweeper_start(&opt, &sweeper, &why), MM_OK);
	int64_t until = clock_ms() + 15000;
	while (*n == 0 && clock_ms() < until)
		usleep(10000);
	if (*n == 0)
		_exit(1); /* it does not stop either */
	sweeper_stop(sweeper);
	publisher_free(publisher);
	refusals_free(refusals);
	sightings_free(sightings);
}

/* A million tokens died while no mint ran: a stolen key waits for none. */
static void test_F13_there_is_much_to_sweep(void **state)
{
	finished = 0;
	sweep_until(*state, &finished);
}

static void test_what_failed_is_named(void **state)
{
	sweeping = MM_ERR_BUSY;
	awaited = "sweep.failed";
	failed = 0;
	sweep_until(*state, &failed);
	assert_string_equal(failure,
			    "what=tokens reason=busy seconds=0 times=1");
	sweeping = MM_OK;
}

static void test_what_is_not_kept_says_what_to_do(void **state)
{
	keeping = MM_ERR_FULL;
	awaited = "newest.not_kept";
	failed = 0;
	sweep_until(*state, &failed);
	assert_string_equal(
		failure,
		"reason=storage_full detail=no room: free some room, or mend "
		"the folder"
		" of --data; until then a backup that is put back may not be"
		" known for one seconds=0 times=1");
	keeping = MM_OK;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_F13_there_is_much_to_sweep,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_failed_is_named,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_is_not_kept_says_what_to_do, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
