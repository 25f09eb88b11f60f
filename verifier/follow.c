/* follow.c - the follower's thread: ask, take in, and after trouble wait. */
#include "verifier/follow.h"

#include <stdlib.h>
#include <sys/random.h>
#include <syslog.h>

#include "common/clock.h"
#include "verifier/follow_internal.h"

#define PAUSE_MIN_MS 500
#define PAUSE_MAX_MS 30000
#define BUSY_MAX_MS  4000 /* until one is asked again that answered 503 */
#define NO_NEWS_MS   200  /* a poll that came back sooner, with nothing */
#define SHOW_MS	     1000 /* until the state file is tried again */

/* ---- waiting ---- */

/* Until `ms` have passed or somebody calls; with f->lock held. */
static void wait_locked(struct follower *f, int64_t ms)
{
	struct timespec until = clock_in_ms(ms);
	pthread_cond_timedwait(&f->changed, &f->lock, &until);
}

static void pause_ms(struct follower *f, int64_t ms)
{
	int64_t until = clock_ms() + ms;
	pthread_mutex_lock(&f->lock);
	for (int64_t left = ms; left > 0 && !f->stopping && !f->woken;
	     left = until - clock_ms())
		wait_locked(f, left);
	f->woken = false;
	pthread_mutex_unlock(&f->lock);
}

static bool is_stopping(struct follower *f)
{
	pthread_mutex_lock(&f->lock);
	bool stopping = f->stopping;
	pthread_mutex_unlock(&f->lock);
	return stopping;
}

/* 0.5 s, doubled up to `most`, give or take a fifth: the agents of a thousand
 * hosts must not come back all at once. */
static int64_t pause_after(unsigned failures, int64_t most)
{
	uint16_t r = 0;
	(void)!getrandom(&r, sizeof r, GRND_NONBLOCK);
	int64_t ms = most;
	if (failures < 7 && PAUSE_MIN_MS << (failures - 1) < most)
		ms = PAUSE_MIN_MS << (failures - 1);
	return ms * 4 / 5 + ms * 2 / 5 * r / UINT16_MAX;
}

/* ---- news ---- */

static void say(struct follower *f, int level, const char *event, enum mm_err e,
		const char *text)
{
	struct follower_news n = { .level = level,
				   .event = event,
				   .e = e,
				   .url = link_url(&f->link),
				   .text = text,
				   .seq = f->keep.replica.seq };
	if (f->opt.say != NULL)
		f->opt.say(f->opt.say_ctx, &n);
}

