/* publish_feed.c - batches of events, and the polls that wait for them. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/publish_internal.h"

/* For a poll from a place that we have not reached: who is further behind than
 * that on a shared store does not follow it, and says nothing at all. */
#define AHEAD_MS     5000
#define SAY_AHEAD_MS 60000 /* between two words of one that stays ahead */

static const struct publish_kind feed_kind = {
	TYP_FEED, "application/jwt" /* RFC 7519 s10.3.1 */
};

/* ---- batches ---- */

static enum mm_err events_json(const struct event *events, size_t n,
			       struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (i != 0)
			buf_str(out, ",");
		TRY(event_write(&events[i], out));
	}
	return out->failed;
}

/* Where the replica stands, all of one moment. */
static void fill_head(struct publisher *p, struct feed_head *head)
{
	head->ttl = p->ttl.feed;
	pthread_rwlock_rdlock(&p->state);
	memcpy(head->iss, p->replica.iss, sizeof head->iss);
	memcpy(head->epoch, p->replica.epoch, sizeof head->epoch);
	memcpy(head->history, p->replica.history, sizeof head->history);
	head->seq = p->replica.seq;
	pthread_rwlock_unlock(&p->state);
}

static void free_events(struct event **e)
{
	free(*e);
}
#define AUTO_EVENTS __attribute__((cleanup(free_events)))

/* Out of those that were read last, or none: a database that has fallen silent
 * since holds up nobody who follows. */
static size_t recent_events(struct publisher *p, const struct feed_head *head,
			    size_t max, struct event *out)
{
	size_t n = 0;
	pthread_rwlock_rdlock(&p->state);
	bool same = strcmp(p->replica.epoch, head->epoch) == 0;
	for (uint64_t seq = head->after + 1; same && n < max; seq++) {
		const struct event *e = &p->recent[seq % RECENT];
		if (e->seq != seq)
			break;
		out[n++] = *e;
	}
	pthread_rwlock_unlock(&p->state);
	return n;
}

/* The events that follow head->after, up to where the replica stands: the log
 * may be further, but what is published is the replica.  A batch that ends
 * before it says so, for its date is newer than its news. */
static enum mm_err add_events(struct publisher *p, struct feed_head *head,
			      struct buf *json)
{
	uint64_t seq = head->seq, many = seq - head->after;
	size_t max = many < FEED_EVENTS_MAX ? (size_t)many : FEED_EVENTS_MAX;
	AUTO_EVENTS struct event *events = calloc(max, sizeof *events);
	if (events == NULL)
		return MM_ERR_NOMEM;
	const struct log_place at = { .epoch = head->epoch,
				      .seq = head->after };
	size_t n = recent_events(p, head, max, events);
	if (n == 0)
		TRY(store_events(p->store, &at, max, events, &n));
	if (n == 0)
		return MM_ERR_GONE;
	head->seq = events[n - 1].seq;
	memcpy(head->history, events[n - 1].history, sizeof head->history);
	head->more = head->seq < seq;
	return events_json(events, n, json);
}

/* Read the events, write the payload, sign it. */
static enum mm_err make_batch(struct publisher *p, uint64_t after,
			      int64_t as_of, struct kept *made, struct why *why)
{
	AUTO_BUF struct buf json = buf_new(FEED_BATCH_MAX);
	AUTO_BUF struct buf payload = buf_new(FEED_BATCH_MAX);
	struct feed_head head = { .iat = as_of, .after = after };
	struct span text;
	fill_head(p, &head);
	made->seq = head.seq;
	if (after > head.seq) /* say so: who asks will see a rollback */
		head.after = head.seq;
	if (after < head.seq)
		TRY(add_events(p, &head, &json));
	TRY(buf_done(&json, &text));
	TRY(batch_write(&head, text, &payload));
	made->upto = head.seq;
	AUTO_JWK struct jwk *key = signing_key_known_at(p->signing, after);
	return publish_sign(p, key, feed_kind, &payload, &made->body, why);
}

/* With p->batching held, but for the making: the database may say nothing. */
static enum mm_err keep_batch(struct publisher *p, uint64_t after,
			      int64_t as_of, uint64_t *upto,
			      struct http_body **out, struct why *why)
{
	struct kept fresh = { .what = after + 1 };
	p->batch_begun = true;
	pthread_mutex_unlock(&p->batching);
	enum mm_err e = make_batch(p, after, as_of, &fresh, why);
	pthread_mutex_lock(&p->batching);
	p->batch_begun = false;
	pthread_cond_broadcast(&p->batched);
	TRY(e);
	*upto = fresh.upto;
	*out = kept_put(kept_find(p->batch, BATCHES, fresh.what), &fresh);
	return MM_OK;
}

/* One that is kept, and good; or NULL. */
static struct kept *find_batch(struct publisher *p, uint64_t after)
{
	struct kept *k = kept_find(p->batch, BATCHES, after + 1);
	return kept_good(k, after + 1, publisher_seq(p), BATCH_MS) ? k : NULL;
}

/* For whoever makes one now: not for longer than the log is followed. */
static enum mm_err wait_for_maker(struct publisher *p, int64_t *as_of)
{
	struct timespec until = clock_in_ms(LOOK_MS);
	pthread_cond_timedwait(&p->batched, &p->batching, &until);
	return publish_check(p, as_of);
}

