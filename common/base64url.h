/* base64url.h - RFC 4648 section 5 without padding, canonical form only.
 *
 * A token has one spelling: padding, white space, the other alphabet and
 * non-zero bits behind the last byte are all refused. */
#ifndef MM_COMMON_BASE64URL_H
#define MM_COMMON_BASE64URL_H

#include "common/buf.h"

#define BASE64URL_LEN(n) (((n)*4 + 2) / 3)

/* Decode into out[0..size).  MM_ERR_MALFORMED for anything but the one
 * canonical spelling, MM_ERR_TOO_LARGE if it does not fit. */
MM_MUST_USE enum mm_err base64url_decode(struct span text, uint8_t *out,
					 size_t size, size_t *len);
/* Encode into out[0..size), no NUL.  The caller sizes it: BASE64URL_LEN. */
size_t base64url_encode(struct span bytes, char *out, size_t size);
void base64url_add(struct buf *b, struct span bytes);

#endif
