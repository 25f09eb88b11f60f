/* use_table.c - chains of uses: which to keep, and where. */
#include "verifier/use_table.h"

#include <search.h>
#include <stdlib.h>

/* ---- the tree ---- */

static int order(int64_t x, int64_t y)
{
	return (x > y) - (x < y);
}

static int compare_token(const void *a, const void *b)
{
	const struct use_entry *x = a, *y = b;
	int c = order(x->list, y->list);
	return c ? c : order(x->idx, y->idx);
}

static int compare(const void *a, const void *b)
{
	const struct use_entry *x = a, *y = b;
	int c = compare_token(x, y);
	c = c ? c : order(x->window, y->window);
	c = c ? c : order(x->iat, y->iat);
	return c ? c : order(x->exp, y->exp);
}

static void entry_free(void *e)
{
	struct use_entry *entry = e;
	if (entry->at != &entry->one)
		free(entry->at);
	free(entry);
}

void use_table_free(struct use_table *t)
{
	tdestroy(t->tree, entry_free);
	free(t->all);
	free(t->next);
	*t = (struct use_table){ 0 };
}

static struct use_entry *find(const struct use_table *t,
			      const struct use_entry *e)
{
	struct use_entry *const *node = tfind(e, &t->tree, compare);
	return node == NULL ? NULL : *node;
}

const struct use_entry *use_table_find(const struct use_table *t, uint32_t list,
				       uint32_t idx)
{
	struct use_entry key = { .list = list, .idx = idx };
	struct use_entry *const *node = tfind(&key, &t->tree, compare_token);
	return node == NULL ? NULL : *node;
}

/* ---- whose turn it is ---- */

static void seat(struct use_table *t, size_t turn, struct use_entry *e)
{
	t->next[turn] = e;
	e->turn = (uint32_t)turn;
}

static void rise(struct use_table *t, struct use_entry *e)
{
	size_t i = e->turn;
	for (; i != 0 && t->next[(i - 1) / 2]->look > e->look; i = (i - 1) / 2)
		seat(t, i, t->next[(i - 1) / 2]);
	seat(t, i, e);
}

static void sink(struct use_table *t, struct use_entry *e, size_t i)
{
	for (;;) {
		size_t child = 2 * i + 1;
		if (child + 1 < t->waiting &&
		    t->next[child + 1]->look < t->next[child]->look)
			child++;
		if (child >= t->waiting || t->next[child]->look >= e->look)
			break;
		seat(t, i, t->next[child]);
		i = child;
	}
	seat(t, i, e);
}

struct use_entry *use_table_pop(struct use_table *t)
{
	struct use_entry *first = t->next[0];
	struct use_entry *last = t->next[--t->waiting];
	if (t->waiting != 0)
		sink(t, last, 0);
	first->turn = USE_BEING_TOLD;
	return first;
}

void use_table_push(struct use_table *t, struct use_entry *e, int64_t look)
{
	e->look = look;
	e->turn = (uint32_t)t->waiting++;
	rise(t, e);
}

/* ---- all of them ---- */

static bool make_room(struct use_table *t)
{
	if (t->count < t->room)
		return true;
	size_t room = t->room ? t->room * 2 : 16;
	struct use_entry **all = reallocarray(t->all, room, sizeof(void *));
	if (all == NULL)
		return false;
	t->all = all;
	struct use_entry **next = reallocarray(t->next, room, sizeof(void *));
	if (next == NULL)
		return false;
	t->next = next;
	t->room = room;
	return true;
}

/* A chain of e's numbers, which may not be there yet; without a turn. */
static enum mm_err make(struct use_table *t, const struct use_entry *e,
			struct use_entry **out)
{
	if (t->count >= USE_TOKENS_MAX || t->times >= USE_TIMES_MAX)
		return MM_ERR_FULL;
	struct use_entry *own = make_room(t) ? calloc(1, sizeof *own) : NULL;
	if (own == NULL)
		return MM_ERR_NOMEM;
	*own = (struct use_entry){ .list = e->list,
				   .idx = e->idx,
				   .iat = e->iat,
				   .exp = e->exp,
				   .window = e->window,
				   .at = &own->one,
				   .cap = 1,
				   .place = (uint32_t)t->count,
				   .turn = USE_BEING_TOLD };
	if (tsearch(own, &t->tree, compare) == NULL) {
		free(own);
		return MM_ERR_NOMEM;
	}
	t->all[t->count++] = own;
	t->brisk += own->window < 8;
	*out = own;
	return MM_OK;
}

