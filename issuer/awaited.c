/* awaited.c - a small table of agents that are alike. */
#include "issuer/awaited.h"

#define IN_HAND UINT64_MAX /* as `to`: nobody knows yet */

/* Who has not been given it yet cannot be late. */
static int64_t end_of(const struct awaited_kind *k, int64_t now)
{
	return (k->to == IN_HAND ? now : k->at) + AWAITED_MS;
}

static bool is_over(const struct awaited_kind *k, int64_t now)
{
	return k->count == 0 || end_of(k, now) <= now;
}

static struct awaited_kind *find(struct awaited *a, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < AWAITED_KINDS; i++)
		if (a->kind[i].count != 0 && a->kind[i].from == from &&
		    a->kind[i].to == to)
			return &a->kind[i];
	return NULL;
}

static struct awaited_kind *find_free(struct awaited *a, int64_t now)
{
	for (size_t i = 0; i < AWAITED_KINDS; i++)
		if (is_over(&a->kind[i], now))
			return &a->kind[i];
	return NULL;
}

/* Who was forgotten is not remembered for the sake of one that is alike. */
static void add(struct awaited *a, uint64_t from, uint64_t to, int64_t now)
{
	struct awaited_kind *k = find(a, from, to);
	if (k == NULL)
		k = find_free(a, now);
	if (k == NULL)
		a->blind_until = now + AWAITED_MS;
	else
		*k = (struct awaited_kind){ from, to,
					    is_over(k, now) ? 1 : k->count + 1,
					    now };
}

static bool take_one(struct awaited_kind *k)
{
	return k != NULL && --k->count == 0;
}

void awaited_begin(struct awaited *a, uint64_t from, int64_t now)
{
	add(a, from, IN_HAND, now);
}

void awaited_given(struct awaited *a, uint64_t from, uint64_t to, int64_t now)
{
	add(a, from, to, now);
	awaited_refused(a, from);
}

void awaited_refused(struct awaited *a, uint64_t from)
{
	take_one(find(a, from, IN_HAND));
}

/* If it may be of several kinds, it is counted as one that lacked least:
 * rather wait for somebody who is back than not for one who is not. */
bool awaited_back(struct awaited *a, uint64_t after)
{
	struct awaited_kind *best = NULL;
	for (size_t i = 0; i < AWAITED_KINDS; i++) {
		struct awaited_kind *k = &a->kind[i];
		if (k->count != 0 && k->to == after &&
		    (best == NULL || k->from > best->from))
			best = k;
	}
	return take_one(best);
}

int64_t awaited_until(const struct awaited *a, uint64_t seq, int64_t now)
{
	int64_t until = a->blind_until > now ? a->blind_until : 0;
	for (size_t i = 0; i < AWAITED_KINDS; i++) {
		const struct awaited_kind *k = &a->kind[i];
		if (k->from < seq && !is_over(k, now) && end_of(k, now) > until)
			until = end_of(k, now);
	}
	return until;
}
