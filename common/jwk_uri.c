/* jwk_uri.c - private keys that stay in a PKCS#11 token: a smart card, an
 * HSM, or softhsm2 in the tests.
 *
 * OpenSSL finds them by their URI (RFC 7512) in one of two ways: through a
 * provider with a store for "pkcs11:", where openssl.cnf names one, else
 * through the engine "pkcs11" of libp11, which is what Debian 12 has.  Only
 * one of them is tried: each try with a wrong PIN counts against it.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines; gone in OpenSSL 4 */
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "common/jwk_internal.h"

static void ui_free_at(UI_METHOD **m)
{
	UI_destroy_method(*m);
}
#define AUTO_UI __attribute__((cleanup(ui_free_at)))

/* The PIN when it is asked for; never from a terminal. */
static int give_pin(char *to, int size, int writing, void *ctx)
{
	struct jwk_pass *pin = ctx;
	(void)writing;
	pin->asked = true;
	if (pin->text.len == 0 || pin->text.len > (size_t)size)
		return -1;
	memcpy(to, pin->text.at, pin->text.len);
	return (int)pin->text.len;
}

/* ---- by a provider ---- */

static bool have_store(void)
{
	OSSL_STORE_LOADER *l = OSSL_STORE_LOADER_fetch(NULL, "pkcs11", NULL);
	OSSL_STORE_LOADER_free(l);
	return l != NULL;
}

static EVP_PKEY *from_store(const char *uri, const UI_METHOD *ui,
			    struct jwk_pass *pin)
{
	EVP_PKEY *evp = NULL;
	OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, pin, NULL, NULL);
	if (store == NULL)
		return NULL;
	while (evp == NULL && !OSSL_STORE_eof(store) &&
	       !OSSL_STORE_error(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		if (info != NULL)
			evp = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return evp;
}

/* ---- by the engine ---- */

#ifndef OPENSSL_NO_ENGINE
/* The key keeps the engine at work until it is freed. */
static EVP_PKEY *from_engine(const char *uri, UI_METHOD *ui,
			     struct jwk_pass *pin)
{
	ENGINE *engine = ENGINE_by_id("pkcs11");
	if (engine == NULL || !ENGINE_init(engine)) {
		ENGINE_free(engine);
		return NULL;
	}
	/* It would write to standard error what we say better. */
	ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 1);
	EVP_PKEY *evp = ENGINE_load_private_key(engine, uri, ui, pin);
	if (evp != NULL && !EVP_PKEY_set1_engine(evp, engine)) {
		EVP_PKEY_free(evp);
		evp = NULL;
	}
	ENGINE_finish(engine);
	ENGINE_free(engine);
	return evp;
}
#else
static EVP_PKEY *from_engine(const char *uri, UI_METHOD *ui,
			     struct jwk_pass *pin)
{
	(void)uri, (void)ui, (void)pin;
	return NULL;
}
#endif

/* ---- the key ---- */

/* OpenSSL's first word is the nearest to the cause: "PIN incorrect". */
static enum mm_err not_found(const struct jwk_pass *pin, struct why *why)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	if (pin->asked && pin->text.len == 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "its token wants a PIN: say ?pin-source="
			       "file:/PATH in the URI, or bring the "
			       "credential mintmark-pin");
	return why_say(why, MM_ERR_INVALID, NULL,
		       "OpenSSL cannot open that key: %s (keys/README.md says "
		       "what it needs to reach one: an engine or provider, "
		       "and PKCS11_MODULE_PATH)",
		       reason ? reason : "no reason given");
}

static EVP_PKEY *find(const char *uri, struct jwk_pass *pin)
{
	AUTO_UI UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_pin, 0);
	if (ui == NULL)
		return NULL;
	ERR_set_mark();
	bool by_store = have_store();
	ERR_pop_to_mark();
	return by_store ? from_store(uri, ui, pin) : from_engine(uri, ui, pin);
}

/* Its public half in our own memory: what is asked of it then never goes to
 * the token, and is answered however OpenSSL got there. */
static EVP_PKEY *public_half(const EVP_PKEY *evp)
{
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(evp, &der);
	const uint8_t *p = der;
	EVP_PKEY *half = n > 0 ? d2i_PUBKEY(NULL, &p, n) : NULL;
	OPENSSL_free(der);
	return half;
}

/* A token may hold a public object that is another key's, or a private one
 * that must not sign: better now than in front of a user. */
static enum mm_err prove(const struct jwk *k, struct why *why)
{
	if (jwk_proves_itself(k))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "the key in the token does not sign, or not for its "
		       "public half there (if the token was away: restart "
		       "mintmarkd, which cannot find it again)");
}

static enum mm_err adopt_found(EVP_PKEY **evp, struct jwk **out,
			       struct why *why)
{
	AUTO_JWK struct jwk *k = NULL;
	AUTO_EVP EVP_PKEY *half = public_half(*evp);
	if (half == NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the token does not show the public half of "
			       "that key: put it there, with the same id");
	TRY(jwk_adopt(&half, &k, why));
	k->signer = *evp;
	*evp = NULL; /* transferred */
	TRY(prove(k, why));
	*out = k;
	k = NULL;
	return MM_OK;
}

enum mm_err jwk_from_uri(const char *uri, struct jwk_pass *pin,
			 struct jwk **out, struct why *why)
{
	pin->asked = false;
	ERR_clear_error();
	AUTO_EVP EVP_PKEY *evp = find(uri, pin);
	enum mm_err e = evp ? adopt_found(&evp, out, why) : not_found(pin, why);
	ERR_clear_error();
	return e;
}
