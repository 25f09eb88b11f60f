/* metrics.c - the numbers of a mintmarkd, one function each.
 *
 * docs/metrics.md has this table for people. */
#include "issuer/metrics.h"

#include <stdlib.h>
#include <sys/statvfs.h>

#include "common/clock.h"
#include "common/http_stats.h"
#include "common/metrics_serve.h"
#include "issuer/counts.h"

/* clang-format off */
/*        name                           type       labels                  help */
#define ISSUER_METRICS(X)                                                                                                           \
	X(build_info,                    GAUGE,     "version",              "1, and the version that runs.")                        \
	X(health_check,                  GAUGE,     "check",                "1 when the check of /health/ready is good, else 0.")   \
	X(http_requests_total,           COUNTER,   "method route status",  "Requests answered, by route and class of status.")     \
	X(http_request_duration_seconds, HISTOGRAM, "method route",         "From the whole request to its reply.")                 \
	X(http_workers,                  GAUGE,     "pool",                 "Threads that handle requests.")                        \
	X(http_workers_busy,             GAUGE,     "pool",                 "Those that do so now.")                                \
	X(http_requests_queued,          GAUGE,     "pool",                 "Requests that wait for one of them.")                  \
	X(tokens_minted_total,           COUNTER,   "model",                "Tokens made.")                                         \
	X(token_changes_total,           COUNTER,   "change",               "Tokens changed.")                                      \
	X(refusals_total,                COUNTER,   "reason",               "Tokens refused at this API.")                          \
	X(uses_total,                    COUNTER,   "result",               "Uses reported by agents.")                             \
	X(signing_failures_total,        COUNTER,   "typ",                  "Signatures that could not be made.")                   \
	X(tokens,                        GAUGE,     "state",                "Tokens in the store: live ones, and all.")             \
	X(store_bytes,                   GAUGE,     "",                     "Size of the database.")                                \
	X(store_free_bytes,              GAUGE,     "",                     "Room left on its disk.")                               \
	X(feed_sequence,                 GAUGE,     "",                     "Number of the newest event in the feed.")              \
	X(feed_age_seconds,              GAUGE,     "",                     "Since the store's log was last followed.")             \
	X(feed_lists,                    GAUGE,     "",                     "Status lists in force.")                               \
	X(feed_polls_waiting,            GAUGE,     "",                     "Polls that wait for an event.")                        \
	X(agents_connected,              GAUGE,     "",                     "Agents that asked for events within a minute.")        \
	X(agents_lag_events,             GAUGE,     "",                     "Events that the one furthest behind lacks.")           \
	X(keys,                          GAUGE,     "state",                "Signing keys.")                                        \
	X(key_age_seconds,               GAUGE,     "kid state",            "Since the key was made.")
/* clang-format on */

/* ---- the program ---- */

static void read_build_info(void *app, struct metrics_page *p)
{
	(void)app;
	metrics_put(p, 1, METRIC_LABELS(MM_VERSION));
}

static void read_health_check(void *app, struct metrics_page *p)
{
	struct issuer *is = app;
	bool good[HEALTH_COUNT];
	(void)health_ready(is->health, is->http, good);
	for (size_t i = 0; i < HEALTH_COUNT; i++)
		metrics_put(p, good[i], METRIC_LABELS(health_word[i]));
}

/* ---- requests ---- */

static void read_http_requests_total(void *app, struct metrics_page *p)
{
	struct issuer *is = app;
	http_put_requests(is->http, p);
}

static void read_http_request_duration_seconds(void *app,
					       struct metrics_page *p)
{
	struct issuer *is = app;
	http_put_durations(is->http, p);
}

/* `at`: which of a pool's numbers. */
static void put_load(struct issuer *is, struct metrics_page *p, size_t at)
{
	struct http_load load;
	http_load(is->http, &load);
	const size_t work[] = { load.work.threads, load.work.busy,
				load.work.queued };
	const size_t local[] = { load.local.threads, load.local.busy,
				 load.local.queued };
	const size_t crowd[] = { load.crowd.threads, load.crowd.busy,
				 load.crowd.queued };
	metrics_put(p, (double)work[at], METRIC_LABELS("work"));
	metrics_put(p, (double)local[at], METRIC_LABELS("local"));
	metrics_put(p, (double)crowd[at], METRIC_LABELS("feed"));
}

static void read_http_workers(void *app, struct metrics_page *p)
{
	put_load(app, p, 0);
}

static void read_http_workers_busy(void *app, struct metrics_page *p)
{
	put_load(app, p, 1);
}

static void read_http_requests_queued(void *app, struct metrics_page *p)
{
	put_load(app, p, 2);
}

/* ---- what was done ---- */

/* A sample for each word, also of what never happened: so that its rate can
 * be asked from the beginning. */
static void put_counters(struct metrics_page *p, const struct counter *c,
			 const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		metrics_put(p, (double)counter_get(&c[i]),
			    METRIC_LABELS(words[i]));
}

#define X(name, word) word,
static const char *const minted_words[MINTED_COUNT] = { COUNT_MINTED(X) };
static const char *const changed_words[CHANGED_COUNT] = { COUNT_CHANGED(X) };
#undef X

static void read_tokens_minted_total(void *app, struct metrics_page *p)
{
	(void)app;
	put_counters(p, issuer_counts.minted, minted_words, MINTED_COUNT);
}

static void read_token_changes_total(void *app, struct metrics_page *p)
{
	(void)app;
	put_counters(p, issuer_counts.changed, changed_words, CHANGED_COUNT);
}

