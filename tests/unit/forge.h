/* forge.h - tokens made by hand: any header, any payload, and a good signature
 * over just these, by OpenSSL and not by jws_sign(). */
#ifndef MM_TESTS_FORGE_H
#define MM_TESTS_FORGE_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "common/jwk.h"
#include "tests/unit/unit.h"

/* OpenSSL's signature as 64 bytes of r and s, if the key is an EC key. */
static inline size_t raw_signature(enum jwk_alg alg, uint8_t *sig, size_t n)
{
	const uint8_t *p = sig;
	if (alg != JWK_ES256)
		return n;
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &p, (long)n);
	assert_non_null(rs);
	BN_bn2binpad(ECDSA_SIG_get0_r(rs), sig, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(rs), sig + 32, 32);
	ECDSA_SIG_free(rs);
	return 64;
}

/* Append the dot and the signature of all that *t holds. */
static inline void add_signature(struct buf *t, const struct jwk *k)
{
	uint8_t sig[512];
	size_t n = sizeof sig;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = jwk_alg(k) == JWK_EDDSA ? NULL : EVP_sha256();
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, jwk_evp(k)),
			 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, t->at, t->len), 1);
	EVP_MD_CTX_free(ctx);
	n = raw_signature(jwk_alg(k), sig, n);
	buf_str(t, ".");
	base64url_add(t, span_of(sig, n));
}

/* Append a header in base64url: "$" in it stands for the kid of `named`, "@"
 * for its alg. */
static inline void add_header(struct buf *t, const char *header,
			      const struct jwk *named)
{
	AUTO_BUF struct buf h = buf_new(1 << 20);
	for (const char *p = header; *p; p++)
		if (*p == '$')
			buf_str(&h, jwk_kid(named));
		else if (*p == '@')
			buf_str(&h, jwk_alg_name(named));
		else
			buf_add(&h, span_of(p, 1));
	base64url_add(t, done(&h));
}

/* The token itself, its header, its payload and its signature. */
static inline void cut_parts(struct span token, struct span part[4])
{
	memset(part, 0, 4 * sizeof part[0]);
	part[0] = part[3] = token;
	assert_true(span_cut(&part[3], '.', &part[1]));
	assert_true(span_cut(&part[3], '.', &part[2]));
}

/* The token spelled in another way: in `how`, "@" is the token; "1", "2" and
 * "3" are its parts, alone.  b owns the text. */
static inline struct span spell(struct buf *b, const char *how,
				struct span token)
{
	struct span part[4];
	cut_parts(token, part);
	*b = buf_new(8u << 20);
	for (const char *p = how; *p; p++)
		if (*p == '@')
			buf_add(b, part[0]);
		else if (*p >= '1' && *p <= '3')
			buf_add(b, part[*p - '0']);
		else
			buf_add(b, span_of(p, 1));
	return done(b);
}

#endif
