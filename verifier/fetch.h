/* fetch.h - one HTTP request at a time, that another thread can break off.
 *
 * https anywhere, plain http only to this very host (a token must not cross
 * a network in the clear); no redirects, no compression, a limit on bytes
 * (the body buffer's) and on time. */
#ifndef MM_VERIFIER_FETCH_H
#define MM_VERIFIER_FETCH_H

#include "common/buf.h"

struct fetch;

struct fetch *fetch_new(void); /* NULL: out of memory */
void fetch_free(struct fetch *f);
/* From any thread: end the request that is running, and every later one. */
void fetch_cancel(struct fetch *f);

struct fetch_request {
	const char *url;
	const char *bearer; /* NULL: none */
	struct span post;   /* a JSON body; at NULL: a GET */
	long timeout_ms;
	struct buf *via; /* the answer's Via headers (RFC 9110 s7.6.3), one
			  * after the other; NULL: nobody asks */
};

/* Append the body to *body and set *status.  MM_ERR_UNAVAILABLE with the
 * reason if no answer came, MM_ERR_TOO_LARGE if it was too long. */
MM_MUST_USE enum mm_err fetch_run(struct fetch *f,
				  const struct fetch_request *rq,
				  struct buf *body, unsigned *status,
				  struct why *why);

/* Is it an address that a token may be sent to?  MM_ERR_INVALID with a
 * sentence. */
MM_MUST_USE enum mm_err fetch_check_url(const char *url, struct why *why);

#endif
