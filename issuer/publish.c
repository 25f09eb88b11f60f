/* publish.c - the thread that follows the log. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/publish_internal.h"
#include "issuer/trouble.h"

#define READ_EVENTS 256 /* events read at a time */
#define ROUND_MS    250 /* look at deadlines and the log this often */
#define FIRST_TRIES 3	/* at the start, which ends if they fail */

/* ---- following ---- */

static enum mm_err apply_one(struct publisher *p, const struct event *e)
{
	TRY(replica_apply(&p->replica, e));
	memcpy(p->replica.history, e->history, sizeof e->history);
	p->recent[e->seq % RECENT] = *e;
	return MM_OK;
}

static enum mm_err apply(struct publisher *p, const struct event *events,
			 size_t n)
{
	enum mm_err e = MM_OK;
	pthread_rwlock_wrlock(&p->state);
	for (size_t i = 0; i < n && e == MM_OK; i++)
		e = apply_one(p, &events[i]);
	pthread_rwlock_unlock(&p->state);
	return e;
}

/* Read on until the log has no more. */
static enum mm_err follow(struct publisher *p, struct event *events)
{
	const struct replica *r = &p->replica; /* nobody else writes it */
	size_t n;
	do {
		const struct log_place at = { r->epoch, r->seq, r->history };
		TRY(store_events(p->store, &at, READ_EVENTS, events, &n));
		TRY(apply(p, events, n));
	} while (n == READ_EVENTS);
	return MM_OK;
}

/* What was made is known by its number, which another history may have, too. */
static void drop_made(struct publisher *p)
{
	pthread_mutex_lock(&p->batching);
	while (p->batch_begun)
		pthread_cond_wait(&p->batched, &p->batching);
	kept_clear(p->batch, BATCHES);
	pthread_mutex_unlock(&p->batching);
	pthread_mutex_lock(&p->snapping);
	kept_clear(&p->snapshot, 1);
	pthread_mutex_unlock(&p->snapping);
	pthread_mutex_lock(&p->making);
	kept_clear(p->list, KEPT_LISTS);
	kept_clear(&p->jwks, 1);
	kept_clear(&p->index, 1);
	pthread_mutex_unlock(&p->making);
}

/* The whole state, and when its history began.  MM_ERR_EPOCH: another one has
 * begun in between. */
static enum mm_err read_all(struct publisher *p, struct replica *out,
			    int64_t *began)
{
	struct newest n;
	TRY(store_load(p->store, out));
	TRY(store_newest(p->store, &n));
	*began = n.began;
	return strcmp(n.epoch, out->epoch) == 0 ? MM_OK : MM_ERR_EPOCH;
}

/* `lost`: for the store has not any more what the replica was made of. */
static enum mm_err load(struct publisher *p, bool lost)
{
	struct replica fresh = { .seq = 0 };
	int64_t began;
	enum mm_err e = read_all(p, &fresh, &began);
	if (e != MM_OK) {
		replica_free(&fresh);
		return e;
	}
	pthread_rwlock_wrlock(&p->state);
	struct replica old = p->replica;
	p->replica = fresh;
	memset(p->recent, 0, sizeof p->recent);
	publish_note_history(p, &old, began, lost);
	pthread_rwlock_unlock(&p->state);
	replica_free(&old);
	drop_made(p);
	return MM_OK;
}

/* There are four rounds a second. */
static struct trouble behind = TROUBLE("publish.behind", "publish.good");

/* A replica that cannot follow (its place is not in the log, or an event does
 * not fit it) is loaded anew, whole. */
static bool follow_round(struct publisher *p, struct event *events)
{
	enum mm_err e = follow(p, events);
	if (e != MM_OK && e != MM_ERR_NOMEM && e != MM_ERR_BUSY)
		e = load(p, e == MM_ERR_ROLLBACK);
	if (e == MM_OK)
		publish_say_lost(p);
	trouble_note(&behind, e, NULL, clock_ms());
	return e == MM_OK;
}

static void wait_for_work(struct publisher *p)
{
	struct timespec until = clock_in_ms(ROUND_MS);
	int rc = 0;
	while (!p->wake && !p->stopping && rc == 0)
		rc = pthread_cond_timedwait(&p->woken, &p->lock, &until);
	p->wake = false;
}

static struct moment moment_now(void)
{
	return (struct moment){ clock_ms(), clock_now() };
}

/* `began`: when it was asked; the answer may be older than it looks, to a
 * process that was frozen meanwhile. */
static void note_following(struct publisher *p, bool following,
			   struct moment began)
{
	pthread_mutex_lock(&p->lock);
	p->following = following;
	p->round_at = clock_ms();
	if (following)
		p->good_round = began;
	pthread_mutex_unlock(&p->lock);
}

static void *publisher_main(void *arg)
{
	struct publisher *p = arg;
	struct event *events = calloc(READ_EVENTS, sizeof *events);
	MM_ASSERT(events != NULL); /* at the start, before serving */
	pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		wait_for_work(p);
		bool releasing = p->releasing;
		p->rounds_begun++;
		pthread_mutex_unlock(&p->lock);

		struct moment began = moment_now();
		bool good = follow_round(p, events);
		/* before anything more is signed */
		note_following(p, good, began);
		publish_answer(p, releasing);

		pthread_mutex_lock(&p->lock);
		if (good)
			p->rounds_done = p->rounds_begun;
		pthread_cond_broadcast(&p->followed);
	}
	pthread_mutex_unlock(&p->lock);
	free(events);
	return NULL;
}

/* ---- life ---- */

