/* use_table.c - chains of uses: which to keep, which to tell, which to drop. */
#include "verifier/use_table.h"

#include <search.h>
#include <stdlib.h>

/* ---- the tree ---- */

static int compare(const void *a, const void *b)
{
	const struct use_entry *x = a, *y = b;
	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return x->idx < y->idx ? -1 : x->idx > y->idx;
}

static void entry_free(void *e)
{
	struct use_entry *entry = e;
	free(entry->at);
	free(entry);
}

void use_table_free(struct use_table *t)
{
	tdestroy(t->tree, entry_free);
	*t = (struct use_table){ 0 };
}

static struct use_entry *find(const struct use_table *t, uint32_t list,
			      uint32_t idx)
{
	struct use_entry key = { .list = list, .idx = idx };
	struct use_entry *const *node = tfind(&key, &t->tree, compare);
	return node == NULL ? NULL : *node;
}

const struct use_entry *use_table_find(const struct use_table *t, uint32_t list,
				       uint32_t idx)
{
	return find(t, list, idx);
}

/* The entry of e's token, made if need be. */
static struct use_entry *find_or_add(struct use_table *t,
				     const struct use_entry *e)
{
	struct use_entry *own = find(t, e->list, e->idx);
	if (own != NULL)
		return own;
	own = calloc(1, sizeof *own);
	if (own == NULL)
		return NULL;
	*own = (struct use_entry){ .list = e->list, .idx = e->idx };
	if (tsearch(own, &t->tree, compare) == NULL) {
		free(own);
		return NULL;
	}
	t->count++;
	return own;
}

struct walk {
	void (*each)(void *, const struct use_entry *);
	void *ctx;
};

static void visit(const void *node, VISIT which, void *walk)
{
	const struct walk *w = walk;
	struct use_entry *const *e = node;
	if (which == postorder || which == leaf) /* each node once, in order */
		w->each(w->ctx, *e);
}

void use_table_each(const struct use_table *t,
		    void (*each)(void *, const struct use_entry *), void *ctx)
{
	struct walk w = { each, ctx };
	twalk_r(t->tree, visit, &w);
}

/* ---- one chain ---- */

/* The last use that the issuer knows of. */
static int64_t base_of(const struct use_entry *e, int64_t issuer_last)
{
	int64_t base = e->sent > e->iat ? e->sent : e->iat;
	return issuer_last > base ? issuer_last : base;
}

static void drop_until(struct use_entry *e, int64_t base)
{
	uint32_t n = 0;
	while (n < e->count && e->at[n] <= base)
		n++;
	if (n == 0)
		return;
	e->count -= n;
	memmove(e->at, e->at + n, e->count * sizeof *e->at);
}

static bool chain_append(struct use_entry *e, int64_t at)
{
	if (e->count == USE_CHAIN_MAX)
		return false;
	if (e->count == e->cap) {
		uint32_t cap = e->cap ? e->cap * 2 : 2;
		int64_t *more = reallocarray(e->at, cap, sizeof *more);
		if (more == NULL)
			return false;
		e->at = more;
		e->cap = cap;
	}
	e->at[e->count++] = at;
	return true;
}

/* The new use makes the last one superfluous if the gap before that one,
 * stretched to the new one, is still shorter than the window. */
static bool chain_extend(struct use_entry *e, int64_t base, int64_t at)
{
	if (at <= (e->count ? e->at[e->count - 1] : base))
		return true; /* older than what we have: says nothing new */
	int64_t before = e->count >= 2 ? e->at[e->count - 2] : base;
	if (e->count != 0 && at - before < e->window) {
		e->at[e->count - 1] = at;
		return true;
	}
	return chain_append(e, at);
}

enum mm_err use_table_add(struct use_table *t, const struct use_entry *e,
			  int64_t issuer_last, int64_t at)
{
	struct use_entry *own = find_or_add(t, e);
	if (own == NULL)
		return MM_ERR_NOMEM;
	own->iat = e->iat;
	own->exp = e->exp;
	own->window = e->window;
	int64_t base = base_of(own, issuer_last);
	drop_until(own, base);
	if (!chain_extend(own, base, at))
		return MM_ERR_FULL;
	if (at > own->latest)
		own->latest = at;
	t->changed = true;
	return MM_OK;
}

