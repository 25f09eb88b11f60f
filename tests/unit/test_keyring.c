/* test_keyring.c - the life of a key.  Half-done changes are built by hand,
 * file by file, as a crash would leave them. */
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/keyring_fixture.h"

/* ---- beginning ---- */

static void test_missing(void **state)
{
	struct fixture *f = *state;
	struct keyring k;
	struct keyring_rotation did;
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_ERR_NOT_FOUND);
	assert_non_null(strstr(f->why.text, f->dir));
	assert_int_equal(keyring_rotate(f->at, JWK_ES256, &did, &f->why),
			 MM_ERR_NOT_FOUND);
	assert_int_equal(keyring_retire(f->at, "AAAAAAAAAAA", &f->why),
			 MM_ERR_NOT_FOUND);
	assert_int_equal(access(f->dir, F_OK), -1); /* and nothing was made */
	assert_int_equal(mkdir(f->dir, 0700), 0);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_ERR_NOT_FOUND);
}

static void test_init(void **state)
{
	struct fixture *f = made(state);
	char first[KID_SIZE], again[KID_SIZE], path[PATH];
	struct stat st;
	assert_counts(f, 1, 1, 0);
	signer_of(f, first);

	key_of(path, f, "active", first);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	file_of(path, f, "active", "");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	made(state);
	assert_counts(f, 1, 1, 0);
	signer_of(f, again);
	assert_string_equal(first, again);
}

static void test_umask_does_not_matter(void **state)
{
	mode_t old = umask(0);
	struct fixture *f = made(state);
	umask(old);
	assert_counts(f, 1, 1, 0);
}

static void test_generate(void **state)
{
	static const struct {
		enum jwk_alg alg;
		const char *name;
	} algs[] = { { JWK_ES256, "ES256" },
		     { JWK_EDDSA, "EdDSA" },
		     { JWK_RS256, "RS256" } };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
		char kid[KID_SIZE];
		AUTO_RING struct keyring k;
		assert_int_equal(
			keyring_generate(f->at, algs[i].alg, kid, &f->why),
			MM_OK);
		/* the first signs, the others wait */
		assert_true(exists(f, i == 0 ? "active" : "next", kid));
		assert_int_not_equal(kid[0], '-');
		assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
		const struct keyring_entry *e = &k.at[i == 0 ? k.count - 1 : 0];
		assert_string_equal(jwk_kid(e->key), kid);
		assert_string_equal(jwk_alg_name(e->key), algs[i].name);
		assert_true(jwk_is_private(e->key));
		assert_true(e->created > 1700000000);
	}
	assert_counts(f, 2, 1, 0);
}

/* ---- rotation ---- */

static void test_rotate_rounds(void **state)
{
	struct fixture *f = made(state);
	for (size_t round = 1; round <= 5; round++) {
		char signer[KID_SIZE], next[KID_SIZE];
		struct keyring_rotation did;
		signer_of(f, signer);
		successor_of(f, next);
		assert_int_equal(
			keyring_rotate(f->at, JWK_EDDSA, &did, &f->why), MM_OK);
		assert_false(did.only_prepared);
		assert_string_equal(did.active, next);
		assert_string_equal(did.retiring, signer);
		assert_true(exists(f, "active", did.active));
		assert_true(exists(f, "retiring", did.retiring));
		assert_true(exists(f, "next", did.next));
		assert_counts(f, 1, 1, round);
	}
}

static void test_rotate_takes_the_oldest(void **state)
{
	struct fixture *f = made(state);
	char first[KID_SIZE], second[KID_SIZE];
	struct keyring_rotation did;
	successor_of(f, first);
	assert_int_equal(keyring_generate(f->at, JWK_ES256, second, &f->why),
			 MM_OK);
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_string_equal(did.active, first);
	assert_string_equal(did.next, second);
	assert_counts(f, 1, 1, 1); /* one was waiting: none was made */
}

/* Crash points of a rotation, and what the next run makes of them. */

static void test_crash_before_anything(void **state)
{
	struct fixture *f = made(state);
	char signer[KID_SIZE], path[PATH];
	signer_of(f, signer);
	put(f, "next", ".AAAAAAAAAAA.tmp", "-----BEGIN PRIV"); /* torn */
	put(f, "active", ".keep", "");
	assert_counts(f, 1, 1, 0); /* readers pass over it */
	struct keyring_rotation did;
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_string_equal(did.retiring, signer);
	file_of(path, f, "next", ".AAAAAAAAAAA.tmp");
	assert_int_equal(access(path, F_OK), -1); /* and changes sweep it */
	file_of(path, f, "active", ".keep");
	assert_int_equal(access(path, F_OK), 0); /* it is not ours */
}

