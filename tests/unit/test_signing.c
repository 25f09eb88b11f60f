/* test_signing.c - which keys come into force, and which end is announced,
 * whatever fails meanwhile; and what is said of it. */
#include <errno.h>
#include <sys/file.h>

#include "common/clock.h"
#include "common/fd.h"
#include "issuer/signing.h"
#include "tests/unit/keyring_fixture.h"

static const struct stamp by_unit = { .by = "unit", .at = 1 };

static struct store *store;
static struct signing *signing;

/* ---- what the linker puts in the way ---- */

int __real_faccessat(int, const char *, int, int);
int __wrap_faccessat(int, const char *, int, int);
void __wrap_log_event(int, const char *, const char *, ...) MM_PRINTF(3, 4);

bool __wrap_store_is_shared(const struct store *);

int64_t __real_clock_ms(void), __wrap_clock_ms(void);
enum mm_err __real_store_probe(struct store *);
enum mm_err __wrap_store_probe(struct store *);

static bool looks_fail, is_shared;
static unsigned probes;
static _Atomic int64_t away; /* milliseconds so far */

int64_t __wrap_clock_ms(void)
{
	return __real_clock_ms() + away;
}

enum mm_err __wrap_store_probe(struct store *s)
{
	probes++;
	return __real_store_probe(s);
}

bool __wrap_store_is_shared(const struct store *s)
{
	(void)s;
	return is_shared;
}

int __wrap_faccessat(int folder, const char *name, int mode, int flags)
{
	if (!looks_fail)
		return __real_faccessat(folder, name, mode, flags);
	errno = EIO;
	return -1;
}

static struct {
	const char *event;
	unsigned times;
} log_has[32];

void __wrap_log_event(int level, const char *event, const char *fmt, ...)
{
	size_t i = 0;
	(void)level;
	(void)fmt;
	while (log_has[i].event != NULL && strcmp(log_has[i].event, event) != 0)
		i++;
	log_has[i].event = event;
	log_has[i].times++;
}

/* How often the log has it. */
static unsigned times(const char *event)
{
	for (size_t i = 0; log_has[i].event != NULL; i++)
		if (strcmp(log_has[i].event, event) == 0)
			return log_has[i].times;
	return 0;
}

/* ---- a mint ---- */

static void no_wake(void *ctx)
{
	(void)ctx;
}

static int set_up_mint(void **state)
{
	char path[PATH];
	if (set_up(state) != 0)
		return -1;
	struct fixture *f = made(state);
	looks_fail = is_shared = false;
	probes = 0;
	memset(log_has, 0, sizeof log_has);
	snprintf(path, sizeof path, "%.200s/mintmark.db", f->base);
	return store_open(path, "https://pat.example.org", no_wake, NULL,
			  &store, &f->why) != MM_OK ||
			       signing_open(f->at, store, &signing, &f->why) !=
				       MM_OK
		       ? -1
		       : 0;
}

static int tear_down_mint(void **state)
{
	signing_close(signing);
	store_close(store);
	return tear_down(state);
}

static enum mm_err reload(struct fixture *f)
{
	f->why.text[0] = '\0';
	return signing_reload(signing, NULL, 0, &by_unit, &f->why);
}

static void assert_why(const struct fixture *f, const char *part)
{
	if (strstr(f->why.text, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, f->why.text);
}

static bool is_in_force(const char *kid)
{
	struct jwk *k = signing_key_named(signing, kid);
	bool there = k != NULL;
	jwk_drop(k);
	return there;
}

static bool is_published(const char *kid)
{
	struct key_row rows[STORE_KEYS_MAX];
	size_t count;
	assert_int_equal(store_keys(store, 0, rows, &count), MM_OK);
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].kid, kid) == 0)
			return true;
	return false;
}

/* As somebody who changes the keys has it. */
static int lock_keys(const struct fixture *f)
{
	char path[PATH];
	file_of(path, f, ".", ".lock");
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(lock >= 0);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	return lock;
}

/* A token that lives for an hour. */
static struct token_row mint_by(const char *kid)
{
	int64_t now = clock_now();
	struct token_row t = { .iat = now,
			       .exp = now + 3600,
			       .user = "alice",
			       .created_by = "unit" };
	struct index_range r;
	snprintf(t.kid, sizeof t.kid, "%s", kid);
	assert_int_equal(store_reserve(store, LIST_FIXED, t.exp, 1, &r), MM_OK);
	t.list = r.list;
	t.idx = r.first;
	assert_int_equal(store_mint(store, &t), MM_OK);
	return t;
}

