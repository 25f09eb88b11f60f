/* seen_table.c - what to tell of tokens that were seen, and what was told. */
#include <search.h>
#include <stdlib.h>

#include "common/seen.h"

#define MARGIN 5 /* seconds that clocks may differ by */

struct seen_entry {
	struct sighting seen;
	uint64_t doors; /* a bit each: heard of in this hour */
	bool untold;
};

static int compare(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b; /* an entry begins with it */
	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return x->idx < y->idx ? -1 : x->idx > y->idx;
}

void seen_table_init(struct seen_table *t, size_t max)
{
	*t = (struct seen_table){ .max = max };
}

void seen_table_free(struct seen_table *t)
{
	tdestroy(t->tree, free);
	seen_table_init(t, t->max);
}

static struct seen_entry *find(const struct seen_table *t,
			       const struct sighting *s)
{
	struct seen_entry *const *node = tfind(s, &t->tree, compare);
	return node == NULL ? NULL : *node;
}

/* ---- adding ---- */

static enum mm_err find_or_add(struct seen_table *t, const struct sighting *s,
			       struct seen_entry **out)
{
	*out = find(t, s);
	if (*out != NULL)
		return MM_OK;
	if (t->count >= t->max)
		return MM_ERR_FULL;
	struct seen_entry *e = calloc(1, sizeof *e);
	if (e == NULL)
		return MM_ERR_NOMEM;
	e->seen.list = s->list;
	e->seen.idx = s->idx;
	if (tsearch(e, &t->tree, compare) == NULL) {
		free(e);
		return MM_ERR_NOMEM;
	}
	t->count++;
	*out = e;
	return MM_OK;
}

/* A host has few doors.  Where there are more, those that came last are as
 * one. */
static uint64_t door_bit(struct seen_table *t, const char *door)
{
	size_t n = 0;
	while (n < t->doors && strcmp(t->door[n], door) != 0)
		n++;
	if (n == SEEN_DOORS)
		n = SEEN_DOORS - 1;
	if (n == t->doors)
		memcpy(t->door[t->doors++], door, DOOR_SIZE);
	return UINT64_C(1) << n;
}

enum mm_err seen_table_add(struct seen_table *t, const struct sighting *s)
{
	struct seen_entry *e;
	TRY(find_or_add(t, s, &e));
	uint64_t bit = door_bit(t, s->door);
	if (s->hour < e->seen.hour ||
	    (s->hour == e->seen.hour && (e->doors & bit) != 0))
		return MM_OK;
	e->doors = bit | (s->hour == e->seen.hour ? e->doors : 0);
	e->seen = *s;
	t->untold += !e->untold;
	e->untold = true;
	t->changed = true;
	return MM_OK;
}

/* ---- telling ---- */

struct walk {
	void (*each)(void *, const struct sighting *);
	void *ctx;
};

static void visit(const void *node, VISIT which, void *walk)
{
	const struct walk *w = walk;
	const struct seen_entry *e = *(struct seen_entry *const *)node;
	if ((which == postorder || which == leaf) && e->untold)
		w->each(w->ctx, &e->seen);
}

void seen_table_each(const struct seen_table *t,
		     void (*each)(void *, const struct sighting *), void *ctx)
{
	struct walk w = { each, ctx };
	if (t->untold != 0)
		twalk_r(t->tree, visit, &w);
}

struct due {
	int64_t until;
	struct sighting *out;
	size_t max, count;
};

static void collect_due(void *ctx, const struct sighting *s)
{
	struct due *d = ctx;
	if (s->hour <= d->until && d->count < d->max)
		d->out[d->count++] = *s;
}

size_t seen_table_due(const struct seen_table *t, int64_t now,
		      struct sighting *out, size_t max)
{
	struct due d = { now - MARGIN, out, max, 0 };
	seen_table_each(t, collect_due, &d);
	return d.count;
}

/* Seen again meanwhile, in a later hour or at another door: that is yet to
 * be told. */
void seen_table_taken(struct seen_table *t, const struct sighting *s)
{
	struct seen_entry *e = find(t, s);
	if (e == NULL || !e->untold || e->seen.hour != s->hour ||
	    strcmp(e->seen.door, s->door) != 0)
		return;
	e->untold = false;
	t->untold--;
	t->changed = true;
}

/* ---- forgetting ---- */

struct prune_walk {
	int64_t hour;
	struct seen_entry *over[256];
	size_t count;
};

static void collect_over(const void *node, VISIT which, void *walk)
{
	struct prune_walk *w = walk;
	struct seen_entry *e = *(struct seen_entry *const *)node;
	if ((which == postorder || which == leaf) && !e->untold &&
	    e->seen.hour < w->hour &&
	    w->count < sizeof w->over / sizeof w->over[0])
		w->over[w->count++] = e;
}

void seen_table_prune(struct seen_table *t, int64_t now)
{
	struct prune_walk w = { .hour = seen_hour(now) };
	do {
		w.count = 0;
		twalk_r(t->tree, collect_over, &w);
		for (size_t i = 0; i < w.count; i++) {
			tdelete(w.over[i], &t->tree, compare);
			free(w.over[i]);
			t->count--;
		}
	} while (w.count == sizeof w.over / sizeof w.over[0]);
}
