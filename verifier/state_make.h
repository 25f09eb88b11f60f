/* state_make.h - what the files that write a state file share. */
#ifndef MM_VERIFIER_STATE_MAKE_H
#define MM_VERIFIER_STATE_MAKE_H

#include <stdlib.h>

#include "verifier/state.h"

/* How many tokens of the list, from its first on, have a value in it, or are
 * among the first `at_least`: a file must hold those. */
uint32_t state_needed(const struct list *l, uint32_t at_least);

/* The first head_size bytes of a file that holds the replica, ready to be
 * written: to be freed. */
MM_MUST_USE enum mm_err state_make_head(const struct replica *r,
					const uint32_t *room,
					int64_t max_staleness,
					struct state_header **out);
static inline void state_head_free_at(struct state_header **h)
{
	free(*h);
}
#define AUTO_HEAD __attribute__((cleanup(state_head_free_at)))

/* The lists' rows: list_count of them. */
static inline const struct state_list *state_lists(const struct state_header *h)
{
	return state_at(h, h->lists_at);
}

/* A place on the disk for each byte up to `size`: no page of what is mapped is
 * a hole.  False: errno says why. */
MM_MUST_USE bool state_allocate(int fd, uint64_t size);

#endif
