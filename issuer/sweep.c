/* sweep.c - idle-dead tokens, rotated ones, lists before and after their
 * time, events that nobody needs any more.
 *
 * A list is announced well before the first token points into it: for every
 * period that a token minted now may expire in, one list of each kind with
 * room is kept announced, so that verifiers know it when the token comes.
 */
#include "issuer/sweep.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/counts.h"
#include "issuer/forget.h"
#include "issuer/newest.h"
#include "issuer/steady.h"

#define SWEEP_MOST    500	/* tokens in one transaction */
#define SWEEP_MS      300	/* for those of one round */
#define SLOW_ROUNDS   60	/* seconds between looks at lists and events */
#define NEWEST_ROUNDS 5		/* from the first one on */
#define LIST_ROOM     (1 << 16) /* announce the next list when fewer are left */

struct sweeper {
	struct sweep_options opt;
	struct steady clock; /* what is dead does not come back */
	struct newest said;
	struct forget forget;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
};

static enum mm_err announce_lists(const struct sweep_options *o, int64_t now)
{
	int64_t last = list_period_end(now + o->max_life);
	for (int64_t end = list_period_end(now + 1); end <= last;
	     end += LIST_PERIOD) {
		TRY(store_announce_list(o->store, LIST_FIXED, end, LIST_ROOM));
		TRY(store_announce_list(o->store, LIST_AUTO_REFRESH, end,
					LIST_ROOM));
	}
	return MM_OK;
}

static enum mm_err slow_round(const struct sweep_options *o, int64_t now)
{
	TRY(announce_lists(o, now));
	return store_sweep_lists(o->store, now);
}

/* Those that died while no mint ran may be a million, and a stolen key does not
 * wait for them. */
static enum mm_err quick_round(const struct sweep_options *o, int64_t now)
{
	int64_t until = clock_ms() + SWEEP_MS;
	size_t done;
	do {
		TRY(store_sweep_tokens(o->store, now, SWEEP_MOST, &done));
		count_changed(CHANGED_SWEPT, done);
		if (done != 0)
			log_event(LOG_INFO, "sweep.tokens", "count=%zu", done);
	} while (done >= SWEEP_MOST && clock_ms() < until);
	return MM_OK;
}

static bool is_steady(struct sweeper *s)
{
	int64_t off;
	bool steady = steady_look(&s->clock, &off);
	if (off != 0)
		log_event(LOG_WARNING, "clock.jump",
			  "seconds=%lld detail=nothing is swept until the "
			  "clock has been steady for a minute",
			  (long long)off);
	return steady;
}

static struct trouble sightings = TROUBLE_SWEEP("sightings"),
		      tokens = TROUBLE_SWEEP("tokens"),
		      lists = TROUBLE_SWEEP("lists");

static void note(struct trouble *t, enum mm_err e)
{
	trouble_note(t, e, NULL, clock_ms());
}

/* One thing that fails is no reason not to try the others. */
static void sweep_round(struct sweeper *s, bool slow)
{
	int64_t now = clock_now();
	bool steady = is_steady(s);
	publisher_look(s->opt.publisher);
	refusals_save(s->opt.refusals, s->opt.store, now);
	note(&sightings, sightings_save(s->opt.sightings, s->opt.store, now));
	if (steady)
		note(&tokens, quick_round(&s->opt, now));
	if (steady && slow)
		note(&lists, slow_round(&s->opt, now));
	forget_round(&s->forget, now, steady, slow);
}

static void say_newest(struct sweeper *s)
{
	static struct trouble kept = TROUBLE("newest.not_kept", "newest.kept");
	struct newest now;
	struct why why = { .text = "" };
	char detail[sizeof why.text + 128];
	publisher_newest(s->opt.publisher, &now);
	enum mm_err e = newest_save(s->opt.data, &now, &s->said, &why);
	snprintf(detail, sizeof detail,
		 "%s: free some room, or mend the folder of --data; until then "
		 "a backup that is put back may not be known for one",
		 why.text);
	trouble_note(&kept, e, detail, clock_ms());
}

static void sleep_second(struct sweeper *s)
{
	struct timespec until = clock_in_ms(1000);
	int rc = 0;
	while (!s->stopping && rc == 0)
		rc = pthread_cond_timedwait(&s->wake, &s->lock, &until);
}

static void *sweeper_main(void *arg)
{
	struct sweeper *s = arg;
	pthread_mutex_lock(&s->lock);
	for (unsigned round = 1; !s->stopping; round++) {
		sleep_second(s);
		pthread_mutex_unlock(&s->lock);
		sweep_round(s, round % SLOW_ROUNDS == 0);
		if (round % NEWEST_ROUNDS == 1)
			say_newest(s);
		signing_finish(s->opt.signing);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	refusals_save(s->opt.refusals, s->opt.store, INT64_MAX);
	(void)!sightings_save(s->opt.sightings, s->opt.store, clock_now());
	publisher_look(s->opt.publisher);
	say_newest(s);
	return NULL;
}

enum mm_err sweeper_start(const struct sweep_options *opt, struct sweeper **out,
			  struct why *why)
{
	int64_t last; /* asked first: announcing writes by today's clock */
	enum mm_err e = store_last_time(opt->store, &last);
	if (e == MM_OK)
		e = announce_lists(opt, clock_now());
	if (e != MM_OK)
		return why_say(why, e, NULL,
			       "cannot announce the lists in the store: %s",
			       mm_err_word(e));
	struct sweeper *s = calloc(1, sizeof *s);
	if (s == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	s->opt = *opt;
	s->forget = (struct forget){ .store = opt->store,
				     .feed_retain = opt->feed_retain,
				     .keep_addresses = opt->keep_addresses };
	(void)!newest_read(opt->data, &s->said, NULL);
	steady_begin(&s->clock, last);
	pthread_mutex_init(&s->lock, NULL);
	clock_cond_init(&s->wake);
	forget_round(&s->forget, 0, false, true); /* addresses alone */
	if (pthread_create(&s->thread, NULL, sweeper_main, s) != 0) {
		free(s);
		return why_say(why, MM_ERR_NOMEM, NULL,
			       "cannot start the sweeper's thread");
	}
	*out = s;
	return MM_OK;
}

void sweeper_stop(struct sweeper *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	free(s);
}
