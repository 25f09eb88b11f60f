/* repeat.h - requests that may come again: the header Idempotency-Key
 * (draft-ietf-httpapi-idempotency-key-header), PROTOCOL.md section 7. */
#ifndef MM_ISSUER_REPEAT_H
#define MM_ISSUER_REPEAT_H

#include "issuer/caller.h"

/* Has the caller given a key, and has he asked this before?  `what` is what
 * he asks ("mint", "rotate 3.4711"); the body counts too, byte for byte.
 *
 * *once is r if there is a key, else NULL: for the row that is to be minted.
 * r->before says that it was done, by r->made.  MM_ERR_INVALID: the header
 * is no key; MM_ERR_REUSED: it was another request's; with the sentence. */
MM_MUST_USE enum mm_err repeat_read(struct issuer *is, struct http_request *rq,
				    const char *what, struct repeat *r,
				    struct repeat **once);

/* The sentence for MM_ERR_REUSED, also when it comes from the store later. */
MM_MUST_USE enum mm_err repeat_reused(struct http_request *rq);

#endif