void use_table_forget(struct use_table *t, struct use_entry *e)
{
	struct use_entry *last = t->all[--t->count];
	t->all[e->place] = last;
	last->place = e->place;
	t->times -= e->count;
	t->brisk -= e->window < 8;
	t->changed = true;
	tdelete(e, &t->tree, compare);
	entry_free(e);
}

void use_table_each(const struct use_table *t,
		    void (*each)(void *, const struct use_entry *), void *ctx)
{
	for (size_t i = 0; i < t->count; i++)
		each(ctx, t->all[i]);
}

double use_table_full(const struct use_table *t)
{
	double tokens = (double)t->count / USE_TOKENS_MAX;
	double times = (double)t->times / USE_TIMES_MAX;
	return tokens > times ? tokens : times;
}

bool use_table_is_pressed(const struct use_table *t)
{
	return use_table_full(t) >= 0.75;
}

/* ---- one chain ---- */

int64_t use_entry_base(const struct use_entry *e, int64_t issuer_last)
{
	int64_t base = e->sent > e->iat ? e->sent : e->iat;
	return issuer_last > base ? issuer_last : base;
}

void use_entry_drop(struct use_table *t, struct use_entry *e, int64_t until)
{
	uint32_t n = 0;
	while (n < e->count && e->at[n] <= until)
		n++;
	if (n == 0)
		return;
	e->count -= n;
	t->times -= n;
	memmove(e->at, e->at + n, e->count * sizeof *e->at);
}

static enum mm_err chain_grow(struct use_entry *e)
{
	int64_t *own = e->at == &e->one ? NULL : e->at;
	int64_t *more = reallocarray(own, e->cap * 2, sizeof *more);
	if (more == NULL)
		return MM_ERR_NOMEM;
	if (own == NULL)
		more[0] = e->one;
	e->at = more;
	e->cap *= 2;
	return MM_OK;
}

static enum mm_err chain_append(struct use_table *t, struct use_entry *e,
				int64_t at)
{
	if (e->count == USE_CHAIN_MAX || t->times >= USE_TIMES_MAX)
		return MM_ERR_FULL;
	if (e->count == e->cap)
		TRY(chain_grow(e));
	e->at[e->count++] = at;
	t->times++;
	return MM_OK;
}

/* The new use makes the last one superfluous if the gap before that one,
 * stretched to the new one, is still shorter than half the window.  Half, so
 * that when the chain is to be told it has a use that no later one replaces:
 * they may be too young for that each time. */
static enum mm_err chain_extend(struct use_table *t, struct use_entry *e,
				int64_t base, int64_t at)
{
	if (at <= (e->count ? e->at[e->count - 1] : base))
		return MM_OK; /* older than what we have: says nothing new */
	int64_t before = e->count >= 2 ? e->at[e->count - 2] : base;
	if (e->count != 0 && at - before < e->window / 2) {
		e->at[e->count - 1] = at;
		return MM_OK;
	}
	return chain_append(t, e, at);
}

static enum mm_err add(struct use_table *t, const struct use_entry *e,
		       int64_t issuer_last, int64_t at)
{
	struct use_entry *own = find(t, e);
	bool is_new = own == NULL;
	if (is_new)
		TRY(make(t, e, &own));
	int64_t base = use_entry_base(own, issuer_last);
	use_entry_drop(t, own, base);
	enum mm_err full = chain_extend(t, own, base, at);
	if (full == MM_OK && at > own->latest)
		own->latest = at;
	int64_t due = use_entry_due(t, own, base);
	if (is_new) {
		use_table_push(t, own, due);
	} else if (own->turn != USE_BEING_TOLD && due < own->look) {
		own->look = due;
		rise(t, own);
	}
	t->changed = true;
	return full;
}

enum mm_err use_table_add(struct use_table *t, const struct use_entry *e,
			  int64_t issuer_last, int64_t at)
{
	enum mm_err err = add(t, e, issuer_last, at);
	t->refused += err == MM_ERR_FULL;
	return err;
}

static enum mm_err put_chain(struct use_table *t, struct use_entry *own,
			     const struct use_entry *e)
{
	for (uint32_t i = 0; i < e->count; i++) {
		if (i != 0 && e->at[i] <= e->at[i - 1])
			return MM_ERR_INVALID;
		TRY(chain_append(t, own, e->at[i]));
	}
	return MM_OK;
}

enum mm_err use_table_put(struct use_table *t, const struct use_entry *e)
{
	struct use_entry *own = find(t, e);
	if (own == NULL) {
		TRY(make(t, e, &own));
		use_table_push(t, own, 0);
	}
	own->sent = e->sent;
	own->latest = e->latest;
	use_entry_drop(t, own, INT64_MAX);
	return put_chain(t, own, e);
}
