/* jws.c - compact JWS, read in one strict way and written beside it.
 *
 * ECDSA signatures travel as r and s, 32 bytes each (RFC 7518 s3.4), while
 * OpenSSL speaks DER; the two small functions in between are here too.
 */
#include "common/jws.h"

#include <openssl/evp.h>
#include <stddef.h>

#include "common/json.h"

#define SIGNATURE_MAX 512 /* RS256 with 4096 bits */
#define HEADER_MAX    192 /* decoded; ours have about 55 bytes */

/* ---- splitting ---- */

enum { HAS_ALG = 1, HAS_KID = 2, HAS_TYP = 4, HAS_ALL = 7 };

#define ROW(member, bit)                                                       \
	{                                                                      \
#member, JSON_KIND_STR, offsetof(struct jws_header, member),   \
			sizeof(((struct jws_header *)0)->member), (bit), NULL  \
	}

/* Exactly these: "crit" (RFC 7515 s4.1.11), "jku", "jwk", "x5u", "x5c",
 * "b64" (RFC 7797) and "zip" are refused by not being here. */
static const struct json_field header_rows[] = {
	ROW(alg, HAS_ALG),
	ROW(kid, HAS_KID),
	ROW(typ, HAS_TYP),
};
static const struct json_table header_table = { header_rows, 3, true, 0 };

static enum mm_err read_header(struct span text, struct jws_header *out)
{
	uint8_t raw[HEADER_MAX];
	size_t n;
	uint32_t seen;
	if (base64url_decode(text, raw, sizeof raw, &n) != MM_OK)
		return MM_ERR_MALFORMED;
	TRY(strict_json_read(span_of(raw, n), &header_table, out, &seen));
	return seen == HAS_ALL ? MM_OK : MM_ERR_MALFORMED;
}

enum mm_err jws_split(struct span token, struct jws *out)
{
	struct span rest = token, header, payload;
	if (!span_cut(&rest, '.', &header) || !span_cut(&rest, '.', &payload))
		return MM_ERR_MALFORMED;
	if (payload.len == 0 || rest.len == 0)
		return MM_ERR_MALFORMED;
	TRY(read_header(header, &out->header));
	out->signing_input = span_of(token.at, header.len + 1 + payload.len);
	out->payload = payload;
	out->signature = rest; /* a further dot is not in the alphabet */
	return MM_OK;
}

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

/* OpenSSL's own DER, so its form is known: no need to be strict. */
static bool raw_of_der(uint8_t raw[static 64], struct span der)
{
	const uint8_t *p = der.at + 2, *end = der.at + der.len;
	memset(raw, 0, 64);
	for (int i = 0; i < 2; i++) {
		if (end - p < 2 || p[0] != 0x02 || end - p - 2 < p[1])
			return false;
		size_t n = p[1];
		p += 2;
		size_t sign = n == 33 && p[0] == 0;
		if (n - sign > 32 || n == 0)
			return false;
		memcpy(raw + 32 * i + (32 - (n - sign)), p + sign, n - sign);
		p += n;
	}
	return p == end;
}

/* ---- verifying ---- */

static void md_ctx_free_at(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}
#define AUTO_MD_CTX __attribute__((cleanup(md_ctx_free_at)))

/* The digest that goes with the key: none for EdDSA (RFC 8037 s3.1). */
static const EVP_MD *digest_of(const struct jwk *key)
{
	return jwk_alg(key) == JWK_EDDSA ? NULL : EVP_sha256();
}

/* The signature as OpenSSL wants it; raw has exactly the key's length. */
static enum mm_err native_signature(const struct jwk *key, struct span raw,
				    uint8_t *der, struct span *out)
{
	*out = raw;
	if (jwk_alg(key) == JWK_EDDSA)
		return raw.len == 64 ? MM_OK : MM_ERR_BAD_SIGNATURE;
	if (jwk_alg(key) == JWK_RS256)
		return raw.len == (size_t)EVP_PKEY_get_size(jwk_evp(key))
			       ? MM_OK
			       : MM_ERR_BAD_SIGNATURE;
	if (raw.len != 64)
		return MM_ERR_BAD_SIGNATURE;
	*out = span_of(der, der_of_raw(der, raw.at));
	return MM_OK;
}

