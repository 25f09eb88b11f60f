/* clock.h - time comes in as an argument; here is where it comes from. */
#ifndef MM_COMMON_CLOCK_H
#define MM_COMMON_CLOCK_H

#include <stdint.h>

/* Seconds since 1970, by the wall clock. */
int64_t clock_now(void);
/* Milliseconds that only rise, for time-outs. */
int64_t clock_ms(void);

#endif
