/* use_due.c - chains of uses: which to tell the issuer, which to forget. */
#include <stdlib.h>

#include "verifier/use_table.h"

#define CONFIRM 10 /* seconds: by then a use that was taken is in the feed */

static int64_t issuer_last_use(const struct replica *r,
			       const struct use_entry *e)
{
	const struct list *l = replica_list(r, e->list);
	return l == NULL || l->last_use == NULL || e->idx >= l->size
		       ? 0
		       : l->last_use[e->idx];
}

int64_t use_entry_margin(const struct use_entry *e)
{
	return e->window / 16 < 5 ? e->window / 16 : 5;
}

static int64_t until_confirmed(const struct use_entry *e)
{
	return e->window / 16 > CONFIRM ? e->window / 16 : CONFIRM;
}

/* With nothing to tell it is only seldom of interest: when to forget it. */
int64_t use_entry_due(const struct use_table *t, const struct use_entry *e,
		      int64_t base)
{
	if (e->count == 0)
		return e->latest + until_confirmed(e);
	int64_t half = base + e->window / 2;
	int64_t can_be = e->at[0] + use_entry_margin(e);
	return can_be > half || use_table_is_pressed(t) ? can_be : half;
}

/* What is told is kept until the feed says so, too: a state file that is made
 * anew in between needs it.  Where there is no room it has to do without. */
static bool is_over(const struct use_table *t, const struct use_entry *e,
		    const struct replica *r, int64_t now)
{
	if (replica_list(r, e->list) == NULL || now >= e->exp)
		return true;
	if (e->count != 0)
		return false; /* there is something to tell */
	return use_table_is_pressed(t) || issuer_last_use(r, e) >= e->latest ||
	       now >= effective_expiry(e->iat, e->exp, e->window, e->latest);
}

static size_t pick(struct use_entry *e, int64_t until, struct use_due *out,
		   size_t max)
{
	size_t n = 0;
	while (n < e->count && n < max && e->at[n] <= until) {
		out[n] = (struct use_due){ e->list, e->idx, e->at[n], e };
		n++;
	}
	return n;
}

/* Look at the one whose turn it is: how many of its uses are to be told? */
static size_t look(struct use_table *t, const struct replica *r, int64_t now,
		   bool all, struct use_due *out, size_t max)
{
	struct use_entry *e = use_table_pop(t);
	int64_t base = use_entry_base(e, issuer_last_use(r, e));
	use_entry_drop(t, e, base);
	if (is_over(t, e, r, now)) {
		use_table_forget(t, e);
		return 0;
	}
	int64_t due = use_entry_due(t, e, base);
	size_t n = 0;
	if (all || now >= due)
		n = pick(e, all ? now : now - use_entry_margin(e), out, max);
	if (n == 0)
		use_table_push(t, e,
			       due > now ? due : now + until_confirmed(e));
	return n;
}

static int by_time(const void *a, const void *b)
{
	const struct use_due *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

bool use_table_is_behind(const struct use_table *t, int64_t now)
{
	return t->waiting != 0 && t->next[0]->look <= now;
}

/* When there are more than `max`, whole tokens wait for the next time, but
 * for one that may be cut: its later uses follow its earlier ones. */
size_t use_table_due(struct use_table *t, const struct replica *r, int64_t now,
		     bool all, struct use_due *out, size_t max)
{
	size_t n = 0, looks = 0;
	while (n < max && looks++ < USE_LOOKS && use_table_is_behind(t, now))
		n += look(t, r, now, all, out + n, max - n);
	qsort(out, n, sizeof *out, by_time);
	return n;
}

/* Those that were not taken come after the others; those that are to make room
 * before them. */
static int64_t look_again(const struct use_table *t, const struct use_entry *e,
			  bool taken, int64_t now)
{
	if (!taken)
		return now + 1;
	if (e->count != 0)
		return now;
	return use_table_is_pressed(t) ? 0 : now + CONFIRM;
}

void use_table_told(struct use_table *t, const struct use_due *due, size_t n,
		    bool taken, int64_t now)
{
	for (size_t i = 0; i < n && taken; i++) {
		struct use_entry *e = due[i].of;
		if (due[i].at > e->sent)
			e->sent = due[i].at;
		use_entry_drop(t, e, e->sent);
	}
	for (size_t i = 0; i < n; i++)
		if (due[i].of->turn == USE_BEING_TOLD)
			use_table_push(t, due[i].of,
				       look_again(t, due[i].of, taken, now));
	t->changed |= taken;
}

void use_table_hasten(struct use_table *t)
{
	for (size_t i = 0; i < t->waiting; i++)
		t->next[i]->look = 0; /* and so it is in order */
}
