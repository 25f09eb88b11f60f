/* test_keyring_marks.c - what stands beside the keys of those that a command
 * has ended, and is made good where that was cut off. */
#include <sys/file.h>

#include "common/fd.h"
#include "tests/unit/keyring_fixture.h"

static bool is_marked(struct fixture *f, const char *kid)
{
	return end_of(f, kid) == KEY_END_STOLEN;
}

static const struct key_names none = { .n = 0 };

/* What was thrown out is known as such until somebody has said so; of a key
 * that is still there nothing is said. */
static void test_marks(void **state)
{
	struct fixture *f = made(state);
	char first[KID_SIZE], second[KID_SIZE];
	AUTO_RING struct keyring k = { .count = 0 };
	signer_of(f, first);
	successor_of(f, second);
	assert_false(is_marked(f, first));
	assert_int_equal(throw_out(f, first, JWK_EDDSA), MM_OK);
	assert_true(is_marked(f, first));
	assert_false(is_marked(f, second));
	assert_false(is_marked(f, "../active/x"));
	put(f, "compromised", second, ""); /* its removal was cut off */
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	const struct key_names unsaid = { { first }, 1 };
	assert_int_equal(keyring_unmark(f->at, &k, &unsaid, &f->why), MM_OK);
	assert_true(is_marked(f, first));
	assert_int_equal(keyring_unmark(f->at, &k, &none, &f->why), MM_OK);
	assert_false(is_marked(f, first));
	assert_true(is_marked(f, second));
	assert_int_equal(throw_out(f, second, JWK_EDDSA), MM_OK);
	assert_true(is_marked(f, second));
}

/* The removal was cut off: it is finished by whoever reads the keys next. */
static void test_finish(void **state)
{
	struct fixture *f = made(state);
	struct keyring_thrown did;
	char signer[KID_SIZE], next[KID_SIZE], kid[KID_SIZE];
	AUTO_RING struct keyring k = { .count = 0 };
	signer_of(f, signer);
	successor_of(f, next);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	put(f, "retired", next, ""); /* that says nothing of a theft */
	assert_int_equal(
		keyring_finish(f->at, &k, JWK_EDDSA, kid, &did, &f->why),
		MM_OK);
	assert_string_equal(kid, "");
	put(f, "compromised", signer, "");
	for (int i = 0; i < 2; i++) { /* and it may be gone meanwhile */
		assert_int_equal(keyring_finish(f->at, &k, JWK_EDDSA, kid, &did,
						&f->why),
				 MM_OK);
		assert_string_equal(kid, signer);
		assert_true(is_marked(f, signer));
		signer_of(f, kid);
		assert_string_equal(kid, next);
		assert_counts(f, 1, 1, 0);
	}
}

/* A retirement that was cut off, or a file that has come back: should it be
 * lost later, nobody will have meant that.  One that runs now has the lock. */
static void test_the_mark_of_a_key_that_is_kept(void **state)
{
	struct fixture *f = made(state);
	char path[PATH], signer[KID_SIZE];
	AUTO_RING struct keyring k = { .count = 0 };
	signer_of(f, signer);
	put(f, "retired", signer, "");
	file_of(path, f, ".", ".lock");
	AUTO_FD int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(lock >= 0);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	assert_int_equal(keyring_unmark_kept(f->at, &k, &f->why), MM_OK);
	assert_int_equal(end_of(f, signer), KEY_END_RETIRED);
	assert_int_equal(flock(lock, LOCK_UN), 0);
	assert_int_equal(keyring_unmark_kept(f->at, &k, &f->why), MM_OK);
	assert_int_equal(end_of(f, signer), KEY_END_NONE);
}

/* Whoever may write there cannot make the key stay: no mark, and it goes. */
static void test_a_mark_that_is_a_pipe(void **state)
{
	struct fixture *f = made(state);
	struct keyring_thrown did;
	char path[PATH], signer[KID_SIZE], now[KID_SIZE];
	signer_of(f, signer);
	file_of(path, f, "compromised", signer);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(
		keyring_compromise(f->at, signer, JWK_EDDSA, &did, &f->why),
		MM_OK);
	assert_true(did.no_mark);
	signer_of(f, now);
	assert_string_not_equal(now, signer);
}

/* A keyring from before there were marks has no folder for them. */
static void test_marks_without_their_folder(void **state)
{
	struct fixture *f = made(state);
	char path[PATH], signer[KID_SIZE];
	AUTO_RING struct keyring k = { .count = 0 };
	file_of(path, f, "compromised", "");
	signer_of(f, signer);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	assert_false(is_marked(f, signer));
	assert_int_equal(keyring_unmark(f->at, &k, &none, &f->why), MM_OK);
	assert_int_equal(throw_out(f, signer, JWK_EDDSA), MM_OK);
	assert_true(is_marked(f, signer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_marks),
		T(test_finish),
		T(test_the_mark_of_a_key_that_is_kept),
		T(test_a_mark_that_is_a_pipe),
		T(test_marks_without_their_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
