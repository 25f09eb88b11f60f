/* query.c - numbers in a request's query. */
#include "common/query.h"

#include <stdlib.h>

#define PAGE	 100
#define PAGE_MAX 1000

enum mm_err query_number(struct http_request *rq, const char *name,
			 uint64_t min, uint64_t max, uint64_t *out)
{
	const char *text = http_query(rq, name);
	char *end;
	if (text == NULL)
		return MM_OK;
	uint64_t v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || v < min ||
	    v > max)
		return why_say(http_why(rq), MM_ERR_INVALID, name,
			       "%s is a number from %llu to %llu", name,
			       (unsigned long long)min,
			       (unsigned long long)max);
	*out = v;
	return MM_OK;
}

enum mm_err query_limit(struct http_request *rq, size_t *out)
{
	uint64_t n = PAGE;
	TRY(query_number(rq, "limit", 1, PAGE_MAX, &n));
	*out = (size_t)n;
	return MM_OK;
}
