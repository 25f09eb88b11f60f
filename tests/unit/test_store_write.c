/* test_store_write.c - what becomes of changes that were to go into one
 * transaction, when the database takes too long for each. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <unistd.h>

#include "common/clock.h"
#include "issuer/store_internal.h"

#define TOGETHER 3

int64_t __real_clock_ms(void), __wrap_clock_ms(void);

static int64_t took; /* milliseconds, by the database */

int64_t __wrap_clock_ms(void)
{
	return __real_clock_ms() + took;
}

/* ---- a database that fails one change, and takes its time ---- */

static enum mm_err failing; /* the transaction under way */

static enum mm_err good(struct conn *c)
{
	(void)c;
	return MM_OK;
}

static enum mm_err keep(struct conn *c, enum mm_err e)
{
	(void)c;
	return e;
}

static enum mm_err commit(struct conn *c)
{
	(void)c;
	return failing;
}

static void rollback(struct conn *c)
{
	(void)c;
	failing = MM_OK;
}

static enum again again(struct conn *c, bool together)
{
	(void)c;
	if (!together)
		took += 31000;
	return together ? AGAIN_APART : AGAIN_NEVER;
}

static const char *trouble(struct conn *c)
{
	(void)c;
	return "as told";
}

static const struct database slow_database = { .begin = good,
					       .part_begin = good,
					       .part_end = keep,
					       .commit = commit,
					       .rollback = rollback,
					       .again = again,
					       .trouble = trouble };

/* ---- changes ---- */

struct changing {
	struct store *s;
	enum mm_err fails, result;
	size_t ran;
	pthread_t thread;
};

static enum mm_err change(struct conn *c, void *changing)
{
	struct changing *g = changing;
	(void)c;
	g->ran++;
	if (g->fails != MM_OK)
		failing = g->fails;
	return MM_OK;
}

static size_t queued(struct store *s)
{
	size_t n = 0;
	pthread_mutex_lock(&s->lock);
	for (const struct job *j = s->first; j != NULL; j = j->next)
		n++;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static atomic_bool gathers;

static enum mm_err until_all_wait(struct conn *c, void *store)
{
	(void)c;
	gathers = true;
	while (queued(store) < TOGETHER)
		usleep(1000);
	return MM_OK;
}

static void *gather(void *store)
{
	(void)!store_write(store, until_all_wait, store);
	return NULL;
}

static void *make_it(void *changing)
{
	struct changing *g = changing;
	g->result = store_write(g->s, change, g);
	return NULL;
}

static void no_wake(void *ctx)
{
	(void)ctx;
}

/* Whoever was not tried has not failed as the one before him. */
static void who_is_not_tried_is_told_so(void **state)
{
	struct conn c = { .db = &slow_database, .writes = true };
	struct store s = { .writer = &c, .wake = no_wake };
	struct changing g[TOGETHER] = { { .fails = MM_ERR_UNSURE } };
	struct why why;
	pthread_t first;
	(void)state;
	assert_int_equal(writer_start(&s, &why), MM_OK);
	pthread_create(&first, NULL, gather, &s);
	while (!gathers)
		usleep(1000);
	for (size_t i = 0; i < TOGETHER; i++) {
		g[i].s = &s;
		pthread_create(&g[i].thread, NULL, make_it, &g[i]);
		while (queued(&s) == i)
			usleep(1000);
	}
	for (size_t i = 0; i < TOGETHER; i++) {
		pthread_join(g[i].thread, NULL);
		assert_int_equal(g[i].result,
				 i == 0 ? MM_ERR_UNSURE : MM_ERR_BUSY);
		assert_int_equal(g[i].ran, i == 0 ? 2 : 1); /* together */
	}
	pthread_join(first, NULL);
	writer_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_not_tried_is_told_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
