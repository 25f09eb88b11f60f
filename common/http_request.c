/* http_request.c - a request, from its first line to its reply.
 *
 * The library calls http_on_uri() with the raw request line, then
 * http_on_request() once with the headers, once for each piece of the body,
 * and once more when it is whole: there the handler runs, now or on a
 * worker.  A request that was suspended comes back for its reply.
 *
 * A reply to the first call makes the library close the connection.  That
 * is right where the guard refused, or a body that nobody wants is still
 * coming in, and wrong everywhere else: those wait for the last call.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/http_internal.h"
#include "common/log.h"

/* ---- the request line ---- */

/* 16 hex digits, without printf(): every request has one. */
static void write_id(char id[17], uint32_t prefix, uint32_t n)
{
	uint64_t both = (uint64_t)prefix << 32 | n;
	for (unsigned i = 0; i < 16; i++)
		id[i] = "0123456789abcdef"[both >> (60 - 4 * i) & 15];
}

static struct http_request *request_new(struct http_server *s,
					struct MHD_Connection *c,
					const char *uri, size_t len)
{
	/* behind the URI: the pieces of its path, decoded, and its query */
	struct http_request *rq =
		calloc(1, sizeof *rq + len + 1 + FORM_ROOM(len));
	if (rq == NULL)
		return NULL;
	rq->server = s;
	rq->connection = c;
	rq->conn = reaper_conn(c);
	rq->body = buf_new(0);
	rq->headers = buf_new(s->opt.reply_max);
	memcpy(rq->uri, uri, len);
	rq->sent_uri = uri;
	rq->sent_length = len;
	rq->path = rq->uri;
	rq->text = rq->uri + len + 1;
	write_id(rq->id, s->id_prefix, atomic_fetch_add(&s->id_next, 1));
	return rq;
}

/* The answer becomes the *request of the calls that follow; NULL makes the
 * first of them close the connection. */
void *http_on_uri(void *poller, const char *uri, struct MHD_Connection *c)
{
	struct http_poller *p = poller;
	size_t max = p->server->opt.head_max - HEADERS_BYTES;
	size_t len = strnlen(uri, max + 1);
	struct http_request *rq = request_new(p->server, c, uri, len);
	if (rq == NULL)
		return NULL;
	if (rq->conn == NULL) {
		free(rq);
		return NULL;
	}
	rq->conn->begun = rq;
	reaper_begun(rq);
	if (len > max)
		rq->status = MHD_HTTP_URI_TOO_LONG;
	return rq;
}

static void request_free(struct http_request *rq)
{
	if (rq->response != NULL)
		MHD_destroy_response(rq->response);
	buf_free(&rq->body);
	buf_free(&rq->headers);
	free(rq->why);
	free(rq->data);
	free(rq);
}

void http_on_completed(void *poller, struct MHD_Connection *c, void **request,
		       enum MHD_RequestTerminationCode why)
{
	struct http_request *rq = *request;
	struct http_server *s = ((struct http_poller *)poller)->server;
	(void)c;
	(void)why;
	if (rq == NULL)
		return;
	*request = NULL;
	log_event(LOG_DEBUG, "http.request",
		  "request=%s method=%s route=%s status=%u", rq->id,
		  rq->method ? rq->method : "",
		  rq->route ? rq->route->path : "", rq->status);
	rq->conn->begun = NULL;
	reaper_idle(rq);
	if (rq->stage == STAGE_RUN)
		atomic_fetch_sub(&s->open, 1);
	request_free(rq);
}

void http_on_lost(struct http_request *rq)
{
	if (rq != NULL)
		request_free(rq);
}

/* ---- the reply ---- */

/* The library reads chunks leniently, too, and shows us nothing of them: what
 * is left of such a body must not be taken for a request. */
static enum MHD_Result send_reply(struct http_request *rq)
{
	if (rq->response == NULL)
		return MHD_NO;
	stats_note(rq);
	reaper_replies(rq);
	if (rq->chunked || atomic_load(&rq->server->closed))
		MHD_add_response_header(rq->response, "Connection", "close");
	return MHD_queue_response(rq->connection, rq->status, rq->response);
}

static enum MHD_Result refuse(struct http_request *rq, enum mm_err e)
{
	http_problem(rq, e, rq->why);
	return send_reply(rq);
}

/* ---- the handler ---- */

static void tell_refused(struct http_request *rq, enum mm_err e)
{
	const struct http_options *opt = &rq->server->opt;
	unsigned status = mm_err_http(e);
	if (opt->refused != NULL && (status == 401 || status == 403))
		opt->refused(opt->app, rq, rq->route, e);
}

bool http_run(struct http_request *rq)
{
	const struct http_options *opt = &rq->server->opt;
	const struct http_route *route = rq->route;
	bool held = false;

	rq->held = &held;
	enum mm_err e = opt->allow ? opt->allow(opt->app, rq, route) : MM_OK;
	if (e == MM_OK)
		e = route->run(opt->app, rq);
	if (held) {
		MM_ASSERT(e == MM_OK);
		return false; /* somebody else's now, or gone */
	}
	rq->held = NULL;
	if (!rq->replied && e == MM_OK)
		e = why_say(http_why(rq), MM_ERR_UNAVAILABLE, NULL,
			    "the request was left without a reply");
	if (!rq->replied) {
		tell_refused(rq, e);
		http_problem(rq, e, rq->why);
	}
	return true;
}

