/* test_jwk_uri.c - a PKCS#11 URI through OpenSSL's other way: a provider.
 *
 * Debian 12 has no PKCS#11 provider, so this one is our own: a store for
 * "pkcs11:" that gives out a key for the right PIN.  The engine's way is
 * tried with a real token, in test_keyring_token.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "common/jws.h"

#define PIN "471147"
#define URI "pkcs11:token=mint;object=one;type=private"

/* ---- the provider ---- */

static struct {
	uint8_t *der; /* PKCS#8 */
	size_t len;
	const char *type; /* "EC" ... */
	int asked, wrong;
	char uri[128];
	bool ended;
} token;

static void *token_open(void *provider, const char *uri)
{
	(void)provider;
	snprintf(token.uri, sizeof token.uri, "%s", uri);
	token.ended = false;
	return &token;
}

static bool let_in(OSSL_PASSPHRASE_CALLBACK *ask, void *ctx)
{
	char pin[32];
	size_t n = 0;
	token.asked++;
	if (!ask(pin, sizeof pin, &n, NULL, ctx))
		return false;
	bool right = n == strlen(PIN) && memcmp(pin, PIN, n) == 0;
	token.wrong += !right;
	return right;
}

static int token_load(void *ctx, OSSL_CALLBACK *give, void *give_ctx,
		      OSSL_PASSPHRASE_CALLBACK *ask, void *ask_ctx)
{
	int kind = OSSL_OBJECT_PKEY;
	char type[8];
	(void)ctx;
	token.ended = true;
	if (!let_in(ask, ask_ctx))
		return 0;
	snprintf(type, sizeof type, "%s", token.type);
	OSSL_PARAM object[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &kind),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
						 type, 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA,
						  token.der, token.len),
		OSSL_PARAM_construct_end(),
	};
	return give(object, give_ctx);
}

static int token_eof(void *ctx)
{
	(void)ctx;
	return token.ended;
}

static int token_close(void *ctx)
{
	(void)ctx;
	return 1;
}

#define FN(id, f)                                                              \
	{                                                                      \
		id, (void (*)(void))(f)                                        \
	}
static const OSSL_DISPATCH store_functions[] = {
	FN(OSSL_FUNC_STORE_OPEN, token_open),
	FN(OSSL_FUNC_STORE_LOAD, token_load),
	FN(OSSL_FUNC_STORE_EOF, token_eof),
	FN(OSSL_FUNC_STORE_CLOSE, token_close),
	{ 0, NULL },
};
static const OSSL_ALGORITHM stores[] = {
	{ "pkcs11", "provider=token", store_functions, "a token" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_STORE ? stores : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
	FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	{ 0, NULL },
};

static int provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
			 const OSSL_DISPATCH **out, void **provider)
{
	(void)core, (void)in;
	*out = provider_functions;
	*provider = &token;
	return 1;
}

static OSSL_PROVIDER *loaded[2];

static int load_provider(void **state)
{
	(void)state;
	if (!OSSL_PROVIDER_add_builtin(NULL, "token", provider_init))
		return -1;
	loaded[0] = OSSL_PROVIDER_load(NULL, "default");
	loaded[1] = OSSL_PROVIDER_load(NULL, "token");
	return loaded[0] != NULL && loaded[1] != NULL ? 0 : -1;
}

static int unload_provider(void **state)
{
	(void)state;
	OPENSSL_free(token.der);
	token.der = NULL;
	return OSSL_PROVIDER_unload(loaded[1]) &&
			       OSSL_PROVIDER_unload(loaded[0])
		       ? 0
		       : -1;
}

/* ---- tests ---- */

static struct jwk *put_key(enum jwk_alg alg, const char *type)
{
	struct jwk *k = NULL;
	assert_int_equal(jwk_generate(alg, &k), MM_OK);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(jwk_evp(k));
	OPENSSL_free(token.der);
	token.der = NULL;
	int n = i2d_PKCS8_PRIV_KEY_INFO(info, &token.der);
	assert_true(n > 0);
	PKCS8_PRIV_KEY_INFO_free(info);
	token.len = (size_t)n;
	token.type = type;
	token.asked = token.wrong = 0;
	return k;
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_a_wrong_pin_is_tried_once),
		cmocka_unit_test(test_no_pin),
	};
	return cmocka_run_group_tests(tests, load_provider, unload_provider);
}
