/* jwk.h - public keys as RFC 7517 JWKs, and as OpenSSL keys parsed once.
 *
 * The key decides the algorithm (RFC 8725 s3.1): ES256 for EC P-256, EdDSA
 * for Ed25519, RS256 for RSA of 2048 to 4096 bits.  Nothing else is a key.
 */
#ifndef MM_COMMON_JWK_H
#define MM_COMMON_JWK_H

#include "common/base64url.h"

#define KID_LEN	     11 /* first characters of the RFC 7638 thumbprint */
#define KID_SIZE     (KID_LEN + 1)
#define JWK_TEXT_MAX 1024

enum jwk_alg { JWK_ES256 = 1, JWK_EDDSA = 2, JWK_RS256 = 3 };

/* A key: public, or with its private half.  Immutable once made, so any
 * number of threads may share it; freed by the last jwk_drop(). */
struct jwk;

/* Could it be the kid of a key here?  11 characters of base64url. */
bool jwk_is_kid(const char *text);
const char *jwk_kid(const struct jwk *k);      /* 11 characters */
const char *jwk_alg_name(const struct jwk *k); /* "ES256"... (RFC 7518) */
enum jwk_alg jwk_alg(const struct jwk *k);
bool jwk_is_private(const struct jwk *k);
/* The OpenSSL key (an EVP_PKEY *), owned by k. */
struct evp_pkey_st *jwk_evp(const struct jwk *k);
/* The private key as PKCS#8 PEM, for libjwt; empty for a public key, and
 * for a private one that stays in its PKCS#11 token. */
struct span jwk_pem(const struct jwk *k);

struct jwk *jwk_hold(struct jwk *k); /* one more owner; returns k */
void jwk_drop(struct jwk *k);	     /* NULL is allowed */
static inline void jwk_drop_at(struct jwk **k)
{
	jwk_drop(*k);
}
#define AUTO_JWK __attribute__((cleanup(jwk_drop_at)))

/* From one public JWK.  Refuses private members, weak RSA, a point off the
 * curve, an alg or use that contradicts the key, a kid that is not ours. */
MM_MUST_USE enum mm_err jwk_from_json(struct span json, struct jwk **out,
				      struct why *why);
/* The same of somebody else's key, whose kid is what they call it: it is not
 * compared with anything.  Verifiers of tokens have no use for it. */
MM_MUST_USE enum mm_err
jwk_from_json_foreign(struct span json, struct jwk **out, struct why *why);
/* The public JWK: {"kty":...,"use":"sig","alg":...,"kid":...}. */
MM_MUST_USE enum mm_err jwk_to_json(const struct jwk *k, struct buf *out);

/* The RFC 7638 SHA-256 thumbprint, 43 characters and NUL. */
MM_MUST_USE enum mm_err jwk_thumbprint(const struct jwk *k, char out[44]);

/* ---- private keys: jwk_pem.c and jwk_uri.c, not in libmintmark ---- */

/* What opens a key: a passphrase or a PIN, "" for none.  The caller owns
 * the text, and wipes it. */
struct jwk_pass {
	struct span text;
	bool asked; /* out: was it needed? */
};

/* A new private key. */
MM_MUST_USE enum mm_err jwk_generate(enum jwk_alg alg, struct jwk **out);
/* From a PEM private key, encrypted or not.  `pass` may be NULL; nobody is
 * ever asked at a terminal. */
MM_MUST_USE enum mm_err jwk_from_pem(struct span pem, struct jwk_pass *pass,
				     struct jwk **out, struct why *why);
/* The PEM of a private key, encrypted (PKCS#8, PBES2: scrypt and
 * AES-256-CBC). */
MM_MUST_USE enum mm_err
jwk_pem_encrypt(const struct jwk *k, struct span passphrase, struct buf *out);
/* A private key that stays where a PKCS#11 URI (RFC 7512) says.  The URI
 * holds no PIN.  It has signed once, and rightly, when it is here. */
MM_MUST_USE enum mm_err jwk_from_uri(const char *uri, struct jwk_pass *pin,
				     struct jwk **out, struct why *why);

/* ---- sets ---- */

/* A set of keys to look one up by kid.  Filled once, then only read. */
struct jwk_set {
	struct jwk *key[64];
	size_t count;
};
MM_MUST_USE enum mm_err jwk_set_add(struct jwk_set *s, struct jwk *k);
struct jwk *jwk_set_find(const struct jwk_set *s, const char *kid);
void jwk_set_clear(struct jwk_set *s);
/* {"keys":[...]} (RFC 7517 s5) in both directions.  *out is written only on
 * success.  A key of an unknown kty is passed over; one that we should know
 * but cannot use, and a key given twice, spoil the set. */
MM_MUST_USE enum mm_err jwk_set_from_json(struct span json, struct jwk_set *out,
					  struct why *why);
MM_MUST_USE enum mm_err jwk_set_to_json(const struct jwk_set *s,
					struct buf *out);

#endif
