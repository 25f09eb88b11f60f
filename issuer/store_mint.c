/* store_mint.c - lists and the tokens put into them. */
#include "issuer/store_internal.h"

/* ---- lists ---- */

struct list_wish {
	enum list_kind kind;
	int64_t expires;
	uint32_t room, count;	   /* in */
	uint32_t list, first, got; /* out */
};

static enum mm_err find_open(struct conn *c, struct list_wish *w, bool *found)
{
	AUTO_QUERY struct query q = query_new(c, ST_LIST_OPEN);
	query_int(&q, w->kind);
	query_int(&q, list_period_end(w->expires));
	query_int(&q, w->room);
	*found = query_row(&q);
	if (*found) {
		w->list = (uint32_t)column_int(&q, 0);
		w->first = (uint32_t)column_int(&q, 1);
		w->got = (uint32_t)column_int(&q, 2) - w->first;
	}
	return query_end(&q);
}

/* A new list, announced in the same transaction: no token can point at a
 * list that the log does not have. */
static enum mm_err add_list(struct conn *c, struct list_wish *w)
{
	struct event e = { .type = EVENT_LIST_NEW,
			   .kind = w->kind,
			   .size = LIST_SIZE_MAX,
			   .expires = list_period_end(w->expires) };
	AUTO_QUERY struct query q = query_new(c, ST_LIST_PUT);
	query_int(&q, e.kind);
	query_int(&q, e.expires);
	query_int(&q, e.size);
	if (query_row(&q))
		e.list = (uint32_t)column_int(&q, 0);
	TRY(query_run(&q));
	w->list = e.list;
	w->first = 0;
	w->got = e.size;
	return log_append(c, &e);
}

static enum mm_err need_list(struct conn *c, void *arg)
{
	bool found;
	TRY(find_open(c, arg, &found));
	return found ? MM_OK : add_list(c, arg);
}

enum mm_err store_announce_list(struct store *s, enum list_kind kind,
				int64_t expires, uint32_t room)
{
	struct list_wish w = { .kind = kind, .expires = expires, .room = room };
	return store_write(s, need_list, &w);
}

static enum mm_err take_indexes(struct conn *c, void *arg)
{
	struct list_wish *w = arg;
	TRY(need_list(c, w));
	if (w->got > w->count)
		w->got = w->count;
	AUTO_QUERY struct query q = query_new(c, ST_LIST_TAKE);
	query_int(&q, w->list);
	query_int(&q, w->got);
	return query_run(&q);
}

enum mm_err store_reserve(struct store *s, enum list_kind kind, int64_t expires,
			  uint32_t count, struct index_range *out)
{
	struct list_wish w = {
		.kind = kind, .expires = expires, .room = 1, .count = count
	};
	TRY(store_write(s, take_indexes, &w));
	*out = (struct index_range){ w.list, w.first, w.got };
	return MM_OK;
}

/* ---- minting ---- */

static enum mm_err note_signed(struct conn *c, const struct token_row *t)
{
	AUTO_QUERY struct query q = query_new(c, ST_KEY_SIGNED);
	query_text(&q, t->kid);
	query_int(&q, t->exp);
	return query_run(&q);
}

/* Only a key that the log has announced may sign, and only an index that is
 * there and free be given: a new history (store_begin_history()) may have ended
 * its list, or filled it, since it was taken. */
static enum mm_err why_not_put(struct conn *c, const struct token_row *t)
{
	AUTO_QUERY struct query q = query_new(c, ST_KEY_KNOWN);
	query_text(&q, t->kid);
	bool announced = query_row(&q) && column_int(&q, 0) == 0;
	TRY(query_end(&q));
	return announced ? MM_ERR_GONE : MM_ERR_CONFLICT;
}

static enum mm_err put_token(struct conn *c, const struct token_row *t)
{
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_PUT);
	query_int(&q, t->list);
	query_int(&q, t->idx);
	query_text(&q, t->user);
	query_text(&q, t->label);
	query_text(&q, t->has_scope ? t->scope : NULL);
	query_text(&q, t->audience);
	query_text(&q, t->kid);
	query_text(&q, t->created_by);
	query_int(&q, t->iat);
	query_int(&q, t->exp);
	query_int(&q, t->auto_refresh);
	query_int(&q, effective_expiry(t->iat, t->exp, t->auto_refresh, 0));
	query_text(&q, t->cidr);
	TRY(query_run(&q));
	return conn_changes(c) == 1 ? MM_OK : why_not_put(c, t);
}

