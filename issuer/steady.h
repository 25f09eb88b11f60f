/* steady.h - can the clock be believed?
 *
 * One that jumped may jump back: nothing that cannot be taken back is done by
 * it until it has gone evenly for a minute.
 */
#ifndef MM_ISSUER_STEADY_H
#define MM_ISSUER_STEADY_H

#include <stdbool.h>
#include <stdint.h>

struct steady {
	int64_t from;		   /* clock_ms(): not to be believed before */
	int64_t last_now, last_ms; /* when it was looked at */
};

/* `last`: when something was last known to happen.  If that is long ago, or yet
 * to come, the clock may not be set. */
void steady_begin(struct steady *s, int64_t last);
/* *off: seconds by which it has jumped since the last look; 0: it has not. */
bool steady_look(struct steady *s, int64_t *off);

#endif
