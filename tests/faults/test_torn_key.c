/* A key file that the disk has kept in part, or changed: cut at every byte, and
 * each bit of it turned.  It is refused with one sentence that names it, or it
 * still is the key that it was: one that signs what the published one verifies.
 */
#include "tests/unit/keyring_fixture.h"

#include "common/jws.h"

struct file {
	char path[PATH];
	char text[4096];
	size_t len;
};

static void file_read(struct file *k)
{
	FILE *f = fopen(k->path, "r");
	assert_non_null(f);
	k->len = fread(k->text, 1, sizeof k->text, f);
	assert_true(k->len > 100 && k->len < sizeof k->text);
	fclose(f);
}

static void file_write(const struct file *k, size_t n)
{
	int fd = open(k->path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, k->text, n), (ssize_t)n);
	close(fd);
}

/* Is it, in effect, the key whose public half this is? */
static void is_the_key(const struct keyring *ring, const struct jwk_set *known)
{
	AUTO_BUF struct buf jws = buf_new(4096), back = buf_new(4096);
	struct span text;
	const struct jwk *signer = keyring_signer(ring);
	assert_non_null(signer);
	assert_int_equal(jws_sign(signer, TYP_PAT, span_str("{}"), &jws),
			 MM_OK);
	assert_int_equal(buf_done(&jws, &text), MM_OK);
	assert_int_equal(jws_open(text, TYP_PAT, known, &back), MM_OK);
}

/* 1 if it was taken. */
static int load(struct fixture *f, const struct file *k,
		const struct jwk_set *known)
{
	AUTO_RING struct keyring ring = { .count = 0 };
	f->why.text[0] = '\0';
	if (keyring_load(f->at, &ring, &f->why) == MM_OK) {
		is_the_key(&ring, known);
		return 1;
	}
	const char *name = strrchr(k->path, '/') + 1;
	if (strstr(f->why.text, name) == NULL || strchr(f->why.text, '\n'))
		fail_msg("it says: %s", f->why.text);
	return 0;
}

static void torn(struct fixture *f, enum jwk_alg alg)
{
	char kid[KID_SIZE];
	struct file k;
	struct jwk_set known = { .count = 0 };
	AUTO_RING struct keyring whole = { .count = 0 };
	assert_int_equal(keyring_init(f->at, alg, &f->why), MM_OK);
	signer_of(f, kid);
	assert_int_equal(keyring_load(f->at, &whole, &f->why), MM_OK);
	assert_int_equal(jwk_set_add(&known, keyring_find(&whole, kid)->key),
			 MM_OK);
	key_of(k.path, f, "active", kid);
	file_read(&k);

	int taken = 0;
	for (size_t n = 0; n < k.len; n++) {
		file_write(&k, n);
		taken += load(f, &k, &known);
	}
	assert_true(taken <= 1); /* but for the last line's end */
	const size_t step = getenv("MM_LONG") ? 1 : 3; /* bits */
	for (size_t i = 0; i < 8 * k.len; i += step) {
		k.text[i / 8] = (char)(k.text[i / 8] ^ 1 << i % 8);
		file_write(&k, k.len);
		k.text[i / 8] = (char)(k.text[i / 8] ^ 1 << i % 8);
		(void)load(f, &k, &known);
	}
	file_write(&k, k.len);
	assert_int_equal(load(f, &k, &known), 1);
	jwk_set_clear(&known);
}

static void test_F2_torn_key_es256(void **state)
{
	torn(*state, JWK_ES256);
}

static void test_F2_torn_key_eddsa(void **state)
{
	torn(*state, JWK_EDDSA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_F2_torn_key_es256),
		T(test_F2_torn_key_eddsa),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
