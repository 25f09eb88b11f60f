/* claims.c - the payload of a token, read by table and judged by rules. */
#include "common/claims.h"

#include <stddef.h>
#include <stdio.h>

#include "common/base64url.h"
#include "common/cidr.h"
#include "common/scope.h"
#include "common/text.h"

/* The latest time that has a meaning here: year 9999, exactly. */
#define TIME_MAX   INT64_C(253402300799)
#define WINDOW_MAX (INT64_C(100) * 366 * 86400)

enum {
	HAS_ISS = 1,
	HAS_SUB = 2,
	HAS_JTI = 4,
	HAS_IAT = 8,
	HAS_EXP = 16,
	HAS_IDX = 32,
	HAS_URI = 64,
	HAS_REQUIRED = 127,
	HAS_AUD = 128,
	HAS_NBF = 256,
	HAS_SCOPE = 512,
	HAS_AUTO_REFRESH = 1024,
	HAS_CIDR = 2048
};

struct raw_claims {
	int64_t idx;
	char status_uri[ISS_SIZE + 32];
	struct claims c;
};

#define CLAIM(name, kind, member, size, bit)                                   \
	{                                                                      \
		name, kind, offsetof(struct raw_claims, member), size, (bit),  \
			NULL                                                   \
	}
#define INT(name, member, bit) CLAIM(name, JSON_KIND_INT, member, 8, bit)
#define TEXT(name, member, size, bit)                                          \
	CLAIM(name, JSON_KIND_TEXT, member, size, bit)
#define OBJECT(name, table)                                                    \
	{                                                                      \
		name, JSON_KIND_OBJECT, 0, 0, 0, (table)                       \
	}

static const struct json_field list_rows[] = {
	INT("idx", idx, HAS_IDX),
	CLAIM("uri", JSON_KIND_STR, status_uri, ISS_SIZE + 32, HAS_URI),
};
static const struct json_table list_table = { list_rows, 2, false, 0 };
static const struct json_field status_rows[] = {
	OBJECT("status_list", &list_table),
};
static const struct json_table status_table = { status_rows, 1, false, 0 };

/* RFC 7519 s4.1, RFC 8693 s4.2 (scope) and s4.3 (client_id),
 * draft-ietf-oauth-status-list (status); auto_refresh and cidr are ours. */
static const struct json_field claim_rows[] = {
	TEXT("iss", c.iss, ISS_SIZE, HAS_ISS),
	TEXT("sub", c.sub, USER_SIZE, HAS_SUB),
	CLAIM("aud", JSON_KIND_TEXTS, c.aud, AUD_SIZE, HAS_AUD),
	INT("iat", c.iat, HAS_IAT),
	INT("exp", c.exp, HAS_EXP),
	INT("nbf", c.nbf, HAS_NBF),
	TEXT("jti", c.jti, JTI_SIZE, HAS_JTI),
	TEXT("scope", c.scope, SCOPE_SIZE, HAS_SCOPE),
	TEXT("cidr", c.cidr, CIDR_SIZE, HAS_CIDR),
	TEXT("client_id", c.client_id, CLIENT_SIZE, 0),
	INT("auto_refresh", c.auto_refresh, HAS_AUTO_REFRESH),
	OBJECT("status", &status_table),
};
static const struct json_table claim_table = {
	claim_rows, sizeof claim_rows / sizeof claim_rows[0], false,
	offsetof(struct raw_claims, c.texts)
};

/* ---- the id ---- */

enum mm_err token_id_read(struct span id, uint32_t *list, uint32_t *idx)
{
	struct span head;
	uint64_t l, i;
	if (!span_cut(&id, '.', &head) || !text_number(head, UINT32_MAX, &l) ||
	    !text_number(id, LIST_SIZE_MAX - 1, &i))
		return MM_ERR_MALFORMED;
	*list = (uint32_t)l;
	*idx = (uint32_t)i;
	return MM_OK;
}

void token_id_write(char out[JTI_SIZE], uint32_t list, uint32_t idx)
{
	snprintf(out, JTI_SIZE, "%u.%u", list, idx);
}

#define OWN_PART BASE64URL_LEN(ACCESS_ID_BYTES)

void access_id_write(char out[JTI_SIZE], uint32_t list, uint32_t idx,
		     const uint8_t own[static ACCESS_ID_BYTES])
{
	char text[OWN_PART];
	base64url_encode(span_of(own, ACCESS_ID_BYTES), text, sizeof text);
	snprintf(out, JTI_SIZE, "%u.%u.%.*s", list, idx, (int)sizeof text,
		 text);
}

/* Leave the parent's id. */
static bool cut_own_part(struct span *id)
{
	uint8_t own[ACCESS_ID_BYTES];
	size_t n;
	if (id->len <= OWN_PART || id->at[id->len - OWN_PART - 1] != '.')
		return false;
	id->len -= OWN_PART + 1;
	return base64url_decode(span_of(id->at + id->len + 1, OWN_PART), own,
				sizeof own, &n) == MM_OK;
}

