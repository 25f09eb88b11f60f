/* jwk_json.c - public keys as JSON (RFC 7517, 7518, 8037): written.
 * jwk_read.c reads them. */
#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "common/jwk_internal.h"

static void bn_free_at(BIGNUM **b)
{
	BN_free(*b);
}
#define AUTO_BN __attribute__((cleanup(bn_free_at)))

/* One number of the key, big-endian; at least `width` bytes long, since
 * RFC 7518 s6.2.1.2 wants a coordinate's leading zeros kept. */
static enum mm_err add_number(const EVP_PKEY *evp, const char *param, int width,
			      struct buf *out)
{
	AUTO_BN BIGNUM *n = NULL;
	uint8_t bytes[512];
	if (!EVP_PKEY_get_bn_param(evp, param, &n))
		return MM_ERR_CRYPTO;
	int len = BN_num_bytes(n) > width ? BN_num_bytes(n) : width;
	MM_ASSERT(len <= (int)sizeof bytes && /* jwk_adopt() saw to that */
		  BN_bn2binpad(n, bytes, len) == len);
	base64url_add(out, span_of(bytes, (size_t)len));
	return MM_OK;
}

static enum mm_err ec_members(const EVP_PKEY *evp, struct buf *out)
{
	buf_str(out, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
	TRY(add_number(evp, OSSL_PKEY_PARAM_EC_PUB_X, 32, out));
	buf_str(out, "\",\"y\":\"");
	TRY(add_number(evp, OSSL_PKEY_PARAM_EC_PUB_Y, 32, out));
	buf_str(out, "\"}");
	return MM_OK;
}

static enum mm_err rsa_members(const EVP_PKEY *evp, struct buf *out)
{
	buf_str(out, "{\"e\":\"");
	TRY(add_number(evp, OSSL_PKEY_PARAM_RSA_E, 0, out));
	buf_str(out, "\",\"kty\":\"RSA\",\"n\":\"");
	TRY(add_number(evp, OSSL_PKEY_PARAM_RSA_N, 0, out));
	buf_str(out, "\"}");
	return MM_OK;
}

static enum mm_err okp_members(const EVP_PKEY *evp, struct buf *out)
{
	uint8_t x[32];
	size_t n = sizeof x;
	if (!EVP_PKEY_get_raw_public_key(evp, x, &n) || n != sizeof x)
		return MM_ERR_CRYPTO;
	buf_str(out, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
	base64url_add(out, span_of(x, n));
	buf_str(out, "\"}");
	return MM_OK;
}

enum mm_err jwk_members(const EVP_PKEY *evp, enum jwk_alg alg, struct buf *out)
{
	switch (alg) {
	case JWK_ES256:
		return ec_members(evp, out);
	case JWK_EDDSA:
		return okp_members(evp, out);
	case JWK_RS256:
		break;
	}
	return rsa_members(evp, out);
}

enum mm_err jwk_to_json(const struct jwk *k, struct buf *out)
{
	AUTO_BUF struct buf members = buf_new(JWK_TEXT_MAX);
	struct span text;
	TRY(jwk_members(k->evp, k->alg, &members));
	TRY(buf_done(&members, &text));
	buf_add(out, span_of(text.at, text.len - 1)); /* without the brace */
	buf_fmt(out, ",\"use\":\"sig\",\"alg\":\"%s\",\"kid\":\"%s\"}",
		jwk_alg_name(k), k->kid);
	return out->failed;
}
