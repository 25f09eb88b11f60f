/* test_keyring_sealed.c - key files with a passphrase: opened, made, turned
 * into such, and refused. */
#include "keys/secret.h"
#include "tests/unit/keyring_fixture.h"

#define PASSPHRASE "correct horse, battery staple"

static char pass_path[PATH], other_path[PATH];

static void write_file(const char *path, const char *text, mode_t mode)
{
	(void)unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* A ring that is still plain, and two passphrases beside it. */
static struct fixture *with_pass(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	snprintf(pass_path, PATH, "%.200s/pass", f->base);
	snprintf(other_path, PATH, "%.200s/other", f->base);
	write_file(pass_path, PASSPHRASE "\n", 0600);
	write_file(other_path, "something else\n", 0600);
	return f;
}

static struct fixture *sealed(void **state)
{
	struct fixture *f = with_pass(state);
	f->at.passphrase_file = pass_path;
	assert_int_equal(keyring_init(f->at, JWK_ES256, &f->why), MM_OK);
	return f;
}

static size_t count_kept(struct fixture *f, enum key_kept kept)
{
	AUTO_RING struct keyring k;
	size_t n = 0;
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	for (size_t i = 0; i < k.count; i++)
		n += k.at[i].kept == kept;
	return n;
}

/* What a file holds, as text. */
static size_t slurp(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t n = read(fd, to, size - 1);
	assert_true(n >= 0);
	close(fd);
	to[n] = '\0';
	return (size_t)n;
}

static void refused(struct fixture *f, const char *says)
{
	struct keyring k;
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_ERR_INVALID);
	assert_non_null(strstr(f->why.text, says));
	assert_null(strstr(f->why.text, "correct horse"));
}

/* ---- opening ---- */