static void lose(const struct fixture *f, const char *state, const char *kid)
{
	char path[PATH];
	key_of(path, f, state, kid);
	assert_int_equal(unlink(path), 0);
}

/* A key that signs no more, whose file is lost, and the last of its three
 * tokens. */
static struct token_row rotate_and_lose(struct fixture *f)
{
	struct keyring_rotation did;
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_int_equal(reload(f), MM_OK);
	for (int i = 0; i < 2; i++)
		mint_by(did.retiring);
	lose(f, "retiring", did.retiring);
	return mint_by(did.retiring);
}

/* As the sweeper has them pass. */
static void pass_seconds(int n)
{
	while (n-- > 0) {
		away += 1000;
		signing_finish(signing);
	}
}

/* ---- tests ---- */

/* Whether a key has a mark cannot be told: then nobody is told to throw one
 * out that nobody has accused. */
static void test_F13_a_look_that_fails_accuses_nobody(void **state)
{
	struct fixture *f = *state;
	looks_fail = true;
	assert_int_equal(reload(f), MM_ERR_IO);
	assert_why(f, "cannot look at");
	assert_int_equal(times("keys.stolen_stays"), 0);
	looks_fail = false;
	assert_int_equal(reload(f), MM_OK);
	assert_false(signing_behind(signing));
}

/* But one who has a mark goes as soon as it can be told. */
static void test_F13_a_look_that_fails_is_repeated(void **state)
{
	struct fixture *f = *state;
	char signer[KID_SIZE];
	signer_of(f, signer);
	put(f, "compromised", signer, "");
	looks_fail = true;
	assert_int_equal(reload(f), MM_ERR_IO);
	looks_fail = false;
	pass_seconds(5);
	assert_false(is_in_force(signer));
	assert_int_equal(times("key.compromised"), 1);
}

/* Another issuer on this store has announced that it was stolen; and the file
 * of one whose tokens live is lost here. */
static void test_F13_a_stolen_key_that_is_published_no_more(void **state)
{
	struct fixture *f = *state;
	char stolen[KID_SIZE];
	const char *told[] = { stolen };
	rotate_and_lose(f);
	signer_of(f, stolen);
	assert_int_equal(reload(f), MM_ERR_CONFLICT);
	assert_int_equal(throw_out(f, stolen, JWK_EDDSA), MM_OK);
	assert_int_equal(store_key_gone(store, stolen, true, &by_unit), MM_OK);
	assert_int_equal(signing_reload(signing, told, 1, &by_unit, &f->why),
			 MM_OK);
	assert_false(is_in_force(stolen));
	assert_int_equal(times("keys.lost"), 1);
}

/* The keys could not be read when the mark of one was heard of that is there,
 * and stays: that holds nothing up. */
static void test_F13_a_mark_that_was_heard_before_the_keys(void **state)
{
	struct fixture *f = *state;
	char path[PATH], signer[KID_SIZE], next[KID_SIZE];
	signer_of(f, signer);
	successor_of(f, next);
	put(f, "next", "odd", "");
	put(f, "compromised", signer, "");
	assert_int_equal(reload(f), MM_ERR_INVALID);
	file_of(path, f, "next", "odd");
	assert_int_equal(unlink(path), 0);
	AUTO_FD int lock = lock_keys(f);
	lose(f, "next", next);
	put(f, "compromised", next, "");
	assert_int_equal(reload(f), MM_OK);
	assert_true(is_in_force(signer));
	assert_int_equal(times("keys.stolen_stays"), 1);
	assert_false(is_published(next));
}

/* Of two that we are told of one is there still: that was said too early, and
 * the other one's end is announced all the same. */
static void test_F13_one_of_two_is_still_there(void **state)
{
	struct fixture *f = *state;
	char signer[KID_SIZE], next[KID_SIZE];
	const char *told[] = { signer, next };
	signer_of(f, signer);
	successor_of(f, next);
	lose(f, "next", next);
	assert_int_equal(signing_reload(signing, told, 2, &by_unit, &f->why),
			 MM_ERR_INVALID);
	assert_why(f, "still in the keyring");
	assert_int_equal(reload(f), MM_OK);
	assert_int_equal(times("key.compromised"), 1);
	assert_false(is_published(next));
	assert_true(is_in_force(signer));
}

/* As many keys are published as may be, and one is retired to make room: the
 * next key, which there is none for until then, does not keep it in. */
