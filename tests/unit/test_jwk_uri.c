/* test_jwk_uri.c - a PKCS#11 URI through OpenSSL's other way: a provider.
 *
 * The engine's way is tried with a real token, in test_keyring_token.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OPENSSL_SUPPRESS_DEPRECATED /* engines; gone in OpenSSL 4 */
#include <openssl/engine.h>
#include <openssl/err.h>

#include "common/jws.h"
#include "tests/unit/token_provider.h"

static void try_key(enum jwk_alg alg, const char *type)
{
	AUTO_JWK struct jwk *made = put_key(alg, type);
	AUTO_JWK struct jwk *found = NULL;
	AUTO_BUF struct buf text = buf_new(TOKEN_MAX);
	struct jwk_pass pin = { .text = span_str(PIN) };
	struct why why = { .text = "" };
	struct jws parts;
	assert_int_equal(jwk_from_uri(URI, &pin, &found, &why), MM_OK);
	assert_string_equal(token.uri, URI);
	assert_int_equal(token.asked, 1);
	assert_string_equal(jwk_kid(found), jwk_kid(made));
	assert_true(jwk_is_private(found));
	assert_int_equal(jwk_pem(found).len, 0);

	assert_int_equal(jws_sign(found, TYP_FEED, span_str("{}"), &text),
			 MM_OK);
	assert_int_equal(jws_split(span_of(text.at, text.len), &parts), MM_OK);
	assert_int_equal(jws_verify(&parts, TYP_FEED, made), MM_OK);
	assert_int_equal(jws_verify(&parts, TYP_FEED, found), MM_OK);
}

static void test_kinds(void **state)
{
	(void)state;
	try_key(JWK_ES256, "EC");
	try_key(JWK_RS256, "RSA");
	try_key(JWK_EDDSA, "ED25519"); /* the engine has none of these */
}

/* Each wrong one counts, and some tokens lock themselves after three. */
static void test_a_wrong_pin_is_tried_once(void **state)
{
	AUTO_JWK struct jwk *made = put_key(JWK_ES256, "EC");
	struct jwk *found = NULL;
	struct jwk_pass pin = { .text = span_str("999999") };
	struct why why = { .text = "" };
	(void)state;
	assert_int_equal(jwk_from_uri(URI, &pin, &found, &why), MM_ERR_INVALID);
	assert_int_equal(token.wrong, 1);
	assert_null(found);
	assert_non_null(strstr(why.text, "cannot open that key"));
	assert_null(strstr(why.text, "999999"));
}

static void test_no_pin(void **state)
{
	AUTO_JWK struct jwk *made = put_key(JWK_ES256, "EC");
	struct jwk *found = NULL;
	struct jwk_pass pin = { .asked = false };
	struct why why = { .text = "" };
	(void)state;
	assert_int_equal(jwk_from_uri(URI, &pin, &found, &why), MM_ERR_INVALID);
	assert_int_equal(token.wrong, 0);
	assert_non_null(strstr(why.text, "wants a PIN"));
}

static void refused(const char *says)
{
	struct jwk *found = NULL;
	struct jwk_pass pin = { .text = span_str(PIN) };
	struct why why = { .text = "" };
	assert_int_equal(jwk_from_uri(URI, &pin, &found, &why), MM_ERR_INVALID);
	assert_null(found);
	if (strstr(why.text, says) == NULL)
		fail_msg("%s, and not %s", why.text, says);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_away(void **state)
{
	AUTO_JWK struct jwk *made = put_key(JWK_ES256, "EC");
	(void)state;
	token.away = true;
	refused("cannot open that key");
	assert_int_equal(token.asked, 0);
	token.away = false;
}

/* ---- the other way ---- */

/* Until a provider has a store for it, OpenSSL looks for its engine. */

static void test_neither_provider_nor_engine(void **state)
{
	(void)state;
	setenv("OPENSSL_ENGINES", "/nonexistent", 1);
	refused("keys/README.md");
}

static EVP_PKEY *engine_load(ENGINE *engine, const char *uri, UI_METHOD *ui,
			     void *ctx)
{
	(void)engine, (void)uri, (void)ui, (void)ctx;
	return EVP_EC_gen("P-256");
}

static ENGINE *engine_begin(ENGINE_LOAD_KEY_PTR load)
{
	ENGINE *engine = ENGINE_new();
	assert_true(ENGINE_set_id(engine, "pkcs11") &&
		    ENGINE_set_name(engine, "a token") &&
		    ENGINE_set_load_privkey_function(engine, load) &&
		    ENGINE_add(engine));
	return engine;
}

static void engine_end(ENGINE *engine)
{
	assert_true(ENGINE_remove(engine));
	ENGINE_free(engine);
}

/* It hands out a key, but has no code that would sign with one. */
static void test_an_engine_that_cannot_use_its_key(void **state)
{
	ENGINE *engine = engine_begin(engine_load);
	(void)state;
	refused("unimplemented public key method");
	engine_end(engine);
}

/* The private object of a token alone. */
static EVP_PKEY *engine_load_half(ENGINE *engine, const char *uri,
				  UI_METHOD *ui, void *ctx)
{
	EVP_PKEY *evp = EVP_PKEY_new();
	EC_KEY *half = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	(void)engine, (void)uri, (void)ui, (void)ctx;
	assert_true(EC_KEY_set_private_key(half, BN_value_one()) &&
		    EVP_PKEY_assign_EC_KEY(evp, half));
	return evp;
}

static int ec_method(ENGINE *engine, EVP_PKEY_METHOD **out, const int **kinds,
		     int kind)
{
	static const int ec[] = { EVP_PKEY_EC };
	static EVP_PKEY_METHOD *own;
	(void)engine, (void)kind;
	if (out == NULL) {
		*kinds = ec;
		return 1;
	}
	if (own == NULL) {
		own = EVP_PKEY_meth_new(EVP_PKEY_EC, 0);
		EVP_PKEY_meth_copy(own, EVP_PKEY_meth_find(EVP_PKEY_EC));
	}
	*out = own;
	return 1;
}

static void test_no_public_half(void **state)
{
	ENGINE *engine = engine_begin(engine_load_half);
	(void)state;
	assert_true(ENGINE_set_pkey_meths(engine, ec_method));
	refused("does not show the public half");
	engine_end(engine);
}

int main(void)
{
	const struct CMUnitTest other_way[] = {
		cmocka_unit_test(test_neither_provider_nor_engine),
		cmocka_unit_test(test_an_engine_that_cannot_use_its_key),
		cmocka_unit_test(test_no_public_half),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_a_wrong_pin_is_tried_once),
		cmocka_unit_test(test_no_pin),
		cmocka_unit_test(test_away),
	};
	int failed = cmocka_run_group_tests(other_way, NULL, NULL);
	return failed +
	       cmocka_run_group_tests(tests, load_provider, unload_provider);
}
