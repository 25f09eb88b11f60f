/* warn_tries.c - warnings that were sent in vain, and when to try again. */
#include "issuer/warn_tries.h"

#include <stdlib.h>

void tries_free(struct warn_tries *s)
{
	free(s->at);
	*s = (struct warn_tries){ .at = NULL };
}

/* Where it is, or would be. */
static size_t place_of(const struct warn_tries *s, uint32_t list, uint32_t idx)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct warn_try *m = &s->at[mid];
		if (m->list < list || (m->list == list && m->idx < idx))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct warn_try *entry_of(const struct warn_tries *s, uint32_t list,
				 uint32_t idx)
{
	size_t i = place_of(s, list, idx);
	return i < s->count && s->at[i].list == list && s->at[i].idx == idx
		       ? &s->at[i]
		       : NULL;
}

struct warn_try *tries_find(const struct warn_tries *s,
			    const struct token_row *t, int64_t before)
{
	struct warn_try *e = entry_of(s, t->list, t->idx);
	if (e == NULL || e->before != before || e->ends != warn_end(t, before))
		return NULL;
	e->due = true;
	return e;
}

static struct warn_try *insert(struct warn_tries *s, uint32_t list,
			       uint32_t idx)
{
	if (s->count == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		void *at = reallocarray(s->at, cap, sizeof *s->at);
		if (at == NULL)
			return NULL;
		s->at = at;
		s->cap = cap;
	}
	size_t i = place_of(s, list, idx);
	memmove(&s->at[i + 1], &s->at[i], (s->count - i) * sizeof *s->at);
	s->count++;
	return &s->at[i];
}

void tries_failed(struct warn_tries *s, const struct warn_try *one,
		  int64_t first, int64_t now_ms)
{
	int64_t pause = one->pause ? 2 * one->pause : first;
	struct warn_try *e = entry_of(s, one->list, one->idx);
	if (e == NULL && (e = insert(s, one->list, one->idx)) == NULL)
		return;
	*e = *one;
	e->due = true;
	e->pause = pause < TRY_PAUSE_MAX ? pause : TRY_PAUSE_MAX;
	e->next_ms = now_ms + e->pause * 1000;
}

void tries_drop(struct warn_tries *s, const struct token_row *t)
{
	struct warn_try *e = entry_of(s, t->list, t->idx);
	if (e == NULL)
		return;
	size_t behind = s->count - (size_t)(e - s->at) - 1;
	memmove(e, e + 1, behind * sizeof *e);
	s->count--;
}

void tries_clean(struct warn_tries *s, int64_t now)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->count; i++) {
		struct warn_try e = s->at[i];
		bool keep = e.due || (e.done != 0 && now < e.ends);
		e.due = false;
		if (keep)
			s->at[kept++] = e;
	}
	s->count = kept;
}
