/* test_keyring_token.c - keys that stay in a PKCS#11 token: softhsm2's, made
 * anew for each run.  Exit 77, and why: it is not installed. */
#include <pthread.h>
#include <stdatomic.h>

#include "common/jws.h"
#include "keys/secret.h"
#include "tests/unit/keyring_fixture.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define PIN    "471147"
#define URI    "pkcs11:token=mint;object=%s;type=private"

static char hsm[PATH], pin_path[PATH];

/* ---- the token ---- */

static bool installed(void)
{
	static const char *const needs[] = { MODULE, "/usr/bin/softhsm2-util",
					     "/usr/bin/pkcs11-tool" };
	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
		if (access(needs[i], F_OK) != 0)
			return false;
	return true;
}

static const char make_token[] =
	"set -e; cd \"$1\"; mkdir -m 700 tokens; "
	"printf 'directories.tokendir = %s/tokens\\nlog.level = ERROR\\n' "
	"\"$1\" >softhsm2.conf; umask 077; printf " PIN " >pin; "
	"exec >log 2>&1; "
	"softhsm2-util --init-token --free --label mint --pin " PIN
	" --so-pin 1234; "
	"key() { pkcs11-tool --module " MODULE " --token-label mint --login "
	"--pin " PIN " --keypairgen --key-type $1 --id $2 --label $3; }; "
	"key EC:prime256v1 01 one; key EC:prime256v1 02 two; "
	"key rsa:2048 03 rsa; key EC:secp384r1 04 p384; "
	/* a private key whose public object has gone */
	"key EC:prime256v1 05 alone; pkcs11-tool --module " MODULE
	" --token-label mint --login --pin " PIN
	" --delete-object --type pubkey --id 05";

static int make_hsm(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char conf[PATH];
	(void)state;
	snprintf(hsm, PATH, "%.200s/token.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(hsm) == NULL)
		return -1;
	snprintf(conf, PATH, "%.200s/softhsm2.conf", hsm);
	snprintf(pin_path, PATH, "%.200s/pin", hsm);
	setenv("SOFTHSM2_CONF", conf, 1);
	setenv("PKCS11_MODULE_PATH", MODULE, 1);
	unsetenv("CREDENTIALS_DIRECTORY");
	sh(make_token, hsm);
	return 0;
}

static int remove_hsm(void **state)
{
	(void)state;
	sh("rm -rf -- \"$1\"", hsm);
	return 0;
}

/* The URI of an object, with the PIN's file. */
static const char *uri(const char *object)
{
	static char out[512];
	snprintf(out, sizeof out, URI "?pin-source=file:%s", object, pin_path);
	return out;
}

static void import(struct fixture *f, const char *object, char kid[KID_SIZE])
{
	enum mm_err e = keyring_import(f->at, uri(object), kid, &f->why);
	if (e != MM_OK)
		print_error("%s\n", f->why.text);
	assert_int_equal(e, MM_OK);
}

static void uri_file(char out[PATH], const struct fixture *f, const char *state,
		     const char *kid)
{
	char name[32];
	snprintf(name, sizeof name, "%.11s.uri", kid);
	file_of(out, f, state, name);
}

/* ---- what it is ---- */

static void signs(struct jwk *k)
{
	AUTO_BUF struct buf token = buf_new(TOKEN_MAX);
	AUTO_BUF struct buf payload = buf_new(TOKEN_MAX);
	struct jwk_set keys = { .count = 0 };
	struct span text;
	assert_int_equal(jws_sign(k, TYP_FEED, span_str("{\"a\":1}"), &token),
			 MM_OK);
	assert_int_equal(buf_done(&token, &text), MM_OK);
	assert_int_equal(jwk_set_add(&keys, k), MM_OK);
	assert_int_equal(jws_open(text, TYP_FEED, &keys, &payload), MM_OK);
	jwk_set_clear(&keys);
}

static void try_key(struct fixture *f, const char *object, const char *alg)
{
	AUTO_RING struct keyring k;
	AUTO_BUF struct buf json = buf_new(JWK_TEXT_MAX);
	AUTO_JWK struct jwk *public = NULL;
	struct span text;
	struct stat st;
	char kid[KID_SIZE], path[PATH];
	import(f, object, kid);
	uri_file(path, f, "active", kid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);

	struct jwk *key = k.at[0].key;
	assert_int_equal(k.at[0].kept, KEY_IN_TOKEN);
	assert_string_equal(jwk_kid(key), kid);
	assert_string_equal(jwk_alg_name(key), alg);
	assert_true(jwk_is_private(key));
	assert_int_equal(jwk_pem(key).len, 0);
	signs(key);
	/* its JWK is a public one, of the same name */
	assert_int_equal(jwk_to_json(key, &json), MM_OK);
	assert_int_equal(buf_done(&json, &text), MM_OK);
	assert_int_equal(jwk_from_json(text, &public, &f->why), MM_OK);
	assert_string_equal(jwk_kid(public), kid);
	sh("rm -rf -- \"$1\"", f->dir);
}

static void test_kinds(void **state)
{
	try_key(*state, "one", "ES256");
	try_key(*state, "rsa", "RS256");
}

static void test_credential(void **state)
{
	struct fixture *f = *state;
	char kid[KID_SIZE], text[512], path[PATH];
	snprintf(text, sizeof text, URI, "one");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->base, 1), 0);
	assert_int_equal(keyring_import(f->at, text, kid, &f->why),
			 MM_ERR_INVALID);
	assert_non_null(strstr(f->why.text, "wants a PIN"));
	snprintf(path, sizeof path, "%.200s/mintmark-pin", f->base);
	assert_int_equal(link(pin_path, path), 0);
	assert_int_equal(keyring_import(f->at, text, kid, &f->why), MM_OK);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