static void test_a_next_key_waits_for_room(void **state)
{
	struct fixture *f = *state;
	char kid[KID_SIZE] = "", next[KID_SIZE];
	is_shared = true; /* others have them */
	for (size_t n = 2; n < STORE_KEYS_MAX; n++) {
		snprintf(kid, sizeof kid, "kid%08zu", n);
		assert_int_equal(store_key_add(store, kid, "{}", &by_unit),
				 MM_OK);
	}
	assert_int_equal(keyring_generate(f->at, JWK_EDDSA, next, &f->why),
			 MM_OK);
	assert_int_equal(reload(f), MM_ERR_TOO_LARGE);
	assert_why(f, "End those that nobody needs (mintmark key retire)");
	assert_int_equal(keyring_mark(f->at, kid, KEY_END_RETIRED, &f->why),
			 MM_OK);
	assert_int_equal(reload(f), MM_OK);
	assert_false(is_published(kid) || is_published(next));
	assert_true(signing_behind(signing));
	pass_seconds(5);
	assert_true(is_published(next));
	assert_false(signing_behind(signing));
}

/* Who tells of a key that is none means another one: he hears of it, and what
 * can be done is done. */
static void test_F13_a_kid_that_nobody_knows(void **state)
{
	struct fixture *f = *state;
	char next[KID_SIZE];
	const char *told[] = { "AAAAAAAAAAA", next };
	successor_of(f, next);
	lose(f, "next", next);
	assert_int_equal(signing_reload(signing, told, 2, &by_unit, &f->why),
			 MM_ERR_NOT_FOUND);
	assert_why(f, "AAAAAAAAAAA is no key");
	assert_int_equal(times("key.compromised"), 1);
	assert_false(is_published(next));
	assert_false(signing_behind(signing));
	/* the same command again: it is a former one */
	assert_int_equal(
		signing_reload(signing, told + 1, 1, &by_unit, &f->why), MM_OK);
	assert_int_equal(times("key.compromised"), 1);
}

/* Another issuer on the store has announced it, and it was never here. */
static void test_F13_a_key_that_only_the_store_knows(void **state)
{
	struct fixture *f = *state;
	const char *told[] = { "kid00000001" };
	is_shared = true;
	assert_int_equal(store_key_add(store, told[0], "{}", &by_unit), MM_OK);
	assert_int_equal(signing_reload(signing, told, 1, &by_unit, &f->why),
			 MM_OK);
	assert_int_equal(times("key.compromised"), 1);
	assert_false(is_published(told[0]));
}

static void test_F13_what_is_no_kid(void **state)
{
	static const char *const none[] = { "", "AAAAAAAAAA", "AAAAAAAAAAAA",
					    "AAAAA/AAAAA", "../../../e" };
	struct fixture *f = *state;
	char next[KID_SIZE];
	successor_of(f, next);
	lose(f, "next", next);
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		const char *told[] = { next, none[i] };
		assert_int_equal(
			signing_reload(signing, told, 2, &by_unit, &f->why),
			MM_ERR_INVALID);
		assert_why(f, "is no kid");
		assert_why(f, none[i]);
	}
	assert_int_equal(times("key.compromised"), 0);
}

/* The keys cannot be read, and meanwhile more are said to be stolen than there
 * can be: one too many is not passed over. */
static void test_F13_more_than_there_is_room_for(void **state)
{
	struct fixture *f = *state;
	char kid[KEYRING_MAX * 2][KID_SIZE], next[KID_SIZE], path[PATH];
	const char *told[KEYRING_MAX * 2], *one[] = { next };
	is_shared = true; /* or it would be retired meanwhile */
	for (size_t i = 0; i < KEYRING_MAX * 2; i++) {
		snprintf(kid[i], sizeof kid[i], "kid%08zu", i);
		told[i] = kid[i];
	}
	successor_of(f, next);
	lose(f, "next", next);
	put(f, "next", "odd", "");
	assert_int_equal(signing_reload(signing, told, KEYRING_MAX * 2,
					&by_unit, &f->why),
			 MM_ERR_INVALID);
	file_of(path, f, "next", "odd");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(signing_reload(signing, one, 1, &by_unit, &f->why),
			 MM_ERR_CONFLICT);
	assert_why(f, next);
	assert_true(is_published(next));
	/* none of the others was a key: there is room now */
	assert_int_equal(signing_reload(signing, one, 1, &by_unit, &f->why),
			 MM_OK);
	assert_int_equal(times("key.compromised"), 1);
}

/* Of a key that is neither published nor in force there is nothing to finish,
 * while something else keeps the keys from being read. */
