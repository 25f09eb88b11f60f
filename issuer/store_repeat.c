/* store_repeat.c - requests that come again: what they made before.
 *
 * The name goes in with the token, in one transaction, so there is the one
 * if there is the other; and all writing is one behind the other, so of two
 * requests at once the second finds what the first has done.
 */
#include "issuer/store_internal.h"

static enum mm_err repeat_find(struct conn *c, struct repeat *r)
{
	char request[DIGEST_SIZE] = "";
	uint32_t list = 0, idx = 0;
	AUTO_QUERY struct query q = query_new(c, ST_REPEAT_GET);
	query_text(&q, r->name);
	bool found = query_row(&q);
	if (found) {
		column_text(&q, 0, request, sizeof request);
		list = (uint32_t)column_int(&q, 1);
		idx = (uint32_t)column_int(&q, 2);
	}
	TRY(query_end(&q));
	if (!found)
		return MM_ERR_NOT_FOUND;
	if (strcmp(request, r->request) != 0)
		return MM_ERR_REUSED;
	return token_find(c, list, idx, &r->made);
}

enum mm_err store_repeat(struct store *s, struct repeat *r)
{
	AUTO_READER struct conn *c = store_reader(s);
	return repeat_find(c, r);
}

enum mm_err repeat_seen(struct conn *c, struct repeat *r)
{
	if (r == NULL)
		return MM_OK;
	enum mm_err e = repeat_find(c, r);
	r->before = e == MM_OK;
	return e == MM_ERR_NOT_FOUND ? MM_OK : e;
}

enum mm_err repeat_put(struct conn *c, const struct repeat *r,
		       const struct token_row *t)
{
	AUTO_QUERY struct query q = query_new(c, ST_REPEAT_PUT);
	query_text(&q, r->name);
	query_text(&q, r->request);
	query_int(&q, t->iat);
	query_int(&q, t->list);
	query_int(&q, t->idx);
	return query_run(&q);
}
