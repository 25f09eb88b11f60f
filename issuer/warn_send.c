/* warn_send.c - the thread that warns of tokens near their end. */
#include "issuer/warn_send.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "issuer/hook.h"
#include "issuer/steady.h"
#include "issuer/store_events.h"
#include "issuer/warn_tries.h"
#include "issuer/webhook.h"

#define PAGE	  100 /* tokens read at once */
#define LOOK_MOST 60  /* seconds between two looks, at most */
#define FAILURES  3   /* one after the other: nobody takes any now */
#define LINE_SIZE (32 * 1024)

/* A way for warnings to go, and its bit. */
enum way_bit { WEBHOOK = 1, COMMAND = 2 };
struct way {
	unsigned failures;
	int64_t closed_until; /* clock_ms() */
};

struct warner {
	struct warn_options opt;
	struct warn_before before;
	struct steady clock;
	struct webhook *webhook;
	struct way ways[3]; /* by their bits */
	unsigned wanted;    /* bits */
	struct warn_tries tries;
	struct token_row page[PAGE];
	size_t count; /* of these */

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
};

/* Wait so long, or until we are to stop: then true. */
static bool stopped(void *ctx, int64_t ms)
{
	struct warner *w = ctx;
	struct timespec until = clock_in_ms(ms);
	int rc = 0;
	pthread_mutex_lock(&w->lock);
	while (!w->stopping && rc == 0)
		rc = pthread_cond_timedwait(&w->wake, &w->lock, &until);
	bool stop = w->stopping;
	pthread_mutex_unlock(&w->lock);
	return stop;
}

/* ---- one way ---- */

static enum mm_err post(struct warner *w, struct span json, struct why *why)
{
	AUTO_BUF struct buf jws = buf_new(LINE_SIZE);
	AUTO_JWK struct jwk *key = signing_key(w->opt.signing);
	struct span body;
	TRY(signing_jws(key, TYP_WARNING, json, &jws, why));
	TRY(buf_done(&jws, &body));
	return webhook_post(w->webhook, "application/jwt", body, why);
}

static enum mm_err run(struct warner *w, struct span json, struct why *why)
{
	AUTO_BUF struct buf line = buf_new(LINE_SIZE);
	struct span text;
	buf_add(&line, json);
	buf_str(&line, "\n");
	TRY(buf_done(&line, &text));
	return hook_run(w->opt.command, text, stopped, w, why);
}

static bool is_closed(const struct warner *w, enum way_bit bit)
{
	return clock_ms() < w->ways[bit].closed_until;
}

/* One warning that a receiver cannot take is that one's; some in a row are the
 * receiver's, and all others wait.  Not for longer each time: those that
 * failed do, and so never stand in the way of the others for ever. */
static void note(struct warner *w, enum way_bit bit, enum mm_err e)
{
	struct way *way = &w->ways[bit];
	bool away = e != MM_OK && e != MM_ERR_CONFLICT;
	way->failures = away ? way->failures + 1 : 0;
	if (way->failures >= FAILURES)
		way->closed_until = clock_ms() + w->opt.retry * 1000;
}

/* ---- one warning ---- */

struct warning {
	const struct token_row *token;
	int64_t before;
	int64_t now;
	struct span json;
	struct warn_try try;
	bool tried;
};

static const char *way_names(unsigned bits)
{
	return bits == WEBHOOK	 ? "webhook"
	       : bits == COMMAND ? "command"
				 : "webhook and command";
}

static void log_failed(const struct warning *g, enum way_bit bit, enum mm_err e,
		       const struct why *why)
{
	char before[32];
	duration_write(before, g->before);
	log_event(LOG_WARNING, "warning.failed",
		  "id=%u.%u before=%s by=%s detail=%s", g->token->list,
		  g->token->idx, before, way_names(bit),
		  why->text[0] ? why->text : mm_err_word(e));
}

static void go(struct warner *w, struct warning *g, enum way_bit bit)
{
	struct why why = { .text = "" };
	if (!(w->wanted & bit) || (g->try.done & bit) || is_closed(w, bit))
		return;
	g->tried = true;
	enum mm_err e =
		bit == WEBHOOK ? post(w, g->json, &why) : run(w, g->json, &why);
	if (e == MM_OK)
		g->try.done |= bit;
	if (stopped(w, 0))
		return; /* broken off: nobody's failure */
	note(w, bit, e);
	if (e != MM_OK)
		log_failed(g, bit, e, &why);
}

static enum mm_err record(struct warner *w, const struct warning *g)
{
	char before[32], how[80];
	const struct stamp stamp = { .by = "mintmarkd", .at = clock_now() };
	duration_write(before, g->before);
	snprintf(how, sizeof how, "%s before, by %s", before,
		 way_names(w->wanted));
	TRY(store_warned(w->opt.store, g->token, g->before, how, &stamp));
	log_event(LOG_INFO, "warning.sent", "id=%u.%u user=%s before=%s by=%s",
		  g->token->list, g->token->idx, g->token->user, before,
		  way_names(w->wanted));
	return MM_OK;
}

/* What has been delivered and cannot be written down is a failure, too: who
 * has it already is not sent it with each look. */
static void send(struct warner *w, struct warning *g)
{
	go(w, g, WEBHOOK);
	go(w, g, COMMAND);
	bool whole = g->try.done == w->wanted;
	if (whole && record(w, g) == MM_OK)
		tries_drop(&w->tries, g->token);
	else if (whole || g->tried)
		tries_failed(&w->tries, &g->try, w->opt.retry, clock_ms());
}

