/* public.c - what anybody may read: keys, status lists, version. */
#include "issuer/handlers.h"
#include "issuer/reply.h"

enum mm_err reply_public(struct http_request *rq, int64_t seconds,
			 struct http_body *body)
{
	char cache[64];
	snprintf(cache, sizeof cache, "public, max-age=%lld",
		 (long long)seconds);
	http_set(rq, "Cache-Control", cache);
	http_set(rq, "Access-Control-Allow-Origin", "*");
	return http_reply_prepared(rq, body);
}

enum mm_err jwks_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	AUTO_BODY struct http_body *body = NULL;
	TRY(publisher_jwks(is->publisher, &body));
	return reply_public(rq, PUBLIC_SECONDS, body);
}

enum mm_err list_index_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	AUTO_BODY struct http_body *body = NULL;
	TRY(publisher_index(is->publisher, &body));
	return reply_public(rq, PUBLIC_SECONDS, body);
}

enum mm_err status_list_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	AUTO_BODY struct http_body *body = NULL;
	char id[JTI_SIZE];
	uint32_t list, idx;
	/* draft-ietf-oauth-status-list s8.4; the list of now would do harm */
	if (http_query(rq, "time") != NULL)
		return why_say(http_why(rq), MM_ERR_NOT_IMPLEMENTED, "time",
			       "there are no lists of earlier times here");
	snprintf(id, sizeof id, "%.12s.0", http_arg(rq, 0));
	enum mm_err e = token_id_read(span_str(id), &list, &idx);
	if (e == MM_OK)
		e = publisher_list(is->publisher, list, &body, http_why(rq));
	if (e == MM_ERR_MALFORMED || e == MM_ERR_NOT_FOUND)
		return why_say(http_why(rq), MM_ERR_NOT_FOUND, NULL,
			       "there is no such status list");
	TRY(e);
	return reply_public(rq, is->set.list_ttl, body);
}

enum mm_err version_get(void *app, struct http_request *rq)
{
	(void)app;
	return reply_json(rq, 200,
			  json_pack("{s:s, s:s}", "name", "mintmarkd",
				    "version", MM_VERSION));
}
