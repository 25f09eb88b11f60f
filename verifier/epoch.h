/* epoch.h - who is inside, so that nothing is taken away under a reader.
 *
 * Two things change under readers that take no lock: which state file is
 * mapped (reader.c), and what the cache of tokens holds (cache.c).  Both
 * are changed in the same way: the new is made, the way to the old one is
 * taken away, and the old one's memory is used again only when nobody can
 * be looking at it any more.
 *
 *	slot = epoch_enter(e);		reader
 *	... atomic_load() of the way, then plain reads behind it ...
 *	epoch_leave(slot);
 *
 *	... atomic_store() of the way: no one comes here any more ...
 *	when = epoch_retire(e);		writer
 *	... some time later ...
 *	if (epoch_over(e, when))	its memory is free
 *
 * Why that is safe.  All accesses named here, and the loads and stores of
 * the way, are sequentially consistent: they have one order.  A reader who
 * found the old thing had loaded the way before it was taken away, so it
 * had entered its slot before that; and the number in its slot was read
 * from `now` even earlier, so it is not above the one that epoch_retire()
 * returned.  epoch_over() comes later in that order, so it sees the reader
 * in its slot, with that number or a smaller one, until the reader leaves.
 * And what the reader read lies before its release of the slot, which
 * epoch_over() acquires: its reads are over when the memory is written.
 *
 * A reader that stays inside for long holds up what was retired since, and
 * nothing else; nobody ever waits.
 */
#ifndef MM_VERIFIER_EPOCH_H
#define MM_VERIFIER_EPOCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EPOCH_SLOTS 128
#define CACHE_LINE  64

/* One thread inside; a cache line each, so that they do not slow one
 * another.  0: free, else the number of the epoch in which it entered. */
struct epoch_slot {
	_Alignas(CACHE_LINE) _Atomic uint64_t since;
};

struct epoch {
	struct epoch_slot slot[EPOCH_SLOTS];
	_Alignas(CACHE_LINE) _Atomic uint64_t now; /* from 1 */
};

void epoch_init(struct epoch *e);

/* Its own slot is taken: any other.  Yields only when EPOCH_SLOTS threads
 * are inside already. */
struct epoch_slot *epoch_enter_crowded(struct epoch *e, size_t own);

/* The slot that a thread has mostly to itself. */
static inline size_t epoch_own_slot(void)
{
	uint64_t self = (uint64_t)(uintptr_t)pthread_self();
	return (size_t)(self * UINT64_C(0x9E3779B97F4A7C15) >> 57);
}
_Static_assert(EPOCH_SLOTS == 1 << (64 - 57), "a slot's number has 7 bits");

static inline bool epoch_try(struct epoch *e, size_t i)
{
	uint64_t none = 0, now = atomic_load(&e->now);
	return atomic_compare_exchange_strong(&e->slot[i].since, &none, now);
}

static inline struct epoch_slot *epoch_enter(struct epoch *e)
{
	size_t own = epoch_own_slot();
	return epoch_try(e, own) ? &e->slot[own] : epoch_enter_crowded(e, own);
}

static inline void epoch_leave(struct epoch_slot *s)
{
	atomic_store_explicit(&s->since, 0, memory_order_release);
}

/* What nobody can find any more is retired with the number returned. */
uint64_t epoch_retire(struct epoch *e);
/* Have all left who may have found it?  Once it was true, its memory is free
 * for good (whoever enters late with an old number finds it no more). */
bool epoch_over(const struct epoch *e, uint64_t retired);

#endif