static enum mm_err warn(struct warner *w, const struct token_row *t,
			int64_t before, int64_t now)
{
	AUTO_BUF struct buf json = buf_new(LINE_SIZE);
	struct warning g = { .token = t, .before = before, .now = now };
	const struct warn_try *old = tries_find(&w->tries, t, before);
	if (old != NULL && clock_ms() < old->next_ms)
		return MM_OK;
	g.try = old ? *old
		    : (struct warn_try){ .list = t->list,
					 .idx = t->idx,
					 .before = before,
					 .ends = warn_end(t, before) };
	TRY(warn_write(t, before, w->opt.iss, now, &json));
	TRY(buf_done(&json, &g.json));
	send(w, &g);
	return MM_OK;
}

/* ---- all that are due ---- */

static void take_row(void *ctx, const struct token_row *t)
{
	struct warner *w = ctx;
	w->page[w->count++] = *t;
}

static bool any_open(const struct warner *w)
{
	return ((w->wanted & WEBHOOK) && !is_closed(w, WEBHOOK)) ||
	       ((w->wanted & COMMAND) && !is_closed(w, COMMAND));
}

static enum mm_err warn_page(struct warner *w, const struct ending_query *q)
{
	for (size_t i = 0; i < w->count; i++) {
		if (stopped(w, 0) || !any_open(w))
			return MM_OK;
		/* only if no smaller threshold is due, too */
		if (warn_due(&w->before, &w->page[i], q->now) == q->before)
			TRY(warn(w, &w->page[i], q->before, q->now));
	}
	return MM_OK;
}

static enum mm_err warn_all(struct warner *w, int64_t before)
{
	struct ending_query q = { .now = clock_now(),
				  .before = before,
				  .unwarned = true,
				  .limit = PAGE };
	do {
		w->count = 0;
		TRY(store_ending(w->opt.store, &q, take_row, w));
		TRY(warn_page(w, &q));
		if (w->count == 0)
			return MM_OK;
		const struct token_row *last = &w->page[w->count - 1];
		q.after_ends = warn_end(last, before);
		q.after_list = last->list;
		q.after_idx = last->idx;
	} while (w->count == PAGE && any_open(w) && !stopped(w, 0));
	return MM_OK;
}

/* One that was broken off has not seen all that are due: none is forgotten. */
static enum mm_err look(struct warner *w)
{
	int64_t off; /* the sweeper says it */
	if (!steady_look(&w->clock, &off))
		return MM_OK;
	for (size_t i = 0; i < w->before.count; i++)
		TRY(warn_all(w, w->before.at[i]));
	if (any_open(w) && !stopped(w, 0))
		tries_clean(&w->tries, clock_now());
	return MM_OK;
}

/* Nobody minds a minute in a day; thresholds and pauses of seconds are
 * looked after each second. */
static int64_t look_every(const struct warner *w)
{
	int64_t s = w->before.at[0] / 64;
	if (s > w->opt.retry)
		s = w->opt.retry;
	return s < 1 ? 1 : s < LOOK_MOST ? s : LOOK_MOST;
}

static void *warner_main(void *arg)
{
	struct warner *w = arg;
	do {
		enum mm_err e = look(w);
		if (e != MM_OK)
			log_event(LOG_ERR, "warning.store_failed", "reason=%s",
				  mm_err_word(e));
	} while (!stopped(w, look_every(w) * 1000));
	return NULL;
}

/* ---- life ---- */

enum mm_err warner_check(const struct warn_options *opt, struct why *why)
{
	struct warn_before before;
	TRY(warn_read(opt->before, &before, why));
	if (opt->webhook[0] != '\0')
		TRY(webhook_check(opt->webhook, why));
	if (opt->command[0] != '\0')
		TRY(hook_check(opt->command, why));
	return opt->retry >= 1 && opt->retry <= TRY_PAUSE_MAX
		       ? MM_OK
		       : why_say(why, MM_ERR_INVALID, "warn_retry",
				 "warn_retry is 1s to 1h");
}

static void warner_free(struct warner *w)
{
	webhook_free(w->webhook);
	tries_free(&w->tries);
	free(w);
}

static enum mm_err begin(struct warner *w, struct why *why)
{
	int64_t last;
	TRY(warn_read(w->opt.before, &w->before, why));
	TRY(store_last_time(w->opt.store, &last));
	steady_begin(&w->clock, last);
	w->wanted = (w->opt.webhook[0] ? WEBHOOK : 0u) |
		    (w->opt.command[0] ? COMMAND : 0u);
	if (w->wanted & WEBHOOK) {
		w->webhook = webhook_new(w->opt.webhook);
		if (w->webhook == NULL)
			return MM_ERR_NOMEM;
	}
	pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->wake);
	return pthread_create(&w->thread, NULL, warner_main, w) == 0
		       ? MM_OK
		       : MM_ERR_NOMEM;
}

enum mm_err warner_start(const struct warn_options *opt, struct warner **out,
			 struct why *why)
{
	*out = NULL;
	if (opt->before[0] == '\0' ||
	    (opt->webhook[0] == '\0' && opt->command[0] == '\0'))
		return MM_OK;
	struct warner *w = calloc(1, sizeof *w);
	if (w == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	w->opt = *opt;
	enum mm_err e = begin(w, why);
	if (e == MM_OK) {
		*out = w;
		return MM_OK;
	}
	warner_free(w);
	return why->text[0] ? e
			    : why_say(why, e, NULL,
				      "cannot begin to warn of tokens: %s",
				      mm_err_word(e));
}

void warner_stop(struct warner *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (w->webhook != NULL)
		webhook_abort(w->webhook);
	pthread_join(w->thread, NULL);
	warner_free(w);
}
