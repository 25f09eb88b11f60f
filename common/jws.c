/* jws.c - compact JWS, read in one strict way and written beside it. */
#include "common/jws.h"

#include <stddef.h>

#include "common/json.h"
#include "common/signature.h"

#define HEADER_MAX 192 /* decoded; ours have about 55 bytes */

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

/* ---- verifying ---- */

enum mm_err jws_verify(const struct jws *t, const char *typ,
		       const struct jwk *key)
{
	uint8_t raw[SIGNATURE_MAX];
	size_t n;
	if (strcmp(t->header.typ, typ) != 0) /* RFC 8725 s3.11 */
		return MM_ERR_MALFORMED;
	if (strcmp(t->header.alg, jwk_alg_name(key)) != 0) /* s3.1 */
		return MM_ERR_BAD_SIGNATURE;
	if (base64url_decode(t->signature, raw, sizeof raw, &n) != MM_OK)
		return MM_ERR_MALFORMED;
	return signature_check(key, t->signing_input, span_of(raw, n));
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

	uint8_t raw[SIGNATURE_MAX];
	size_t len;
	TRY(signature_make(key, span_of(out->at + from, out->len - from), raw,
			   &len));
	buf_str(out, ".");
	base64url_add(out, span_of(raw, len));
	return out->failed;
}