/* The gate keeps http_quiesce() waiting while a handler runs here. */
static enum MHD_Result run_through_gate(struct http_request *rq)
{
	struct http_server *s = rq->server;
	bool closed, answered = false;

	pthread_rwlock_rdlock(&s->gate);
	closed = atomic_load(&s->closed);
	if (!closed && rq->route->kind != HTTP_NOW)
		work_give(rq);
	else if (!closed)
		answered = http_run(rq);
	pthread_rwlock_unlock(&s->gate);
	if (closed) {
		http_set(rq, "Retry-After", "1");
		why_say(http_why(rq), MM_ERR_UNAVAILABLE, NULL,
			"the server is stopping");
		return refuse(rq, MM_ERR_UNAVAILABLE);
	}
	return answered ? send_reply(rq) : MHD_YES;
}

/* ---- the library's calls ---- */

static enum mm_err body_refused(struct http_request *rq)
{
	size_t max = rq->route->body_max;
	return max == 0 ? why_say(http_why(rq), MM_ERR_INVALID, NULL,
				  "this request takes no body")
			: why_say(http_why(rq), MM_ERR_TOO_LARGE, NULL,
				  "the body is larger than %zu bytes", max);
}

/* Everything that can be judged before the body.  *close: answer now. */
static enum mm_err judge(struct http_request *rq, bool *close)
{
	*close = true;
	if (rq->status == MHD_HTTP_URI_TOO_LONG)
		return why_say(http_why(rq), MM_ERR_INVALID, NULL,
			       "the request target is longer than %u bytes",
			       rq->server->opt.head_max - HEADERS_BYTES);
	TRY(guard_uri(rq, http_why(rq)));
	TRY(guard_headers(rq, http_why(rq)));
	*close = rq->chunked || rq->body_length != 0;
	TRY(uri_route(rq, http_why(rq)));
	return rq->body_length > rq->route->body_max ? body_refused(rq) : MM_OK;
}

static enum MHD_Result on_headers(struct http_request *rq, const char *method,
				  const char *version)
{
	bool close;
	rq->sent_version = version;
	rq->stage = STAGE_BODY;
	rq->method = method;
	rq->refused = judge(rq, &close);
	if (rq->refused != MM_OK && close)
		return library_cannot(rq, rq->refused)
			       ? MHD_NO
			       : refuse(rq, rq->refused);
	if (rq->route != NULL)
		rq->body.limit = rq->route->body_max;
	return MHD_YES;
}

/* What is over the limit is read, for there is no other way to an answer,
 * and forgotten; the reaper bounds how long. */
static enum MHD_Result on_body(struct http_request *rq, const char *at,
			       size_t *len)
{
	buf_add(&rq->body, span_of(at, *len));
	if (rq->body.failed != MM_OK)
		rq->refused = rq->body.failed == MM_ERR_TOO_LARGE
				      ? body_refused(rq)
				      : rq->body.failed;
	*len = 0;
	return MHD_YES;
}

static enum MHD_Result on_whole(struct http_request *rq)
{
	rq->stage = STAGE_RUN;
	rq->whole_at = clock_ns();
	reaper_whole(rq);
	atomic_fetch_add(&rq->server->open, 1);
	if (rq->refused != MM_OK)
		return refuse(rq, rq->refused);
	return run_through_gate(rq);
}

enum MHD_Result http_on_request(void *poller, struct MHD_Connection *c,
				const char *url, const char *method,
				const char *version, const char *upload,
				size_t *upload_size, void **request)
{
	struct http_request *rq = *request;
	(void)poller;
	(void)c;
	(void)url;
	if (rq == NULL)
		return MHD_NO;
	if (rq->stage == STAGE_LINE)
		return on_headers(rq, method, version);
	if (*upload_size != 0)
		return on_body(rq, upload, upload_size);
	if (rq->stage == STAGE_BODY)
		return on_whole(rq);
	return send_reply(rq); /* it was suspended, and is resumed */
}

/* ---- what handlers ask ---- */

const struct http_server *http_server_of(const struct http_request *rq)
{
	return rq->server;
}

const char *http_method(const struct http_request *rq)
{
	return rq->method;
}

const char *http_path(const struct http_request *rq)
{
	return rq->path;
}

const char *http_arg(const struct http_request *rq, unsigned i)
{
	return i < HTTP_ARGS_MAX && rq->args[i] ? rq->args[i] : "";
}

const char *http_header(const struct http_request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND,
					   name);
}

struct header_visit {
	bool (*visit)(void *ctx, const char *name, const char *value);
	void *ctx;
};

static enum MHD_Result visit_header(void *cls, enum MHD_ValueKind kind,
				    const char *name, const char *value)
{
	struct header_visit *v = cls;
	(void)kind;
	return v->visit(v->ctx, name, value ? value : "") ? MHD_YES : MHD_NO;
}

void http_headers(const struct http_request *rq,
		  bool (*visit)(void *ctx, const char *name, const char *value),
		  void *ctx)
{
	struct header_visit v = { visit, ctx };
	MHD_get_connection_values(rq->connection, MHD_HEADER_KIND, visit_header,
				  &v);
}

struct span http_body_bytes(const struct http_request *rq)
{
	return span_of(rq->body.at, rq->body.len);
}

bool http_is_local(const struct http_request *rq, unsigned *uid)
{
	*uid = rq->conn->uid;
	return rq->conn->poller->local;
}

const char *http_request_id(const struct http_request *rq)
{
	return rq->id;
}

void **http_data(struct http_request *rq)
{
	return &rq->data;
}
