/* http_uri.c - from the raw URI to a route, its arguments and the query.
 *
 * The path is cut before it is decoded, so that an encoded slash is data,
 * and fixed segments are compared as they were sent: there is one spelling
 * of each path.
 */
#include "common/http_internal.h"
#include "common/text.h"

/* ---- percent-decoding ---- */

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool good_text(struct span s)
{
	while (s.len != 0) {
		size_t n = text_char_length(s);
		if (n == 0 || s.at[0] < 0x20 || s.at[0] == 0x7F)
			return false;
		s = span_of(s.at + n, s.len - n);
	}
	return true;
}

/* Take one byte off the front of *raw; -1 for a bad escape. */
static int decode_byte(struct span *raw)
{
	size_t n = raw->at[0] == '%' ? 3 : 1;
	int c = raw->at[0];
	if (n > raw->len)
		return -1;
	if (n == 3) {
		int high = hex(raw->at[1]), low = hex(raw->at[2]);
		c = high < 0 || low < 0 ? -1 : high * 16 + low;
	}
	*raw = span_of(raw->at + n, raw->len - n);
	return c;
}

/* Decode into the room behind the URI, which holds all of its pieces: each
 * is no longer decoded, and its NUL takes the place of its separator (or of
 * one that could be there: a parameter without a value has an empty one).  In a
 * query, + is a space, as forms and URLSearchParams write it. */
static bool decode(struct http_request *rq, struct span raw, bool query,
		   const char **out)
{
	char *to = rq->text;
	while (raw.len != 0) {
		bool plus = query && raw.at[0] == '+';
		int c = decode_byte(&raw);
		if (c < 0)
			return false;
		*to++ = plus ? ' ' : (char)c;
	}
	*to = '\0';
	*out = rq->text;
	if (!good_text(span_of(rq->text, (size_t)(to - rq->text))))
		return false;
	rq->text = to + 1;
	return true;
}

/* ---- the query ---- */

static bool add_param(struct http_request *rq, struct span piece)
{
	struct span name = piece, value = piece;
	const char *first, *second;
	if (piece.len == 0)
		return true;
	if (rq->query_count == HTTP_QUERY_MAX)
		return false;
	if (!span_cut(&value, '=', &name))
		value.len = 0;
	if (!decode(rq, name, true, &first) ||
	    !decode(rq, value, true, &second) || http_query(rq, first) != NULL)
		return false;
	rq->query_count++;
	return true;
}

static bool read_query(struct http_request *rq, struct span query)
{
	struct span piece;
	rq->query = rq->text;
	while (span_cut(&query, '&', &piece))
		if (!add_param(rq, piece))
			return false;
	return add_param(rq, query);
}

const char *http_query(const struct http_request *rq, const char *name)
{
	const char *at = rq->query;
	for (size_t i = 0; i < rq->query_count; i++) {
		const char *value = at + strlen(at) + 1;
		if (strcmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
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
	return strcmp(route->method, head ? "GET" : method) == 0;
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
	if (allowed->len == 0)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "there is nothing at this path");
	TRY(buf_done(allowed, &methods));
	http_set(rq, "Allow", (const char *)methods.at);
	rq->status = MHD_HTTP_METHOD_NOT_ALLOWED;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "this path does not take the method");
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
	for (size_t i = 0; i < HTTP_ARGS_MAX && args[i].at != NULL; i++)
		if (!decode(rq, args[i], false, &rq->args[i]))
			return why_say(why, MM_ERR_INVALID, NULL,
				       "the path is not well encoded");
	if (query && !read_query(rq, span_str(rq->uri + path_len + 1)))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the query is not well encoded, or repeats a "
			       "parameter");
	return MM_OK;
}
