/* oauth_form.h - what the OAuth endpoints share: bodies that are forms, read
 * by table, and refusals in the words of RFC 6749 section 5.2. */
#ifndef MM_ISSUER_OAUTH_FORM_H
#define MM_ISSUER_OAUTH_FORM_H

#include "common/form.h"
#include "issuer/issuer.h"

/* A parameter that may come several times. */
struct oauth_texts {
	const char *at[FORM_MAX];
	size_t count;
};

enum oauth_kind {
	OAUTH_TEXT, /* const char *: NULL when absent */
	OAUTH_TEXTS /* struct oauth_texts */
};

struct oauth_param {
	const char *name;
	enum oauth_kind kind;
	size_t offset;
};

/* Read the body into *out, whose texts are then in *room (the caller's; it
 * holds a token, so AUTO_BUF).  Parameters that are not in the table are
 * passed over, empty ones are as absent (RFC 6749 s3.2).  What is wrong has
 * been answered when this is not MM_OK. */
MM_MUST_USE enum mm_err oauth_read(struct http_request *rq,
				   const struct oauth_param *params, size_t n,
				   struct buf *room, void *out);

/* Answer 400 with {"error":...,"error_description":...}, and return an error
 * to leave with: a handler that has answered may return one. */
enum mm_err oauth_refuse(struct http_request *rq, const char *error,
			 const char *fmt, ...) MM_PRINTF(3, 4);

#endif
