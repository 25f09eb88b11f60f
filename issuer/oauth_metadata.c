/* oauth_metadata.c - where everything is: RFC 8414. */
#include "issuer/oauth_metadata.h"

#include <stdlib.h>

#include "common/json_heap.h"
#include "issuer/handlers.h"
#include "issuer/oauth_exchange.h"
#include "issuer/reply.h"

#define WELL_KNOWN "/.well-known/oauth-authorization-server"

static json_t *url(const char *iss, const char *path)
{
	return json_sprintf("%s%s", iss, path);
}

/* Only what we have: no authorization endpoint, so no response types.  The
 * scopes are the services' own, and not ours to list. */
static json_t *metadata(const char *iss)
{
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:[], s:[s], s:[s], s:[s],"
		" s:[s]}",
		"issuer", iss, "jwks_uri", url(iss, "/.well-known/jwks.json"),
		"token_endpoint", url(iss, "/oauth/token"),
		"introspection_endpoint", url(iss, "/oauth/introspect"),
		"revocation_endpoint", url(iss, "/oauth/revoke"),
		"status_list_aggregation_endpoint", url(iss, "/s"),
		"response_types_supported", "grant_types_supported",
		GRANT_EXCHANGE, "token_endpoint_auth_methods_supported", "none",
		"introspection_endpoint_auth_methods_supported", "Bearer",
		"revocation_endpoint_auth_methods_supported", "none");
}

enum mm_err oauth_metadata_new(const char *iss, struct http_body **out)
{
	json_t *all = metadata(iss);
	char *text = json_heap_dump(all, JSON_COMPACT);
	json_decref(all);
	if (text == NULL)
		return MM_ERR_NOMEM;
	*out = http_body_new("application/json", span_str(text));
	free(text);
	return *out ? http_body_prepare(*out) : MM_ERR_NOMEM;
}

/* "/pat" of https://example.org/pat; "" if there is none. */
static const char *path_of(const char *iss)
{
	const char *slash = strchr(strstr(iss, "://") + 3, '/');
	return slash ? slash : "";
}

/* RFC 8414 s3.1: the issuer's path comes behind, and a proxy can pass the
 * request on as it is. */
enum mm_err metadata_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	const char *behind = http_path(rq) + strlen(WELL_KNOWN);
	if (behind[0] != '\0' && strcmp(behind, path_of(is->set.issuer)) != 0)
		return why_say(http_why(rq), MM_ERR_NOT_FOUND, NULL,
			       "there is no such issuer here");
	return reply_public(rq, PUBLIC_SECONDS, is->metadata);
}
