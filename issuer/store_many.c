/* store_many.c - many tokens at once: all of a user, and those whose time has
 * come. */
#include <stdlib.h>

#include "issuer/store_internal.h"

#define USER_PAGE 500 /* tokens of one user that are revoked in one step */

/* A statement may not be changing the rows it is still reading: collect
 * first. */
struct rows {
	struct token_row *at;
	size_t count, cap;
};

static void rows_free(struct rows *r)
{
	free(r->at);
}
#define AUTO_ROWS __attribute__((cleanup(rows_free)))

static enum mm_err rows_add(struct rows *r, const struct token_row *t)
{
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap + r->cap / 2 : 16;
		void *at = reallocarray(r->at, cap, sizeof *r->at);
		if (at == NULL)
			return MM_ERR_NOMEM;
		r->at = at;
		r->cap = cap;
	}
	r->at[r->count++] = *t;
	return MM_OK;
}

static enum mm_err collect(struct query *q, struct rows *rows)
{
	while (query_row(q)) {
		struct token_row t;
		token_row_read(q, &t);
		TRY(rows_add(rows, &t));
	}
	return query_end(q);
}

static enum mm_err mark_all(struct conn *c, const struct rows *rows,
			    enum token_status to, const struct stamp *stamp)
{
	for (size_t i = 0; i < rows->count; i++)
		TRY(token_mark(c, &rows->at[i], to, stamp));
	return MM_OK;
}

struct bulk {
	const char *user;
	struct stamp stamp;
	size_t max, count;
};

/* Those behind `last`, in the order in which they end: that of the index that
 * has no revoked ones, of whom there may be a million. */
static enum mm_err user_page(struct conn *c, const struct bulk *b,
			     const struct token_row *last, struct rows *rows)
{
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_OF_USER);
	query_text(&q, b->user);
	query_int(&q, last->exp);
	query_int(&q, last->list);
	query_int(&q, last->idx);
	query_int(&q, (int64_t)b->max);
	return collect(&q, rows);
}

/* A row has 5 kB, and who copies 100,000 of them at once has meanwhile nothing
 * to say to a database that throws out who is silent for a second. */
static enum mm_err revoke_user(struct conn *c, void *arg)
{
	struct bulk *b = arg;
	AUTO_ROWS struct rows rows = { 0 };
	struct token_row last = { .exp = b->stamp.at,
				  .list = UINT32_MAX,
				  .idx = UINT32_MAX };
	b->count = 0;
	do {
		rows.count = 0;
		TRY(user_page(c, b, &last, &rows));
		TRY(mark_all(c, &rows, TOKEN_REVOKED, &b->stamp));
		b->count += rows.count;
		if (rows.count != 0)
			last = rows.at[rows.count - 1];
	} while (rows.count == b->max);
	return MM_OK;
}

enum mm_err store_revoke_user(struct store *s, const char *user,
			      const struct stamp *stamp, size_t *count)
{
	struct bulk b = { .user = user, .stamp = *stamp, .max = USER_PAGE };
	TRY(store_write(s, revoke_user, &b));
	*count = b.count;
	return MM_OK;
}

static enum mm_err sweep(struct conn *c, struct bulk *b, enum statement which,
			 enum token_status to, const char *by)
{
	const struct stamp stamp = { .by = by, .at = b->stamp.at };
	AUTO_ROWS struct rows rows = { 0 };
	AUTO_QUERY struct query q = query_new(c, which);
	query_int(&q, b->stamp.at);
	query_int(&q, (int64_t)b->max);
	TRY(collect(&q, &rows));
	b->count += rows.count;
	return mark_all(c, &rows, to, &stamp);
}

static enum mm_err sweep_tokens(struct conn *c, void *arg)
{
	((struct bulk *)arg)->count = 0;
	TRY(sweep(c, arg, ST_TOKEN_SWEEP, TOKEN_IDLE, "idle"));
	return sweep(c, arg, ST_TOKEN_DUE, TOKEN_REVOKED, "rotation");
}

enum mm_err store_sweep_tokens(struct store *s, int64_t now, size_t max,
			       size_t *done)
{
	struct bulk b = { .stamp.at = now, .max = max };
	TRY(store_write(s, sweep_tokens, &b));
	*done = b.count;
	return MM_OK;
}
