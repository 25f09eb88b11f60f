/* reply.h - the issuer's answers as JSON: one shape for each thing.
 * PROTOCOL.md section 7 shows them. */
#ifndef MM_ISSUER_REPLY_H
#define MM_ISSUER_REPLY_H

#include <jansson.h>

#include "issuer/issuer.h"

/* A token as people and programs see it.  NULL: out of memory. */
json_t *token_json(const struct token_row *t, int64_t now);
/* When it dies, unless it is used or changed before. */
int64_t token_dies_at(const struct token_row *t);
/* "2026-11-24T10:00:00Z", or null for 0. */
json_t *time_json(int64_t t);

/* The claim status. */
json_t *status_json(const char *iss, uint32_t list, uint32_t idx);

#define PUBLIC_SECONDS 300 /* that what seldom changes may be kept */

/* What anybody may read, from any page, and keep for `seconds`; `body` is
 * prepared. */
enum mm_err reply_public(struct http_request *rq, int64_t seconds,
			 struct http_body *body);

/* All keys in force, to be json_decref()ed; `now` 0 leaves their live tokens
 * uncounted. */
MM_MUST_USE enum mm_err keys_json(struct issuer *is, int64_t now, json_t **out);

/* Who asks (GET /v1/me); `session` is when his session ends, or 0. */
enum mm_err reply_me(struct issuer *is, struct http_request *rq,
		     int64_t session);

/* Answer with `body` (taken over; NULL is out of memory). */
enum mm_err reply_json(struct http_request *rq, unsigned status, json_t *body);

#endif
