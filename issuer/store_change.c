/* store_change.c - what may happen to a token later. */
#include <stdlib.h>

#include "common/ending.h"
#include "issuer/store_internal.h"

/* ---- status ---- */

/* What lists say: an idle-dead token is a revoked one to others. */
static unsigned list_value(enum token_status s)
{
	return s == TOKEN_IDLE ? STATUS_REVOKED : (unsigned)s;
}

/* A dead list has no more events: whoever follows has forgotten it, and all
 * its tokens have expired. */
static enum mm_err list_append(struct conn *c, struct event *e)
{
	if (c->tail.live != e->list) {
		AUTO_QUERY struct query q = query_new(c, ST_LIST_LIVES);
		query_int(&q, e->list);
		bool lives = query_row(&q);
		TRY(query_end(&q));
		if (!lives)
			return MM_OK;
		c->tail.live = e->list;
	}
	return log_append(c, e);
}

static const char *mark_name(enum token_status from, enum token_status to)
{
	switch (to) {
	case TOKEN_REVOKED:
		return "token.revoke";
	case TOKEN_SUSPENDED:
		return "token.suspend";
	case TOKEN_IDLE:
		return "token.idle";
	case TOKEN_VALID:
		break;
	}
	return from == TOKEN_IDLE ? "token.revive" : "token.reinstate";
}

static enum mm_err audit_mark(struct conn *c, const struct token_row *t,
			      enum token_status to, const struct stamp *stamp)
{
	char id[JTI_SIZE];
	token_id_write(id, t->list, t->idx);
	return audit_append(
		c,
		&(struct audit_entry){ .event = mark_name(t->status, to),
				       .id = id,
				       .user = t->user,
				       .label = t->label },
		stamp);
}

enum mm_err token_mark(struct conn *c, const struct token_row *t,
		       enum token_status to, const struct stamp *stamp)
{
	TRY(audit_mark(c, t, to, stamp));
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_MARK);
	query_int(&q, t->list);
	query_int(&q, t->idx);
	query_int(&q, to);
	query_text(&q, stamp->by);
	query_int(&q, stamp->at);
	TRY(query_run(&q));
	if (list_value(to) == list_value(t->status))
		return MM_OK;
	struct event e = { .type = EVENT_STATUS,
			   .list = t->list,
			   .idx = t->idx,
			   .value = list_value(to) };
	return list_append(c, &e);
}

struct status_change {
	uint32_t list, idx;
	enum status to;
	struct stamp stamp;
	bool changed;
};

/* Revoked is final; suspending and reinstating are each other's reverse. */
static bool may_become(enum token_status from, enum status to)
{
	switch (to) {
	case STATUS_REVOKED:
		return true;
	case STATUS_SUSPENDED:
		return from == TOKEN_VALID;
	case STATUS_VALID:
		return from == TOKEN_SUSPENDED;
	}
	return false;
}

/* Actors are "USER (token ID)", whatever brackets the user's name holds: is
 * it the same user? */
static bool same_user(const char *a, const char *b)
{
	const char *a_end = strrchr(a, '('), *b_end = strrchr(b, '(');
	return a_end != NULL && b_end != NULL && a_end - a == b_end - b &&
	       strncmp(a, b, (size_t)(a_end - a)) == 0;
}

static enum mm_err check_change(const struct token_row *t,
				const struct status_change *ch)
{
	if (!may_become(t->status, ch->to))
		return MM_ERR_CONFLICT;
	return ch->to != STATUS_VALID || ch->stamp.admin ||
			       same_user(ch->stamp.by, t->changed_by)
		       ? MM_OK
		       : MM_ERR_FORBIDDEN;
}

static enum mm_err set_status(struct conn *c, void *arg)
{
	struct status_change *ch = arg;
	struct token_row t;
	TRY(token_find(c, ch->list, ch->idx, &t));
	ch->changed = (unsigned)t.status != (unsigned)ch->to;
	/* an administrator's suspension stands above the user's own */
	bool over = ch->to == STATUS_SUSPENDED && ch->stamp.admin;
	if (!ch->changed && !over)
		return MM_OK;
	if (ch->changed)
		TRY(check_change(&t, ch));
	return token_mark(c, &t, (enum token_status)ch->to, &ch->stamp);
}

enum mm_err store_set_status(struct store *s, uint32_t list, uint32_t idx,
			     enum status to, const struct stamp *stamp,
			     bool *changed)
{
	struct status_change ch = { list, idx, to, *stamp, false };
	TRY(store_write(s, set_status, &ch));
	*changed = ch.changed;
	return MM_OK;
}

