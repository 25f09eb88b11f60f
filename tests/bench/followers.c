/* followers.c - a crowd of agents, as mintmarkd sees them: each asks for
 * what comes after the event it has, and waits. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/bench/poll.h"
#include "tests/bench/system.h"

#define AT_ONCE	  128u /* agents do not all start in one moment */
#define SETTLE_NS 120e9

struct followers {
	uint16_t port;
	size_t count;
	const char *bearer;
	pthread_t thread;
	atomic_bool stop;
	atomic_size_t waiting; /* those that have had an answer, and asked */
	atomic_size_t busy;    /* answers that said so: 503 */
	_Atomic int failed;    /* enum mm_err */
	size_t paused;
	uint64_t seed;
	uint8_t *payload;
};

/* ---- one answer ---- */

static enum mm_err answered(void *ctx, struct conn *c)
{
	struct followers *f = ctx;
	uint64_t before = c->seq;
	if (c->status == 503) {
		poll_pause(c, &f->seed);
		f->paused++;
		atomic_fetch_add(&f->busy, 1);
		return MM_OK;
	}
	if (c->status != 200)
		return MM_ERR_UNAVAILABLE;
	c->failures = 0;
	TRY(poll_read(c->body, f->payload, &c->seq));
	TRY(poll_send(c, f->bearer, POLL_WAIT));
	if (before == 0)
		atomic_fetch_add(&f->waiting, 1);
	return MM_OK;
}

/* ---- all ---- */

static enum mm_err ask_again(struct followers *f, struct crowd *crowd)
{
	double now = ns_now();
	for (size_t i = 0; f->paused > 0 && i < crowd->count; i++) {
		struct conn *c = &crowd->conn[i];
		if (c->again_at == 0 || c->again_at > now)
			continue;
		c->again_at = 0;
		f->paused--;
		TRY(poll_send(c, f->bearer, POLL_WAIT));
	}
	return MM_OK;
}

static enum mm_err follow(struct followers *f)
{
	AUTO_CROWD struct crowd crowd = { 0 };
	size_t started = 0;
	TRY(crowd_open(&crowd, f->count, (struct place){ .port = f->port }));
	while (!atomic_load(&f->stop)) {
		size_t may = atomic_load(&f->waiting) + AT_ONCE;
		for (; started < f->count && started < may; started++)
			TRY(poll_send(&crowd.conn[started], f->bearer,
				      POLL_WAIT));
		TRY(ask_again(f, &crowd));
		TRY(crowd_wait(&crowd, 20, answered, f));
	}
	return MM_OK;
}

static void *follow_thread(void *arg)
{
	struct followers *f = arg;
	atomic_store(&f->failed, (int)follow(f));
	return NULL;
}

/* All have been answered once; what they asked then, mintmarkd has too,
 * a moment later. */
static void wait_until_settled(struct followers *f)
{
	double end = ns_now() + SETTLE_NS;
	while (atomic_load(&f->waiting) < f->count &&
	       atomic_load(&f->failed) == (int)MM_OK && ns_now() < end)
		ns_sleep(10e6);
	ns_sleep(300e6);
}

enum mm_err followers_start(struct host *h, size_t count,
			    struct followers **out)
{
	struct followers *f = calloc(1, sizeof *f);
	if (f == NULL)
		return MM_ERR_NOMEM;
	f->port = h->port;
	f->count = count;
	f->bearer = h->follower.token;
	f->payload = malloc(POLL_PAYLOAD_MAX + 1);
	if (f->payload == NULL ||
	    pthread_create(&f->thread, NULL, follow_thread, f) != 0) {
		free(f->payload);
		free(f);
		return MM_ERR_NOMEM;
	}
	wait_until_settled(f);
	*out = f;
	if (atomic_load(&f->waiting) == count)
		return MM_OK;
	return why_say(h->why, MM_ERR_UNAVAILABLE, NULL,
		       "only %zu of %zu followers are answered",
		       atomic_load(&f->waiting), count);
}

size_t followers_busy(struct followers *f)
{
	return atomic_load(&f->busy);
}

enum mm_err followers_stop(struct followers *f)
{
	if (f == NULL)
		return MM_OK;
	atomic_store(&f->stop, true);
	pthread_join(f->thread, NULL);
	enum mm_err e = (enum mm_err)atomic_load(&f->failed);
	free(f->payload);
	free(f);
	return e;
}
