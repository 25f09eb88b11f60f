/* test_publish_polls.c - whom an issuer holds that hears nothing from its
 * store, and what it says of agents that have more events than it has. */
#include "tests/unit/store_fixture.h"

#include <stdatomic.h>
#include <string.h>

#include "common/clock.h"
#include "issuer/publish_internal.h"

/* ---- what the linker puts in the way ---- */

int64_t __real_clock_ms(void), __wrap_clock_ms(void);
enum mm_err __real_store_events(struct store *, const struct log_place *,
				size_t, struct event *, size_t *);
enum mm_err __wrap_store_events(struct store *, const struct log_place *,
				size_t, struct event *, size_t *);
bool __wrap_store_is_shared(const struct store *);
void __wrap_http_hold(struct http_request *);
void __wrap_http_release(struct http_request *);
const char *__wrap_http_query(const struct http_request *, const char *);
const char *__wrap_http_request_id(const struct http_request *);
struct why *__wrap_http_why(struct http_request *);
void __wrap_http_set(struct http_request *, const char *, const char *);
enum mm_err __wrap_http_problem(struct http_request *, enum mm_err,
				const struct why *);
enum mm_err __wrap_http_reply_shared(struct http_request *, unsigned,
				     struct http_body *);

static _Atomic int64_t away; /* milliseconds so far */
static _Atomic bool silent, falls_silent, is_shared;
static atomic_int held, released, waiting;
static _Atomic enum mm_err answer; /* the last one's */
static struct newest newest;
static struct why said;

int64_t __wrap_clock_ms(void)
{
	return __real_clock_ms() + away;
}

/* Whoever asks a silent one waits, and is counted.  It may fall silent when it
 * has given what is new. */
enum mm_err __wrap_store_events(struct store *s, const struct log_place *at,
				size_t max, struct event *out, size_t *count)
{
	for (bool counted = false; silent; counted = true) {
		waiting += !counted;
		usleep(1000);
	}
	enum mm_err e = __real_store_events(s, at, max, out, count);
	if (falls_silent && *count != 0)
		silent = true;
	return e;
}

bool __wrap_store_is_shared(const struct store *s)
{
	(void)s;
	return is_shared;
}

void __wrap_http_hold(struct http_request *rq)
{
	(void)rq;
	held++;
}

void __wrap_http_release(struct http_request *rq)
{
	(void)rq;
	released++;
}

const char *__wrap_http_query(const struct http_request *rq, const char *name)
{
	(void)rq;
	return strcmp(name, "epoch") == 0 ? newest.epoch : NULL;
}

const char *__wrap_http_request_id(const struct http_request *rq)
{
	(void)rq;
	return "unit";
}

struct why *__wrap_http_why(struct http_request *rq)
{
	(void)rq;
	return &said;
}

void __wrap_http_set(struct http_request *rq, const char *name,
		     const char *value)
{
	(void)rq;
	(void)name;
	(void)value;
}

enum mm_err __wrap_http_problem(struct http_request *rq, enum mm_err e,
				const struct why *why)
{
	(void)rq;
	(void)why;
	return answer = e;
}

enum mm_err __wrap_http_reply_shared(struct http_request *rq, unsigned status,
				     struct http_body *body)
{
	(void)rq;
	(void)status;
	(void)body;
	return answer = MM_OK;
}

/* ---- a mint with a token ---- */

struct polled {
	struct fixture *store;
	struct publisher *p;
	struct signing *signing;
	struct token_row token;
	char keys[256];
};

static int set_up_polled(void **state)
{
	struct polled *f = calloc(1, sizeof *f);
	struct why why = { .text = "" };
	if (f == NULL || set_up((void **)&f->store) != 0)
		return -1;
	*state = f;
	is_shared = false; /* nobody's keys are elsewhere */
	snprintf(f->keys, sizeof f->keys, "%s/keys", f->store->dir);
	const struct keyring_at at = { f->keys, "" };
	f->p = publisher_new((struct publish_ttl){ 30, 60 });
	f->token = mint(f->store, DAY, 0);
	assert_int_equal(keyring_init(at, JWK_ES256, &why), MM_OK);
	assert_int_equal(signing_open(at, f->store->s, &f->signing, &why),
			 MM_OK);
	silent = falls_silent = false;
	held = released = waiting = 0;
	return 0;
}

static void start(struct polled *f, bool shared)
{
	is_shared = shared;
	struct why why = { .text = "" };
	assert_int_equal(publisher_start(f->p, f->store->s, f->signing, &why),
			 MM_OK);
	assert_true(publisher_catch_up(f->p));
	publisher_look(f->p);
	publisher_newest(f->p, &newest);
}

static int tear_down_polled(void **state)
{
	struct polled *f = *state;
	char remove[300];
	silent = falls_silent = false;
	publisher_release(f->p);
	publisher_stop_thread(f->p);
	publisher_free(f->p);
	signing_close(f->signing);
	snprintf(remove, sizeof remove, "rm -r '%s'", f->keys);
	(void)!system(remove);
	tear_down((void **)&f->store);
	free(f);
	return 0;
}

/* ---- and who follows it ---- */

/* From `more` events behind where it stands; the answer that comes at once. */
static enum mm_err poll_it(struct polled *f, uint64_t more)
{
	answer = MM_ERR_INVALID; /* none yet */
	return publisher_feed(f->p, NULL, publisher_seq(f->p) + more, 25);
}

static void fall_silent(void)
{
	silent = true;
	while (waiting == 0)
		usleep(1000);
}

