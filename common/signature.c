/* signature.c - what OpenSSL does for us: one check, one signature.
 *
 * ECDSA signatures travel as r and s, 32 bytes each (RFC 7518 s3.4), while
 * OpenSSL speaks DER; the two small functions in between are here too.
 *
 * Setting up an OpenSSL context costs about as much as everything else that
 * we do for a token, so a key keeps a few that are ready (struct
 * jwk_context).  A thread takes one, and is alone with it until it puts it
 * back; when all are taken it makes one for itself.
 */
#include "common/signature.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/jwk_internal.h"

/* ---- ECDSA: r,s <-> DER ---- */

/* One INTEGER from 32 big-endian bytes.  Returns the bytes written. */
static size_t der_integer(uint8_t *der, const uint8_t raw[static 32])
{
	size_t skip = 0;
	while (skip < 31 && raw[skip] == 0)
		skip++;
	size_t sign = raw[skip] >> 7; /* a leading 0 keeps it positive */
	size_t n = 32 - skip;
	der[0] = 0x02;
	der[1] = (uint8_t)(n + sign);
	der[2] = 0;
	memcpy(der + 2 + sign, raw + skip, n);
	return 2 + sign + n;
}

/* At most 72 bytes. */
static size_t der_of_raw(uint8_t der[static 72], const uint8_t raw[static 64])
{
	size_t n = 2;
	n += der_integer(der + n, raw);
	n += der_integer(der + n, raw + 32);
	der[0] = 0x30;
	der[1] = (uint8_t)(n - 2);
	return n;
}

/* Half a microsecond, which is nothing beside signing. */
static bool raw_of_der(uint8_t raw[static 64], struct span der)
{
	const uint8_t *p = der.at;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
	bool good = s != NULL &&
		    BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 32) == 32 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 32, 32) == 32;
	ECDSA_SIG_free(s);
	return good;
}

/* ---- contexts ---- */

/* EdDSA signs the message itself (RFC 8037 s3.1): no digest, and no context
 * for the key that could be kept. */
static bool context_fill(struct jwk_context *c, const struct jwk *key)
{
	if ((c->digest = EVP_MD_CTX_new()) == NULL)
		return false;
	if (key->alg == JWK_EDDSA)
		return true;
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	c->check = EVP_PKEY_CTX_new(key->evp, NULL);
	bool good = sha256 != NULL && c->check != NULL &&
		    EVP_DigestInit_ex2(c->digest, sha256, NULL) == 1 &&
		    EVP_PKEY_verify_init(c->check) == 1 &&
		    EVP_PKEY_CTX_set_signature_md(c->check, sha256) == 1;
	EVP_MD_free(sha256);
	return good;
}

void jwk_context_clear(struct jwk_context *c)
{
	EVP_MD_CTX_free(c->digest);
	EVP_PKEY_CTX_free(c->check);
	c->digest = NULL;
	c->check = NULL;
}

/* One of the key's, or *own, which is nobody else's anyway. */
static struct jwk_context *context_take(const struct jwk *key,
					struct jwk_context *own)
{
	struct jwk_context *c = own;
	for (size_t i = 0; i < JWK_CONTEXTS && c == own; i++)
		if (!atomic_exchange_explicit(&key->ready[i].taken, true,
					      memory_order_acquire))
			c = &key->ready[i];
	if (c->digest != NULL || context_fill(c, key))
		return c;
	jwk_context_clear(c);
	return c;
}

static void context_put(struct jwk_context *c, struct jwk_context *own)
{
	if (c == own)
		jwk_context_clear(c);
	else
		atomic_store_explicit(&c->taken, false, memory_order_release);
}

/* ---- checking ---- */

size_t signature_size(const struct jwk *key)
{
	return key->alg == JWK_RS256 ? (size_t)EVP_PKEY_get_size(key->evp) : 64;
}

/* The signature as OpenSSL wants it, or false: not the key's length. */
static bool native_signature(const struct jwk *key, struct span raw,
			     uint8_t der[static 72], struct span *out)
{
	*out = raw;
	if (raw.len != signature_size(key))
		return false;
	if (key->alg == JWK_ES256)
		*out = span_of(der, der_of_raw(der, raw.at));
	return true;
}

static enum mm_err check_with(struct jwk_context *c, const struct jwk *key,
			      struct span input, struct span sig)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n;
	int answer;
	if (c->digest == NULL)
		return MM_ERR_CRYPTO;
	if (key->alg == JWK_EDDSA) {
		if (EVP_DigestVerifyInit(c->digest, NULL, NULL, NULL,
					 key->evp) != 1)
			return MM_ERR_CRYPTO;
		answer = EVP_DigestVerify(c->digest, sig.at, sig.len, input.at,
					  input.len);
	} else {
		if (EVP_DigestInit_ex2(c->digest, NULL, NULL) != 1 ||
		    EVP_DigestUpdate(c->digest, input.at, input.len) != 1 ||
		    EVP_DigestFinal_ex(c->digest, hash, &n) != 1)
			return MM_ERR_CRYPTO;
		answer = EVP_PKEY_verify(c->check, sig.at, sig.len, hash, n);
	}
	return answer == 1 ? MM_OK : MM_ERR_BAD_SIGNATURE;
}

enum mm_err signature_check(const struct jwk *key, struct span input,
			    struct span raw)
{
	uint8_t der[72];
	struct span sig;
	struct jwk_context own = { .digest = NULL };
	if (!native_signature(key, raw, der, &sig))
		return MM_ERR_BAD_SIGNATURE;
	ERR_set_mark();
	struct jwk_context *c = context_take(key, &own);
	enum mm_err e = check_with(c, key, input, sig);
	context_put(c, &own);
	ERR_pop_to_mark();
	return e;
}

/* ---- signing ---- */

static void md_ctx_free_at(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}
#define AUTO_MD_CTX __attribute__((cleanup(md_ctx_free_at)))

static bool sign(EVP_MD_CTX *ctx, const struct jwk *key, struct span input,
		 uint8_t out[static SIGNATURE_MAX], size_t *len)
{
	const EVP_MD *md = key->alg == JWK_EDDSA ? NULL : EVP_sha256();
	EVP_PKEY *evp = key->signer ? key->signer : key->evp;
	*len = SIGNATURE_MAX;
	return ctx != NULL &&
	       EVP_DigestSignInit(ctx, NULL, md, NULL, evp) == 1 &&
	       EVP_DigestSign(ctx, out, len, input.at, input.len) == 1;
}

enum mm_err signature_make(const struct jwk *key, struct span input,
			   uint8_t out[static SIGNATURE_MAX], size_t *len)
{
	uint8_t raw[64];
	AUTO_MD_CTX EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!sign(ctx, key, input, out, len))
		return key->signer ? MM_ERR_UNAVAILABLE : MM_ERR_CRYPTO;
	if (key->alg != JWK_ES256)
		return MM_OK;
	if (!raw_of_der(raw, span_of(out, *len)))
		return MM_ERR_CRYPTO;
	memcpy(out, raw, sizeof raw);
	*len = sizeof raw;
	return MM_OK;
}
