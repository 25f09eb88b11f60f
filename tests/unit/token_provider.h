/* token_provider.h - a PKCS#11 token behind OpenSSL's newer way to one: a
 * provider with a store for "pkcs11:".  Debian 12 has none, so this is our own:
 * it gives out one key for the right PIN. */
#ifndef MM_TESTS_TOKEN_PROVIDER_H
#define MM_TESTS_TOKEN_PROVIDER_H

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "common/jwk.h"

#define PIN "471147"
#define URI "pkcs11:token=mint;object=one;type=private"

static struct {
	uint8_t *der; /* PKCS#8 */
	size_t len;
	const char *type; /* "EC" ... */
	int asked, wrong;
	char uri[128];
	bool ended, away;
} token;

static void *token_open(void *provider, const char *uri)
{
	(void)provider;
	snprintf(token.uri, sizeof token.uri, "%s", uri);
	token.ended = false;
	return token.away ? NULL : &token;
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

/* Make a key, and put it into the token. */
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

#endif
