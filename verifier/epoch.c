/* epoch.c - what is seldom called of epoch.h. */
#include "verifier/epoch.h"

#include <sched.h>

void epoch_init(struct epoch *e)
{
	for (size_t i = 0; i < EPOCH_SLOTS; i++)
		atomic_init(&e->slot[i].since, 0);
	atomic_init(&e->now, 1);
}

struct epoch_slot *epoch_enter_crowded(struct epoch *e, size_t own)
{
	for (size_t tries = 1;; tries++) {
		size_t i = (own + tries) % EPOCH_SLOTS;
		if (epoch_try(e, i))
			return &e->slot[i];
		if (tries % EPOCH_SLOTS == 0)
			sched_yield();
	}
}

uint64_t epoch_retire(struct epoch *e)
{
	return atomic_fetch_add(&e->now, 1);
}

bool epoch_over(const struct epoch *e, uint64_t retired)
{
	for (size_t i = 0; i < EPOCH_SLOTS; i++) {
		uint64_t since = atomic_load(&e->slot[i].since);
		if (since != 0 && since <= retired)
			return false;
	}
	return true;
}
