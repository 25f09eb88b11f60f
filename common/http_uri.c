/* http_uri.c - from the raw URI to a route, its arguments and the query.
 *
 * The path is cut before it is decoded, so that an encoded slash is data,
 * and fixed segments are compared as they were sent: there is one spelling
 * of each path.
 */
#include "common/http_internal.h"

const char *http_query(const struct http_request *rq, const char *name)
{
	return form_value(&rq->query, name);
}

const struct form *http_query_form(const struct http_request *rq)
{
	return &rq->query;
}

/* ---- routes ---- */

/* Take a segment off; false after the last. */
static bool next_segment(struct span *rest, struct span *segment)
{
	if (rest->at == NULL)
		return false;
	if (!span_cut(rest, '/', segment)) {
		*segment = *rest;
		*rest = span_of(NULL, 0);
	}
	return true;
}

/* Does the path fit?  The segments at {} are put into args. */
static bool fits(const struct http_route *route, struct span path,
		 struct span args[static HTTP_ARGS_MAX])
{
	struct span want = span_str(route->path), want_part, part;
	size_t n = 0;
	memset(args, 0, HTTP_ARGS_MAX * sizeof *args);
	while (next_segment(&want, &want_part)) {
		if (!next_segment(&path, &part))
			return false;
		if (span_is(want_part, "*"))
			return true;
		bool arg = span_is(want_part, "{}");
		if (arg ? part.len == 0 : !span_eq(part, want_part))
			return false;
		MM_ASSERT(!arg || n < HTTP_ARGS_MAX);
		if (arg)
			args[n++] = part;
	}
	return path.at == NULL;
}

static bool method_fits(const struct http_route *route, const char *method)
{
	bool head = strcmp(method, "HEAD") == 0;
	return strcmp(route->method, "*") == 0 ||
	       strcmp(route->method, head ? "GET" : method) == 0;
}

static const struct http_route *find_route(const struct http_request *rq,
					   struct span path,
					   struct span args[HTTP_ARGS_MAX],
					   struct buf *allowed)
{
	const struct http_route *r = rq->server->opt.routes;
	for (; r->method != NULL; r++) {
		if (!fits(r, path, args))
			continue;
		if (method_fits(r, rq->method))
			return r;
		if (allowed->len != 0)
			buf_str(allowed, ", ");
		buf_str(allowed, r->method);
		if (strcmp(r->method, "GET") == 0)
			buf_str(allowed, ", HEAD");
	}
	return NULL;
}

static enum mm_err no_route(struct http_request *rq, struct buf *allowed,
			    struct why *why)
{
	struct span methods;
	TRY(allowed->failed); /* out of memory is not "nothing here" */
	if (allowed->len == 0)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "there is nothing at this path");
	TRY(buf_done(allowed, &methods));
	http_set(rq, "Allow", (const char *)methods.at);
	rq->status = MHD_HTTP_METHOD_NOT_ALLOWED;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "this path does not take the method");
}

/* Behind a star the query is as much somebody else's as the path. */
static bool read_query(struct http_request *rq, struct span query)
{
	size_t n = strlen(rq->route->path);
	return rq->route->path[n - 1] == '*' ||
	       form_read(query, rq->text, &rq->query);
}

enum mm_err uri_route(struct http_request *rq, struct why *why)
{
	AUTO_BUF struct buf allowed = buf_new(256);
	struct span args[HTTP_ARGS_MAX] = { { NULL, 0 } };
	size_t path_len = strcspn(rq->uri, "?");
	struct span path = span_of(rq->uri, path_len);

	rq->route = find_route(rq, path, args, &allowed);
	bool query = rq->uri[path_len] == '?';
	rq->uri[path_len] = '\0';
	if (rq->route == NULL)
		return no_route(rq, &allowed, why);
	for (size_t i = 0; i < HTTP_ARGS_MAX && args[i].at != NULL; i++) {
		rq->args[i] = rq->text;
		if (!percent_decode(args[i], false, &rq->text))
			return why_say(why, MM_ERR_INVALID, NULL,
				       "the path is not well encoded");
	}
	if (query && !read_query(rq, span_str(rq->uri + path_len + 1)))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the query is not well encoded, or repeats a "
			       "parameter");
	return MM_OK;
}
