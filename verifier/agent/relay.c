/* relay.c - long polls answered with what the follower has taken in.
 *
 * Every poll is held, however short: one thread takes out those that lack
 * something, or whose time is up, and answers them, so that neither the
 * follower nor who comes in ever waits for a crowd. */
#include "verifier/agent/relay_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/clock.h"
#include "verifier/agent/health.h"

enum {
	CONNECTIONS = 10000,
	POLLERS = 2,
	ROUND_MS = 250, /* deadlines are looked at so often */
	/* Who comes from another relay may be ahead of us for a moment, and
	 * after a start we have heard nothing yet. */
	AHEAD_MS = 500,
	/* A follower that has nothing new for so long is not well: it polls
	 * for 25 s at most, and gives its issuer 10 more. */
	FRESH_MS = 40 * 1000,
	JWKS_MAX = 256 * 1024,
	REPLY_MAX = RELAY_VIA + 400,
};

/* ---- what was taken in ---- */

struct turn {
	const struct relay *r;
	int64_t now;
};

static bool lacks_something(void *ctx, const struct poll *p)
{
	const struct turn *t = ctx;
	return p->after < t->r->batches.head;
}

/* Who stands at head waits for no event only, but for any sign of life. */
static bool waits_for_this(void *ctx, const struct poll *p)
{
	const struct turn *t = ctx;
	return p->after <= t->r->batches.head;
}

static bool is_due(void *ctx, const struct poll *p)
{
	const struct turn *t = ctx;
	return t->r->stopping || p->deadline <= t->now;
}

static void make_due(struct relay *r, struct poll *list)
{
	while (list != NULL) {
		struct poll *p = list;
		list = p->next;
		p->next = r->due;
		r->due = p;
	}
}

/* "Via: 1.1 mintmark-a, 1.1 mintmark-b" (RFC 9110 s7.6.3), so that whoever
 * finds himself in it knows that he follows himself.  What is no plain text
 * would not be a header. */
static void note_way(struct relay *r, struct span via)
{
	AUTO_BUF struct buf b = buf_new(sizeof r->via - 1);
	struct span text = span_str("");
	for (size_t i = 0; i < via.len; i++) {
		char c = (char)via.at[i];
		bool end = c == '\n', plain = c >= ' ' && c <= '~';
		if (end || plain)
			buf_add(&b, end ? span_str(",") : span_of(&c, 1));
	}
	buf_fmt(&b, "%s1.1 %s", b.len ? " " : "", r->id);
	(void)!buf_done(&b, &text);
	(void)span_copy(r->via, sizeof r->via, text);
}

void relay_pass(void *relay, const struct follower_object *o)
{
	struct relay *r = relay;
	struct turn t = { r, clock_ms() };
	pthread_mutex_lock(&r->lock);
	note_way(r, o->via);
	if (o->jws.at == NULL) {
		batches_clear(&r->batches, o->upto);
	} else {
		r->source = o->source;
		batches_add(&r->batches, o->jws, o->from, o->upto, t.now);
	}
	make_due(r, polls_take(&r->polls,
			       o->jws.at == NULL ? lacks_something
						 : waits_for_this,
			       &t));
	pthread_cond_signal(&r->woken);
	pthread_mutex_unlock(&r->lock);
}

/* ---- answering ---- */

/* What there is for who stands at `after`; or, of this relay's making, nothing:
 * then *behind says whether upstream may have it. */
static struct http_body *find(struct relay *r, uint64_t after, bool *behind)
{
	struct batches *b = &r->batches;
	pthread_mutex_lock(&r->lock);
	*behind = after < b->head && !r->stopping;
	struct http_body *body =
		after < b->head ? batches_next(b, after)
				: batches_newest(b, clock_ms(), FRESH_MS);
	pthread_mutex_unlock(&r->lock);
	return body;
}

void relay_aim(struct relay *r, struct link *l)
{
	pthread_mutex_lock(&r->lock);
	l->at = r->source;
	pthread_mutex_unlock(&r->lock);
}

enum mm_err relay_hand_on(struct relay *r, struct http_request *rq,
			  struct http_body *body)
{
	char via[RELAY_VIA];
	pthread_mutex_lock(&r->lock);
	memcpy(via, r->via, sizeof via);
	pthread_mutex_unlock(&r->lock);
	http_set(rq, "Via", via);
	http_set(rq, "Cache-Control", "max-age=1");
	return http_reply_shared(rq, 200, body);
}

