/* jwk_internal.h - what a key is made of, for jwk*.c and signature.c. */
#ifndef MM_COMMON_JWK_INTERNAL_H
#define MM_COMMON_JWK_INTERNAL_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "common/jwk.h"

/* What a check of a signature needs of OpenSSL: signature.c.  Whoever set
 * `taken` has it to himself; empty until it is first taken. */
struct jwk_context {
	atomic_bool taken;
	EVP_MD_CTX *digest;
	EVP_PKEY_CTX *check;
};
#define JWK_CONTEXTS 8 /* as many threads check at once without making any */

struct jwk {
	atomic_uint owners;
	enum jwk_alg alg;
	char kid[KID_SIZE];
	EVP_PKEY *evp;
	char *pem; /* PKCS#8, private keys only; in OpenSSL's secure heap */
	size_t pem_len;
	/* What signs where evp cannot: a private key that never leaves its
	 * PKCS#11 token.  evp is then its public half, in our memory. */
	EVP_PKEY *signer;
	/* changes behind a const key, hence not in it */
	struct jwk_context *ready; /* JWK_CONTEXTS of them */
};

void jwk_context_clear(struct jwk_context *c);

static inline void evp_pkey_free_at(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define AUTO_EVP __attribute__((cleanup(evp_pkey_free_at)))

/* Make a key of *evp, which is taken over (set to NULL) on success.
 * MM_ERR_INVALID for a kind or size of key that we do not use. */
MM_MUST_USE enum mm_err jwk_adopt(EVP_PKEY **evp, struct jwk **out,
				  struct why *why);

/* Does a private key sign what its public half takes?  (jwk_pem.c) */
bool jwk_proves_itself(const struct jwk *k);

/* The members that name the key (RFC 7638 s3.2), in their order, with the
 * braces: the thumbprint's input, and the heart of the JWK. */
MM_MUST_USE enum mm_err jwk_members(const EVP_PKEY *evp, enum jwk_alg alg,
				    struct buf *out);

/* The numbers of a public key, as they stand in its JWK.  Those that a kind
 * does not have are not looked at. */
struct jwk_numbers {
	const char *crv, *x, *y, *n, *e;
};
MM_MUST_USE enum mm_err jwk_make_ec(const struct jwk_numbers *k, EVP_PKEY **out,
				    struct why *why);
MM_MUST_USE enum mm_err jwk_make_okp(const struct jwk_numbers *k,
				     EVP_PKEY **out, struct why *why);
MM_MUST_USE enum mm_err jwk_make_rsa(const struct jwk_numbers *k,
				     EVP_PKEY **out, struct why *why);
/* Is an RSA key, wherever it comes from, one that a JWK may hold? */
MM_MUST_USE enum mm_err jwk_check_rsa(const EVP_PKEY *evp, struct why *why);

#endif
