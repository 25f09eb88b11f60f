/* health.c - trying, and what came of it. */
#include "issuer/health.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/ended.h"
#include "issuer/mint.h"

#define TRY_MS	 5000  /* between two trials */
#define OLD_MS	 30000 /* a trial that has not come back by then has failed */
#define ROUND_MS 10000 /* the publisher has four rounds a second */
#define STUCK_MS 60000

struct health {
	struct store *store;
	struct signing *signing;
	struct publisher *publisher;
	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool stopping;
	/* what came of the last trials */
	enum mm_err writes, signs, clock, ended;
	int64_t wrote_at, signed_at, clock_at, ended_at;
};

const char *const health_word[HEALTH_COUNT] = {
#define X(name, word, advice) [HEALTH_##name] = word,
	MINT_CHECKS(X)
#undef X
};

static const char *const advice[HEALTH_COUNT] = {
#define X(name, word, advice) [HEALTH_##name] = advice,
	MINT_CHECKS(X)
#undef X
};

static const char *const shared_advice[HEALTH_COUNT] = {
#define X(name, word, advice) [HEALTH_##name] = advice,
	MINT_CHECKS_SHARED(X)
#undef X
};

const char *health_advice(const struct health *h, size_t which)
{
	bool other = store_is_shared(h->store) && shared_advice[which] != NULL;
	return other ? shared_advice[which] : advice[which];
}

/* ---- trying ---- */

static void note(struct health *h, enum health_check which, enum mm_err e,
		 enum mm_err *last, int64_t *at)
{
	pthread_mutex_lock(&h->lock);
	bool news = e != *last;
	*last = e;
	*at = clock_ms();
	pthread_mutex_unlock(&h->lock);
	if (news && e != MM_OK)
		log_event(LOG_ERR, "health.failing",
			  "check=%s reason=%s detail=%s", health_word[which],
			  mm_err_word(e), health_advice(h, which));
	else if (news)
		log_event(LOG_NOTICE, "health.good", "check=%s",
			  health_word[which]);
}

/* As if somebody had stopped us: requests are finished, agents go over to an
 * issuer of the newer release. */
static void stop_outdated(void)
{
	log_event(LOG_ERR, "issuer.outdated",
		  "detail=a newer release has changed the store, and this one "
		  "can never write there again: stopping; start the newer "
		  "mintmarkd on this host");
	kill(getpid(), SIGTERM);
}

/* Another issuer may have ended it at any time. */
static void try_key(struct health *h)
{
	AUTO_JWK struct jwk *key = signing_key(h->signing);
	enum mm_err was = h->ended;
	enum mm_err e = ended_check(h->publisher, h->store, key, NULL);
	note(h, HEALTH_KEYS_ENDED, e, &h->ended, &h->ended_at);
	ended_log(key, was, e);
}

static void try_all(struct health *h)
{
	try_key(h);
	note(h, HEALTH_SIGNING, signing_probe(h->signing), &h->signs,
	     &h->signed_at);
	bool right = mint_clock_is_right(h->store, clock_now());
	note(h, HEALTH_CLOCK, right ? MM_OK : MM_ERR_UNAVAILABLE, &h->clock,
	     &h->clock_at);
	enum mm_err was = h->writes, e = store_probe(h->store);
	note(h, HEALTH_STORE_WRITE, e, &h->writes, &h->wrote_at);
	if (e == MM_ERR_VERSION && was != e)
		stop_outdated();
}

static void *trying(void *arg)
{
	struct health *h = arg;
	pthread_mutex_lock(&h->lock);
	while (!h->stopping) {
		struct timespec until = clock_in_ms(TRY_MS);
		int rc = 0;
		while (!h->stopping && rc == 0)
			rc = pthread_cond_timedwait(&h->changed, &h->lock,
						    &until);
		if (h->stopping)
			break;
		pthread_mutex_unlock(&h->lock);
		try_all(h);
		pthread_mutex_lock(&h->lock);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* ---- asking ---- */

/* With one of these the mint does its work, or the most of it. */
static bool may_fail(size_t check)
{
	return check == HEALTH_KEYS || check == HEALTH_CLOCK ||
	       check == HEALTH_HISTORY || check == HEALTH_STORE_WHOLE;
}

bool health_ready(struct health *h, const struct http_server *http,
		  bool good[static HEALTH_COUNT])
{
	struct publisher_stats st;
	publisher_stats(h->publisher, &st);
	int64_t now = clock_ms();
	pthread_mutex_lock(&h->lock);
	good[HEALTH_STORE_WRITE] =
		h->writes == MM_OK && now - h->wrote_at < OLD_MS;
	good[HEALTH_SIGNING] =
		h->signs == MM_OK && !st.silent && now - h->signed_at < OLD_MS;
	good[HEALTH_CLOCK] = h->clock == MM_OK;
	good[HEALTH_KEYS_ENDED] = h->ended == MM_OK;
	pthread_mutex_unlock(&h->lock);
	good[HEALTH_HISTORY] = !st.outrun;
	good[HEALTH_KEYS] = !signing_behind(h->signing);
	good[HEALTH_STORE_READ] = st.following;
	good[HEALTH_STORE_WHOLE] = !store_is_damaged(h->store);
	good[HEALTH_FEED] = st.following && good[HEALTH_SIGNING] &&
			    st.good_round_ms < ROUND_MS;
	good[HEALTH_CONNECTIONS] = http_accepts(http);
	bool all = true;
	for (size_t i = 0; i < HEALTH_COUNT; i++)
		all = all && (good[i] || may_fail(i));
	return all;
}

bool health_outdated(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	bool outdated = h->writes == MM_ERR_VERSION;
	pthread_mutex_unlock(&h->lock);
	return outdated;
}

bool health_alive(struct health *h)
{
	struct publisher_stats st;
	publisher_stats(h->publisher, &st);
	return st.round_ms < STUCK_MS;
}

/* ---- life ---- */

enum mm_err health_start(struct store *store, struct signing *signing,
			 struct publisher *publisher, struct health **out,
			 struct why *why)
{
	struct health *h = calloc(1, sizeof *h);
	if (h == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	h->store = store;
	h->signing = signing;
	h->publisher = publisher;
	pthread_mutex_init(&h->lock, NULL);
	clock_cond_init(&h->changed);
	try_all(h);
	*out = h;
	h->running = pthread_create(&h->thread, NULL, trying, h) == 0;
	return h->running ? MM_OK
			  : why_say(why, MM_ERR_NOMEM, NULL,
				    "cannot start the thread that watches "
				    "over the others");
}

void health_stop(struct health *h)
{
	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_signal(&h->changed);
	pthread_mutex_unlock(&h->lock);
	if (h->running)
		pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