/* ---- the form ---- */

static bool in_range(int64_t t, int64_t max)
{
	return t > 0 && t <= max;
}

/* {iss}/s/{list}, in its one spelling. */
static bool is_list_uri(struct span uri, struct span iss, uint32_t list)
{
	uint64_t number;
	if (uri.len < iss.len + 3 || !span_eq(span_of(uri.at, iss.len), iss) ||
	    memcmp(uri.at + iss.len, "/s/", 3) != 0)
		return false;
	struct span text = span_of(uri.at + iss.len + 3, uri.len - iss.len - 3);
	return text_number(text, UINT32_MAX, &number) && number == list;
}

/* jti and status say the same list and index. */
static bool ids_agree(const struct raw_claims *r)
{
	return r->idx == (int64_t)r->c.idx &&
	       is_list_uri(span_str(r->status_uri),
			   claims_span(&r->c, r->c.iss), r->c.list);
}

/* The texts begin with an empty one, for what is not there. */
static enum mm_err read_raw(struct span json, struct raw_claims *r,
			    uint32_t *seen)
{
	memset(r, 0, offsetof(struct raw_claims, c.texts.text));
	r->c.texts.text[r->c.texts.used++] = '\0';
	return strict_json_read(json, &claim_table, r, seen);
}

/* An access token says for whom it is and who asked for it (RFC 9068 s2.2),
 * and does not slide. */
static bool is_access(const struct claims *c, struct span *id)
{
	return c->aud.count != 0 && c->client_id.len != 0 &&
	       c->auto_refresh == 0 && cut_own_part(id);
}

enum mm_err claims_read(struct span json, enum token_kind kind,
			struct claims *out)
{
	struct raw_claims r;
	struct claims *c = &r.c;
	uint32_t seen;
	TRY(read_raw(json, &r, &seen));

	c->has_scope = seen & HAS_SCOPE;
	if ((seen & HAS_REQUIRED) != HAS_REQUIRED || c->iss.len == 0 ||
	    c->sub.len == 0)
		return MM_ERR_MALFORMED;
	if (!in_range(c->iat, TIME_MAX) || !in_range(c->exp, TIME_MAX) ||
	    (seen & HAS_NBF && !in_range(c->nbf, TIME_MAX)) ||
	    (seen & HAS_AUTO_REFRESH && !in_range(c->auto_refresh, WINDOW_MAX)))
		return MM_ERR_MALFORMED;
	if (seen & HAS_AUD && c->aud.count == 0)
		return MM_ERR_MALFORMED; /* for nobody at all */
	struct span id = claims_span(c, c->jti);
	c->access = kind == TOKEN_ACCESS;
	if (c->access && !is_access(c, &id))
		return MM_ERR_MALFORMED;
	TRY(token_id_read(id, &c->list, &c->idx));
	if (!ids_agree(&r))
		return MM_ERR_MALFORMED;
	if (c->has_scope &&
	    scope_check(claims_span(c, c->scope), NULL) != MM_OK)
		return MM_ERR_MALFORMED;
	if (seen & HAS_CIDR && !cidr_list_check(claims_span(c, c->cidr)))
		return MM_ERR_MALFORMED;
	memcpy(out, c, claims_size(c));
	return MM_OK;
}

/* ---- the rules ---- */

/* RFC 7519 s4.1.3; without aud: any audience of this issuer. */
static bool audience_matches(const struct claims *c, const char *want)
{
	if (want == NULL || c->aud.count == 0)
		return true;
	const char *s = c->texts.text + c->aud.at;
	for (unsigned i = 0; i < c->aud.count; i++, s += strlen(s) + 1)
		if (strcmp(s, want) == 0)
			return true;
	return false;
}

enum mm_err claims_check(const struct claims *c, struct span iss,
			 const char *audience, int64_t now)
{
	if (!span_eq(claims_span(c, c->iss), iss))
		return MM_ERR_WRONG_ISSUER;
	if (!audience_matches(c, audience))
		return MM_ERR_WRONG_AUDIENCE;
	if (c->iat > now + CLOCK_LEEWAY || c->nbf > now + CLOCK_LEEWAY)
		return MM_ERR_NOT_YET_VALID;
	if (now >= c->exp) /* no leeway: exp is never passed */
		return MM_ERR_EXPIRED;
	return MM_OK;
}

enum mm_err claims_find_from(const struct claims *c, struct span from)
{
	struct address a;
	if (!address_parse(from, &a))
		return MM_ERR_WRONG_ADDRESS;
	return cidr_list_has(claims_span(c, c->cidr), &a)
		       ? MM_OK
		       : MM_ERR_WRONG_ADDRESS;
}
