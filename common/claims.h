/* claims.h - what a token says, read once into a struct, and the pure rules
 * that judge it.  No clock, no disk, no log.
 */
#ifndef MM_COMMON_CLAIMS_H
#define MM_COMMON_CLAIMS_H

#include "common/cidr.h"
#include "common/json.h"
#include "common/span.h"
#include "common/status_list.h"

#define ISS_SIZE     256
#define USER_SIZE    256  /* sub: at most 255 bytes of UTF-8 */
#define SCOPE_SIZE   2048 /* the whole scope claim */
#define AUD_SIZE     1024 /* all audiences, each with its NUL */
#define JTI_SIZE     24	  /* "4294967295.1048575.k3_Z" */
#define CLIENT_SIZE  256  /* client_id of an access token */
#define CLOCK_LEEWAY 60	  /* seconds iat and nbf may lie ahead; exp: none */

/* Its typ says which (RFC 8725 s3.11), and none has the form of another. */
enum token_kind {
	TOKEN_PAT,   /* a personal access token */
	TOKEN_ACCESS /* a short-lived one made from it, RFC 9068 */
};

/* Its texts lie one behind the other and are named by where they begin, so
 * that whole claims are copied as they are: claims_size() bytes. */
struct claims {
	int64_t iat, exp, nbf;
	int64_t auto_refresh; /* window in seconds; 0: fixed expiry */
	uint32_t list, idx;   /* jti and status, which agree */
	struct json_text iss, sub, jti, scope;
	struct json_text cidr;	    /* len 0: from any address */
	struct json_text client_id; /* access tokens only */
	struct json_strs aud;	    /* count 0: any audience of this issuer */
	bool has_scope;		    /* false: all the user's rights */
	bool access;		    /* a TOKEN_ACCESS */
	struct json_texts texts;
};

/* Ended by NUL. */
static inline const char *claims_text(const struct claims *c,
				      struct json_text t)
{
	return c->texts.text + t.at;
}

static inline struct span claims_span(const struct claims *c,
				      struct json_text t)
{
	return span_of(c->texts.text + t.at, t.len);
}

static inline size_t claims_size(const struct claims *c)
{
	return offsetof(struct claims, texts.text) + c->texts.used;
}

/* Read and check the form of a decoded payload: what this kind must say,
 * ranges, jti = status index, scope grammar.  MM_ERR_MALFORMED whatever is
 * wrong, and *out is as it was. */
MM_MUST_USE enum mm_err claims_read(struct span json, enum token_kind kind,
				    struct claims *out);

/* "3.4711" <-> list 3, index 4711.  One spelling: no signs, no leading
 * zeros. */
MM_MUST_USE enum mm_err token_id_read(struct span id, uint32_t *list,
				      uint32_t *idx);
void token_id_write(char out[JTI_SIZE], uint32_t list, uint32_t idx);

/* The id of an access token is its parent's, a dot, and 4 characters of its
 * own: "3.4711.k3_Z".  So it still shows whose status it shares. */
#define ACCESS_ID_BYTES 3 /* of chance, in these characters */
void access_id_write(char out[JTI_SIZE], uint32_t list, uint32_t idx,
		     const uint8_t own[static ACCESS_ID_BYTES]);

/* Is it this issuer's, for this audience (NULL: any), and in time?
 * The reasons come in this order: wrong_issuer, wrong_audience,
 * not_yet_valid, expired. */
MM_MUST_USE enum mm_err claims_check(const struct claims *c, struct span iss,
				     const char *audience, int64_t now);

/* The same of a token with cidr. */
MM_MUST_USE enum mm_err claims_find_from(const struct claims *c,
					 struct span from);

/* May it come from there?  `from` is text as it was heard; where it is no
 * address, or none is known, a token with cidr may not.
 * MM_ERR_WRONG_ADDRESS. */
MM_MUST_USE static inline enum mm_err claims_check_from(const struct claims *c,
							struct span from)
{
	return c->cidr.len == 0 ? MM_OK : claims_find_from(c, from);
}

/* The sliding rule (design, PROTOCOL.md section 4).  window 0 = fixed. */
static inline int64_t effective_expiry(int64_t iat, int64_t exp, int64_t window,
				       int64_t last_use)
{
	if (window == 0)
		return exp;
	int64_t slides = (last_use > iat ? last_use : iat) + window;
	return slides < exp ? slides : exp;
}

/* Is it worth telling the issuer that the token is used now, when a use at
 * `last_use` is known (PROTOCOL.md section 4)?  Once an hour, and for small
 * windows 64 times in one. */
#define USE_GRAIN_MAX 3600
static inline int64_t use_grain(const struct claims *c)
{
	int64_t grain = c->auto_refresh / 64;
	return grain < USE_GRAIN_MAX ? grain : USE_GRAIN_MAX;
}

static inline bool use_is_news(const struct claims *c, int64_t last_use,
			       int64_t now)
{
	int64_t base = last_use > c->iat ? last_use : c->iat;
	return c->auto_refresh != 0 && now > base && now - base >= use_grain(c);
}

/* What lists say of the token: MM_OK, MM_ERR_EXPIRED, MM_ERR_IDLE,
 * MM_ERR_REVOKED, MM_ERR_SUSPENDED, in that order of precedence.
 * status is the 2-bit value, last_use 0 for "never". */
MM_MUST_USE static inline enum mm_err claims_alive(const struct claims *c,
						   unsigned status,
						   int64_t last_use,
						   int64_t now)
{
	if (now >= c->exp)
		return MM_ERR_EXPIRED;
	if (now >= effective_expiry(c->iat, c->exp, c->auto_refresh, last_use))
		return MM_ERR_IDLE;
	switch (status) {
	case STATUS_VALID:
		return MM_OK;
	case STATUS_SUSPENDED:
		return MM_ERR_SUSPENDED;
	default: /* unknown is not innocent */
		return MM_ERR_REVOKED;
	}
}

#endif
