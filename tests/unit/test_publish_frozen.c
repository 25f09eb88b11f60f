/* test_publish_frozen.c - what is signed is dated by when the log was read: an
 * issuer that is frozen anywhere, or whose store does not answer any more,
 * makes nothing old look fresh.  And of a store that went back it is said so,
 * once, unless a new history begins by itself.
 */
#include "tests/unit/store_fixture.h"

#include <stdatomic.h>
#include <unistd.h>

#include "common/clock.h"
#include "issuer/publish_internal.h"

#define HOUR INT64_C(3600)

/* ---- what the linker puts in the way ---- */

int64_t __real_clock_ms(void), __wrap_clock_ms(void);
int64_t __real_clock_now(void), __wrap_clock_now(void);
enum mm_err __real_signing_jws(const struct jwk *, const char *, struct span,
			       struct buf *, struct why *);
enum mm_err __wrap_signing_jws(const struct jwk *, const char *, struct span,
			       struct buf *, struct why *);
enum mm_err __real_store_load(struct store *, struct replica *);
enum mm_err __wrap_store_load(struct store *, struct replica *);
enum mm_err __real_store_events(struct store *, const struct log_place *,
				size_t, struct event *, size_t *);
enum mm_err __wrap_store_events(struct store *, const struct log_place *,
				size_t, struct event *, size_t *);

static _Atomic int64_t away; /* seconds so far */
/* This thread, as soon as it has looked how long ago the log was read. */
static _Thread_local bool freezes;
/* Whoever reads the store next; from then on, it does not answer.  The second
 * of these says that somebody waits for it. */
static _Atomic bool store_freezes, store_is_silent, waits;
static int64_t signed_iat;

/* The store lacks what was read from it, until it is read anew; and that
 * fails. */
static _Atomic bool lacks, load_fails, is_shared;
static atomic_int loads, fail_first; /* so many of them do not work */

bool __wrap_store_is_shared(const struct store *);

bool __wrap_store_is_shared(const struct store *s)
{
	(void)s;
	return is_shared;
}

int64_t __wrap_clock_ms(void)
{
	int64_t ms = __real_clock_ms() + away * 1000;
	if (freezes)
		away += HOUR;
	freezes = false;
	return ms;
}

int64_t __wrap_clock_now(void)
{
	return __real_clock_now() + away;
}

static void asked(void)
{
	while (store_is_silent) {
		waits = true;
		usleep(1000);
	}
	if (!store_freezes)
		return;
	store_freezes = false;
	store_is_silent = true;
	away += HOUR;
}

enum mm_err __wrap_store_load(struct store *s, struct replica *out)
{
	asked();
	loads++;
	if (load_fails || loads <= fail_first)
		return MM_ERR_UNAVAILABLE;
	lacks = false;
	return __real_store_load(s, out);
}

enum mm_err __wrap_store_events(struct store *s, const struct log_place *at,
				size_t max, struct event *out, size_t *count)
{
	asked();
	return lacks ? MM_ERR_ROLLBACK
		     : __real_store_events(s, at, max, out, count);
}

enum mm_err __wrap_signing_jws(const struct jwk *key, const char *typ,
			       struct span payload, struct buf *out,
			       struct why *why)
{
	const char *iat = strstr((const char *)payload.at, "\"iat\":");
	assert_non_null(iat);
	signed_iat = strtoll(iat + 6, NULL, 10);
	return __real_signing_jws(key, typ, payload, out, why);
}

/* ---- a mint with a token ---- */

struct frozen {
	struct fixture *store;
	struct publisher *p;
	struct signing *signing;
	char keys[256];
	uint32_t list;
};

static int set_up_frozen(void **state)
{
	struct frozen *f = calloc(1, sizeof *f);
	struct why why = { .text = "" };
	if (f == NULL || set_up((void **)&f->store) != 0)
		return -1;
	*state = f;
	snprintf(f->keys, sizeof f->keys, "%s/keys", f->store->dir);
	const struct keyring_at at = { f->keys, "" };
	f->p = publisher_new((struct publish_ttl){ 30, 60 });
	f->list = mint(f->store, DAY, 0).list;
	assert_int_equal(keyring_init(at, JWK_ES256, &why), MM_OK);
	assert_int_equal(signing_open(at, f->store->s, &f->signing, &why),
			 MM_OK);
	store_freezes = store_is_silent = waits = false;
	return 0;
}

static void start(struct frozen *f)
{
	struct why why = { .text = "" };
	assert_int_equal(publisher_start(f->p, f->store->s, f->signing, &why),
			 MM_OK);
}

static int tear_down_frozen(void **state)
{
	struct frozen *f = *state;
	char remove[300];
	store_is_silent = lacks = load_fails = is_shared = false;
	publisher_stop_thread(f->p);
	publisher_free(f->p);
	signing_close(f->signing);
	snprintf(remove, sizeof remove, "rm -r '%s'", f->keys);
	(void)!system(remove);
	tear_down((void **)&f->store);
	free(f);
	return 0;
}

/* ---- and what it signs ---- */

