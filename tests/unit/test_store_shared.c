/* test_store_shared.c - two issuers on one store (PostgreSQL), at once: what
 * each does comes behind what the other did. */
#include <pthread.h>
#include <time.h>

#include "common/history.h"
#include "issuer/store_pg.h"
#include "tests/unit/store_fixture.h"

#define ISSUERS 2
#define THREADS 4 /* of each */
#define ROUNDS	25
#define TOKENS	(ISSUERS * THREADS * ROUNDS)

struct worker {
	struct store *s;
	pthread_t thread;
	struct token_row made[ROUNDS];
	size_t full; /* times that there was no more room */
};

struct both {
	struct fixture *f;
	struct store *s[ISSUERS];
	struct worker worker[ISSUERS * THREADS];
};

static void mint_one(struct worker *w, size_t round, int64_t most)
{
	struct token_row *t = &w->made[round];
	struct index_range r;
	*t = (struct token_row){ .iat = T0,
				 .exp = T0 + DAY,
				 .auto_refresh = DAY / 2,
				 .user = "alice",
				 .label = "shared",
				 .kid = "kid00000001",
				 .created_by = "unit",
				 .most = most };
	assert_int_equal(store_reserve(w->s, LIST_AUTO_REFRESH, t->exp, 1, &r),
			 MM_OK);
	t->list = r.list;
	t->idx = r.first;
	enum mm_err e = store_mint(w->s, t);
	if (e == MM_ERR_FORBIDDEN)
		w->full++;
	else
		assert_int_equal(e, MM_OK);
}

/* A mint, a use of it, and for every second one its revocation. */
static void *work(void *arg)
{
	struct worker *w = arg;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct token_row *t = &w->made[i];
		size_t n;
		bool changed;
		mint_one(w, i, 0);
		struct use use = { t->list, t->idx, T0 + 60 };
		assert_int_equal(store_use(w->s, &use, 1, T0 + 60, &n), MM_OK);
		assert_int_equal(n, 1);
		if (i % 2 == 0)
			continue;
		assert_int_equal(store_set_status(w->s, t->list, t->idx,
						  STATUS_REVOKED, &by_unit,
						  &changed),
				 MM_OK);
		assert_true(changed);
	}
	return NULL;
}

static void *fill_room(void *arg)
{
	struct worker *w = arg;
	for (size_t i = 0; i < ROUNDS; i++)
		mint_one(w, i, 10);
	return NULL;
}

static void run_all(struct both *b, void *(*run)(void *))
{
	for (size_t i = 0; i < ISSUERS * THREADS; i++) {
		struct worker *w = &b->worker[i];
		*w = (struct worker){ .s = b->s[i % ISSUERS] };
		assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
	}
	for (size_t i = 0; i < ISSUERS * THREADS; i++)
		pthread_join(b->worker[i].thread, NULL);
}

/* ---- what came of it ---- */

static void no_index_twice(const struct both *b)
{
	static bool seen[TOKENS];
	memset(seen, 0, sizeof seen);
	for (size_t i = 0; i < TOKENS; i++) {
		const struct token_row *t =
			&b->worker[i / ROUNDS].made[i % ROUNDS];
		assert_int_equal(t->list, b->worker[0].made[0].list);
		assert_true(t->idx < TOKENS && !seen[t->idx]);
		seen[t->idx] = true;
	}
}

/* One list and one key are announced, too. */
static void events_without_gaps(struct store *s)
{
	static struct event log[2 * TOKENS];
	char history[HISTORY_SIZE] = "";
	size_t n, renewed = 0, revoked = 0;
	assert_int_equal(store_events(s, LOG_AT(0), 2 * TOKENS, log, &n),
			 MM_OK);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(log[i].seq, i + 1);
		assert_int_equal(history_add(history, &log[i]), MM_OK);
		assert_string_equal(log[i].history, history);
		renewed += log[i].type == EVENT_RENEW;
		revoked += log[i].type == EVENT_STATUS;
	}
	assert_int_equal(renewed, TOKENS);
	assert_int_equal(revoked, (ROUNDS / 2) * ISSUERS * THREADS);
}

struct chain {
	uint64_t lines;
	char digest[AUDIT_DIGEST_SIZE];
};

static void check_line(void *ctx, struct span line)
{
	struct chain *c = ctx;
	char before[64], text[2048];
	assert_true(span_copy(text, sizeof text, line));
	snprintf(before, sizeof before, "\"before\":\"%s\"", c->digest);
	assert_true(c->lines == 0 || strstr(text, before) != NULL);
	assert_int_equal(audit_digest(line, c->digest), MM_OK);
	c->lines++;
}

static void audit_is_one_chain(struct store *s)
{
	const struct audit_query q = { .limit = 4 * TOKENS };
	struct chain c = { .lines = 0 };
	assert_int_equal(store_audit_read(s, &q, check_line, &c), MM_OK);
	assert_int_equal(c.lines, /* and one of the key */
			 1 + TOKENS + (ROUNDS / 2) * ISSUERS * THREADS);
}

static void test_F15_two_issuers_are_as_one(void **state)
{
	struct both *b = *state;
	run_all(b, work);
	no_index_twice(b);
	for (size_t i = 0; i < ISSUERS; i++) {
		events_without_gaps(b->s[i]);
		audit_is_one_chain(b->s[i]);
	}
}

