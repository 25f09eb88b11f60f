/* store_read.c - reading: tokens, users, keys, all of it. */
#include "issuer/store_internal.h"

/* ---- tokens ---- */

/* The columns of TOKEN_COLUMNS, in their order. */
void token_row_read(struct query *q, struct token_row *t)
{
	memset(t, 0, sizeof *t);
	t->list = (uint32_t)column_int(q, 0);
	t->idx = (uint32_t)column_int(q, 1);
	column_text(q, 2, t->user, sizeof t->user);
	column_text(q, 3, t->label, sizeof t->label);
	column_text(q, 4, t->scope, sizeof t->scope);
	t->has_scope = !column_is_null(q, 4);
	column_text(q, 5, t->audience, sizeof t->audience);
	column_text(q, 6, t->kid, sizeof t->kid);
	column_text(q, 7, t->created_by, sizeof t->created_by);
	column_text(q, 8, t->changed_by, sizeof t->changed_by);
	t->iat = column_int(q, 9);
	t->exp = column_int(q, 10);
	t->auto_refresh = column_int(q, 11);
	t->last_use = column_int(q, 12);
	t->status = (enum token_status)column_int(q, 13);
	t->changed_at = column_int(q, 14);
	t->revoke_at = column_int(q, 15);
	column_text(q, 16, t->cidr, sizeof t->cidr);
	t->key_gone = column_int(q, 17) != 0;
	t->seen_at = column_int(q, 18);
	column_text(q, 19, t->seen_door, sizeof t->seen_door);
	column_text(q, 20, t->seen_from, sizeof t->seen_from);
	t->warned = column_int(q, 21);
}

/* The one row of a query. */
static enum mm_err token_row_only(struct query *q, struct token_row *out)
{
	bool found = query_row(q);
	if (found)
		token_row_read(q, out);
	TRY(query_end(q));
	return found ? MM_OK : MM_ERR_NOT_FOUND;
}

enum mm_err token_find(struct conn *c, uint32_t list, uint32_t idx,
		       struct token_row *out)
{
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_GET);
	query_int(&q, list);
	query_int(&q, idx);
	return token_row_only(&q, out);
}

enum mm_err store_issued_after(struct store *s, int64_t t,
			       struct token_row *out)
{
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_AFTER);
	query_int(&q, t);
	return token_row_only(&q, out);
}

enum mm_err store_get(struct store *s, uint32_t list, uint32_t idx,
		      struct token_row *out)
{
	AUTO_READER struct conn *c = store_reader(s);
	return token_find(c, list, idx, out);
}

/* Reading rows is the dearer way; only text and key need it. */
static enum statement query_for(const struct token_query *w)
{
	if (w->text == NULL && w->kid == NULL)
		return w->user ? ST_TOKEN_QUERY_USER : ST_TOKEN_QUERY;
	return w->user ? ST_TOKEN_SEARCH_USER : ST_TOKEN_SEARCH;
}

/* From the start is behind all that can be. */
static void bind_place(struct query *q, const struct token_query *w)
{
	bool start = w->after_list == 0;
	query_int(q, start ? INT64_MAX : w->after_iat);
	query_int(q, w->after_list);
	query_int(q, w->after_idx);
}

static enum mm_err each_token(struct query *q,
			      void (*each)(void *, const struct token_row *),
			      void *ctx)
{
	while (query_row(q)) {
		struct token_row t;
		token_row_read(q, &t);
		each(ctx, &t);
	}
	return query_end(q);
}

enum mm_err store_query(struct store *s, const struct token_query *w,
			void (*each)(void *, const struct token_row *),
			void *ctx)
{
	AUTO_READER struct conn *c = store_reader(s);
	enum statement which = query_for(w);
	AUTO_QUERY struct query q = query_new(c, which);
	query_int(&q, w->filter);
	query_int(&q, w->now);
	bind_place(&q, w);
	query_int(&q, (int64_t)w->limit);
	if (which != ST_TOKEN_QUERY)
		query_text(&q, w->user);
	if (which == ST_TOKEN_SEARCH || which == ST_TOKEN_SEARCH_USER) {
		query_text(&q, w->text);
		query_text(&q, w->kid);
	}
	return each_token(&q, each, ctx);
}

enum mm_err store_pick(struct store *s, enum token_pick pick,
		       const struct token_query *w,
		       void (*each)(void *, const struct token_row *),
		       void *ctx)
{
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q = query_new(
		c, pick == PICK_EXPIRING ? ST_TOKEN_SOON : ST_TOKEN_UNUSED);
	query_int(&q, w->now);
	query_int(&q, (int64_t)w->limit);
	return each_token(&q, each, ctx);
}

enum mm_err store_users(struct store *s, const struct user_query *w,
			void (*each)(void *, const struct user_row *),
			void *ctx)
{
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q =
		query_new(c, w->text ? ST_USER_SEARCH : ST_USER_LIST);
	query_text(&q, w->after);
	query_int(&q, w->now);
	query_int(&q, (int64_t)w->limit);
	if (w->text != NULL)
		query_text(&q, w->text);
	while (query_row(&q)) {
		struct user_row u;
		column_text(&q, 0, u.user, sizeof u.user);
		u.active = column_int(&q, 1);
		u.total = column_int(&q, 2);
		each(ctx, &u);
	}
	return query_end(&q);
}

/* ---- keys ---- */

static void count_live(struct query *q, struct key_row *keys, size_t count)
{
	char kid[KID_SIZE];
	column_text(q, 0, kid, sizeof kid);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].kid, kid) != 0)
			continue;
		keys[i].live_tokens = column_int(q, 1);
		keys[i].live_until = column_int(q, 2);
	}
}

