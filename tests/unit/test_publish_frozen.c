/* test_publish_frozen.c - what is signed is dated by when the log was read: an
 * issuer that is frozen anywhere, or whose store does not answer any more,
 * makes nothing old look fresh.
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
	return __real_store_load(s, out);
}

enum mm_err __wrap_store_events(struct store *s, const struct log_place *at,
				size_t max, struct event *out, size_t *count)
{
	asked();
	return __real_store_events(s, at, max, out, count);
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
	store_is_silent = false;
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

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, set_up_frozen, tear_down_frozen)
	const struct CMUnitTest tests[] = {
		TEST(test_F15_what_is_old_says_so),
		TEST(test_F15_frozen_as_it_reads),
		TEST(test_F15_frozen_as_it_begins),
		TEST(test_F14_a_silent_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
