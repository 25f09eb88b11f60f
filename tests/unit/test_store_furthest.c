/* test_store_furthest.c - a store that goes back under its mint, by nothing but
 * a token: it is seen by the audit. */
#include <pthread.h>
#include <stdatomic.h>

#include "issuer/store_internal.h"
#include "tests/unit/store_fixture.h"

static void lose(struct fixture *f)
{
	assert_true(others_do(
		f, pg_address() ? "ALTER TABLE audit DISABLE TRIGGER USER"
				: "DROP TRIGGER audit_stays"));
	assert_true(others_do(f, "DELETE FROM token WHERE iat ="
				 " (SELECT max(iat) FROM token)"));
	assert_true(others_do(f, "DELETE FROM audit WHERE seq ="
				 " (SELECT max(seq) FROM audit)"));
}

static enum mm_err mint_now(struct fixture *f)
{
	struct token_row t = unminted(f, NULL);
	return store_mint(f->s, &t);
}

/* At once, in the transaction itself; for good, whatever else is written
 * meanwhile; and revoking goes on. */
static void test_F16_nothing_is_minted_behind_a_loss(void **state)
{
	struct fixture *f = *state;
	struct token_row t = mint(f, DAY, 0);
	struct newest now;
	bool changed;
	assert_int_equal(store_look(f->s, &now), MM_OK);
	(void)mint_for(f, "bob", "lost", 1, DAY);
	lose(f);
	assert_int_equal(mint_now(f), MM_ERR_ROLLBACK);
	assert_int_equal(store_look(f->s, &now), MM_ERR_ROLLBACK);
	assert_int_equal(store_set_status(f->s, t.list, t.idx, STATUS_REVOKED,
					  &by_unit, &changed),
			 MM_OK);
	assert_true(changed);
	assert_int_equal(mint_now(f), MM_ERR_ROLLBACK);
	assert_int_equal(store_look(f->s, &now), MM_ERR_ROLLBACK);

	assert_int_equal(store_begin_history(f->s, 0), MM_OK);
	assert_int_equal(mint_now(f), MM_OK);
	assert_int_equal(store_look(f->s, &now), MM_OK);
}

/* What others have made is known from looking alone. */
static void test_F16_what_was_only_seen(void **state)
{
	struct fixture *f = *state;
	struct newest now;
	(void)mint(f, DAY, 0);
	assert_true(others_do(f, "INSERT INTO audit(seq, line) VALUES((SELECT"
				 " max(seq) + 1 FROM audit), '{}')"));
	assert_int_equal(store_look(f->s, &now), MM_OK);
	lose(f);
	assert_int_equal(mint_now(f), MM_ERR_ROLLBACK);
	assert_int_equal(store_look(f->s, &now), MM_ERR_ROLLBACK);
}

/* ---- of several changes in one transaction ---- */

static atomic_bool gathering;

static size_t waiting(struct store *s)
{
	size_t n = 0;
	pthread_mutex_lock(&s->lock);
	for (const struct job *j = s->first; j != NULL; j = j->next)
		n++;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static enum mm_err until_two_wait(struct conn *c, void *store)
{
	(void)c;
	gathering = true;
	while (waiting(store) < 2)
		usleep(1000);
	return MM_OK;
}

static void *gather(void *store)
{
	assert_int_equal(store_write(store, until_two_wait, store), MM_OK);
	return NULL;
}

struct minting {
	struct store *s;
	struct token_row t;
	enum mm_err e;
	pthread_t thread;
};

static void *mint_one(void *arg)
{
	struct minting *m = arg;
	m->e = store_mint(m->s, &m->t);
	return NULL;
}

/* What was done before one that is refused is known as well. */
static void test_F16_a_refusal_hides_no_loss(void **state)
{
	struct fixture *f = *state;
	struct newest now;
	pthread_t first;
	(void)mint(f, DAY, 0);
	assert_int_equal(store_look(f->s, &now), MM_OK);
	struct minting m[2] = { { .s = f->s, .t = unminted(f, NULL) },
				{ .s = f->s, .t = unminted(f, NULL) } };
	m[0].t.iat += 1000;
	m[1].t.kid[0] = 'X'; /* no key of this store */
	gathering = false;
	assert_int_equal(pthread_create(&first, NULL, gather, f->s), 0);
	while (!gathering)
		usleep(1000);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
			pthread_create(&m[i].thread, NULL, mint_one, &m[i]), 0);
		while (i == 0 && waiting(f->s) == 0)
			usleep(1000);
	}
	pthread_join(first, NULL);
	pthread_join(m[0].thread, NULL);
	pthread_join(m[1].thread, NULL);
	assert_int_equal(m[0].e, MM_OK);
	assert_int_equal(m[1].e, MM_ERR_CONFLICT);
	lose(f);
	assert_int_equal(mint_now(f), MM_ERR_ROLLBACK);
}

/* ---- histories ---- */

/* A history begins by a clock that is ahead; a database takes over that does
 * not know of it, and there the next begins by one that is right. */
static void test_F16_a_takeover_by_a_clock_that_is_behind(void **state)
{
	struct fixture *f = *state;
	struct newest first, now;
	char sql[256];
	assert_int_equal(store_newest(f->s, &first), MM_OK);
	assert_int_equal(store_begin_history(f->s, INT64_C(9000000000)), MM_OK);
	assert_int_equal(mint_now(f), MM_OK);
	snprintf(sql, sizeof sql, "UPDATE meta SET epoch = '%s', began = %lld",
		 first.epoch, (long long)first.began);
	assert_true(others_do(f, sql));
	assert_int_equal(mint_now(f), MM_ERR_ROLLBACK);
	assert_int_equal(store_begin_history(f->s, 0), MM_OK);
	assert_int_equal(mint_now(f), MM_OK);
	assert_int_equal(store_look(f->s, &now), MM_OK);
}

/* What was lost is there again. */
static void test_F16_put_back_and_put_back_again(void **state)
{
	struct fixture *f = *state;
	struct newest now;
	(void)mint(f, DAY, 0);
	assert_true(others_do(f, "CREATE TABLE kept AS SELECT * FROM audit"));
	assert_int_equal(store_look(f->s, &now), MM_OK);
	lose(f);
	assert_int_equal(mint_now(f), MM_ERR_ROLLBACK);
	assert_true(others_do(f, "INSERT INTO audit SELECT * FROM kept"
				 " ORDER BY seq DESC LIMIT 1"));
	assert_int_equal(store_look(f->s, &now), MM_OK);
	assert_int_equal(mint_now(f), MM_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_F16_nothing_is_minted_behind_a_loss),
		TEST(test_F16_what_was_only_seen),
		TEST(test_F16_a_refusal_hides_no_loss),
		TEST(test_F16_a_takeover_by_a_clock_that_is_behind),
		TEST(test_F16_put_back_and_put_back_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