static enum mm_err snapshot(struct frozen *f, struct http_body **out)
{
	return publisher_snapshot(f->p, out, NULL);
}

static enum mm_err list(struct frozen *f, struct http_body **out)
{
	return publisher_list(f->p, f->list, out, NULL);
}

static enum mm_err heartbeat(struct frozen *f, struct http_body **out)
{
	uint64_t upto;
	return publish_batch(f->p, publisher_seq(f->p), &upto, out, NULL);
}

static enum mm_err (*const make[])(struct frozen *,
				   struct http_body **) = { snapshot, list,
							    heartbeat };
#define MAKES (sizeof make / sizeof make[0])

static void test_F15_what_is_old_says_so(void **state)
{
	struct frozen *f = *state;
	start(f);
	for (size_t i = 0; i < MAKES; i++) {
		AUTO_BODY struct http_body *body = NULL;
		assert_true(publisher_catch_up(f->p));
		int64_t before = clock_now();
		freezes = true;
		assert_int_equal(make[i](f, &body), MM_OK);
		assert_false(freezes);
		assert_in_range(signed_iat, before - 60, before + 60);
		assert_true(clock_now() >= before + HOUR);
	}
}

static void wait_for_silence(void)
{
	while (!waits)
		usleep(1000);
}

/* The answer of the store is an hour old when it is taken in. */
static void nothing_is_signed(struct frozen *f)
{
	wait_for_silence();
	for (size_t i = 0; i < MAKES; i++) {
		AUTO_BODY struct http_body *body = NULL;
		assert_int_equal(make[i](f, &body), MM_ERR_UNAVAILABLE);
	}
	store_is_silent = false;
	for (size_t i = 0; i < MAKES; i++) {
		AUTO_BODY struct http_body *body = NULL;
		assert_true(publisher_catch_up(f->p));
		assert_int_equal(make[i](f, &body), MM_OK);
		assert_in_range(signed_iat, clock_now() - 60, clock_now());
	}
}

static void test_F15_frozen_as_it_reads(void **state)
{
	struct frozen *f = *state;
	start(f);
	store_freezes = true;
	nothing_is_signed(f);
}

static void test_F15_frozen_as_it_begins(void **state)
{
	struct frozen *f = *state;
	store_freezes = true;
	start(f);
	nothing_is_signed(f);
}

/* It may be that others go on without us: what we sign until that is noticed
 * (5 s) is as old as what we know. */
static void test_F14_a_silent_store(void **state)
{
	struct frozen *f = *state;
	start(f);
	assert_true(publisher_catch_up(f->p));
	store_is_silent = true;
	wait_for_silence();
	int64_t read_by = clock_now();
	away += 4;
	for (size_t i = 0; i < MAKES; i++) {
		AUTO_BODY struct http_body *body = NULL;
		assert_int_equal(make[i](f, &body), MM_OK);
		assert_in_range(signed_iat, read_by - 2, read_by);
	}
	away += 2;
	nothing_is_signed(f);
}

/* A session that is thrown out as it reads is no reason not to start; a
 * database that is away is. */
static void test_F14_thrown_out_at_the_start(void **state)
{
	struct frozen *f = *state;
	struct why why = { .text = "" };
	fail_first = loads + 3;
	assert_int_equal(publisher_start(f->p, f->store->s, f->signing, &why),
			 MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "cannot read the lists"));
	fail_first = loads + 2;
	start(f);
}

/* ---- a store that goes back ---- */

/* Does the mint look as if it had lost something? */
static bool has_lost(struct frozen *f)
{
	struct publisher_stats st;
	assert_true(publisher_catch_up(f->p));
	publisher_stats(f->p, &st);
	return st.outrun;
}

static int begin_log(FILE **log)
{
	int before = dup(STDERR_FILENO);
	*log = tmpfile();
	assert_non_null(*log);
	dup2(fileno(*log), STDERR_FILENO);
	return before;
}

/* So often was a loss said; `*over`: and that it is over. */
static int times_said(FILE *log, int before, int *over)
{
	char line[4096];
	int n = 0;
	*over = 0;
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(log);
	while (fgets(line, sizeof line, log) != NULL) {
		n += strstr(line, "\"store.went_back\"") != NULL;
		*over += strstr(line, "\"store.whole\"") != NULL;
	}
	fclose(log);
	return n;
}

static void test_F16_it_is_said_once(void **state)
{
	struct frozen *f = *state;
	struct publisher_stats st;
	FILE *log;
	start(f);
	assert_false(has_lost(f));
	int before = begin_log(&log), had = loads;
	load_fails = lacks = true;
	while (loads < had + 3) {
		publisher_wake(f->p);
		usleep(1000);
	}
	publisher_stats(f->p, &st);
	load_fails = false;
	bool lost = has_lost(f), still = has_lost(f);
	int over;
	assert_int_equal(times_said(log, before, &over), 1);
	assert_int_equal(over, 0);
	assert_false(st.outrun); /* it may be there again */
	assert_true(lost && still);
}

