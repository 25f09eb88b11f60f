/* access.c - an access token, from what it says to its signature. */
#include "issuer/access.h"

#include <stdlib.h>
#include <sys/random.h>

#include "common/json_heap.h"
#include "issuer/ended.h"
#include "issuer/optional.h"
#include "issuer/reply.h"

/* RFC 9068 s2.2, and status as a PAT has it. */
static json_t *claims_json(const struct access_says *s, const char *id)
{
	const struct narrow_grant *g = s->grant;
	json_t *all = json_pack("{s:s, s:s, s:o, s:I, s:I, s:s, s:s, s:o}",
				"iss", s->iss, "sub", s->sub, "aud",
				audience_json(g->aud, g->aud_count), "iat",
				(json_int_t)s->iat, "exp", (json_int_t)g->exp,
				"jti", id, "client_id", s->parent, "status",
				status_json(s->iss, s->list, s->idx));
	all = json_with_text(all, "scope", g->has_scope ? g->scope : NULL);
	all = json_with_text(all, "cidr", s->cidr[0] ? s->cidr : NULL);
	return json_with_number(all, "auth_time", s->auth_time);
}

static enum mm_err sign(const struct jwk *key, json_t *claims, struct buf *out,
			struct why *why)
{
	char *text = json_heap_dump(claims, JSON_COMPACT);
	json_decref(claims);
	if (text == NULL)
		return MM_ERR_NOMEM;
	enum mm_err e = signing_jws(key, TYP_ACCESS, span_str(text), out, why);
	free(text);
	return e;
}

enum mm_err access_sign(struct issuer *is, const struct access_says *says,
			char id[JTI_SIZE], struct buf *out, struct why *why)
{
	uint8_t own[ACCESS_ID_BYTES];
	AUTO_JWK struct jwk *key = signing_key(is->signing);
	TRY(ended_check(is->publisher, is->store, key, why));
	if (getrandom(own, sizeof own, 0) != sizeof own)
		return MM_ERR_IO;
	access_id_write(id, says->list, says->idx, own);
	return sign(key, claims_json(says, id), out, why);
}
