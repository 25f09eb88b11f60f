/* store_forget.c - what is not kept: so many rows in one transaction that
 * nobody waits long for his. */
#include "issuer/store_forget.h"

#include "issuer/store_internal.h"

struct old_rows {
	enum statement which;
	int64_t keep_since;
	size_t max, done;
};

static enum mm_err forget_old(struct conn *c, void *arg)
{
	struct old_rows *old = arg;
	AUTO_QUERY struct query q = query_new(c, old->which);
	query_int(&q, old->keep_since);
	query_int(&q, (int64_t)old->max);
	TRY(query_run(&q));
	old->done = (size_t)conn_changes(c);
	return MM_OK;
}

static enum mm_err forget_some(struct store *s, struct old_rows old,
			       size_t *done)
{
	*done = 0;
	TRY(store_write(s, forget_old, &old));
	*done = old.done;
	return MM_OK;
}

enum mm_err store_forget_repeats(struct store *s, int64_t keep_since,
				 size_t max, size_t *done)
{
	struct old_rows old = { ST_REPEAT_FORGET, keep_since, max, 0 };
	return forget_some(s, old, done);
}

enum mm_err store_forget_events(struct store *s, int64_t keep_since, size_t max,
				size_t *done)
{
	struct old_rows old = { ST_EVENT_FORGET, keep_since, max, 0 };
	return forget_some(s, old, done);
}

/* ---- addresses ---- */

struct addresses {
	struct token_place from, to;
	size_t max, done;
};

static bool is_behind(struct token_place a, struct token_place b)
{
	return a.list != b.list ? a.list > b.list : a.idx > b.idx;
}

/* In whatever order the database says which. */
static enum mm_err forget_addresses(struct conn *c, void *arg)
{
	struct addresses *a = arg;
	a->done = 0;
	a->to = a->from;
	AUTO_QUERY struct query q = query_new(c, ST_SEEN_FORGET);
	query_int(&q, a->from.list);
	query_int(&q, a->from.idx);
	query_int(&q, (int64_t)a->max);
	while (query_row(&q)) {
		struct token_place at = { (uint32_t)column_int(&q, 0),
					  (uint32_t)column_int(&q, 1) };
		a->to = is_behind(at, a->to) ? at : a->to;
		a->done++;
	}
	return query_end(&q);
}

enum mm_err store_forget_addresses(struct store *s, struct token_place *behind,
				   size_t max, size_t *done)
{
	struct addresses a = { .from = *behind, .max = max };
	*done = 0;
	TRY(store_write(s, forget_addresses, &a));
	*behind = a.to;
	*done = a.done;
	return MM_OK;
}
