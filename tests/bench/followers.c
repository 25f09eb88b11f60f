/* followers.c - a crowd of agents, as mintmarkd sees them: each asks for
 * what comes after the event it has, and waits. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/bench/system.h"

#define AT_ONCE		 128u  /* agents do not all start in one moment */
#define PAUSE_NS	 0.5e9 /* as mintmark-agent does it: see pause_one() */
#define SETTLE_NS	 120e9
#define FEED_PAYLOAD_MAX (1u << 20)

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

/* The batch's own "seq" comes before those of its events (PROTOCOL.md). */
static enum mm_err read_seq(struct followers *f, struct span jwt, uint64_t *seq)
{
	struct span head, payload;
	size_t n;
	if (!span_cut(&jwt, '.', &head) || !span_cut(&jwt, '.', &payload))
		return MM_ERR_MALFORMED;
	TRY(base64url_decode(payload, f->payload, FEED_PAYLOAD_MAX, &n));
	f->payload[n] = '\0';
	const char *at = strstr((const char *)f->payload, "\"seq\":");
	if (at == NULL)
		return MM_ERR_MALFORMED;
	*seq = strtoull(at + 6, NULL, 10);
	return MM_OK;
}

static enum mm_err poll_feed(const struct followers *f, struct conn *c)
{
	AUTO_BUF struct buf text = buf_new(4096);
	struct span request;
	char path[64];
	snprintf(path, sizeof path, "/v1/feed?after=%" PRIu64 "&wait=25",
		 c->seq);
	http_request(&text, "GET", path, f->bearer, NULL);
	TRY(buf_done(&text, &request));
	return conn_send(c, request);
}

/* Sent away for a while: 0.5 s, doubled each time up to 30 s, give or take a
 * fifth. */
static void pause_one(struct followers *f, struct conn *c)
{
	double fifths = 0.8 + (double)random_below(&f->seed, 401) / 1000;
	double ns = PAUSE_NS * (double)(1u << c->failures);
	c->again_at = ns_now() + fifths * (ns < 30e9 ? ns : 30e9);
	c->failures += c->failures < 10;
	f->paused++;
	atomic_fetch_add(&f->busy, 1);
}

static enum mm_err answered(void *ctx, struct conn *c)
{
	struct followers *f = ctx;
	uint64_t before = c->seq;
	if (c->status == 503) {
		pause_one(f, c);
		return MM_OK;
	}
	if (c->status != 200)
		return MM_ERR_UNAVAILABLE;
	c->failures = 0;
	TRY(read_seq(f, c->body, &c->seq));
	TRY(poll_feed(f, c));
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
		TRY(poll_feed(f, c));
	}
	return MM_OK;
}

static enum mm_err follow(struct followers *f)
{
	AUTO_CROWD struct crowd crowd = { 0 };
	size_t started = 0;
	TRY(crowd_open(&crowd, f->count, (struct place){ f->port, NULL }));
	while (!atomic_load(&f->stop)) {
		size_t may = atomic_load(&f->waiting) + AT_ONCE;
		for (; started < f->count && started < may; started++)
			TRY(poll_feed(f, &crowd.conn[started]));
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
	f->payload = malloc(FEED_PAYLOAD_MAX + 1);
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