enum mm_err use_table_put(struct use_table *t, const struct use_entry *e)
{
	struct use_entry *own = find_or_add(t, e);
	if (own == NULL)
		return MM_ERR_NOMEM;
	own->iat = e->iat;
	own->exp = e->exp;
	own->window = e->window;
	own->sent = e->sent;
	own->latest = e->latest;
	own->count = 0;
	for (uint32_t i = 0; i < e->count; i++)
		if ((i != 0 && e->at[i] <= e->at[i - 1]) ||
		    !chain_append(own, e->at[i]))
			return MM_ERR_INVALID;
	return MM_OK;
}

/* ---- telling the issuer ---- */

static int64_t issuer_last_use(const struct replica *r,
			       const struct use_entry *e)
{
	const struct list *l = replica_list(r, e->list);
	return l == NULL || l->last_use == NULL || e->idx >= l->size
		       ? 0
		       : l->last_use[e->idx];
}

/* A use that lies ahead of the issuer's clock is refused. */
static int64_t margin(int64_t window)
{
	return window / 16 < 5 ? window / 16 : 5;
}

struct due_walk {
	const struct replica *r;
	int64_t now;
	bool all;
	struct use_due *out;
	size_t max, count;
};

static void collect_due(void *ctx, const struct use_entry *e)
{
	struct due_walk *w = ctx;
	int64_t base = base_of(e, issuer_last_use(w->r, e));
	int64_t until = w->all ? w->now : w->now - margin(e->window);
	if (!w->all && w->now < base + e->window / 2)
		return;
	for (uint32_t i = 0; i < e->count && w->count < w->max; i++)
		if (e->at[i] > base && e->at[i] <= until)
			w->out[w->count++] =
				(struct use_due){ e->list, e->idx, e->at[i] };
}

static int by_time(const void *a, const void *b)
{
	const struct use_due *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* When there are more than `max`, whole tokens wait for the next round, but
 * for one that may be cut: its later uses follow its earlier ones. */
size_t use_table_due(const struct use_table *t, const struct replica *r,
		     int64_t now, bool all, struct use_due *out, size_t max)
{
	struct due_walk w = { r, now, all, out, max, 0 };
	use_table_each(t, collect_due, &w);
	qsort(out, w.count, sizeof *out, by_time);
	return w.count;
}

void use_table_taken(struct use_table *t, const struct use_due *d)
{
	struct use_entry *e = find(t, d->list, d->idx);
	if (e == NULL)
		return;
	if (d->at > e->sent)
		e->sent = d->at;
	drop_until(e, e->sent);
	t->changed = true;
}

/* ---- forgetting ---- */

static bool is_over(const struct use_entry *e, const struct replica *r,
		    int64_t now)
{
	int64_t known = issuer_last_use(r, e);
	if (replica_list(r, e->list) == NULL || now >= e->exp)
		return true;
	if (e->count != 0 && e->at[e->count - 1] > base_of(e, known))
		return false; /* there is something to tell */
	return known >= e->latest ||
	       now >= effective_expiry(e->iat, e->exp, e->window, e->latest);
}

struct prune_walk {
	const struct replica *r;
	int64_t now;
	const struct use_entry *over[256];
	size_t count;
};

static void collect_over(void *ctx, const struct use_entry *e)
{
	struct prune_walk *w = ctx;
	if (w->count < sizeof w->over / sizeof w->over[0] &&
	    is_over(e, w->r, w->now))
		w->over[w->count++] = e;
}

void use_table_prune(struct use_table *t, const struct replica *r, int64_t now)
{
	struct prune_walk w = { .r = r, .now = now };
	do {
		w.count = 0;
		use_table_each(t, collect_over, &w);
		for (size_t i = 0; i < w.count; i++) {
			struct use_entry *e =
				find(t, w.over[i]->list, w.over[i]->idx);
			tdelete(e, &t->tree, compare);
			entry_free(e);
			t->count--;
			t->changed = true;
		}
	} while (w.count == sizeof w.over / sizeof w.over[0]);
}

static void find_shortest(void *ctx, const struct use_entry *e)
{
	int64_t *shortest = ctx;
	if (e->window < *shortest)
		*shortest = e->window;
}

int64_t use_table_shortest(const struct use_table *t)
{
	int64_t shortest = INT64_MAX;
	use_table_each(t, find_shortest, &shortest);
	return shortest;
}

static void add_waiting(void *ctx, const struct use_entry *e)
{
	size_t *n = ctx;
	*n += e->count;
}

size_t use_table_waiting(const struct use_table *t)
{
	size_t n = 0;
	use_table_each(t, add_waiting, &n);
	return n;
}
