/* clock.h - time comes in as an argument; here is where it comes from. */
#ifndef MM_COMMON_CLOCK_H
#define MM_COMMON_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Seconds since 1970, by the wall clock. */
int64_t clock_now(void);
/* Milliseconds that only rise, also while the host sleeps: for time-outs, and
 * for how long nobody was heard. */
int64_t clock_ms(void);
/* Nanoseconds that rise while the host is awake, for measuring. */
int64_t clock_ns(void);

/* For waiting at most so long, whatever the wall clock does meanwhile: a
 * condition of the steady clock, and a time of it to wait until.  (It stands
 * still while the host sleeps, for a condition can have no other: who waits
 * looks at clock_ms() when it wakes.) */
void clock_cond_init(pthread_cond_t *c);
struct timespec clock_in_ms(int64_t ms);

#endif
