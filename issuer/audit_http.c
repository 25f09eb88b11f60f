/* audit_http.c - GET /v1/audit: the lines as they stand in the store. */
#include "common/query.h"
#include "issuer/handlers.h"

static void add_line(void *ctx, struct span line)
{
	struct buf *b = ctx;
	buf_add(b, line);
	buf_str(b, "\n");
}

enum mm_err audit_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	uint64_t after = 0, before = 0;
	struct audit_query q = { .text = http_query(rq, "q") };
	AUTO_BUF struct buf text = buf_new(1000 * (size_t)AUDIT_LINE_MAX);
	struct span all;
	TRY(query_number(rq, "after", 0, INT64_MAX, &after));
	TRY(query_number(rq, "before", 0, INT64_MAX, &before));
	TRY(query_limit(rq, &q.limit));
	q.backwards = http_query(rq, "after") == NULL;
	q.from = q.backwards ? before : after;
	if (!q.backwards && http_query(rq, "before") != NULL)
		return why_say(http_why(rq), MM_ERR_INVALID, "before",
			       "after is for going forwards and before for "
			       "going back: say one of them");
	TRY(store_audit_read(is->store, &q, add_line, &text));
	TRY(buf_done(&text, &all));
	return http_reply(rq, 200, "application/x-ndjson", all);
}