static bool is_released(void)
{
	for (int i = 0; i < 5000 && released == 0; i++)
		usleep(1000);
	return released == 1;
}

/* Longer than it takes to look at those who wait. */
static bool stays_held(void)
{
	usleep(600 * 1000);
	return held == 1 && released == 0;
}

static void test_F14_a_silent_database_lets_go(void **state)
{
	struct polled *f = *state;
	start(f, true);
	assert_int_equal(poll_it(f, 0), MM_OK);
	fall_silent();
	away += 2000;
	assert_true(stays_held()); /* it may speak again */
	away += 4000;
	assert_true(is_released());
	assert_int_equal(answer, MM_ERR_UNAVAILABLE);
	/* nor is anybody held from then on */
	assert_int_equal(poll_it(f, 0), MM_ERR_UNAVAILABLE);
	assert_int_equal(held, 1);
}

/* ---- who needs events that are read from the store ---- */

#define ASKERS 4

struct asker {
	struct publisher *p;
	pthread_t thread;
	atomic_bool answered;
	enum mm_err e;
};

static void *ask(void *asker)
{
	struct asker *a = asker;
	a->e = publisher_feed(a->p, NULL, 0, 25);
	a->answered = true;
	return NULL;
}

/* Of a silent database: one reads it, the others wait for what he reads. */
static void ask_all(struct polled *f, struct asker all[ASKERS])
{
	start(f, true);
	fall_silent();
	for (size_t i = 0; i < ASKERS; i++) {
		all[i] = (struct asker){ .p = f->p };
		pthread_create(&all[i].thread, NULL, ask, &all[i]);
	}
	while (waiting < 2) /* one, and who follows the log */
		usleep(1000);
	usleep(400 * 1000);
}

static size_t answered(struct asker all[ASKERS])
{
	size_t n = 0;
	for (size_t i = 0; i < ASKERS; i++)
		n += all[i].answered;
	return n;
}

static size_t end_all(struct asker all[ASKERS], enum mm_err e)
{
	size_t n = 0;
	silent = false;
	for (size_t i = 0; i < ASKERS; i++) {
		pthread_join(all[i].thread, NULL);
		n += all[i].e == e;
	}
	return n;
}

static void one_reads_for_all(void **state)
{
	struct asker all[ASKERS];
	ask_all(*state, all);
	size_t early = answered(all);
	assert_int_equal(end_all(all, MM_OK), ASKERS);
	assert_int_equal(early, 0);
	assert_int_equal(waiting, 2);
}

static void test_F14_who_reads_it_holds_up_nobody(void **state)
{
	struct asker all[ASKERS];
	ask_all(*state, all);
	away += 2000;
	usleep(400 * 1000); /* it may speak again */
	size_t early = answered(all);
	away += 4000;
	for (int i = 0; i < 2000 && answered(all) < ASKERS - 1; i++)
		usleep(1000);
	size_t soon = answered(all);
	int asked = waiting;
	assert_int_equal(end_all(all, MM_ERR_UNAVAILABLE), ASKERS - 1);
	assert_int_equal(early, 0);
	assert_int_equal(soon, ASKERS - 1);
	assert_int_equal(asked, 2);
}

/* Whoever has heard of them hands them on. */
static void test_F14_events_that_were_heard_are_given(void **state)
{
	struct polled *f = *state;
	start(f, true);
	assert_int_equal(poll_it(f, 0), MM_OK);
	bool changed;
	falls_silent = true;
	assert_int_equal(store_set_status(f->store->s, f->token.list,
					  f->token.idx, STATUS_REVOKED,
					  &by_unit, &changed),
			 MM_OK);
	assert_true(is_released());
	assert_int_equal(answer, MM_OK);
}

/* Nobody else can have changed what is in a file of ours. */
static void test_F14_a_file_of_ours_lets_nobody_go(void **state)
{
	struct polled *f = *state;
	start(f, false);
	assert_int_equal(poll_it(f, 0), MM_OK);
	fall_silent();
	away += 6000;
	assert_true(stays_held());
}

static void test_F14_who_hears_nothing_finds_nobody_ahead(void **state)
{
	struct polled *f = *state;
	start(f, true);
	assert_int_equal(poll_it(f, 1), MM_OK);
	fall_silent();
	away += 6000;
	assert_true(is_released());
	assert_int_equal(answer, MM_ERR_UNAVAILABLE);
	assert_int_equal(poll_it(f, 1), MM_ERR_UNAVAILABLE);
	assert_int_equal(f->p->ahead_at, 0);
}

/* Who follows the log, and has waited, says it. */
static void test_F16_who_hears_all_finds_one_ahead(void **state)
{
	struct polled *f = *state;
	start(f, true);
	assert_int_equal(poll_it(f, 1), MM_OK);
	away += 2500;
	assert_true(publisher_catch_up(f->p));
	assert_true(stays_held());
	assert_int_equal(f->p->ahead_at, 0);
	away += 2500;
	assert_true(is_released());
	assert_int_equal(answer, MM_OK);
	assert_int_not_equal(f->p->ahead_at, 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, set_up_polled, tear_down_polled)
	const struct CMUnitTest tests[] = {
		TEST(test_F14_a_silent_database_lets_go),
		TEST(one_reads_for_all),
		TEST(test_F14_who_reads_it_holds_up_nobody),
		TEST(test_F14_events_that_were_heard_are_given),
		TEST(test_F14_a_file_of_ours_lets_nobody_go),
		TEST(test_F14_who_hears_nothing_finds_nobody_ahead),
		TEST(test_F16_who_hears_all_finds_one_ahead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
