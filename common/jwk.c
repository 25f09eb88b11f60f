/* jwk.c - signing and verifying keys: parsed once, counted, found. */
#include "common/jwk.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "common/jwk_internal.h"

static const char *const alg_names[] = {
	[JWK_ES256] = "ES256",
	[JWK_EDDSA] = "EdDSA",
	[JWK_RS256] = "RS256",
};

bool jwk_is_kid(const char *text)
{
	return strspn(text,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "abcdefghijklmnopqrstuvwxyz0123456789-_") == KID_LEN &&
	       text[KID_LEN] == '\0';
}

const char *jwk_kid(const struct jwk *k)
{
	return k->kid;
}

const char *jwk_alg_name(const struct jwk *k)
{
	return alg_names[k->alg];
}

enum jwk_alg jwk_alg(const struct jwk *k)
{
	return k->alg;
}

bool jwk_is_private(const struct jwk *k)
{
	return k->pem != NULL || k->signer != NULL;
}

struct evp_pkey_st *jwk_evp(const struct jwk *k)
{
	return k->evp;
}

struct span jwk_pem(const struct jwk *k)
{
	return span_of(k->pem, k->pem_len);
}

struct jwk *jwk_hold(struct jwk *k)
{
	atomic_fetch_add(&k->owners, 1);
	return k;
}

void jwk_drop(struct jwk *k)
{
	if (k == NULL || atomic_fetch_sub(&k->owners, 1) != 1)
		return;
	for (size_t i = 0; k->ready != NULL && i < JWK_CONTEXTS; i++)
		jwk_context_clear(&k->ready[i]);
	free(k->ready);
	EVP_PKEY_free(k->evp);
	EVP_PKEY_free(k->signer);
	OPENSSL_secure_clear_free(k->pem, k->pem_len);
	free(k);
}

/* ---- making one ---- */

/* The key decides the algorithm (RFC 8725 s3.1). */
static enum mm_err alg_of(const EVP_PKEY *evp, enum jwk_alg *alg,
			  struct why *why)
{
	char group[32];
	size_t n;
	switch (EVP_PKEY_get_base_id(evp)) {
	case EVP_PKEY_ED25519:
		*alg = JWK_EDDSA;
		return MM_OK;
	case EVP_PKEY_RSA:
		*alg = JWK_RS256;
		return jwk_check_rsa(evp, why);
	case EVP_PKEY_EC:
		*alg = JWK_ES256;
		if (EVP_PKEY_get_group_name(evp, group, sizeof group, &n) &&
		    strcmp(group, "prime256v1") == 0)
			return MM_OK;
		return why_say(why, MM_ERR_INVALID, "crv",
			       "an EC key must be on the curve P-256");
	default:
		return why_say(why, MM_ERR_INVALID, "kty",
			       "a key must be EC P-256, Ed25519 or RSA");
	}
}

enum mm_err jwk_thumbprint(const struct jwk *k, char out[44])
{
	AUTO_BUF struct buf members = buf_new(JWK_TEXT_MAX);
	struct span text;
	uint8_t digest[32];
	TRY(jwk_members(k->evp, k->alg, &members));
	TRY(buf_done(&members, &text));
	if (!EVP_Q_digest(NULL, "SHA256", NULL, text.at, text.len, digest,
			  NULL))
		return MM_ERR_CRYPTO;
	out[base64url_encode(span_of(digest, sizeof digest), out, 43)] = '\0';
	return MM_OK;
}

enum mm_err jwk_adopt(EVP_PKEY **evp, struct jwk **out, struct why *why)
{
	enum jwk_alg alg = JWK_ES256;
	char print[44];
	TRY(alg_of(*evp, &alg, why));

	AUTO_JWK struct jwk *k = calloc(1, sizeof *k);
	if (k == NULL)
		return MM_ERR_NOMEM;
	atomic_init(&k->owners, 1);
	k->alg = alg;
	k->ready = calloc(JWK_CONTEXTS, sizeof *k->ready);
	if (k->ready == NULL)
		return MM_ERR_NOMEM;
	k->evp = *evp;
	*evp = NULL; /* transferred */

	TRY(jwk_thumbprint(k, print));
	(void)span_copy(k->kid, sizeof k->kid, span_of(print, KID_LEN));
	*out = k;
	k = NULL;
	return MM_OK;
}

/* ---- sets ---- */

enum mm_err jwk_set_add(struct jwk_set *s, struct jwk *k)
{
	if (s->count == sizeof s->key / sizeof s->key[0])
		return MM_ERR_TOO_LARGE;
	if (jwk_set_find(s, k->kid) != NULL)
		return MM_ERR_CONFLICT;
	s->key[s->count++] = jwk_hold(k);
	return MM_OK;
}

struct jwk *jwk_set_find(const struct jwk_set *s, const char *kid)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->key[i]->kid, kid) == 0)
			return s->key[i];
	return NULL;
}

void jwk_set_clear(struct jwk_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		jwk_drop(s->key[i]);
	s->count = 0;
}
