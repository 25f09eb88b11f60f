/* live.c - a thread that plays the agent: see live.h.
 *
 * What is measured has indexes that are multiples of 4, what is written has
 * the others: the same bytes and cache lines, as in life, but never the
 * tokens themselves. */
#include "tests/bench/live.h"

#include "common/clock.h"

#define PERIOD_NS 2000000L /* one of each every 2 ms */

static enum mm_err write_one(struct live *l)
{
	struct state_writer *w = &l->mint->writer;
	uint32_t idx = (uint32_t)random_below(&l->seed, LIST_SIZE_MAX) | 1u;
	struct replica *r = &l->mint->replica;
	r->seq += 2;
	TRY(state_put_status(w, LIST_OF_FIXED, idx, STATUS_REVOKED));
	TRY(state_raise_use(w, LIST_OF_AUTO, idx, r->iat + (int64_t)r->seq));
	state_put_head(w, r->seq, clock_now());
	return MM_OK;
}

static void *live_run(void *arg)
{
	struct live *l = arg;
	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!atomic_load(&l->stop) && l->failed == MM_OK) {
		l->failed = write_one(l);
		next.tv_nsec += PERIOD_NS;
		if (next.tv_nsec >= 1000000000L) {
			next.tv_nsec -= 1000000000L;
			next.tv_sec++;
		}
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next,
				      NULL);
	}
	return NULL;
}

enum mm_err live_start(struct live *l, struct mint *m)
{
	*l = (struct live){ .mint = m, .seed = m->replica.seq };
	return pthread_create(&l->thread, NULL, live_run, l) == 0
		       ? MM_OK
		       : MM_ERR_NOMEM;
}

enum mm_err live_stop(struct live *l)
{
	atomic_store(&l->stop, true);
	pthread_join(l->thread, NULL);
	return l->failed;
}