static void test_crash_after_promotion(void **state)
{
	struct fixture *f = made(state);
	char old[KID_SIZE], new[KID_SIZE], now[KID_SIZE];
	signer_of(f, old);
	successor_of(f, new);
	move(f, new, "next", "active");
	signer_of(f, now);
	assert_string_equal(now, new); /* the newer of the two signs */

	AUTO_RING struct keyring k;
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	assert_null(keyring_successor(&k)); /* to be finished first */

	struct keyring_rotation did;
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_string_equal(did.active, new);
	assert_string_equal(did.retiring, old);
	assert_false(did.only_prepared);
	assert_counts(f, 1, 1, 1); /* finished, not rotated once more */
	signer_of(f, now);
	assert_string_equal(now, new);
}

static void test_crash_before_new_next(void **state)
{
	struct fixture *f = made(state);
	char old[KID_SIZE], new[KID_SIZE];
	struct keyring_rotation did;
	signer_of(f, old);
	successor_of(f, new);
	move(f, new, "next", "active");
	move(f, old, "active", "retiring");
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_true(did.only_prepared);
	assert_string_equal(did.active, new);
	assert_string_equal(did.retiring, "");
	assert_counts(f, 1, 1, 1);
}

static void test_crash_in_init(void **state)
{
	struct fixture *f = made(state);
	char signer[KID_SIZE], next[KID_SIZE], now[KID_SIZE];
	signer_of(f, signer);
	successor_of(f, next);
	move(f, signer, "active", "retiring"); /* nothing signs */
	assert_int_equal(keyring_init(f->at, JWK_EDDSA, &f->why), MM_OK);
	signer_of(f, now);
	assert_string_equal(now, next);
	assert_counts(f, 1, 1, 1);
}

/* Both made in the same instant, by a clock that stands still: the order of
 * making decides all the same. */
static void test_age_survives_a_bad_clock(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 8; i++) {
		char kid[KID_SIZE], path[PATH];
		struct timespec far[2] = { { 4000000000, 999999999 },
					   { 4000000000, 999999999 } };
		AUTO_RING struct keyring k;
		assert_int_equal(
			keyring_generate(f->at, JWK_EDDSA, kid, &f->why),
			MM_OK);
		assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
		if (i == 0) {
			key_of(path, f, "active", kid);
			assert_int_equal(utimensat(AT_FDCWD, path, far, 0), 0);
			continue;
		}
		assert_string_equal(jwk_kid(k.at[0].key), kid);
		assert_true(k.at[0].created > 4000000000);
	}
}

/* ---- retiring and throwing out ---- */

static void test_retire(void **state)
{
	struct fixture *f = made(state);
	char signer[KID_SIZE], next[KID_SIZE];
	struct keyring_rotation did;
	signer_of(f, signer);
	successor_of(f, next);
	assert_int_equal(keyring_retire(f->at, signer, &f->why),
			 MM_ERR_CONFLICT);
	assert_int_equal(keyring_retire(f->at, next, &f->why), MM_ERR_CONFLICT);
	assert_int_equal(keyring_retire(f->at, "../../x", &f->why),
			 MM_ERR_NOT_FOUND);
	assert_counts(f, 1, 1, 0);

	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_int_equal(keyring_retire(f->at, signer, &f->why), MM_OK);
	assert_counts(f, 1, 1, 0);
	assert_int_equal(keyring_retire(f->at, signer, &f->why),
			 MM_ERR_NOT_FOUND);
	assert_int_equal(end_of(f, signer), KEY_END_RETIRED);
}

/* Of a key whose file is gone. */
static void test_mark(void **state)
{
	struct fixture *f = made(state);
	static const char lost[] = "AAAAAAAAAAA";
	char next[KID_SIZE];
	successor_of(f, next);
	assert_int_equal(keyring_mark(f->at, lost, KEY_END_RETIRED, &f->why),
			 MM_OK);
	assert_int_equal(end_of(f, lost), KEY_END_RETIRED);
	assert_int_equal(keyring_mark(f->at, lost, KEY_END_STOLEN, &f->why),
			 MM_OK);
	assert_int_equal(end_of(f, lost), KEY_END_STOLEN);
	assert_int_equal(keyring_mark(f->at, next, KEY_END_STOLEN, &f->why),
			 MM_ERR_CONFLICT);
	assert_int_equal(
		keyring_mark(f->at, "../next/xxx", KEY_END_STOLEN, &f->why),
		MM_ERR_NOT_FOUND);
}

