/* reply.h - the issuer's answers as JSON: one shape for each thing.
 * PROTOCOL.md section 7 shows them. */
#ifndef MM_ISSUER_REPLY_H
#define MM_ISSUER_REPLY_H

#include <jansson.h>

#include "issuer/issuer.h"

/* A token as people and programs see it.  NULL: out of memory. */
json_t *token_json(const struct token_row *t, int64_t now);
/* "2026-11-24T10:00:00Z", or null for 0. */
json_t *time_json(int64_t t);

/* Answer with `body` (taken over; NULL is out of memory). */
enum mm_err reply_json(struct http_request *rq, unsigned status, json_t *body);

#endif
