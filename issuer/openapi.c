/* openapi.c - GET /openapi.json.  It is written by hand; a test holds every
 * answer of the running API against it. */
#include "issuer/openapi.h"

#include "issuer/handlers.h"
#include "issuer/reply.h"

extern const char openapi_start[], openapi_end[];

enum mm_err openapi_new(struct http_body **out)
{
	*out = http_body_new(
		"application/json",
		span_of(openapi_start, (size_t)(openapi_end - openapi_start)));
	return *out ? http_body_prepare(*out) : MM_ERR_NOMEM;
}

enum mm_err openapi_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	return reply_public(rq, PUBLIC_SECONDS, is->openapi);
}