/* The public reasons: <mintmark/verify.h>. */
static void read_refusals_total(void *app, struct metrics_page *p)
{
	(void)app;
	for (enum mm_err e = MM_OK + 1; e <= MM_ERR_UNAVAILABLE; e++)
		metrics_put(p, (double)counter_get(&issuer_counts.refused[e]),
			    METRIC_LABELS(mm_err_word(e)));
}

static void read_uses_total(void *app, struct metrics_page *p)
{
	(void)app;
	metrics_put(p, (double)counter_get(&issuer_counts.uses_taken),
		    METRIC_LABELS("taken"));
	metrics_put(p, (double)counter_get(&issuer_counts.uses_refused),
		    METRIC_LABELS("refused"));
}

static void read_signing_failures_total(void *app, struct metrics_page *p)
{
	(void)app;
	put_counters(p, issuer_counts.sign_failed, count_typ, SIGNED_TYPS);
}

/* ---- the store ---- */

/* What cannot be told now is left out: a gap says so better than a zero. */
static void read_tokens(void *app, struct metrics_page *p)
{
	struct issuer *is = app;
	struct store_stats st;
	if (store_stats(is->store, clock_now(), &st) != MM_OK)
		return;
	metrics_put(p, (double)st.live, METRIC_LABELS("live"));
	metrics_put(p, (double)st.total, METRIC_LABELS("all"));
}

static void read_store_bytes(void *app, struct metrics_page *p)
{
	struct issuer *is = app;
	struct store_stats st;
	if (store_stats(is->store, clock_now(), &st) == MM_OK)
		metrics_put(p, (double)st.bytes, METRIC_NO_LABELS);
}

static void read_store_free_bytes(void *app, struct metrics_page *p)
{
	struct issuer *is = app;
	struct statvfs v;
	if (is->set.store[0] == '\0' && statvfs(is->set.data, &v) == 0)
		metrics_put(p, (double)v.f_bavail * (double)v.f_frsize,
			    METRIC_NO_LABELS);
}

/* ---- the feed ---- */

static struct publisher_stats stats_of(struct issuer *is)
{
	struct publisher_stats st;
	publisher_stats(is->publisher, &st);
	return st;
}

static void read_feed_sequence(void *app, struct metrics_page *p)
{
	metrics_put(p, (double)stats_of(app).seq, METRIC_NO_LABELS);
}

static void read_feed_age_seconds(void *app, struct metrics_page *p)
{
	metrics_put(p, (double)stats_of(app).good_round_ms / 1000,
		    METRIC_NO_LABELS);
}

static void read_feed_lists(void *app, struct metrics_page *p)
{
	metrics_put(p, (double)stats_of(app).lists, METRIC_NO_LABELS);
}

static void read_feed_polls_waiting(void *app, struct metrics_page *p)
{
	metrics_put(p, (double)stats_of(app).waiting, METRIC_NO_LABELS);
}

struct agents {
	int64_t now;
	uint64_t seq, lag;
	size_t connected;
};

static void add_agent(void *ctx, const struct follower *who)
{
	struct agents *a = ctx;
	if (a->now - who->at > FOLLOWER_SILENT)
		return;
	a->connected++;
	if (who->after < a->seq && a->seq - who->after > a->lag)
		a->lag = a->seq - who->after;
}

static struct agents agents_of(struct issuer *is)
{
	struct agents a = { .now = clock_now(), .seq = stats_of(is).seq };
	followers_each(is->followers, a.now, add_agent, &a);
	return a;
}

static void read_agents_connected(void *app, struct metrics_page *p)
{
	metrics_put(p, (double)agents_of(app).connected, METRIC_NO_LABELS);
}

static void read_agents_lag_events(void *app, struct metrics_page *p)
{
	metrics_put(p, (double)agents_of(app).lag, METRIC_NO_LABELS);
}

/* ---- keys ---- */

struct key_ages {
	struct metrics_page *page;
	int64_t now;
};

static void put_age(void *ctx, const struct keyring_entry *e)
{
	const struct key_ages *a = ctx;
	metrics_put(a->page, (double)(a->now - e->created),
		    METRIC_LABELS(jwk_kid(e->key), key_state_name(e->state)));
}

static void read_key_age_seconds(void *app, struct metrics_page *p)
{
	struct issuer *is = app;
	struct key_ages a = { p, clock_now() };
	signing_each(is->signing, put_age, &a);
}

static void count_state(void *ctx, const struct keyring_entry *e)
{
	size_t *of = ctx;
	of[e->state]++;
}

static void read_keys(void *app, struct metrics_page *p)
{
	struct issuer *is = app;
	size_t of[KEY_RETIRING + 1] = { 0 };
	signing_each(is->signing, count_state, of);
	for (enum key_state s = KEY_NEXT; s <= KEY_RETIRING; s++)
		metrics_put(p, (double)of[s], METRIC_LABELS(key_state_name(s)));
}

/* ---- all of them ---- */

static const struct metric rows[] = { ISSUER_METRICS(METRIC_ROW) };

enum mm_err issuer_metrics_start(struct issuer *is, struct why *why)
{
	is->metrics = (struct metrics){ .prefix = "mintmark_",
					.rows = rows,
					.count = sizeof rows / sizeof rows[0],
					.app = is };
	return metrics_serve(is->set.metrics, &is->metrics, &is->metrics_http,
			     why);
}
