/* A change of the keyring that is acknowledged would be there after a power
 * cut, and no step of it destroys what the next start would need. */
#include "tests/unit/keyring_fixture.h"

#include "tests/faults/synced_fixture.h"

#define assert_done(e)                                                         \
	do {                                                                   \
		assert_int_equal(e, MM_OK);                                    \
		assert_synced();                                               \
	} while (0)

/* Watched from before there is one. */
static struct fixture *watched(void **state)
{
	struct fixture *f = *state;
	synced_watch(f->base);
	synced_let(".lock");
	assert_done(keyring_init(f->at, JWK_EDDSA, &f->why));
	return f;
}

static void test_F2_made(void **state)
{
	struct fixture *f = watched(state);
	char kid[KID_SIZE];
	assert_done(keyring_generate(f->at, JWK_ES256, kid, &f->why));
}

static void test_F2_rotated_and_retired(void **state)
{
	struct fixture *f = watched(state);
	struct keyring_rotation did;
	for (int i = 0; i < 2; i++) {
		assert_done(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why));
		assert_string_not_equal(did.retiring, "");
	}
	assert_done(keyring_retire(f->at, did.retiring, &f->why));
	assert_done(throw_out(f, did.next, JWK_EDDSA));
}

static void test_F2_thrown_out(void **state)
{
	struct fixture *f = watched(state);
	char kid[KID_SIZE];
	signer_of(f, kid);
	assert_done(throw_out(f, kid, JWK_EDDSA));
	successor_of(f, kid);
	assert_done(throw_out(f, kid, JWK_EDDSA));
}

static void test_F2_encrypted(void **state)
{
	struct fixture *f = watched(state);
	char pass[PATH + 8];
	size_t n;
	snprintf(pass, sizeof pass, "%s/pass", f->base);
	assert_done(file_replace(pass, span_str("open sesame\n"), 0600, NULL));
	f->at.passphrase_file = pass;
	assert_done(keyring_protect(f->at, KEY_ENCRYPTED, &n, &f->why));
	assert_int_equal(n, 2);
}

/* As it comes back from where it was kept: `cp -p`, and a date long ago. */
static void offline_is_back(struct fixture *f, char kid[KID_SIZE])
{
	char from[PATH], to[PATH];
	struct timespec old[2] = { { 1700000000, 0 }, { 1700000000, 0 } };
	assert_done(keyring_generate_offline(f->at, JWK_ES256, f->base, kid,
					     &f->why));
	snprintf(from, sizeof from, "%.200s/%.11s.pem", f->base, kid);
	key_of(to, f, "next", kid);
	synced_watch(""); /* not our doing */
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(utimensat(AT_FDCWD, to, old, 0), 0);
	synced_watch(f->base);
	synced_let(".lock");
}

static void test_F2_offline(void **state)
{
	struct fixture *f = watched(state);
	struct keyring_rotation did;
	char kid[KID_SIZE];
	offline_is_back(f, kid);
	assert_done(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why));
	assert_string_equal(did.active, kid);
	offline_is_back(f, kid);
	assert_done(throw_out(f, kid, JWK_EDDSA));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_F2_made),       T(test_F2_rotated_and_retired),
		T(test_F2_thrown_out), T(test_F2_encrypted),
		T(test_F2_offline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
