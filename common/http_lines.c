/* http_lines.c - is the head of a request, as bytes, what it looks like?
 *
 * The library reads lines leniently: they may end in a lone CR or LF or at a
 * NUL, go on in the next one, have no name; what it makes of them can be
 * another request than the one that a proxy in front of us saw.  It reads in
 * place: the pieces that it shows us lie in the bytes as they came, with
 * NULs over what was between them.  So they must lie as in
 *
 *	GET_/path_HTTP/1.1__Host_ x__Cookie_ y____     (_: a NUL)
 *
 * and whatever is anywhere else was hidden from us.  A version of the
 * library that does it in another way would have every request refused.
 */
#include "common/http_internal.h"

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* Behind the CR LF at `at`, or NULL. */
static const char *line_end(const char *at)
{
	return at[0] == '\0' && at[1] == '\0' ? at + 2 : NULL;
}

const char *lines_begin(const struct http_request *rq)
{
	const char *uri = rq->method + strlen(rq->method) + 1;
	const char *version = uri + rq->sent_length + 1;
	if (uri != rq->sent_uri || version != rq->sent_version)
		return NULL;
	return line_end(version + strlen(version));
}

const char *lines_next(const char *at, struct span name, const char *value,
		       size_t value_len)
{
	const char *name_at = (const char *)name.at;
	if (at == NULL || name_at != at)
		return NULL;
	const char *behind = skip_blanks(at + name.len + 1);
	if (value == NULL)
		return line_end(behind);
	if (value != behind)
		return NULL;
	return line_end(skip_blanks(value + value_len));
}

bool lines_end(const struct http_request *rq, const char *at)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		rq->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	return at != NULL && info != NULL &&
	       line_end(at) == rq->method + info->header_size;
}