static void test_files_are_encrypted(void **state)
{
	struct fixture *f = sealed(state);
	char kid[KID_SIZE], path[PATH], text[8192];
	signer_of(f, kid);
	key_of(path, f, "active", kid);
	slurp(path, text, sizeof text);
	assert_ptr_equal(strstr(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
			 text);
	assert_int_equal(count_kept(f, KEY_ENCRYPTED), 2);

	AUTO_RING struct keyring k;
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	assert_true(k.sealed);
	/* what libjwt is given is the key itself, in memory only */
	struct span pem = jwk_pem(keyring_signer(&k));
	assert_memory_equal(pem.at, "-----BEGIN PRIVATE KEY-----", 27);
}

static void test_no_passphrase(void **state)
{
	struct fixture *f = sealed(state);
	char kid[KID_SIZE];
	successor_of(f, kid);
	f->at.passphrase_file = NULL;
	refused(f, "key_passphrase_file");
	assert_non_null(strstr(f->why.text, kid)); /* next/ is read first */
	f->at.passphrase_file = "";
	refused(f, "is encrypted");
}

static void test_wrong_passphrase(void **state)
{
	struct fixture *f = sealed(state);
	struct keyring_rotation did;
	f->at.passphrase_file = other_path;
	refused(f, "does not open it");
	assert_int_equal(keyring_rotate(f->at, JWK_ES256, &did, &f->why),
			 MM_ERR_INVALID);
	f->at.passphrase_file = pass_path;
	assert_counts(f, 1, 1, 0);
}

static void test_its_whole_life(void **state)
{
	struct fixture *f = sealed(state);
	struct keyring_rotation did;
	char kid[KID_SIZE];
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_int_equal(count_kept(f, KEY_ENCRYPTED), 3);
	assert_int_equal(keyring_retire(f->at, did.retiring, &f->why), MM_OK);
	assert_int_equal(throw_out(f, did.active, JWK_EDDSA), MM_OK);
	assert_int_equal(keyring_generate(f->at, JWK_EDDSA, kid, &f->why),
			 MM_OK);
	assert_counts(f, 2, 1, 0);
	assert_int_equal(count_kept(f, KEY_ENCRYPTED), 3);
}

/* ---- from plain to encrypted, and back ---- */

static void test_plain_files_are_taken(void **state)
{
	struct fixture *f = with_pass(state);
	struct keyring_rotation did;
	assert_int_equal(keyring_init(f->at, JWK_ES256, &f->why), MM_OK);
	f->at.passphrase_file = pass_path;
	assert_int_equal(count_kept(f, KEY_PLAIN), 2);
	assert_int_equal(keyring_rotate(f->at, JWK_ES256, &did, &f->why),
			 MM_OK);
	assert_int_equal(count_kept(f, KEY_PLAIN), 2);
	assert_int_equal(count_kept(f, KEY_ENCRYPTED), 1);
}

struct looks {
	char kid[8][KID_SIZE];
	enum key_state state[8];
	int64_t created[8];
	long ns[8];
};

static void look(struct fixture *f, struct looks *out)
{
	AUTO_RING struct keyring k;
	memset(out, 0, sizeof *out);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	for (size_t i = 0; i < k.count; i++) {
		snprintf(out->kid[i], KID_SIZE, "%s", jwk_kid(k.at[i].key));
		out->state[i] = k.at[i].state;
		out->created[i] = k.at[i].created;
		out->ns[i] = k.at[i].created_ns;
	}
}

static void test_protect(void **state)
{
	struct fixture *f = with_pass(state);
	struct keyring_rotation did;
	struct looks before, after;
	size_t n;
	assert_int_equal(keyring_init(f->at, JWK_ES256, &f->why), MM_OK);
	assert_int_equal(keyring_rotate(f->at, JWK_EDDSA, &did, &f->why),
			 MM_OK);
	assert_int_equal(keyring_protect(f->at, KEY_ENCRYPTED, &n, &f->why),
			 MM_ERR_CONFLICT); /* with what? */
	look(f, &before);

	f->at.passphrase_file = pass_path;
	assert_int_equal(keyring_protect(f->at, KEY_ENCRYPTED, &n, &f->why),
			 MM_OK);
	assert_int_equal(n, 3);
	assert_int_equal(count_kept(f, KEY_ENCRYPTED), 3);
	look(f, &after);
	assert_memory_equal(&before, &after, sizeof before);
	assert_int_equal(keyring_protect(f->at, KEY_ENCRYPTED, &n, &f->why),
			 MM_OK);
	assert_int_equal(n, 0);

	assert_int_equal(keyring_protect(f->at, KEY_PLAIN, &n, &f->why), MM_OK);
	assert_int_equal(n, 3);
	f->at.passphrase_file = NULL;
	look(f, &after);
	assert_memory_equal(&before, &after, sizeof before);
}

/* Cut off: one file done, the next half written under its hidden name. */
static void test_protect_cut_off(void **state)
{
	struct fixture *f = with_pass(state);
	char kid[KID_SIZE], temp[32];
	size_t n;
	assert_int_equal(keyring_init(f->at, JWK_ES256, &f->why), MM_OK);
	f->at.passphrase_file = pass_path;
	assert_int_equal(keyring_generate(f->at, JWK_ES256, kid, &f->why),
			 MM_OK);
	signer_of(f, kid);
	snprintf(temp, sizeof temp, ".%s.tmp", kid);
	put(f, "active", temp, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs");
	assert_int_equal(count_kept(f, KEY_PLAIN), 2);
	assert_int_equal(keyring_protect(f->at, KEY_ENCRYPTED, &n, &f->why),
			 MM_OK);
	assert_int_equal(n, 2);
	assert_int_equal(count_kept(f, KEY_ENCRYPTED), 3);
	char path[PATH];
	file_of(path, f, "active", temp);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- a half-written file ---- */

/* Every beginning of a key's file, but for the whole (and the whole without
 * the end of its last line), is refused. */
static void no_half(struct fixture *f, const char *kid)
{
	char path[PATH], text[8192];
	key_of(path, f, "active", kid);
	size_t whole = slurp(path, text, sizeof text);
	for (size_t n = 0; n < whole; n++) {
		struct keyring k;
		assert_int_equal(truncate(path, 0), 0);
		int fd = open(path, O_WRONLY);
		assert_int_equal(write(fd, text, n), (ssize_t)n);
		close(fd);
		enum mm_err e = keyring_load(f->at, &k, &f->why);
		if (n == whole - 1) {
			assert_int_equal(e, MM_OK);
			keyring_free(&k);
			continue;
		}
		assert_int_equal(e, MM_ERR_INVALID);
		assert_non_null(strstr(f->why.text, path));
		assert_non_null(strstr(f->why.text, "not all of one"));
	}
}

static void test_F2_half_a_file(void **state)
{
	static const enum jwk_alg algs[] = { JWK_ES256, JWK_EDDSA };
	for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
		struct fixture *f = with_pass(state);
		char kid[KID_SIZE];
		assert_int_equal(keyring_generate(f->at, algs[i], kid, &f->why),
				 MM_OK);
		no_half(f, kid);
		sh("rm -rf -- \"$1\"", f->dir);
	}
}

static void test_F2_half_an_encrypted_file(void **state)
{
	struct fixture *f = with_pass(state);
	char kid[KID_SIZE];
	f->at.passphrase_file = pass_path;
	assert_int_equal(keyring_generate(f->at, JWK_ES256, kid, &f->why),
			 MM_OK);
	no_half(f, kid);
}

/* ---- the passphrase's file ---- */

static const struct {
	const char *text;
	mode_t mode;
	const char *says;
} wrong_files[] = {
	{ PASSPHRASE "\n", 0640, "chmod 600" },
	{ PASSPHRASE "\n", 0604, "chmod 600" },
	{ "", 0600, "is empty" },
	{ "\n", 0600, "is empty" },
	{ "one\ntwo\n", 0600, "one line" },
	{ "tab\there\n", 0600, "one line" },
};

static void test_passphrase_files(void **state)
{
	struct fixture *f = sealed(state);
	char long_one[2048];
	for (size_t i = 0; i < sizeof wrong_files / sizeof wrong_files[0];
	     i++) {
		write_file(pass_path, wrong_files[i].text, wrong_files[i].mode);
		refused(f, wrong_files[i].says);
		assert_non_null(strstr(f->why.text, pass_path));
	}
	memset(long_one, 'x', sizeof long_one);
	long_one[sizeof long_one - 1] = '\0';
	write_file(pass_path, long_one, 0600);
	refused(f, "longer");
	f->at.passphrase_file = f->base;
	refused(f, "plain file");
	f->at.passphrase_file = "/nonexistent/pass";
	refused(f, "/nonexistent/pass");

	f->at.passphrase_file = pass_path; /* other ends of the line */
	write_file(pass_path, PASSPHRASE, 0600);
	assert_counts(f, 1, 1, 0);
	write_file(pass_path, PASSPHRASE "\r\n", 0400);
	assert_counts(f, 1, 1, 0);
}

static void test_credential(void **state)
{
	struct fixture *f = sealed(state);
	char dir[PATH], path[PATH];
	f->at.passphrase_file = "";
	snprintf(dir, sizeof dir, "%.200s/credentials", f->base);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	refused(f, "credential mintmark-keys");
	snprintf(path, sizeof path, "%.230s/mintmark-keys", dir);
	write_file(path, PASSPHRASE "\n", 0440); /* as systemd shows it */
	assert_counts(f, 1, 1, 0);
	f->at.passphrase_file = other_path; /* what is said goes first */
	refused(f, "does not open it");
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void test_wiped(void **state)
{
	static const char zero[SECRET_SIZE];
	struct secret s;
	struct fixture *f = with_pass(state);
	assert_int_equal(secret_read(pass_path, "x", &s, &f->why), MM_OK);
	assert_int_equal(s.len, strlen(PASSPHRASE));
	secret_wipe(&s);
	assert_memory_equal(s.text, zero, sizeof zero);
	write_file(pass_path, "two\nlines\n", 0600);
	assert_int_equal(secret_read(pass_path, "x", &s, &f->why),
			 MM_ERR_INVALID);
	assert_memory_equal(s.text, zero, sizeof zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_files_are_encrypted),
		T(test_no_passphrase),
		T(test_wrong_passphrase),
		T(test_its_whole_life),
		T(test_plain_files_are_taken),
		T(test_protect),
		T(test_protect_cut_off),
		T(test_F2_half_a_file),
		T(test_F2_half_an_encrypted_file),
		T(test_passphrase_files),
		T(test_credential),
		T(test_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
