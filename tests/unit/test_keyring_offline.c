/* test_keyring_offline.c - a key whose private half is kept elsewhere: it is
 * published, never signs, and takes over when it comes back. */
#include "tests/unit/keyring_fixture.h"

static void made_offline(struct fixture *f, char kid[KID_SIZE])
{
	assert_int_equal(keyring_generate_offline(f->at, JWK_ES256, f->base,
						  kid, &f->why),
			 MM_OK);
}

static void public_of(char out[PATH], const struct fixture *f, const char *kid)
{
	char name[32];
	snprintf(name, sizeof name, "%.11s.pub.jwk", kid);
	file_of(out, f, "next", name);
}

static bool is_published(const struct fixture *f, const char *kid)
{
	char path[PATH];
	public_of(path, f, kid);
	return access(path, F_OK) == 0;
}

static void away_of(char out[PATH], const struct fixture *f, const char *kid)
{
	snprintf(out, PATH, "%.200s/%.11s.pem", f->base, kid);
}

/* As `cp -p` from the stick: with the date of its making. */
static void bring_back(const struct fixture *f, const char *kid)
{
	char from[PATH], to[PATH];
	away_of(from, f, kid);
	key_of(to, f, "next", kid);
	assert_int_equal(rename(from, to), 0);
	struct timespec old[2] = { { 1700000000, 0 }, { 1700000000, 0 } };
	assert_int_equal(utimensat(AT_FDCWD, to, old, 0), 0);
}

static void rotate(struct fixture *f, struct keyring_rotation *did)
{
	assert_int_equal(keyring_rotate(f->at, JWK_ES256, did, &f->why), MM_OK);
}

static void compromise(struct fixture *f, const char *kid)
{
	assert_int_equal(throw_out(f, kid, JWK_ES256), MM_OK);
}

static void assert_signer(struct fixture *f, const char *want)
{
	char kid[KID_SIZE];
	signer_of(f, kid);
	assert_string_equal(kid, want);
}

static void test_only_the_public_half_is_here(void **state)
{
	struct fixture *f = made(state);
	char kid[KID_SIZE], next[KID_SIZE], path[PATH];
	struct stat st;
	AUTO_RING struct keyring k;
	made_offline(f, kid);
	successor_of(f, next);
	assert_string_not_equal(next, kid);
	away_of(path, f, kid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(exists(f, "next", kid));
	assert_true(is_published(f, kid));

	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	assert_string_equal(jwk_kid(k.at[0].key), kid);
	assert_int_equal(k.at[0].state, KEY_NEXT);
	assert_true(keyring_is_offline(&k.at[0]));
	assert_counts(f, 2, 1, 0);
}

static void test_rotation_passes_it_over(void **state)
{
	struct fixture *f = made(state);
	char kid[KID_SIZE];
	struct keyring_rotation did;
	made_offline(f, kid);
	for (size_t round = 1; round <= 3; round++) {
		rotate(f, &did);
		assert_false(did.only_prepared);
		assert_string_not_equal(did.active, kid);
		assert_string_not_equal(did.next, kid);
		assert_counts(f, 2, 1, round);
		assert_true(is_published(f, kid));
	}
}

static void test_it_takes_over_when_it_is_back(void **state)
{
	struct fixture *f = made(state);
	char kid[KID_SIZE], next[KID_SIZE], first[KID_SIZE];
	struct keyring_rotation did;
	made_offline(f, kid);
	signer_of(f, first);
	successor_of(f, next);
	bring_back(f, kid);
	assert_counts(f, 2, 1, 0); /* two files, one key */

	rotate(f, &did);
	assert_string_equal(did.active, kid);
	assert_string_equal(did.retiring, first);
	assert_string_equal(did.next, next); /* goes on waiting */
	assert_false(is_published(f, kid));
	assert_counts(f, 1, 1, 1);
}

/* Whoever has the signer may have the one beside it, too. */
static void test_it_takes_over_from_stolen_keys(void **state)
{
	struct fixture *f = made(state);
	char kid[KID_SIZE], next[KID_SIZE], first[KID_SIZE];
	made_offline(f, kid);
	signer_of(f, first);
	successor_of(f, next);
	bring_back(f, kid);
	compromise(f, first);
	assert_signer(f, kid);
	compromise(f, next);
	assert_signer(f, kid);
	assert_counts(f, 1, 1, 0);
	assert_false(exists(f, "next", next));
}

static void test_it_does_not_take_over_from_afar(void **state)
{
	struct fixture *f = made(state);
	char kid[KID_SIZE], first[KID_SIZE], next[KID_SIZE];
	made_offline(f, kid);
	signer_of(f, first);
	successor_of(f, next);
	compromise(f, first);
	assert_signer(f, next);
	assert_counts(f, 2, 1, 0);
	compromise(f, next); /* and another one has come to wait */
	assert_counts(f, 2, 1, 0);
	compromise(f, kid); /* the stick was lost */
	assert_false(is_published(f, kid));
	assert_counts(f, 1, 1, 0);
}

static void test_crash_before_the_public_half_went(void **state)
{
	struct fixture *f = made(state);
	char kid[KID_SIZE], first[KID_SIZE];
	struct keyring_rotation did;
	made_offline(f, kid);
	signer_of(f, first);
	bring_back(f, kid);
	char path[PATH];
	key_of(path, f, "next", kid);
	assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0);
	move(f, kid, "next", "active");
	assert_signer(f, kid);
	assert_counts(f, 1, 2, 0);

	rotate(f, &did); /* does what is left */
	assert_string_equal(did.active, kid);
	assert_string_equal(did.retiring, first);
	assert_counts(f, 1, 1, 1);
	/* the private half goes, and its public one cannot stay behind */
	compromise(f, kid);
	assert_false(is_published(f, kid));
	assert_counts(f, 1, 1, 1);
}

static void test_refusals(void **state)
{
	struct fixture *f = made(state);
	char kid[KID_SIZE], path[PATH], other[PATH];
	struct keyring k;
	made_offline(f, kid);
	public_of(path, f, kid);
	file_of(other, f, "next", "AAAAAAAAAAA.pub.jwk");
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_ERR_INVALID);
	assert_non_null(strstr(f->why.text, "AAAAAAAAAAA.pub.jwk"));

	file_of(path, f, "active", "AAAAAAAAAAA.pub.jwk"); /* cannot sign */
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_ERR_INVALID);
	assert_non_null(strstr(f->why.text, "not named like a key"));
	assert_int_equal(unlink(path), 0);

	put(f, "next", "AAAAAAAAAAA.pub.jwk", "{\"kty\":\"EC\"}");
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_ERR_INVALID);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(keyring_generate_offline(f->at, JWK_ES256,
						  "/nonexistent", kid, &f->why),
			 MM_ERR_IO);
	assert_non_null(strstr(f->why.text, "/nonexistent"));
	assert_counts(f, 1, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_only_the_public_half_is_here),
		T(test_rotation_passes_it_over),
		T(test_it_takes_over_when_it_is_back),
		T(test_it_takes_over_from_stolen_keys),
		T(test_it_does_not_take_over_from_afar),
		T(test_crash_before_the_public_half_went),
		T(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
