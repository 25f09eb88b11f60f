/* test_publish_crowd.c - a crowd asks for the snapshot while there is news all
 * the time, as it is when a new history has begun. */
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "issuer/publish_internal.h"

#define CROWD 16

enum mm_err __real_signing_jws(const struct jwk *, const char *, struct span,
			       struct buf *, struct why *);
enum mm_err __wrap_signing_jws(const struct jwk *, const char *, struct span,
			       struct buf *, struct why *);

static struct fixture *store;
static struct publisher *p;
static struct token_row token[CROWD + 1];
static atomic_int asking, made, failed;

/* The first is not ready before all have asked; and when one is, there is
 * something that is not in it. */
enum mm_err __wrap_signing_jws(const struct jwk *key, const char *typ,
			       struct span payload, struct buf *out,
			       struct why *why)
{
	const struct token_row *t = &token[made];
	bool changed;
	while (asking < CROWD)
		usleep(1000);
	if (made++ == 0)
		usleep(200000);
	failed += store_set_status(store->s, t->list, t->idx, STATUS_REVOKED,
				   &by_unit, &changed) != MM_OK;
	failed += !publisher_catch_up(p);
	return __real_signing_jws(key, typ, payload, out, why);
}

static void *ask(void *arg)
{
	AUTO_BODY struct http_body *body = NULL;
	(void)arg;
	asking++;
	failed += publisher_snapshot(p, &body, NULL) != MM_OK;
	return NULL;
}

/* The first is too old for those who came later: one more is for all of them,
 * and a third for whom the clock had too late. */
static void all_ask(void)
{
	pthread_t thread[CROWD];
	for (size_t i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ask, NULL),
				 0);
	for (size_t i = 0; i < CROWD; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(failed, 0);
	assert_in_range(made, 1, 3);
}

static void test_a_crowd_is_given_the_same(void **state)
{
	struct why why = { .text = "" };
	struct signing *signing = NULL;
	char keys[256], remove[300];
	store = *state;
	snprintf(keys, sizeof keys, "%s/keys", store->dir);
	const struct keyring_at at = { keys, "" };
	p = publisher_new((struct publish_ttl){ 30, 60 });
	for (size_t i = 0; i <= CROWD; i++)
		token[i] = mint(store, DAY, 0);
	assert_int_equal(keyring_init(at, JWK_ES256, &why), MM_OK);
	assert_int_equal(signing_open(at, store->s, &signing, &why), MM_OK);
	assert_int_equal(publisher_start(p, store->s, signing, &why), MM_OK);
	assert_true(publisher_catch_up(p));
	all_ask();
	publisher_stop_thread(p);
	publisher_free(p);
	signing_close(signing);
	snprintf(remove, sizeof remove, "rm -r '%s'", keys);
	(void)!system(remove);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_crowd_is_given_the_same,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