/* The newest event, as it was read, or as it is to be read again. */
static bool has_newest(struct frozen *f)
{
	uint64_t seq = publisher_seq(f->p);
	return f->p->recent[seq % RECENT].seq == seq;
}

/* Another history may have others with their numbers. */
static void test_F16_events_of_before_are_forgotten(void **state)
{
	struct frozen *f = *state;
	bool changed;
	start(f);
	assert_false(has_newest(f));
	assert_int_equal(store_set_status(f->store->s, f->list, 0,
					  STATUS_REVOKED, &by_unit, &changed),
			 MM_OK);
	assert_true(publisher_catch_up(f->p));
	assert_true(has_newest(f));
	lacks = true;
	assert_true(publisher_catch_up(f->p));
	assert_false(has_newest(f));
}

/* A database takes over that lacks some: whence the log is read. */
static int take_over(struct frozen *f, FILE **log)
{
	start(f);
	is_shared = true;
	lacks = true;
	return begin_log(log);
}

/* Nobody has to do anything. */
static void test_F16_a_new_history_begins_by_itself(void **state)
{
	struct frozen *f = *state;
	FILE *log;
	int before = take_over(f, &log);
	bool lost = has_lost(f);
	away += 10;
	lost |= has_lost(f);
	assert_int_equal(store_begin_history(f->store->s, 0), MM_OK);
	lost |= has_lost(f);
	away += 60;
	lost |= has_lost(f);
	int over;
	assert_int_equal(times_said(log, before, &over), 0);
	assert_int_equal(over, 0);
	assert_false(lost);
}

static void test_F16_no_new_history_begins(void **state)
{
	struct frozen *f = *state;
	FILE *log;
	int before = take_over(f, &log);
	bool early = has_lost(f);
	/* but nothing is minted from here on: ids would be given twice */
	enum mm_err mints = publisher_check_whole(f->p, NULL);
	away += 16;
	bool lost = has_lost(f);
	atomic_store(&f->p->ahead_at, clock_ms());
	/* then somebody begins one, at whatever issuer */
	assert_int_equal(store_begin_history(f->store->s, 0), MM_OK);
	bool after = has_lost(f);
	int over;
	assert_int_equal(times_said(log, before, &over), 1);
	assert_int_equal(over, 1);
	assert_int_equal(mints, MM_ERR_UNAVAILABLE);
	assert_int_equal(publisher_check_whole(f->p, NULL), MM_OK);
	assert_true(!early && lost && !after);
}

/* A backup was put back under a mint that runs, from before the history that it
 * publishes: the numbers may be higher, the revocations are fewer. */
static void test_F16_an_older_history_is_none_that_follows(void **state)
{
	static const struct {
		const char *change;
		bool lost;
	} rows[] = {
		{ "UPDATE meta SET epoch = 'aa', began = began - 1", true },
		{ "UPDATE meta SET epoch = 'bb', began = began + 2", false },
		{ "UPDATE meta SET epoch = 'cc'", true },
		{ "UPDATE meta SET epoch = 'dd', began = began + 1", false },
	};
	struct frozen *f = *state;
	assert_int_equal(store_begin_history(f->store->s, 0), MM_OK);
	start(f);
	assert_false(has_lost(f));
	for (size_t i = 0; i < ROWS(rows); i++) {
		FILE *log;
		int before = begin_log(&log);
		bool done = others_do(f->store, rows[i].change);
		bool lost = has_lost(f);
		int over;
		assert_int_equal(times_said(log, before, &over), rows[i].lost);
		assert_int_equal(over, i % 2);
		assert_true(done);
		assert_int_equal(lost, rows[i].lost);
	}
}

/* A line of the audit is of one history: without it nothing is said of one. */
static void test_F16_a_new_history_without_its_audit(void **state)
{
	struct frozen *f = *state;
	struct newest was, is;
	start(f);
	publisher_look(f->p);
	publisher_newest(f->p, &was);
	assert_int_not_equal(was.audit.seq, 0);
	assert_true(others_do(f->store, "UPDATE meta SET epoch = 'ee',"
					" began = began + 1"));
	assert_true(others_do(f->store, "ALTER TABLE audit RENAME TO away"));
	assert_true(publisher_catch_up(f->p));
	publisher_look(f->p);
	publisher_newest(f->p, &is);
	assert_string_equal(is.epoch, "ee");
	assert_int_equal(is.audit.seq, 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, set_up_frozen, tear_down_frozen)
	const struct CMUnitTest tests[] = {
		TEST(test_F15_what_is_old_says_so),
		TEST(test_F15_frozen_as_it_reads),
		TEST(test_F15_frozen_as_it_begins),
		TEST(test_F14_a_silent_store),
		TEST(test_F14_thrown_out_at_the_start),
		TEST(test_F16_it_is_said_once),
		TEST(test_F16_events_of_before_are_forgotten),
		TEST(test_F16_a_new_history_begins_by_itself),
		TEST(test_F16_no_new_history_begins),
		TEST(test_F16_an_older_history_is_none_that_follows),
		TEST(test_F16_a_new_history_without_its_audit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