enum mm_err publish_batch(struct publisher *p, uint64_t after, uint64_t *upto,
			  struct http_body **out, struct why *why)
{
	enum mm_err e = MM_OK;
	struct kept *k = NULL;
	int64_t as_of;
	TRY(publish_check(p, &as_of));
	pthread_mutex_lock(&p->batching);
	while (e == MM_OK && (k = find_batch(p, after)) == NULL &&
	       p->batch_begun)
		e = wait_for_maker(p, &as_of);
	if (k != NULL) {
		*upto = k->upto;
		*out = http_body_hold(k->body);
	} else if (e == MM_OK) {
		e = keep_batch(p, after, as_of, upto, out, why);
	}
	pthread_mutex_unlock(&p->batching);
	return e;
}

/* ---- polls ---- */

/* Has it, by the epoch that it says, events of this very history that are not
 * in it?  Of another one, it will see that by itself; and what the store is
 * known to have lost, and may have back yet, publish_lost.c has its eye on. Who
 * does not follow the log cannot know. */
static bool is_ahead(struct publisher *p, struct http_request *rq,
		     uint64_t after)
{
	const char *epoch = http_query(rq, "epoch");
	int64_t as_of;
	if (publish_check(p, &as_of) != MM_OK)
		return false;
	pthread_rwlock_rdlock(&p->state);
	bool ahead = after > p->replica.seq && epoch != NULL &&
		     strcmp(epoch, p->replica.epoch) == 0 &&
		     (atomic_load(&p->events.at) == 0 ||
		      atomic_load(&p->events.said));
	pthread_rwlock_unlock(&p->state);
	return ahead;
}

static void note_ahead(struct publisher *p, struct http_request *rq,
		       uint64_t after)
{
	int64_t now = clock_ms(), last = atomic_exchange(&p->ahead_at, now);
	if (last != 0 && now - last < SAY_AHEAD_MS)
		return;
	log_event(LOG_ERR, "feed.agent_ahead",
		  "request=%s after=%llu seq=%llu detail=an agent has seen "
		  "events that are not in this store; if it came from a "
		  "backup, start once with --restored",
		  http_request_id(rq), (unsigned long long)after,
		  (unsigned long long)publisher_seq(p));
}

/* Begun with publish_note_begin(), or by who holds the lock. */
static enum mm_err answer_now(struct publisher *p, struct http_request *rq,
			      uint64_t after)
{
	AUTO_BODY struct http_body *body = NULL;
	uint64_t upto;
	if (is_ahead(p, rq, after))
		note_ahead(p, rq, after);
	enum mm_err e = publish_batch(p, after, &upto, &body, http_why(rq));
	publish_note_given(p, after, e == MM_OK ? &upto : NULL);
	if (e == MM_ERR_GONE || e == MM_ERR_MALFORMED) /* or are damaged */
		return why_say(http_why(rq), MM_ERR_GONE, "after",
			       "events after %llu are no longer kept: take "
			       "/v1/snapshot and go on from there",
			       (unsigned long long)after);
	TRY(e);
	http_set(rq, "Cache-Control", "max-age=1");
	return http_reply_shared(rq, 200, body);
}

/* Who has followed another issuer on this store may know more than we do yet:
 * a moment later we shall. */
static void wait_for_ours(struct publisher *p, struct poll *w)
{
	if (w->after <= publisher_seq(p) || !store_is_shared(p->store))
		return;
	w->ahead_until = clock_ms() + AHEAD_MS;
	p->wake = true;
	pthread_cond_signal(&p->woken);
}

/* Whose turn it is. */
struct turn {
	bool all;
	uint64_t seq;
	int64_t now;
};

/* With the lock held, so that no event can slip in between the question and
 * the waiting. */
static struct turn turn_now(struct publisher *p, bool all)
{
	return (struct turn){ all || publish_is_deaf(p), publisher_seq(p),
			      clock_ms() };
}

static bool may_wait(const struct turn *t, const struct poll *w)
{
	return (w->after == t->seq && w->deadline > t->now) ||
	       (w->after > t->seq && w->ahead_until > t->now);
}

static bool is_due(void *ctx, const struct poll *w)
{
	const struct turn *t = ctx;
	return t->all || !may_wait(t, w);
}

/* A poll says what its agent has; if it is answered now, there is something
 * new to be taken in. */
static void note_poll(struct publisher *p, uint64_t after, bool answered_now)
{
	if (awaited_back(&p->awaited, after) && p->settling != 0)
		pthread_cond_broadcast(&p->followed);
	if (answered_now)
		awaited_begin(&p->awaited, after, clock_ms());
}

enum mm_err publisher_feed(struct publisher *p, struct http_request *rq,
			   uint64_t after, int64_t wait)
{
	struct poll *w = poll_new(rq, after, wait);
	if (w == NULL)
		return MM_ERR_NOMEM;
	pthread_mutex_lock(&p->lock);
	wait_for_ours(p, w);
	struct turn turn = turn_now(p, p->releasing);
	bool now = is_due(&turn, w);
	note_poll(p, after, now);
	if (!now)
		polls_hold(&p->polls, w);
	pthread_mutex_unlock(&p->lock);
	if (!now)
		return MM_OK;
	free(w);
	return answer_now(p, rq, after);
}

static struct poll *take_due(struct publisher *p, bool all)
{
	pthread_mutex_lock(&p->lock);
	struct turn turn = turn_now(p, all);
	struct poll *due = polls_take(&p->polls, is_due, &turn);
	for (const struct poll *w = due; w != NULL; w = w->next)
		awaited_begin(&p->awaited, w->after, turn.now);
	pthread_mutex_unlock(&p->lock);
	return due;
}

void publish_answer(struct publisher *p, bool all)
{
	struct poll *next;
	for (struct poll *w = take_due(p, all); w != NULL; w = next) {
		next = w->next;
		enum mm_err e = answer_now(p, w->rq, w->after);
		if (e != MM_OK)
			http_problem(w->rq, e, http_why(w->rq));
		http_release(w->rq);
		free(w);
	}
}