static void test_what_is_done_is_not_tried_again(void **state)
{
	struct fixture *f = *state;
	const char *told[] = { "AAAAAAAAAAA" };
	rotate_and_lose(f);
	assert_int_equal(signing_reload(signing, told, 1, &by_unit, &f->why),
			 MM_ERR_CONFLICT);
	pass_seconds(60);
	assert_int_equal(probes, 0);
}

static void test_F13_tries_that_fail_become_seldom(void **state)
{
	struct fixture *f = *state;
	char path[PATH], next[KID_SIZE];
	const char *told[] = { next };
	successor_of(f, next);
	lose(f, "next", next);
	put(f, "next", "odd", "");
	assert_int_equal(signing_reload(signing, told, 1, &by_unit, &f->why),
			 MM_ERR_INVALID);
	pass_seconds(5);
	assert_int_equal(probes, 1);
	pass_seconds(600);
	assert_in_range(probes, 10, 15);
	assert_int_equal(times("keys.reload_failed"), 0);
	file_of(path, f, "next", "odd");
	assert_int_equal(unlink(path), 0);
	assert_true(is_published(next));
	pass_seconds(60);
	assert_false(is_published(next));
	assert_false(signing_behind(signing));
}

/* The same failure is said once, also where it counts tokens. */
static void test_a_count_is_no_news(void **state)
{
	struct fixture *f = *state;
	char signer[KID_SIZE];
	bool changed;
	struct token_row t = rotate_and_lose(f);
	AUTO_FD int lock = lock_keys(f);
	signer_of(f, signer);
	put(f, "compromised", signer, "");
	assert_int_equal(reload(f), MM_ERR_CONFLICT);
	assert_why(f, "has 3 live tokens and no file");
	assert_int_equal(store_set_status(store, t.list, t.idx, STATUS_REVOKED,
					  &by_unit, &changed),
			 MM_OK);
	pass_seconds(5);
	assert_int_equal(times("keys.reload_failed"), 0);
	put(f, "next", "odd", "");
	pass_seconds(10);
	assert_int_equal(times("keys.reload_failed"), 1);
}

/* What stays as it is, while it is tried again, is not said again; but what has
 * become another thing is. */
static void test_what_waits_is_said_once(void **state)
{
	struct fixture *f = *state;
	char signer[KID_SIZE];
	signer_of(f, signer);
	is_shared = true;
	assert_int_equal(store_key_add(store, "kid00000001", "{}", &by_unit),
			 MM_OK);
	put(f, "..", "mintmark-keys", "correct horse, battery staple\n");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->base, 1), 0);
	AUTO_FD int lock = lock_keys(f);
	put(f, "compromised", signer, "");
	assert_int_equal(reload(f), MM_OK);
	const unsigned loaded = times("keys.loaded");
	assert_int_equal(times("keys.plain"), 2);
	pass_seconds(20);
	assert_int_equal(probes, 0);
	assert_int_equal(times("keys.loaded"), loaded);
	assert_int_equal(times("keys.plain"), 2);
	assert_int_equal(times("keys.elsewhere"), 1);
	assert_int_equal(times("keys.stolen_stays"), 1);
	assert_int_equal(store_key_add(store, "kid00000002", "{}", &by_unit),
			 MM_OK);
	pass_seconds(5);
	assert_int_equal(times("keys.elsewhere"), 2);
	assert_int_equal(flock(lock, LOCK_UN), 0);
	pass_seconds(5);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_false(is_in_force(signer));
	assert_int_equal(times("keys.loaded"), loaded + 1);
	assert_int_equal(times("keys.elsewhere"), 2);
}

#define M(fn) cmocka_unit_test_setup_teardown(fn, set_up_mint, tear_down_mint)

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_F13_a_look_that_fails_accuses_nobody),
		M(test_F13_a_look_that_fails_is_repeated),
		M(test_F13_a_stolen_key_that_is_published_no_more),
		M(test_F13_a_mark_that_was_heard_before_the_keys),
		M(test_F13_one_of_two_is_still_there),
		M(test_a_next_key_waits_for_room),
		M(test_F13_a_kid_that_nobody_knows),
		M(test_F13_a_key_that_only_the_store_knows),
		M(test_F13_what_is_no_kid),
		M(test_F13_more_than_there_is_room_for),
		M(test_what_is_done_is_not_tried_again),
		M(test_F13_tries_that_fail_become_seldom),
		M(test_a_count_is_no_news),
		M(test_what_waits_is_said_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