enum mm_err store_keys(struct store *s, int64_t now,
		       struct key_row out[STORE_KEYS_MAX], size_t *count)
{
	size_t n = 0;
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q = query_new(c, ST_KEY_LIST);
	while (query_row(&q)) {
		if (n == STORE_KEYS_MAX) /* of an earlier version */
			return MM_ERR_TOO_LARGE;
		struct key_row *k = &out[n++];
		*k = (struct key_row){ 0 };
		column_text(&q, 0, k->kid, sizeof k->kid);
		k->announced_seq = (uint64_t)column_int(&q, 2);
		k->last_exp = column_int(&q, 3);
		k->announced_at = column_int(&q, 4);
		k->signs = column_int(&q, 5) != 0;
		k->stopped_at = column_int(&q, 6);
	}
	TRY(query_end(&q));

	*count = n;
	if (now == 0)
		return MM_OK; /* counting reads every token */
	AUTO_QUERY struct query live = query_new(c, ST_KEY_LIVE);
	query_int(&live, now);
	while (query_row(&live))
		count_live(&live, out, n);
	return query_end(&live);
}

enum mm_err store_former_keys(struct store *s,
			      void (*each)(void *, const char *kid), void *ctx)
{
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q = query_new(c, ST_KEY_GONE_LIST);
	while (query_row(&q)) {
		char kid[KID_SIZE];
		column_text(&q, 0, kid, sizeof kid);
		each(ctx, kid);
	}
	return query_end(&q);
}

enum mm_err store_former_key(struct store *s, const char *kid, struct jwk **out)
{
	char text[JWK_TEXT_MAX] = "";
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q = query_new(c, ST_KEY_FORMER);
	query_text(&q, kid);
	if (query_row(&q))
		column_text(&q, 0, text, sizeof text);
	TRY(query_end(&q));
	return text[0] ? jwk_from_json(span_str(text), out, NULL)
		       : MM_ERR_NOT_FOUND;
}

/* ---- the whole state ---- */

static enum mm_err load_meta(struct conn *c, struct replica *r)
{
	AUTO_QUERY struct query q = query_new(c, ST_META_GET);
	if (query_row(&q)) {
		column_text(&q, 0, r->iss, sizeof r->iss);
		column_text(&q, 1, r->epoch, sizeof r->epoch);
	}
	TRY(query_end(&q));
	return log_end(c, &r->seq, r->history);
}

static enum mm_err load_keys(struct conn *c, struct replica *r)
{
	AUTO_QUERY struct query q = query_new(c, ST_KEY_LIST);
	while (query_row(&q)) {
		char text[JWK_TEXT_MAX];
		AUTO_JWK struct jwk *k = NULL;
		column_text(&q, 1, text, sizeof text);
		TRY(jwk_from_json(span_str(text), &k, NULL));
		TRY(jwk_set_add(&r->keys, k));
	}
	return query_end(&q);
}

static enum mm_err load_lists(struct conn *c, struct replica *r)
{
	AUTO_QUERY struct query q = query_new(c, ST_LIST_ALIVE);
	while (query_row(&q)) {
		struct list *l;
		TRY(replica_add_list(r, (uint32_t)column_int(&q, 0),
				     (enum list_kind)column_int(&q, 1),
				     (uint32_t)column_int(&q, 2),
				     column_int(&q, 3), &l));
	}
	return query_end(&q);
}

/* Whoever can write to the store shall not write here. */
static bool is_inside(const struct list *l, int64_t idx)
{
	return idx >= 0 && idx < l->size;
}

static enum mm_err load_statuses(struct conn *c, struct replica *r)
{
	AUTO_QUERY struct query q = query_new(c, ST_LOAD_STATUS);
	while (query_row(&q)) {
		struct list *l = replica_list(r, (uint32_t)column_int(&q, 0));
		int64_t idx = column_int(&q, 1), status = column_int(&q, 2);
		if (l == NULL) /* the list is dead */
			continue;
		if (!is_inside(l, idx) || status < 0 || status > TOKEN_IDLE)
			return MM_ERR_MALFORMED;
		list_put_status(l, (uint32_t)idx,
				status == TOKEN_IDLE ? STATUS_REVOKED
						     : (unsigned)status);
	}
	return query_end(&q);
}

static enum mm_err load_renewals(struct conn *c, struct replica *r)
{
	AUTO_QUERY struct query q = query_new(c, ST_LOAD_USED);
	while (query_row(&q)) {
		struct list *l = replica_list(r, (uint32_t)column_int(&q, 0));
		int64_t idx = column_int(&q, 1);
		if (l == NULL || l->last_use == NULL)
			continue;
		if (!is_inside(l, idx))
			return MM_ERR_MALFORMED;
		list_put_last_use(l, (uint32_t)idx,
				  (uint32_t)column_int(&q, 2));
	}
	return query_end(&q);
}

static enum mm_err load(struct conn *c, struct replica *r)
{
	if (c->db->take_time != NULL)
		TRY(c->db->take_time(c));
	TRY(load_meta(c, r));
	TRY(load_keys(c, r));
	TRY(load_lists(c, r));
	TRY(load_statuses(c, r));
	return load_renewals(c, r);
}

enum mm_err store_load(struct store *s, struct replica *r)
{
	AUTO_READER struct conn *c = store_reader(s);
	TRY(c->db->begin(c));
	enum mm_err e = load(c, r);
	enum mm_err end = c->db->commit(c);
	return e != MM_OK ? e : end;
}
