/* signature.h - signatures in the form that JOSE gives them (RFC 7518 s3.3,
 * s3.4, RFC 8037 s3.1), made and checked with OpenSSL. */
#ifndef MM_COMMON_SIGNATURE_H
#define MM_COMMON_SIGNATURE_H

#include "common/jwk.h"

#define SIGNATURE_MAX 512 /* RS256 with 4096 bits */

/* The bytes of each signature that the key makes. */
size_t signature_size(const struct jwk *key);

/* Is `sig` the key's signature of `input`?  MM_ERR_BAD_SIGNATURE if not.
 * Any number of threads may ask of one key.  Leaves nothing behind in
 * OpenSSL's queue of errors, which belongs to the program that we are in. */
MM_MUST_USE enum mm_err signature_check(const struct jwk *key,
					struct span input, struct span sig);

/* Sign `input` with a private key: the raw signature into out[0..*len).
 * MM_ERR_UNAVAILABLE: the key is in a PKCS#11 token, which does not answer. */
MM_MUST_USE enum mm_err signature_make(const struct jwk *key, struct span input,
				       uint8_t out[static SIGNATURE_MAX],
				       size_t *len);

#endif
