/* reader.c - pin the current mapping without a lock; replace it when needed.
 *
 * Why no reader ever touches unmapped memory (these are hazard pointers,
 * and every access named here is sequentially consistent):
 *
 *  - A reader writes the mapping's address into its slot, and then reads
 *    `current` again.  It goes on only if that is still the same mapping.
 *  - Whoever replaces the mapping first stores the new `current`, and then
 *    reads all slots.  It unmaps the old one only if no slot names it.
 *
 * In the one order of all these accesses, either the reader's slot was
 * written before the slots were read: then the old mapping was seen there,
 * and kept.  Or it was written after: then `current` had already changed
 * when the reader looked at it again, and the reader took the new one.
 * A mapping that is kept waits in `retired` for its last reader to leave.
 */
#include "verifier/reader.h"

#include <sched.h>

#include "common/clock.h"

#define LOOK_MS	      1	   /* superseded: the new file is due any moment */
#define LOOK_STALE_MS 1000 /* stale: probably there is none */

/* ---- replacing ---- */

static bool is_held(struct reader *r, const struct state_map *m)
{
	for (size_t i = 0; i < READER_SLOTS; i++)
		if (atomic_load(&r->slot[i].held) == m)
			return true;
	return false;
}

/* Unmap what nobody looks at any more.  With `remapping` held. */
static void sweep(struct reader *r)
{
	for (struct state_map **at = &r->retired; *at != NULL;) {
		struct state_map *m = *at;
		if (is_held(r, m)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		state_map_close(m);
	}
	atomic_store(&r->retiring, r->retired != NULL);
}

/* Open the path again, and take what is there if it is another file and not
 * superseded itself.  With `remapping` held. */
static void replace(struct reader *r)
{
	struct state_map *old = atomic_load(&r->current);
	AUTO_MAP struct state_map *m = NULL;
	if (state_map_open(r->path, &m, NULL) != MM_OK)
		return; /* go on with what we have */
	if (state_superseded(m) || (m->dev == old->dev && m->ino == old->ino))
		return;
	atomic_store(&r->current, m);
	m = NULL;
	old->next = r->retired;
	r->retired = old;
}

/* Whoever gets the lock does the work, the others go on as they are. */
static void refresh(struct reader *r, int64_t pause, bool look)
{
	int64_t now = clock_ms();
	if (look && now < atomic_load(&r->next_look))
		look = false;
	if (!look && !atomic_load(&r->retiring))
		return;
	if (pthread_mutex_trylock(&r->remapping) != 0)
		return;
	if (look) {
		replace(r);
		atomic_store(&r->next_look, now + pause);
	}
	sweep(r);
	pthread_mutex_unlock(&r->remapping);
}

/* ---- pinning ---- */

/* Where a thread begins to look for a free slot: mostly one of its own. */
static size_t own_slot(void)
{
	uint64_t self = (uint64_t)(uintptr_t)pthread_self();
	return (size_t)(self * UINT64_C(0x9E3779B97F4A7C15) >> 57);
}
_Static_assert(READER_SLOTS == 1 << (64 - 57), "own_slot() makes an index");

static struct reader_slot *claim(struct reader *r, struct state_map *m)
{
	for (size_t i = own_slot(), tries = 1;; i++, tries++) {
		struct reader_slot *s = &r->slot[i % READER_SLOTS];
		struct state_map *none = NULL;
		if (atomic_compare_exchange_strong(&s->held, &none, m))
			return s;
		if (tries % READER_SLOTS == 0)
			sched_yield(); /* more threads inside than slots */
	}
}

static struct pin pin_current(struct reader *r)
{
	struct state_map *m = atomic_load(&r->current), *again;
	struct reader_slot *s = claim(r, m);
	while ((again = atomic_load(&r->current)) != m) {
		m = again;
		atomic_store(&s->held, m);
	}
	return (struct pin){ m, s };
}

void reader_unpin(struct pin *p)
{
	if (p->slot != NULL)
		atomic_store_explicit(&p->slot->held, NULL,
				      memory_order_release);
	*p = (struct pin){ NULL, NULL };
}

struct pin reader_pin(struct reader *r)
{
	struct pin p = pin_current(r);
	bool look = state_superseded(p.map);
	if (!look && !atomic_load_explicit(&r->retiring, memory_order_relaxed))
		return p;
	reader_unpin(&p); /* or the sweep would find our own slot */
	refresh(r, LOOK_MS, look);
	return pin_current(r);
}

void reader_look_again(struct reader *r, struct pin *p)
{
	reader_unpin(p);
	refresh(r, LOOK_STALE_MS, true);
	*p = pin_current(r);
}

/* ---- opening ---- */

enum mm_err reader_open(struct reader *r, const char *path, struct why *why)
{
	struct state_map *m;
	if (!span_copy(r->path, sizeof r->path, span_str(path)))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "the state file's path is too long");
	/* A superseded file is good until its successor is found. */
	TRY(state_map_open(path, &m, why));
	pthread_mutex_init(&r->remapping, NULL);
	atomic_store(&r->current, m);
	return MM_OK;
}

void reader_close(struct reader *r)
{
	struct state_map *m = atomic_load(&r->current);
	if (m == NULL)
		return;
	sweep(r);
	MM_ASSERT(r->retired == NULL); /* somebody is still inside */
	state_map_close(m);
	pthread_mutex_destroy(&r->remapping);
}