static void give(struct relay *r, struct poll *p)
{
	bool behind;
	AUTO_BODY struct http_body *body = find(r, p->after, &behind);
	if (body == NULL && behind) {
		asker_take(&r->feed, p);
		return;
	}
	if (body != NULL) {
		relay_hand_on(r, p->rq, body);
		counter_add(&r->handed_on, 1);
	} else {
		enum mm_err e = relay_nothing(
			p->rq, "this relay has heard nothing new: try again, "
			       "or somewhere else");
		http_problem(p->rq, e, http_why(p->rq));
	}
	http_release(p->rq);
	free(p);
}

static void wait_for_turn(struct relay *r)
{
	struct timespec until = clock_in_ms(ROUND_MS);
	if (!r->stopping)
		pthread_cond_timedwait(&r->woken, &r->lock, &until);
}

/* Those whose turn it is. */
static struct poll *take_due(struct relay *r)
{
	struct turn t = { r, clock_ms() };
	make_due(r, polls_take(&r->polls, is_due, &t));
	struct poll *due = r->due;
	r->due = NULL;
	return due;
}

static void *answering(void *relay)
{
	struct relay *r = relay;
	struct poll *due, *next;
	pthread_mutex_lock(&r->lock);
	while ((due = take_due(r)) != NULL || !r->stopping) {
		if (due == NULL)
			wait_for_turn(r);
		pthread_mutex_unlock(&r->lock);
		for (; due != NULL; due = next) {
			next = due->next;
			give(r, due);
		}
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* ---- the questions ---- */

/* Milliseconds that it may have to wait. */
static int64_t patience(const struct relay *r, uint64_t after, int64_t wait)
{
	const struct batches *b = &r->batches;
	if (after < b->head)
		return 0;
	if (after == b->head && (b->newest != NULL || wait != 0))
		return wait * 1000;
	return AHEAD_MS;
}

static enum mm_err feed_get(void *relay, struct http_request *rq)
{
	struct relay *r = relay;
	uint64_t after;
	int64_t wait;
	TRY(poll_read(rq, &after, &wait));
	struct poll *p = poll_new(rq, after, wait);
	if (p == NULL)
		return MM_ERR_NOMEM;
	pthread_mutex_lock(&r->lock);
	int64_t ms = patience(r, after, wait);
	p->deadline = clock_ms() + ms;
	polls_hold(&r->polls, p);
	if (ms == 0)
		pthread_cond_signal(&r->woken);
	pthread_mutex_unlock(&r->lock);
	return MM_OK;
}

static enum mm_err snapshot_get(void *relay, struct http_request *rq)
{
	struct relay *r = relay;
	struct poll *p = poll_new(rq, 0, 0);
	if (p == NULL)
		return MM_ERR_NOMEM;
	http_hold(rq);
	asker_take(&r->snapshot, p);
	return MM_OK;
}

/* Not signed, so whoever asks has to trust this host; followers do not. */
static enum mm_err jwks_get(void *relay, struct http_request *rq)
{
	struct relay *r = relay;
	AUTO_BUF struct buf text = buf_new(JWKS_MAX);
	struct span json;
	if (follower_jwks(r->follower, &text) != MM_OK)
		return relay_nothing(rq, "there are no keys yet: try again");
	TRY(buf_done(&text, &json));
	http_set(rq, "Cache-Control", "public, max-age=300");
	return http_reply(rq, 200, "application/jwk-set+json", json);
}

static enum mm_err live_get(void *relay, struct http_request *rq)
{
	(void)relay;
	return health_reply_live(rq);
}

static enum mm_err ready_get(void *relay, struct http_request *rq)
{
	struct relay *r = relay;
	return health_reply_ready(rq, late_get(&r->late), r->opt.state,
				  r->follower);
}

/* clang-format off */
static const struct http_route routes[] = {
	{ "GET",  "/v1/feed",     HTTP_CROWD, 0, feed_get,     RELAY_AGENT },
	{ "GET",  "/v1/snapshot", HTTP_CROWD, 0, snapshot_get, RELAY_AGENT },
	{ "POST", "/v1/uses",     HTTP_WORK, 128 * 1024, relay_uses, RELAY_AGENT },
	{ "GET",  "/.well-known/jwks.json", HTTP_NOW, 0, jwks_get, RELAY_PUBLIC },
	{ "GET",  "/health/live",  HTTP_NOW, 0, live_get,  RELAY_PUBLIC },
	{ "GET",  "/health/ready", HTTP_NOW, 0, ready_get, RELAY_PUBLIC },
	{ .method = NULL },
};
/* clang-format on */

/* ---- life ---- */

enum mm_err relay_check(const struct relay_options *opt, struct why *why)
{
	const char *path;
	TRY(http_unix_path(opt->at.name, opt->at.listen, &path, why));
	return path != NULL ? MM_OK : http_public_check(&opt->at, why);
}

enum mm_err relay_try_files(const struct relay_options *opt, struct why *why)
{
	const char *path;
	TRY(http_unix_path(opt->at.name, opt->at.listen, &path, why));
	return path != NULL ? MM_OK : http_public_try(&opt->at, why);
}

enum mm_err relay_new(const struct relay_options *opt, struct relay **out,
		      struct why *why)
{
	static const struct mm_options how = { .door = "feed" };
	struct relay *r = calloc(1, sizeof *r);
	if (r == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	uint64_t word = 0;
	if (getrandom(&word, sizeof word, 0) != (ssize_t)sizeof word) {
		free(r);
		return why_say(why, MM_ERR_CRYPTO, NULL, "no random numbers");
	}
	snprintf(r->id, sizeof r->id, "mintmark-%016llx",
		 (unsigned long long)word);
	r->opt = *opt;
	r->source = opt->issuer->relays; /* until we know better: itself */
	note_way(r, span_of("", 0));
	late_init(&r->late, opt->state, &how);
	pthread_mutex_init(&r->lock, NULL);
	clock_cond_init(&r->woken);
	*out = r;
	return MM_OK;
}

static enum mm_err serve(struct relay *r, struct why *why)
{
	AUTO_PUBLIC struct http_public_texts texts = { .host = "" };
	struct http_options o = { .routes = routes,
				  .app = r,
				  .allow = relay_allow,
				  .workers = RELAY_WORKERS,
				  .pollers = POLLERS,
				  .reply_max = REPLY_MAX,
				  .connections = CONNECTIONS };
	TRY(http_unix_path(r->opt.at.name, r->opt.at.listen, &o.socket_path,
			   why));
	if (o.socket_path != NULL)
		o.socket_mode = 0660;
	else
		TRY(http_public_fill(&r->opt.at, &texts, &o, why));
	return http_start(&o, &r->http, why);
}

enum mm_err relay_start(struct relay *r, struct follower *f, struct why *why)
{
	r->follower = f;
	for (size_t i = 0; i < RELAY_WORKERS; i++)
		TRY(link_init(&r->uses[i], r->opt.issuer));
	TRY(asker_start(&r->feed, r, false, why));
	TRY(asker_start(&r->snapshot, r, true, why));
	r->running = pthread_create(&r->thread, NULL, answering, r) == 0;
	if (!r->running)
		return why_say(why, MM_ERR_NOMEM, NULL,
			       "cannot start a thread");
	return serve(r, why);
}

/* Who waits is answered, so that nothing is held when the server stops. */
void relay_stop(struct relay *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < RELAY_WORKERS; i++)
		if (r->uses[i].fetch != NULL)
			fetch_cancel(r->uses[i].fetch);
	if (r->http != NULL)
		http_quiesce(r->http);
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_signal(&r->woken);
	pthread_mutex_unlock(&r->lock);
	if (r->running)
		pthread_join(r->thread, NULL);
	asker_stop(&r->feed);
	asker_stop(&r->snapshot);
	http_stop(r->http);
	r->http = NULL;
	r->running = false;
}

void relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < RELAY_WORKERS; i++)
		link_free(&r->uses[i]);
	batches_clear(&r->batches, 0);
	late_end(&r->late);
	free(r);
}

const char *relay_id(const struct relay *r)
{
	return r->id;
}

void relay_stats(struct relay *r, struct relay_stats *out)
{
	pthread_mutex_lock(&r->lock);
	out->waiting = r->polls.count;
	pthread_mutex_unlock(&r->lock);
	out->handed_on = counter_get(&r->handed_on);
	out->asked = counter_get(&r->asked);
}

const struct http_server *relay_http(const struct relay *r)
{
	return r->http;
}
