/* live.h - a thread that plays the agent while something is measured. */
#ifndef MM_TESTS_BENCH_LIVE_H
#define MM_TESTS_BENCH_LIVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/bench/samples.h"

struct live {
	struct mint *mint;
	uint64_t seed;
	pthread_t thread;
	atomic_bool stop;
	enum mm_err failed;
};

/* Until live_stop(), 500 revocations and 500 renewals a second go into the
 * mint's state file, of tokens that nobody measures. */
MM_MUST_USE enum mm_err live_start(struct live *l, struct mint *m);
MM_MUST_USE enum mm_err live_stop(struct live *l);

#endif
