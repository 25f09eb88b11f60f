/* test_publish_frozen.c - an issuer that is frozen when it has just seen that
 * it follows its store, and wakes an hour later, makes nothing old look fresh.
 */
#include "tests/unit/store_fixture.h"

#include <stdatomic.h>

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

static _Atomic int64_t away; /* seconds so far */
/* This thread, as soon as it has looked how long ago the log was read. */
static _Thread_local bool freezes;
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
	assert_int_equal(publisher_start(f->p, f->store->s, f->signing, &why),
			 MM_OK);
	return 0;
}

static int tear_down_frozen(void **state)
{
	struct frozen *f = *state;
	char remove[300];
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

static enum mm_err batch(struct frozen *f, struct http_body **out)
{
	uint64_t upto;
	return publish_batch(f->p, 0, &upto, out, NULL);
}

static void test_F15_what_is_old_says_so(void **state)
{
	struct frozen *f = *state;
	static enum mm_err (*const make[])(
		struct frozen *, struct http_body **) = { snapshot, list,
							  batch };
	for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) {
		AUTO_BODY struct http_body *body = NULL;
		assert_true(publisher_catch_up(f->p));
		int64_t before = clock_now();
		freezes = true;
		assert_int_equal(make[i](f, &body), MM_OK);
		assert_false(freezes);
		assert_in_range(signed_iat, before, before + 60);
		assert_true(clock_now() >= before + HOUR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_F15_what_is_old_says_so,
						set_up_frozen,
						tear_down_frozen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
