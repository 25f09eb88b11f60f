/* poll.h - one question of an agent's, as mintmarkd sees it: what comes after
 * the event that I have?  Nothing that comes is checked. */
#ifndef MM_TESTS_BENCH_POLL_H
#define MM_TESTS_BENCH_POLL_H

#include "tests/bench/http.h"

#define POLL_WAIT	 25u /* seconds, as an agent with one address does it */
#define POLL_PAYLOAD_MAX (1u << 20)

/* Ask for what comes after c->seq; wait 0: answer at once. */
MM_MUST_USE enum mm_err poll_send(struct conn *c, const char *bearer,
				  unsigned wait);
/* The payload of an answer, with a NUL behind it, into POLL_PAYLOAD_MAX + 1
 * bytes; and the sequence that it ends at. */
MM_MUST_USE enum mm_err poll_read(struct span jwt, uint8_t *payload,
				  uint64_t *seq);
/* Sent away for a while: 0.5 s, doubled each time up to 30 s, or 4 after a 503,
 * give or take a fifth.  Sets c->again_at. */
void poll_pause(struct conn *c, uint64_t *seed);

#endif