/* ---- uses ---- */

struct use_batch {
	const struct use *uses;
	size_t count, accepted;
	int64_t now;
};

/* The sliding rule: only a living token's use counts, only forward. */
static bool counts(const struct token_row *t, const struct use *u, int64_t now)
{
	return t->auto_refresh > 0 && t->status != TOKEN_REVOKED &&
	       u->at >= t->iat && u->at > t->last_use && u->at <= now &&
	       u->at < effective_expiry(t->iat, t->exp, t->auto_refresh,
					t->last_use);
}

/* What was warned of, if it is still as near after a use at `at`; else 0. */
static int64_t still_warned(const struct token_row *t, int64_t dies_at,
			    int64_t at)
{
	int64_t ends = ending_for(dies_at, t->exp, t->auto_refresh, t->warned);
	return ends - at <= t->warned ? t->warned : 0;
}

/* Hardly ever a change: so the indexes that have it are left alone. */
static enum mm_err note_still_warned(struct conn *c, const struct token_row *t,
				     int64_t dies_at, int64_t at)
{
	int64_t warned = still_warned(t, dies_at, at);
	return warned == t->warned ? MM_OK
				   : token_warned(c, t, dies_at, warned);
}

static enum mm_err move_use(struct conn *c, const struct token_row *t,
			    int64_t at)
{
	int64_t dies = effective_expiry(t->iat, t->exp, t->auto_refresh, at);
	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_USED);
	query_int(&q, t->list);
	query_int(&q, t->idx);
	query_int(&q, at);
	query_int(&q, dies);
	TRY(query_run(&q));
	TRY(note_still_warned(c, t, dies, at));
	struct event e = { .type = EVENT_RENEW,
			   .list = t->list,
			   .idx = t->idx,
			   .last_use = at };
	return list_append(c, &e);
}

static enum mm_err use_one(struct conn *c, const struct use *u, int64_t now,
			   size_t *accepted)
{
	struct token_row t;
	enum mm_err e = token_find(c, u->list, u->idx, &t);
	if (e == MM_ERR_NOT_FOUND)
		return MM_OK; /* not ours to renew, and no harm */
	TRY(e);
	if (!counts(&t, u, now))
		return MM_OK;
	TRY(move_use(c, &t, u->at));
	++*accepted;
	/* Swept as idle, but it had been used in time: the report was late. */
	if (t.status == TOKEN_IDLE &&
	    now < effective_expiry(t.iat, t.exp, t.auto_refresh, u->at))
		return token_mark(
			c, &t, TOKEN_VALID,
			&(struct stamp){ .by = "late use", .at = now });
	return MM_OK;
}

static enum mm_err use_all(struct conn *c, void *arg)
{
	struct use_batch *b = arg;
	b->accepted = 0;
	for (size_t i = 0; i < b->count; i++)
		TRY(use_one(c, &b->uses[i], b->now, &b->accepted));
	return MM_OK;
}

static int by_time(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	return (x->at > y->at) - (x->at < y->at);
}

enum mm_err store_use(struct store *s, const struct use *uses, size_t count,
		      int64_t now, size_t *accepted)
{
	/* In order of time: a use may be alive only by the one before it. */
	struct use *sorted = reallocarray(NULL, count + 1, sizeof *sorted);
	if (sorted == NULL)
		return MM_ERR_NOMEM;
	memcpy(sorted, uses, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_time);

	struct use_batch b = { .uses = sorted, .count = count, .now = now };
	enum mm_err e = store_write(s, use_all, &b);
	free(sorted);
	*accepted = b.accepted;
	return e;
}

/* ---- lists that have had their time ---- */

static enum mm_err sweep_lists(struct conn *c, void *arg)
{
	uint32_t ended[256];
	size_t n = 0;
	AUTO_QUERY struct query q = query_new(c, ST_LIST_ENDED);
	query_int(&q, *(int64_t *)arg);
	while (n < 256 && query_row(&q))
		ended[n++] = (uint32_t)column_int(&q, 0);
	TRY(query_end(&q));
	for (size_t i = 0; i < n; i++) {
		struct event e = { .type = EVENT_LIST_DEAD, .list = ended[i] };
		AUTO_QUERY struct query dead = query_new(c, ST_LIST_DEAD);
		query_int(&dead, ended[i]);
		TRY(query_run(&dead));
		c->tail.live = 0;
		TRY(log_append(c, &e));
	}
	return MM_OK;
}

enum mm_err store_sweep_lists(struct store *s, int64_t now)
{
	return store_write(s, sweep_lists, &now);
}