static void test_compromise_of_the_signer(void **state)
{
	struct fixture *f = made(state);
	char signer[KID_SIZE], next[KID_SIZE], now[KID_SIZE];
	signer_of(f, signer);
	successor_of(f, next);
	assert_int_equal(throw_out(f, signer, JWK_EDDSA), MM_OK);
	assert_false(exists(f, "active", signer));
	assert_false(exists(f, "retiring", signer));
	signer_of(f, now);
	assert_string_equal(now, next);
	assert_counts(f, 1, 1, 0);
}

static void test_compromise_with_no_successor(void **state)
{
	struct fixture *f = *state;
	char only[KID_SIZE], now[KID_SIZE];
	assert_int_equal(keyring_generate(f->at, JWK_EDDSA, only, &f->why),
			 MM_OK);
	assert_int_equal(throw_out(f, only, JWK_EDDSA), MM_OK);
	signer_of(f, now);
	assert_string_not_equal(now, only);
	assert_counts(f, 1, 1, 0);
}

/* A disk that takes no new file keeps no stolen key in. */
static void test_compromise_without_room(void **state)
{
	struct fixture *f = made(state);
	char signer[KID_SIZE], next[KID_SIZE], now[KID_SIZE];
	struct rlimit all, none;
	struct keyring_thrown did;
	signer_of(f, signer);
	successor_of(f, next);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	none = (struct rlimit){ 0, all.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	enum mm_err e =
		keyring_compromise(f->at, signer, JWK_EDDSA, &did, &f->why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(e, MM_OK);
	assert_true(did.no_next);
	assert_false(did.no_mark); /* it has no bytes */
	assert_non_null(strstr(f->why.text, "cannot write"));
	signer_of(f, now);
	assert_string_equal(now, next);
	assert_counts(f, 0, 1, 0);
}

/* The crash between the promotion and the removal: run it again. */
static void test_crash_in_compromise(void **state)
{
	struct fixture *f = made(state);
	char signer[KID_SIZE], next[KID_SIZE], now[KID_SIZE];
	signer_of(f, signer);
	successor_of(f, next);
	move(f, next, "next", "active");
	assert_int_equal(throw_out(f, signer, JWK_EDDSA), MM_OK);
	signer_of(f, now);
	assert_string_equal(now, next);
	assert_counts(f, 1, 1, 0);
}

static void test_compromise_of_others(void **state)
{
	struct fixture *f = made(state);
	char signer[KID_SIZE], next[KID_SIZE], now[KID_SIZE];
	struct keyring_rotation did;
	signer_of(f, signer);
	successor_of(f, next);
	assert_int_equal(throw_out(f, next, JWK_EDDSA), MM_OK);
	signer_of(f, now);
	assert_string_equal(now, signer);
	assert_counts(f, 1, 1, 0);
	assert_false(exists(f, "next", next));

	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_int_equal(throw_out(f, signer, JWK_EDDSA), MM_OK);
	assert_counts(f, 1, 1, 0);
	assert_int_equal(throw_out(f, signer, JWK_EDDSA), MM_ERR_NOT_FOUND);
}

static void test_full(void **state)
{
	struct fixture *f = made(state);
	struct keyring_rotation did;
	enum mm_err e = MM_OK;
	int rounds = 0;
	while (e == MM_OK && rounds++ < KEYRING_MAX)
		e = keyring_rotate(f->at, JWK_EDDSA, &did, &f->why);
	assert_int_equal(e, MM_ERR_CONFLICT);
	assert_non_null(strstr(f->why.text, "retire"));
	/* it can still be read, and a stolen key thrown out */
	char signer[KID_SIZE];
	signer_of(f, signer);
	assert_int_equal(throw_out(f, signer, JWK_EDDSA), MM_OK);
	signer_of(f, signer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_missing),
		T(test_init),
		T(test_umask_does_not_matter),
		T(test_generate),
		T(test_rotate_rounds),
		T(test_rotate_takes_the_oldest),
		T(test_crash_before_anything),
		T(test_crash_after_promotion),
		T(test_crash_before_new_next),
		T(test_crash_in_init),
		T(test_age_survives_a_bad_clock),
		T(test_retire),
		T(test_mark),
		T(test_compromise_of_the_signer),
		T(test_compromise_with_no_successor),
		T(test_compromise_without_room),
		T(test_crash_in_compromise),
		T(test_compromise_of_others),
		T(test_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
