/* http_reply.c - replies: bodies, shared bodies, problems, their headers.
 *
 * A reply is made by whatever thread has it and only put aside; the polling
 * thread sends it.  If there is no memory for one, the connection is closed
 * instead.
 */
#include <stdlib.h>
#include <strings.h>

#include "common/http_internal.h"
#include "common/log.h"
#include "common/secrecy.h"
#include "common/text.h"

/* ---- headers ---- */

void http_set(struct http_request *rq, const char *name, const char *value)
{
	rq->has_cache |= strcasecmp(name, "Cache-Control") == 0;
	rq->has_challenge |= strcasecmp(name, "WWW-Authenticate") == 0;
	buf_add(&rq->headers, span_of(name, strlen(name) + 1));
	buf_add(&rq->headers, span_of(value, strlen(value) + 1));
}

size_t http_room(const struct http_request *rq)
{
	return rq->headers.failed == MM_OK ? rq->headers.limit - rq->headers.len
					   : 0;
}

static bool add(struct MHD_Response *r, const char *name, const char *value)
{
	return MHD_add_response_header(r, name, value) == MHD_YES;
}

/* What handlers set, then what they need not know of. */
static bool add_headers(struct http_request *rq, struct MHD_Response *r,
			const char *type)
{
	struct span rest, name, value;
	bool good = buf_done(&rq->headers, &rest) == MM_OK;
	while (good && span_cut(&rest, '\0', &name) &&
	       span_cut(&rest, '\0', &value))
		good = add(r, (const char *)name.at, (const char *)value.at);
	if (type != NULL)
		good = good && add(r, "Content-Type", type);
	if (!rq->has_cache)
		good = good && add(r, "Cache-Control", "no-store");
	if (rq->status == MHD_HTTP_UNAUTHORIZED && !rq->has_challenge)
		good = good &&
		       add(r, "WWW-Authenticate", "Bearer realm=\"mintmark\"");
	return good && add(r, "X-Request-Id", rq->id);
}

/* Put the reply aside.  `r` is taken over; NULL: no memory. */
static enum mm_err put(struct http_request *rq, unsigned status,
		       const char *type, struct MHD_Response *r)
{
	MM_ASSERT(!rq->replied);
	rq->replied = true;
	rq->status = status;
	if (r != NULL && !add_headers(rq, r, type)) {
		MHD_destroy_response(r);
		r = NULL;
	}
	if (r == NULL)
		log_event(LOG_ERR, "http.reply_failed", "request=%s status=%u",
			  rq->id, status);
	rq->response = r;
	return MM_OK;
}

/* ---- bodies ---- */

/* A new token may be in it: the library has a copy that is wiped when sent. */
enum mm_err http_reply(struct http_request *rq, unsigned status,
		       const char *type, struct span body)
{
	rq->reply_bytes = body.len;
	void *copy = malloc(body.len + 1);
	if (copy == NULL)
		return put(rq, status, NULL, NULL);
	if (body.len != 0)
		memcpy(copy, body.at, body.len);
	struct MHD_Response *r =
		MHD_create_response_from_buffer_with_free_callback(
			body.len, copy, wiped_free);
	if (r == NULL)
		wiped_free(copy);
	return put(rq, status, type, r);
}

static void drop_body(void *body)
{
	http_body_drop(body);
}

enum mm_err http_reply_shared(struct http_request *rq, unsigned status,
			      struct http_body *body)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer_with_free_callback_cls(
			body->len, body->at, drop_body, http_body_hold(body));
	if (r == NULL)
		http_body_drop(body);
	rq->reply_bytes = body->len;
	return put(rq, status, body->type, r);
}

/* ---- problems (RFC 9457) ---- */

static void add_member(struct buf *b, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	buf_fmt(b, ",\"%s\":", name);
	text_json(b, span_str(value));
}

void problem_write(struct buf *b, unsigned status, enum mm_err e,
		   const struct why *why)
{
	buf_str(b, "{\"type\":\"about:blank\"");
	add_member(b, "title", MHD_get_reason_phrase_for(status));
	buf_fmt(b, ",\"status\":%u", status);
	if (why != NULL && why->text[0] != '\0')
		add_member(b, "detail", why->text);
	else if (e == MM_ERR_FULL)
		add_member(b, "detail",
			   "there is no room on the server's disk: make some "
			   "there, and try again");
	if (why != NULL)
		add_member(b, "field", why->field);
	add_member(b, "reason", mm_err_word(e));
	buf_str(b, "}");
}

enum mm_err http_problem(struct http_request *rq, enum mm_err e,
			 const struct why *why)
{
	AUTO_BUF struct buf b = buf_new(PROBLEM_MAX);
	const struct http_options *opt = &rq->server->opt;
	struct why said = { .text = "" };
	struct span body;
	unsigned status = rq->status ? rq->status : mm_err_http(e);

	if (status >= 500 && opt->explain != NULL &&
	    (why == NULL || why->text[0] == '\0')) {
		opt->explain(opt->app, e, &said);
		why = &said;
	}
	problem_write(&b, status, e, why);
	if (buf_done(&b, &body) != MM_OK)
		return put(rq, status, NULL, NULL);
	return http_reply(rq, status, PROBLEM_TYPE, body);
}

struct why *http_why(struct http_request *rq)
{
	if (rq->why == NULL)
		rq->why = calloc(1, sizeof *rq->why);
	return rq->why;
}
