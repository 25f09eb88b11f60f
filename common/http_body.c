/* http_body.c - prepared bodies: made once, held by many replies, known by
 * an ETag, and packed beside. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "common/base64url.h"
#include "common/gzip.h"
#include "common/http_internal.h"
#include "common/negotiate.h"

/* ---- life ---- */

struct http_body *http_body_new(const char *type, struct span bytes)
{
	struct http_body *b = malloc(sizeof *b + bytes.len);
	if (b == NULL)
		return NULL;
	memset(b, 0, sizeof *b);
	atomic_init(&b->owners, 1);
	b->len = bytes.len;
	if (bytes.len != 0)
		memcpy(b->at, bytes.at, bytes.len);
	b->type = strdup(type);
	if (b->type == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

struct http_body *http_body_hold(struct http_body *b)
{
	atomic_fetch_add(&b->owners, 1);
	return b;
}

void http_body_drop(struct http_body *b)
{
	if (b == NULL || atomic_fetch_sub(&b->owners, 1) != 1)
		return;
	http_body_drop(b->packed);
	free(b->type);
	free(b);
}

/* ---- asked for again and again ---- */

/* A strong one (RFC 9110 s8.8.3): of the very bytes, so that the packed ones
 * have another. */
static enum mm_err tag(struct http_body *b)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char text[BASE64URL_LEN(ETAG_BYTES)];
	if (EVP_Digest(b->at, b->len, digest, NULL, EVP_sha256(), NULL) != 1)
		return MM_ERR_CRYPTO;
	base64url_encode(span_of(digest, ETAG_BYTES), text, sizeof text);
	snprintf(b->etag, sizeof b->etag, "\"%.*s\"", (int)sizeof text, text);
	return MM_OK;
}

static enum mm_err pack(struct http_body *b)
{
	AUTO_BUF struct buf bytes = buf_new(SIZE_MAX);
	struct span packed;
	TRY(gzip_bytes(span_of(b->at, b->len), &bytes));
	TRY(buf_done(&bytes, &packed));
	if (packed.len >= b->len)
		return MM_OK;
	b->packed = http_body_new(b->type, packed);
	return b->packed ? tag(b->packed) : MM_ERR_NOMEM;
}

enum mm_err http_body_prepare(struct http_body *b)
{
	TRY(tag(b));
	return pack(b);
}

enum mm_err http_reply_prepared(struct http_request *rq, struct http_body *body)
{
	bool packed = body->packed != NULL &&
		      accepts_gzip(http_header(rq, "Accept-Encoding"));
	struct http_body *b = packed ? body->packed : body;
	http_set(rq, "ETag", b->etag);
	http_set(rq, "Vary", "Accept-Encoding"); /* RFC 9110 s12.5.5 */
	if (packed)
		http_set(rq, "Content-Encoding", "gzip");
	/* The library leaves out the body of a 304, and says its length, as
	 * it must be if it is said at all (RFC 9110 s8.6). */
	bool known = etag_listed(http_header(rq, "If-None-Match"), b->etag);
	return http_reply_shared(rq, known ? MHD_HTTP_NOT_MODIFIED : 200, b);
}