struct publisher *publisher_new(struct publish_ttl ttl)
{
	struct publisher *p = calloc(1, sizeof *p);
	if (p == NULL)
		return NULL;
	p->ttl = ttl;
	p->began = -1;
	clock_cond_init(&p->woken);
	clock_cond_init(&p->followed);
	clock_cond_init(&p->ending);
	clock_cond_init(&p->batched);
	pthread_mutex_init(&p->looking, NULL);
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->batching, NULL);
	pthread_mutex_init(&p->snapping, NULL);
	pthread_mutex_init(&p->making, NULL);
	pthread_rwlock_init(&p->state, NULL);
	return p;
}

void publisher_wake(void *publisher)
{
	struct publisher *p = publisher;
	pthread_mutex_lock(&p->lock);
	p->wake = true;
	pthread_cond_signal(&p->woken);
	pthread_mutex_unlock(&p->lock);
}

static void tell(void *publisher)
{
	(void)publisher_catch_up(publisher);
}

/* A database throws out who is slow to ask on, and another issuer may begin a
 * history in between.  The sweeper runs already, and is to look when there is
 * something to compare with. */
static enum mm_err load_first(struct publisher *p, struct store *store,
			      struct signing *signing)
{
	pthread_mutex_lock(&p->looking);
	p->store = store;
	p->signing = signing;
	enum mm_err e = load(p, false);
	for (int tries = 1; tries < FIRST_TRIES &&
			    (e == MM_ERR_UNAVAILABLE || e == MM_ERR_EPOCH);
	     tries++)
		e = load(p, false);
	pthread_mutex_unlock(&p->looking);
	return e;
}

enum mm_err publisher_start(struct publisher *p, struct store *store,
			    struct signing *signing, struct why *why)
{
	struct moment began = moment_now();
	enum mm_err e = load_first(p, store, signing);
	if (e != MM_OK)
		return why_say(why, e, NULL,
			       "cannot read the lists from the store: %s",
			       mm_err_word(e));
	note_following(p, true, began);
	if (pthread_create(&p->thread, NULL, publisher_main, p) != 0)
		return why_say(why, MM_ERR_NOMEM, NULL,
			       "cannot start the publisher's thread");
	p->running = true;
	TRY(publish_watch(p, why));
	signing_tell_with(signing, tell, p);
	return MM_OK;
}

void publisher_release(struct publisher *p)
{
	pthread_mutex_lock(&p->lock);
	p->releasing = true;
	p->wake = true;
	pthread_cond_signal(&p->woken);
	while (p->running && p->polls.first != NULL)
		pthread_cond_wait(&p->followed, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void publisher_stop_thread(struct publisher *p)
{
	if (p == NULL || !p->running)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_signal(&p->woken);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	publish_unwatch(p);
}

void publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	kept_clear(p->batch, BATCHES);
	kept_clear(p->list, KEPT_LISTS);
	kept_clear(&p->snapshot, 1);
	kept_clear(&p->jwks, 1);
	kept_clear(&p->index, 1);
	replica_free(&p->replica);
	free(p);
}

/* A round that begins after now: an earlier one may have read too early. */
static bool wait_for_round(struct publisher *p)
{
	struct timespec until = clock_in_ms(2000);
	uint64_t mine = p->rounds_begun + 1;
	int rc = 0;
	p->wake = true;
	pthread_cond_signal(&p->woken);
	while (p->rounds_done < mine && !p->stopping && rc == 0)
		rc = pthread_cond_timedwait(&p->followed, &p->lock, &until);
	return p->rounds_done >= mine;
}

/* They have a thread to come back by, however many wait here. */
static void wait_for_agents(struct publisher *p)
{
	uint64_t seq = publisher_seq(p);
	int64_t now = clock_ms(), last = now + AWAITED_MS, until;
	p->settling++;
	while (!p->stopping && now < last &&
	       (until = awaited_until(&p->awaited, seq, now)) != 0) {
		struct timespec at =
			clock_in_ms((until < last ? until : last) - now);
		pthread_cond_timedwait(&p->followed, &p->lock, &at);
		now = clock_ms();
	}
	p->settling--;
}

void publish_note_begin(struct publisher *p, uint64_t from)
{
	pthread_mutex_lock(&p->lock);
	awaited_begin(&p->awaited, from, clock_ms());
	pthread_mutex_unlock(&p->lock);
}

void publish_note_given(struct publisher *p, uint64_t from, const uint64_t *to)
{
	pthread_mutex_lock(&p->lock);
	if (to != NULL)
		awaited_given(&p->awaited, from, *to, clock_ms());
	else
		awaited_refused(&p->awaited, from);
	if (to == NULL && p->settling != 0)
		pthread_cond_broadcast(&p->followed);
	pthread_mutex_unlock(&p->lock);
}

bool publisher_catch_up(struct publisher *p)
{
	pthread_mutex_lock(&p->lock);
	bool caught = wait_for_round(p);
	if (caught)
		wait_for_agents(p);
	pthread_mutex_unlock(&p->lock);
	return caught;
}

bool publish_is_silent(struct publisher *p)
{
	AUTO_JWK struct jwk *key = signing_key(p->signing);
	pthread_mutex_lock(&p->lock);
	bool silent = strcmp(p->silent, jwk_kid(key)) == 0;
	pthread_mutex_unlock(&p->lock);
	return silent;
}

bool publisher_settle(struct publisher *p, const char *what,
		      const struct http_request *rq)
{
	bool published = publisher_catch_up(p) && !publish_is_silent(p) &&
			 !publish_has_lost_events(p);
	if (!published)
		log_event(LOG_ERR, "publish.late",
			  "request=%s change=%s detail=it is in the store, "
			  "but not in the feed yet",
			  http_request_id(rq), what);
	return published;
}
