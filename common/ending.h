/* ending.h - which end of a token to speak of, so long before it.
 *
 * A token that refreshes itself lives on by being used.  Its own end, E, is
 * worth a warning only when it is nearer than half of its window: one with a
 * window of 7 days would else be warned of every day for 14 days.  For a
 * threshold that is not smaller than that, only its hard limit counts, which
 * no use moves.
 */
#ifndef MM_COMMON_ENDING_H
#define MM_COMMON_ENDING_H

#include <stdint.h>

/* dies_at: E; exp: the hard limit; window: seconds, 0: fixed; before: the
 * threshold, in seconds. */
static inline int64_t ending_for(int64_t dies_at, int64_t exp, int64_t window,
				 int64_t before)
{
	return window == 0 || before < window - before ? dies_at : exp;
}

#endif