/* Who was let in a moment ago may have been revoked since: without this, a
 * thief who keeps minting would outlive the revocation of all he has. */
static enum mm_err check_asker(struct conn *c, const struct token_row *t)
{
	struct token_row asker;
	if (t->by_list == 0)
		return MM_OK;
	TRY(token_find(c, t->by_list, t->by_idx, &asker));
	return asker.status == TOKEN_VALID ? MM_OK : MM_ERR_UNAUTHENTICATED;
}

/* In the transaction, so that many at once do not each find the last place. */
static enum mm_err check_room(struct conn *c, const struct token_row *t)
{
	if (t->most == 0)
		return MM_OK;
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_LIVE);
	query_text(&q, t->user);
	query_int(&q, t->iat);
	query_int(&q, t->most);
	int64_t live = query_row(&q) ? column_int(&q, 0) : 0;
	TRY(query_end(&q));
	return live < t->most ? MM_OK : MM_ERR_FORBIDDEN;
}

static struct stamp mint_stamp(const struct token_row *t)
{
	return (struct stamp){ .by = t->created_by,
			       .at = t->iat,
			       .address = t->address,
			       .request = t->request };
}

/* `old`: the token whose place it takes, or NULL. */
static enum mm_err audit_mint(struct conn *c, const struct token_row *t,
			      const char *old)
{
	char id[JTI_SIZE], place[64] = "";
	struct stamp stamp = mint_stamp(t);
	token_id_write(id, t->list, t->idx);
	if (old != NULL)
		snprintf(place, sizeof place, "in place of %s", old);
	return audit_append(
		c,
		&(struct audit_entry){ .event = old ? "token.rotate"
						    : "token.mint",
				       .id = id,
				       .user = t->user,
				       .key = t->kid,
				       .label = t->label,
				       .scope = t->has_scope ? t->scope : NULL,
				       .audience = t->audience,
				       .cidr = t->cidr,
				       .expires_at = t->exp,
				       .auto_refresh = t->auto_refresh,
				       .detail = place },
		&stamp);
}

/* A store that went back would give the ids of what it has lost again. */
static enum mm_err check_whole(struct conn *c)
{
	TRY(audit_find_end(c));
	return c->tail.is_whole ? MM_OK : MM_ERR_ROLLBACK;
}

static enum mm_err mint(struct conn *c, const struct token_row *t,
			const char *old)
{
	TRY(check_whole(c));
	TRY(check_asker(c, t));
	TRY(check_room(c, t));
	TRY(note_signed(c, t));
	TRY(put_token(c, t));
	TRY(audit_mint(c, t, old));
	return t->once ? repeat_put(c, t->once, t) : MM_OK;
}

static enum mm_err mint_once(struct conn *c, void *arg)
{
	const struct token_row *t = arg;
	TRY(repeat_seen(c, t->once));
	return t->once && t->once->before ? MM_OK : mint(c, t, NULL);
}

enum mm_err store_mint(struct store *s, const struct token_row *t)
{
	struct token_row row = *t;
	return store_write(s, mint_once, &row);
}

struct rotation {
	uint32_t list, idx;
	int64_t overlap;
	struct token_row next;
};

static enum mm_err rotate(struct conn *c, const struct rotation *r)
{
	struct token_row old;
	char id[JTI_SIZE];
	TRY(token_find(c, r->list, r->idx, &old));
	if (old.status != TOKEN_VALID || old.revoke_at != 0 ||
	    r->next.iat >= effective_expiry(old.iat, old.exp, old.auto_refresh,
					    old.last_use))
		return MM_ERR_CONFLICT;
	token_id_write(id, old.list, old.idx);
	TRY(mint(c, &r->next, id));
	if (r->overlap == 0) {
		struct stamp stamp = mint_stamp(&r->next);
		return token_mark(c, &old, TOKEN_REVOKED, &stamp);
	}
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_DUE_AT);
	query_int(&q, r->list);
	query_int(&q, r->idx);
	query_int(&q, r->next.iat + r->overlap);
	return query_run(&q);
}

static enum mm_err rotate_once(struct conn *c, void *arg)
{
	const struct rotation *r = arg;
	TRY(repeat_seen(c, r->next.once));
	return r->next.once && r->next.once->before ? MM_OK : rotate(c, r);
}

enum mm_err store_rotate(struct store *s, uint32_t old_list, uint32_t old_idx,
			 int64_t overlap, const struct token_row *t)
{
	struct rotation r = {
		.list = old_list, .idx = old_idx, .overlap = overlap, .next = *t
	};
	return store_write(s, rotate_once, &r);
}