/* ---- what is refused ---- */

static void not_imported(struct fixture *f, const char *text, const char *says)
{
	char kid[KID_SIZE];
	assert_int_not_equal(keyring_import(f->at, text, kid, &f->why), MM_OK);
	if (strstr(f->why.text, says) == NULL)
		print_error("%s: %s\n", text, f->why.text);
	assert_non_null(strstr(f->why.text, says));
	assert_null(strstr(f->why.text, PIN));
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	char text[512], wrong[PATH], kid[KID_SIZE];
	not_imported(f, uri("nothing"), "cannot open that key");
	not_imported(f, uri("p384"), "P-256");
	not_imported(f, uri("alone"), "public half");
	not_imported(f, "file:/etc/passwd", "PKCS#11 URI");
	snprintf(text, sizeof text, URI "?pin-value=" PIN, "one");
	not_imported(f, text, "pin-value");
	snprintf(wrong, sizeof wrong, "%.200s/wrong", f->base);
	snprintf(text, sizeof text, URI "?pin-source=%s", "one", wrong);
	not_imported(f, text, wrong);		    /* there is no such file */
	assert_int_equal(access(f->dir, F_OK), -1); /* and nothing was made */

	import(f, "one", kid);
	not_imported(f, uri("one"), "already");
}

static void test_pin_file_for_all(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(chmod(pin_path, 0644), 0);
	not_imported(f, uri("one"), "chmod 600");
	assert_int_equal(chmod(pin_path, 0600), 0);
}

static void not_loaded(struct fixture *f, const char *path)
{
	struct keyring k;
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_ERR_INVALID);
	assert_non_null(strstr(f->why.text, path));
}

static void test_misnamed(void **state)
{
	struct fixture *f = *state;
	char kid[KID_SIZE], from[PATH], to[PATH];
	import(f, "one", kid);
	uri_file(from, f, "active", kid);
	uri_file(to, f, "active", "AAAAAAAAAAA");
	assert_int_equal(rename(from, to), 0);
	not_loaded(f, to);
	key_of(from, f, "active", kid); /* a URI in a .pem */
	assert_int_equal(rename(to, from), 0);
	not_loaded(f, from);
}

/* Every beginning of the file, also one that names the key. */
static void test_half_a_file(void **state)
{
	struct fixture *f = *state;
	char kid[KID_SIZE], path[PATH], text[512];
	import(f, "one", kid);
	uri_file(path, f, "active", kid);
	snprintf(text, sizeof text, "%s", uri("one"));
	size_t whole = strlen(text);
	for (size_t n = 0; n <= whole; n++) {
		char name[32];
		char kept = text[n];
		text[n] = '\0';
		snprintf(name, sizeof name, "%s.uri", kid);
		put(f, "active", name, text);
		text[n] = kept;
		not_loaded(f, path);
	}
}

/* ---- its life ---- */