static void note_ready(struct follower *f)
{
	pthread_mutex_lock(&f->keep.lock);
	bool shown = f->keep.live.head != NULL;
	pthread_mutex_unlock(&f->keep.lock);
	if (!shown)
		return;
	pthread_mutex_lock(&f->lock);
	f->ready = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

/* A new state file could not be made, and what is there is stale for it
 * (behind) or still true; or one could.  Said when it changes. */
static void note_file(struct follower *f)
{
	static const char behind[] = "state.behind",
			  old[] = "state.not_renewed";
	struct keeper *k = &f->keep;
	pthread_mutex_lock(&k->lock);
	enum mm_err e = k->no_file;
	const char *event = e == MM_OK		? NULL
			    : keep_is_behind(k) ? behind
						: old;
	struct why why = k->why_none;
	pthread_mutex_unlock(&k->lock);
	if (event == f->said_file)
		return;
	f->said_file = event;
	if (event == NULL) {
		say(f, LOG_INFO, "state.good", e, "");
		return;
	}
	say(f, LOG_WARNING, event, e, why.text);
	pthread_mutex_lock(&f->lock);
	f->trouble = why;
	pthread_mutex_unlock(&f->lock);
}

/* A snapshot of another history is other trouble than its batch before it. */
static uint64_t kind_of(const struct follower *f, enum mm_err e)
{
	_Static_assert(MM_ERR_COUNT < 63, "a bit is left");
	return UINT64_C(1) << (f->whole && e == MM_ERR_EPOCH ? 63 : e);
}

/* However long it was away: whose batch asks for the snapshot is there, and
 * that is another question. */
static void count_failure(struct follower *f)
{
	if (f->want_snapshot && !f->whole)
		f->failures = 0;
	if (f->failures < 100)
		f->failures++;
}

/* Does this host lack something, and not the feed? */
static bool is_own(enum mm_err e)
{
	return e == MM_ERR_NOMEM || e == MM_ERR_IO || e == MM_ERR_FULL;
}

/* Each kind of trouble is said once, until things go well again. */
static void failed(struct follower *f, enum mm_err e, const struct why *why)
{
	uint64_t bit = kind_of(f, e);
	const char *text = why->text[0] ? why->text : mm_err_word(e);
	if (is_stopping(f))
		return;
	keep_note_silence(&f->keep, clock_now());
	if (f->link.trying) {
		f->want_snapshot = false; /* if it was that one that said so */
		link_next(&f->link);
		return;
	}
	bool refused = e != MM_ERR_UNAVAILABLE;
	/* by the issuer, or by us: it does not go by itself */
	bool stays = refused && !is_own(e) && !f->want_snapshot;
	if ((f->said & bit) == 0)
		say(f, LOG_WARNING,
		    refused ? "feed.refused" : "feed.unreachable", e, text);
	f->said |= bit;
	pthread_mutex_lock(&f->lock);
	(void)why_say(&f->trouble, e, NULL, "%s", text);
	f->connected = false;
	f->refused = stays;
	f->failed++;
	pthread_mutex_unlock(&f->lock);

	link_next(&f->link);
	count_failure(f);
	bool behind = follow_is_behind(f);
	int64_t most = f->link.busy ? BUSY_MAX_MS : PAUSE_MAX_MS;
	pause_ms(f, behind ? SHOW_MS : pause_after(f->failures, most));
}

static void went_well(struct follower *f)
{
	note_ready(f);
	f->failures = 0;
	if (f->want_snapshot)
		return;
	bool same = f->connected && !f->link.trying;
	link_worked(&f->link);
	if (same)
		return;
	pthread_mutex_lock(&f->lock);
	f->connected = true;
	f->refused = false;
	f->connects++;
	pthread_mutex_unlock(&f->lock);
	f->said = 0;
	say(f, LOG_INFO, "feed.connected", MM_OK, "");
}

/* ---- the thread ---- */

static void save_sometimes(struct follower *f)
{
	struct why why = { .text = "" };
	enum mm_err e = keep_maybe_checkpoint(&f->keep, &why);
	if (e != MM_OK)
		say(f, LOG_ERR, "checkpoint.failed", e, why.text);
}

static void round_of(struct follower *f)
{
	struct why why = { .text = "" };
	int64_t began = clock_ms();
	uint64_t seq = f->keep.replica.seq;
	if (f->connected && !f->want_snapshot)
		link_try_back(&f->link);
	bool polled = f->connected && !f->want_snapshot && !f->link.trying;
	enum mm_err e = follow_ask(f, &why);
	note_ready(f);
	note_file(f);
	if (e != MM_OK) {
		failed(f, e, &why);
		return;
	}
	went_well(f);
	if (follow_is_behind(f)) {
		pause_ms(f, SHOW_MS);
		return;
	}
	save_sometimes(f);
	/* an answer out of a cache, without news: do not spin */
	if (polled && seq == f->keep.replica.seq &&
	    clock_ms() - began < NO_NEWS_MS)
		pause_ms(f, NO_NEWS_MS);
}

static void *following(void *arg)
{
	struct follower *f = arg;
	struct why why = { .text = "" };
	while (!is_stopping(f))
		round_of(f);
	enum mm_err e = keep_checkpoint(&f->keep, &why);
	if (e != MM_OK)
		say(f, LOG_ERR, "checkpoint.failed", e, why.text);
	return NULL;
}

/* ---- life ---- */

static enum mm_err copy_options(struct follower *f,
				const struct follower_options *opt,
				struct why *why)
{
	f->opt = *opt;
	if (!span_copy(f->state, sizeof f->state, span_str(opt->state)) ||
	    !span_copy(f->jwks_file, sizeof f->jwks_file,
		       span_str(opt->jwks_file ? opt->jwks_file : "")))
		return why_say(why, MM_ERR_INVALID, NULL, "a path is too long");
	f->opt.state = f->state;
	f->opt.jwks_file = f->jwks_file;
	for (size_t i = 0; i < opt->issuer.count; i++)
		TRY(fetch_check_url(opt->issuer.url[i], why));
	for (size_t i = 0; i < opt->issuer.relays; i++)
		TRY(fetch_check_url(opt->issuer.feed_from[i], why));
	return MM_OK;
}

enum mm_err follower_check_files(const struct follower_options *opt,
				 struct why *why)
{
	AUTO_BUF struct buf token = buf_new(4096);
	AUTO_BUF struct buf jwks = buf_new(1u << 18);
	struct jwk_set keys = { .count = 0 };
	struct span json;
	TRY(link_read_token(opt->issuer.token_file, &token, why));
	if (opt->jwks_file == NULL || opt->jwks_file[0] == '\0')
		return MM_OK;
	TRY(buf_read_others_file(&jwks, opt->jwks_file, true, why));
	TRY(buf_done(&jwks, &json));
	enum mm_err e = jwk_set_from_json(json, &keys, why);
	jwk_set_clear(&keys);
	return e;
}

static enum mm_err begin(struct follower *f, const struct follower_options *opt,
			 struct why *why)
{
	TRY(copy_options(f, opt, why));
	TRY(follower_check_files(&f->opt, why));
	TRY(link_init(&f->link, &f->opt.issuer));
	enum mm_err e = keep_load(&f->keep, clock_now(), why);
	if (e != MM_ERR_FULL) /* it is tried again */
		TRY(e);
	TRY(uses_start(&f->uses, &f->keep, &f->opt, why));
	note_ready(f);
	note_file(f);
	if (f->ready)
		say(f, LOG_INFO, "state.resumed", MM_OK, "");
	else if (f->keep.lost.text[0])
		say(f, LOG_WARNING, "checkpoint.refused", MM_ERR_INVALID,
		    f->keep.lost.text);
	if (f->keep.doubt)
		say(f, LOG_WARNING, "state.ahead", MM_ERR_STALE,
		    "what was kept is dated ahead of this host's clock: "
		    "nothing is believed until the issuer is heard, or the "
		    "clock is set right");
	if (f->keep.lost_uses.text[0])
		say(f, LOG_WARNING, "uses.refused", MM_ERR_INVALID,
		    f->keep.lost_uses.text);
	f->running = pthread_create(&f->thread, NULL, following, f) == 0;
	return f->running ? MM_OK
			  : why_say(why, MM_ERR_NOMEM, NULL,
				    "cannot start a thread");
}

static struct follower *follower_new(void)
{
	struct follower *f = calloc(1, sizeof *f);
	if (f == NULL)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	clock_cond_init(&f->changed);
	return f;
}

enum mm_err follower_start(const struct follower_options *opt,
			   struct follower **out, struct why *why)
{
	struct follower *f = follower_new();
	if (f == NULL)
		return MM_ERR_NOMEM;
	enum mm_err e = keep_open(&f->keep, opt->state, opt->issuer.url[0],
				  opt->max_staleness, why);
	if (e == MM_OK)
		e = begin(f, opt, why);
	if (e != MM_OK)
		follower_stop(f, false);
	else
		*out = f;
	return e;
}

enum mm_err follower_wait(struct follower *f, int64_t ms, struct why *why)
{
	int64_t until = clock_ms() + ms;
	pthread_mutex_lock(&f->lock);
	for (int64_t left = ms; left > 0 && !f->ready;
	     left = until - clock_ms())
		wait_locked(f, left);
	bool ready = f->ready;
	if (!ready)
		(void)why_say(why, MM_ERR_UNAVAILABLE, NULL, "%s",
			      f->trouble.text[0]
				      ? f->trouble.text
				      : "the issuer has not answered yet");
	pthread_mutex_unlock(&f->lock);
	return ready ? MM_OK : MM_ERR_UNAVAILABLE;
}

void follower_wake(struct follower *f)
{
	pthread_mutex_lock(&f->lock);
	f->woken = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static void stop_thread(struct follower *f)
{
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	fetch_cancel(f->link.fetch);
	pthread_join(f->thread, NULL);
}

void follower_stop(struct follower *f, bool tell)
{
	if (f == NULL)
		return;
	if (f->running)
		stop_thread(f);
	uses_stop(&f->uses, tell);
	link_free(&f->link);
	jwk_set_clear(&f->trusted);
	keep_close(&f->keep);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
