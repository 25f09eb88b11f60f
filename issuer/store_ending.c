/* store_ending.c - tokens that are near their end, and what has been
 * said about it. */
#include "issuer/store_internal.h"

enum mm_err store_ending(struct store *s, const struct ending_query *w,
			 void (*each)(void *, const struct token_row *),
			 void *ctx)
{
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q =
		query_new(c, w->user ? ST_TOKEN_ENDING_USER : ST_TOKEN_ENDING);
	query_int(&q, w->now);
	query_int(&q, w->before);
	query_text(&q, w->user);
	query_int(&q, w->unwarned);
	query_int(&q, w->after_ends);
	query_int(&q, w->after_list);
	query_int(&q, w->after_idx);
	query_int(&q, (int64_t)w->limit);
	while (query_row(&q)) {
		struct token_row t;
		token_row_read(&q, &t);
		each(ctx, &t);
	}
	return query_end(&q);
}

enum mm_err token_warned(struct conn *c, const struct token_row *t,
			 int64_t dies_at, int64_t before)
{
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_WARNED);
	query_int(&q, t->list);
	query_int(&q, t->idx);
	query_int(&q, before);
	query_int(&q, dies_at);
	return query_run(&q);
}

struct warned {
	const struct token_row *token;
	int64_t before;
	const char *how;
	const struct stamp *stamp;
};

static enum mm_err note_warned(struct conn *c, void *arg)
{
	const struct warned *w = arg;
	const struct token_row *t = w->token;
	char id[JTI_SIZE];
	token_id_write(id, t->list, t->idx);
	TRY(token_warned(
		c, t,
		effective_expiry(t->iat, t->exp, t->auto_refresh, t->last_use),
		w->before));
	return audit_append(c,
			    &(struct audit_entry){ .event = "warning.sent",
						   .id = id,
						   .user = t->user,
						   .label = t->label,
						   .detail = w->how },
			    w->stamp);
}

enum mm_err store_warned(struct store *s, const struct token_row *t,
			 int64_t before, const char *how,
			 const struct stamp *stamp)
{
	struct warned w = { t, before, how, stamp };
	return store_write(s, note_warned, &w);
}