static void test_rotation_stays_in_the_token(void **state)
{
	struct fixture *f = *state;
	struct keyring_rotation did;
	char one[KID_SIZE], two[KID_SIZE], now[KID_SIZE];
	assert_int_equal(keyring_init(f->at, JWK_ES256, &f->why), MM_OK);
	import(f, "one", one);
	assert_counts(f, 2, 1, 0);
	/* the software key has waited for longer */
	assert_int_equal(keyring_rotate(f->at, JWK_ES256, &did, &f->why),
			 MM_OK);
	assert_string_equal(did.next, one);
	assert_int_equal(keyring_rotate(f->at, JWK_ES256, &did, &f->why),
			 MM_OK);
	assert_string_equal(did.active, one);
	assert_string_equal(did.next, "");
	assert_counts(f, 0, 1, 2);

	/* from here on no key is made in software: not by a rotation ... */
	assert_int_equal(keyring_rotate(f->at, JWK_ES256, &did, &f->why),
			 MM_ERR_CONFLICT);
	assert_non_null(strstr(f->why.text, "mintmark key import"));
	/* ... and not by a start */
	assert_int_equal(keyring_init(f->at, JWK_ES256, &f->why), MM_OK);
	assert_counts(f, 0, 1, 2);

	import(f, "two", two);
	assert_int_equal(keyring_rotate(f->at, JWK_ES256, &did, &f->why),
			 MM_OK);
	assert_string_equal(did.active, two);
	assert_string_equal(did.retiring, one);
	assert_counts(f, 0, 1, 3);
	assert_int_equal(keyring_retire(f->at, one, &f->why), MM_OK);
	signer_of(f, now);
	assert_string_equal(now, two);
}

/* With nothing waiting, a key here is better than the stolen one. */
static void test_compromise(void **state)
{
	struct fixture *f = *state;
	char one[KID_SIZE], two[KID_SIZE], now[KID_SIZE];
	import(f, "one", one);
	import(f, "two", two);
	assert_counts(f, 1, 1, 0);
	assert_int_equal(throw_out(f, one, JWK_ES256), MM_OK);
	signer_of(f, now);
	assert_string_equal(now, two);
	assert_counts(f, 0, 1, 0);
	assert_int_equal(throw_out(f, two, JWK_ES256), MM_OK);
	assert_counts(f, 1, 1, 0);
	import(f, "one", one); /* it can come back, for all the ring knows */
}

static void test_protect_leaves_it(void **state)
{
	struct fixture *f = *state;
	char kid[KID_SIZE];
	size_t n;
	import(f, "one", kid);
	f->at.passphrase_file = pin_path;
	assert_int_equal(keyring_protect(f->at, KEY_ENCRYPTED, &n, &f->why),
			 MM_OK);
	assert_int_equal(n, 0);
	assert_counts(f, 0, 1, 0);
}

/* ---- threads ---- */

struct work {
	struct jwk *key;
	int times;
};

static void *sign_often(void *ctx)
{
	const struct work *w = ctx;
	for (int i = 0; i < w->times; i++)
		signs(w->key);
	return NULL;
}

/* Requests sign on many threads, also while a reload opens the keys anew and
 * frees the old ones. */
static void test_threads(void **state)
{
	struct fixture *f = *state;
	AUTO_RING struct keyring k;
	pthread_t thread[8];
	struct work work[2];
	char kid[KID_SIZE];
	import(f, "one", kid);
	import(f, "rsa", kid);
	assert_int_equal(keyring_load(f->at, &k, &f->why), MM_OK);
	for (size_t i = 0; i < 2; i++)
		work[i] = (struct work){ k.at[i].key, 200 };
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, sign_often,
						&work[i % 2]),
				 0);
	for (int i = 0; i < 20; i++) {
		AUTO_RING struct keyring again;
		assert_int_equal(keyring_load(f->at, &again, &f->why), MM_OK);
	}
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_credential), /* first: once in, no PIN is asked for */
		T(test_kinds),
		T(test_refusals),
		T(test_pin_file_for_all),
		T(test_misnamed),
		T(test_half_a_file),
		T(test_rotation_stays_in_the_token),
		T(test_compromise),
		T(test_protect_leaves_it),
		T(test_threads),
	};
	if (!installed()) {
		puts("skipped: softhsm2, libengine-pkcs11-openssl and "
		     "opensc are not installed");
		return 77;
	}
	return cmocka_run_group_tests(tests, make_hsm, remove_hsm);
}
