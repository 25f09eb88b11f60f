/* query.h - numbers in a request's query. */
#ifndef MM_COMMON_QUERY_H
#define MM_COMMON_QUERY_H

#include "common/http.h"

/* One from min to max, in decimal; *out is left as it is when the query has
 * none.  MM_ERR_INVALID with the sentence. */
MM_MUST_USE enum mm_err query_number(struct http_request *rq, const char *name,
				     uint64_t min, uint64_t max, uint64_t *out);

/* limit=: how many of something are in one page. */
MM_MUST_USE enum mm_err query_limit(struct http_request *rq, size_t *out);

#endif