enum mm_err jws_verify(const struct jws *t, const char *typ,
		       const struct jwk *key)
{
	uint8_t raw[SIGNATURE_MAX], der[72];
	size_t n;
	struct span sig;
	if (strcmp(t->header.typ, typ) != 0) /* RFC 8725 s3.11 */
		return MM_ERR_MALFORMED;
	if (strcmp(t->header.alg, jwk_alg_name(key)) != 0) /* s3.1 */
		return MM_ERR_BAD_SIGNATURE;
	if (base64url_decode(t->signature, raw, sizeof raw, &n) != MM_OK)
		return MM_ERR_MALFORMED;
	TRY(native_signature(key, span_of(raw, n), der, &sig));

	AUTO_MD_CTX EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, digest_of(key), NULL,
						jwk_evp(key)) != 1)
		return MM_ERR_CRYPTO;
	return EVP_DigestVerify(ctx, sig.at, sig.len, t->signing_input.at,
				t->signing_input.len) == 1
		       ? MM_OK
		       : MM_ERR_BAD_SIGNATURE;
}

enum mm_err jws_open(struct span token, const char *typ,
		     const struct jwk_set *keys, struct buf *payload)
{
	struct jws t;
	TRY(jws_split(token, &t));
	const struct jwk *key = jwk_set_find(keys, t.header.kid);
	if (key == NULL)
		return MM_ERR_UNKNOWN_KEY;
	TRY(jws_verify(&t, typ, key));

	size_t room = t.payload.len / 4 * 3 + 3, n;
	uint8_t *to = buf_room(payload, room);
	if (to == NULL)
		return payload->failed;
	TRY(base64url_decode(t.payload, to, room, &n));
	buf_grew(payload, n);
	return MM_OK;
}

/* ---- signing ---- */

static enum mm_err add_signature(const struct jwk *key, struct span input,
				 struct buf *out)
{
	uint8_t sig[SIGNATURE_MAX], raw[64];
	size_t n = sizeof sig;
	AUTO_MD_CTX EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (ctx == NULL ||
	    EVP_DigestSignInit(ctx, NULL, digest_of(key), NULL, jwk_evp(key)) !=
		    1 ||
	    EVP_DigestSign(ctx, sig, &n, input.at, input.len) != 1)
		return MM_ERR_CRYPTO;

	struct span s = span_of(sig, n);
	if (jwk_alg(key) == JWK_ES256) {
		if (!raw_of_der(raw, s))
			return MM_ERR_CRYPTO;
		s = span_of(raw, sizeof raw);
	}
	base64url_add(out, s);
	return MM_OK;
}

enum mm_err jws_sign(const struct jwk *key, const char *typ,
		     struct span payload, struct buf *out)
{
	char header[HEADER_MAX];
	int n = snprintf(header, sizeof header,
			 "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"%s\"}",
			 jwk_alg_name(key), jwk_kid(key), typ);
	MM_ASSERT(n > 0 && (size_t)n < sizeof header);
	MM_ASSERT(jwk_is_private(key));

	size_t from = out->len;
	base64url_add(out, span_of(header, (size_t)n));
	buf_str(out, ".");
	base64url_add(out, payload);
	TRY(out->failed);

	/* The dot behind the input may move the buffer: sign first. */
	AUTO_BUF struct buf sig = buf_new(BASE64URL_LEN(SIGNATURE_MAX));
	struct span text;
	TRY(add_signature(key, span_of(out->at + from, out->len - from), &sig));
	TRY(buf_done(&sig, &text));
	buf_str(out, ".");
	buf_add(out, text);
	return out->failed;
}
