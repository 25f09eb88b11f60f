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
	_Atomic int64_t next_look; /* clock_ms(); not before */
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

/* The newest state, looked for when the one at hand is superseded. */
struct pin reader_pin(struct reader *r);
void reader_unpin(struct pin *p);
#define AUTO_PIN __attribute__((cleanup(reader_unpin)))

/* The pinned state is stale: was the file replaced without being marked?
 * Looks at most once a second; *p is then whatever is the newest. */
void reader_look_again(struct reader *r, struct pin *p);

#endif