static void test_F15_the_last_place_is_given_once(void **state)
{
	struct both *b = *state;
	size_t full = 0;
	run_all(b, fill_room);
	for (size_t i = 0; i < ISSUERS * THREADS; i++)
		full += b->worker[i].full;
	assert_int_equal(TOKENS - full, 10);
}

/* ---- what one of several comes to, when it is too slow ---- */

#define TOGETHER 4

/* In place of one that takes 10 s.  Of user slow alone. */
static void fail_slow(const char *kind, const char *when, const char *state)
{
	char sql[512];
	snprintf(sql, sizeof sql,
		 "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
		 " $$BEGIN RAISE 'as told' USING ERRCODE = '%s'; END$$;"
		 "CREATE %s TRIGGER fail AFTER INSERT ON token %s FOR EACH ROW"
		 " WHEN (NEW.\"user\" = 'slow') EXECUTE FUNCTION fail()",
		 state, kind, when);
	assert_true(pg_do(sql));
}

struct minter {
	struct fixture *f;
	struct token_row t;
	pthread_t thread;
	enum mm_err e;
};

static void *mint_it(void *arg)
{
	struct minter *m = arg;
	m->e = store_mint(m->f->s, &m->t);
	return NULL;
}

/* Nobody changes anything until PQfinish(). */
static PGconn *hold_head(void)
{
	PGconn *pg = PQconnectdb(pg_address());
	PGresult *r = PQexec(pg, "BEGIN; LOCK mintmark.head");
	assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
	PQclear(r);
	return pg;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* The first waits alone for the head; the others gather behind it, and go into
 * one transaction. */
static void a_slow_one_fails_alone(void **state)
{
	struct both *b = *state;
	struct minter m[1 + TOGETHER];
	for (size_t i = 0; i <= TOGETHER; i++)
		m[i] = (struct minter){ .f = b->f, .t = unminted(b->f, NULL) };
	snprintf(m[2].t.user, sizeof m[2].t.user, "slow");
	fail_slow("", "", "57014");
	PGconn *holder = hold_head();
	for (size_t i = 0; i <= TOGETHER; i++) {
		pthread_create(&m[i].thread, NULL, mint_it, &m[i]);
		pause_ms(200);
	}
	PQfinish(holder);
	for (size_t i = 0; i <= TOGETHER; i++)
		pthread_join(m[i].thread, NULL);
	for (size_t i = 0; i <= TOGETHER; i++)
		assert_int_equal(m[i].e, i == 2 ? MM_ERR_BUSY : MM_OK);
}

/* What the COMMIT came to, somebody between us and the database may not know:
 * then nobody does it again. */
static void a_commit_that_is_unknown(void **state)
{
	static const char *const unknown[] = { "40003", "08007", "57P05" };
	struct both *b = *state;
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		struct token_row t = unminted(b->f, NULL);
		fail_slow("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED",
			  unknown[i]);
		snprintf(t.user, sizeof t.user, "slow");
		assert_int_equal(store_mint(b->f->s, &t), MM_ERR_UNSURE);
		assert_true(pg_do("DROP FUNCTION fail CASCADE"));
		mint(b->f, DAY, 0);
	}
}

/* ---- what is durable ---- */

/* Less than the database itself has for that, a role may have of its own. */
static void test_F16_a_role_does_not_make_less_of_it(void **state)
{
	static const char *const less[] = { "off", "local" };
	(void)state;
	for (size_t i = 0; i < sizeof less / sizeof less[0]; i++) {
		struct conn *c;
		struct why why;
		int64_t one;
		bool on = false;
		char sql[128];
		snprintf(sql, sizeof sql,
			 "ALTER ROLE CURRENT_USER SET synchronous_commit = %s",
			 less[i]);
		assert_true(pg_do(sql));
		assert_int_equal(pg_open(pg_address(), false, &c, &why), MM_OK);
		assert_int_equal(pg_number(pg_of(c),
					   "SELECT 1 WHERE current_setting("
					   "'synchronous_commit') = 'on'",
					   &on, &one),
				 MM_OK);
		pg_close(c);
		assert_true(pg_do(
			"ALTER ROLE CURRENT_USER RESET synchronous_commit"));
		assert_true(on);
	}
}

static int set_up_both(void **state)
{
	struct both *b = calloc(1, sizeof *b);
	struct why why;
	void *f;
	if (set_up(&f) != 0)
		return -1;
	b->f = f;
	b->s[0] = b->f->s;
	assert_int_equal(
		store_open(b->f->path, ISS, no_wake, NULL, &b->s[1], &why),
		MM_OK);
	*state = b;
	return 0;
}

static int tear_down_both(void **state)
{
	struct both *b = *state;
	void *f = b->f;
	store_close(b->s[1]);
	free(b);
	return tear_down(&f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_both, tear_down_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_F15_two_issuers_are_as_one),
		TEST(test_F15_the_last_place_is_given_once),
		TEST(a_slow_one_fails_alone),
		TEST(a_commit_that_is_unknown),
		TEST(test_F16_a_role_does_not_make_less_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
