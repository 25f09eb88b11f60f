/* http_guard.c - what is refused before routing.
 *
 * The library reads leniently what two parties could read differently; a
 * proxy in front of us that reads it the other way could be made to smuggle
 * (RFC 9112 s11.2).  So whatever is not plain is refused, and the
 * connection closed.
 */
#include <stdlib.h>
#include <strings.h>

#include "common/http_internal.h"

static enum mm_err bad(struct why *why, const char *text)
{
	return why_say(why, MM_ERR_INVALID, NULL, "%s", text);
}

/* ---- the URI, raw ---- */

/* RFC 3986: visible ASCII; and no backslash, that some take for a slash. */
static bool plain_bytes(const char *uri)
{
	for (const char *c = uri; *c != '\0'; c++)
		if (*c <= 0x20 || *c >= 0x7F || *c == '\\' || *c == '#')
			return false;
	return true;
}

/* "." or "..", also spelt with %2e. */
static bool is_dots(struct span segment)
{
	size_t dots = 0, i = 0;
	while (i < segment.len) {
		if (segment.at[i] == '.')
			i++;
		else if (segment.len - i >= 3 &&
			 strncasecmp((const char *)segment.at + i, "%2e", 3) ==
				 0)
			i += 3;
		else
			return false;
		dots++;
	}
	return dots == 1 || dots == 2;
}

static bool has_dots(struct span path)
{
	struct span segment;
	while (span_cut(&path, '/', &segment))
		if (is_dots(segment))
			return true;
	return is_dots(path);
}

enum mm_err guard_uri(const struct http_request *rq, struct why *why)
{
	const char *uri = rq->uri;
	struct span path = span_of(uri, strcspn(uri, "?"));
	if (uri[0] != '/')
		return bad(why, "the request target must begin with /");
	if (!plain_bytes(uri) || strstr(uri, "%00") != NULL)
		return bad(why, "the request target holds a byte that is not "
				"allowed");
	if (memmem(path.at, path.len, "//", 2) != NULL || has_dots(path))
		return bad(why, "the path holds an empty segment or dots");
	return MM_OK;
}

/* ---- headers ---- */

/* Those that must not come twice. */
enum single { HOST, LENGTH, ENCODING, AUTHORIZATION, TYPE, KEY, SINGLES };
static const char *const singles[SINGLES] = {
	[HOST] = "Host",
	[LENGTH] = "Content-Length",
	[ENCODING] = "Transfer-Encoding",
	[AUTHORIZATION] = "Authorization",
	[TYPE] = "Content-Type",
	[KEY] = "Idempotency-Key",
};

struct headers {
	const char *broken; /* what is wrong, or NULL */
	const char *at;	    /* where the next one has to begin */
	size_t bytes;	    /* of the line and the headers, as the library
			     * keeps them */
	const char *value[SINGLES];
};

/* RFC 9110 s5.6.2; first those that names are made of. */
static bool is_token_char(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-')
		return true;
	return c > 0x20 && c < 0x7F && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_token_char(s[i]))
			return false;
	return len != 0;
}

static bool is_field_value(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((uint8_t)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7F)
			return false;
	return true;
}

/* They are kept once more, taken apart. */
static size_t cookie_bytes(const char *value, size_t len)
{
	size_t count = 1;
	for (size_t i = 0; i < len; i++)
		count += value[i] == ';';
	return len + count * PER_HEADER_BYTES;
}

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind,
				  const char *name, size_t name_len,
				  const char *value, size_t value_len)
{
	struct headers *h = cls;
	(void)kind;
	h->at = lines_next(h->at, span_of(name, name_len), value, value_len);
	h->bytes += name_len + value_len + strlen(": \r\n") + PER_HEADER_BYTES;
	if (strcasecmp(name, "Cookie") == 0)
		h->bytes += cookie_bytes(value, value_len);
	if (!is_token(name, name_len))
		h->broken = "the name of a header is not legal";
	else if (value != NULL && !is_field_value(value, value_len))
		h->broken = "the value of a header is not legal";
	for (size_t i = 0; i < SINGLES && h->broken == NULL; i++) {
		if (strcasecmp(name, singles[i]) != 0)
			continue;
		if (h->value[i] != NULL)
			h->broken = "a header that may come once came twice";
		h->value[i] = value ? value : "";
	}
	return h->broken ? MHD_NO : MHD_YES;
}

/* Digits alone (RFC 9110 s8.6); more than fits is above every limit. */
static bool read_length(const char *text, uint64_t *length)
{
	size_t i = 0;
	*length = 0;
	for (; text[i] >= '0' && text[i] <= '9'; i++)
		if (*length < UINT64_MAX / 16)
			*length = *length * 10 + (uint64_t)(text[i] - '0');
	return i != 0 && text[i] == '\0';
}

/* What the headers say of the body (RFC 9112 s6.3). */
static enum mm_err guard_body(struct http_request *rq, const struct headers *h,
			      struct why *why)
{
	const char *encoding = h->value[ENCODING];
	const char *length = h->value[LENGTH];

	if (encoding != NULL && length != NULL)
		return bad(why, "Content-Length and Transfer-Encoding do not "
				"go together");
	if (encoding != NULL && strcasecmp(encoding, "chunked") != 0)
		return bad(why, "a Transfer-Encoding other than chunked");
	if (length != NULL && !read_length(length, &rq->body_length))
		return bad(why, "Content-Length must be a number");
	rq->chunked = encoding != NULL;
	return MM_OK;
}

enum mm_err guard_headers(struct http_request *rq, struct why *why)
{
	struct headers h = { .at = lines_begin(rq),
			     .bytes = strlen(rq->method) + strlen(rq->uri) +
				      strlen("  HTTP/1.1\r\n\r\n") };
	MHD_get_connection_values_n(rq->connection, MHD_HEADER_KIND, see_header,
				    &h);
	if (h.broken != NULL)
		return bad(why, h.broken);
	if (!lines_end(rq, h.at))
		return bad(why, "a line of the request does not end in CR "
				"LF, or it is no header");
	if (h.bytes > rq->server->opt.head_max) {
		rq->status = MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
		return why_say(why, MM_ERR_INVALID, NULL,
			       "request line and headers are longer than %u "
			       "bytes, counting %d more for each header",
			       rq->server->opt.head_max, PER_HEADER_BYTES);
	}
	rq->headers.limit += rq->server->opt.head_max - h.bytes;
	if (h.value[HOST] == NULL && strcmp(rq->sent_version, "HTTP/1.0") != 0)
		return bad(why, "a Host header is missing");
	return guard_body(rq, &h, why);
}
