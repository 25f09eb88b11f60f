/* reader.h - the mapped state, shared by all threads of a process.
 *
 *	AUTO_PIN struct pin p = reader_pin(r);
 *	... p.map cannot go away before the end of the block ...
 */
#ifndef MM_VERIFIER_READER_H
#define MM_VERIFIER_READER_H

#include <pthread.h>

#include "verifier/epoch.h"
#include "verifier/state.h"

struct reader {
	struct epoch epoch; /* who is inside */
	_Atomic(struct state_map *) current;
	/* clock_ms(), not before: when superseded, and when quiet */
	_Atomic int64_t next_look, next_quiet_look;
	atomic_bool retiring;	   /* `retired` is not empty */
	pthread_mutex_t remapping; /* only ever tried on the hot path */
	struct state_map *retired; /* guarded by `remapping` */
	uint64_t key_numbers;	   /* given so far; by `remapping`, too */
	char path[PATH_MAX];
};

struct pin {
	const struct state_map *map;
	struct epoch_slot *slot;
};

MM_MUST_USE enum mm_err reader_open(struct reader *r, const char *path,
				    struct why *why);
/* No pin may be held. */
void reader_close(struct reader *r);

/* What is current, whatever that is. */
static inline struct pin reader_pin_current(struct reader *r)
{
	struct epoch_slot *s = epoch_enter(&r->epoch);
	return (struct pin){ atomic_load(&r->current), s };
}

static inline void reader_unpin(struct pin *p)
{
	epoch_leave(p->slot);
}
#define AUTO_PIN __attribute__((cleanup(reader_unpin)))

/* There may be a newer one, or one to be unmapped: see to that, pin anew. */
struct pin reader_repin(struct reader *r, struct pin p);

/* The newest state, looked for when the one at hand is superseded. */
static inline struct pin reader_pin(struct reader *r)
{
	struct pin p = reader_pin_current(r);
	if (!state_superseded(p.map) &&
	    !atomic_load_explicit(&r->retiring, memory_order_relaxed))
		return p;
	return reader_repin(r, p);
}

/* The pinned state is stale, or quiet: was the file replaced without being
 * marked?  Looks at most once a second; *p is then whatever is the newest. */
void reader_look_again(struct reader *r, struct pin *p);

#endif
