/* metrics.c - the numbers of a mintmark-agent, one function each.
 *
 * docs/metrics.md has this table for people. */
#include "verifier/agent/metrics.h"

#include "common/clock.h"
#include "common/http_stats.h"
#include "common/metrics_serve.h"
#include "verifier/agent/health.h"

/* clang-format off */
/*        name                           type       labels                  help */
#define AGENT_METRICS(X)                                                                                                                \
	X(build_info,                    GAUGE,     "version",              "1, and the version that runs.")                            \
	X(http_requests_total,           COUNTER,   "method route status",  "Subrequests answered, by route and class of status.")      \
	X(http_request_duration_seconds, HISTOGRAM, "method route",         "From the whole request to its reply.")                     \
	X(verifies_total,                COUNTER,   "door result",          "Tokens checked for proxies.")                              \
	X(feed_connected,                GAUGE,     "",                     "1 when the issuer answered last time, else 0.")            \
	X(feed_connects_total,           COUNTER,   "",                     "How often the issuer was reached, at first and again.")    \
	X(feed_failures_total,           COUNTER,   "",                     "Questions to the issuer without a good answer.")           \
	X(feed_sequence,                 GAUGE,     "",                     "Number of the newest event that this host knows of.")      \
	X(feed_age_seconds,              GAUGE,     "",                     "Since the issuer signed the newest news of this host.")    \
	X(max_staleness_seconds,         GAUGE,     "",                     "With news older than this every token is refused.")        \
	X(stale,                         GAUGE,     "",                     "1 when every token is refused for want of news, else 0.")  \
	X(state_file_behind,             GAUGE,     "",                     "1 when every token is refused since the state file cannot be written, else 0.") \
	X(state_file_bytes,              GAUGE,     "",                     "Size of the state file.")                                  \
	X(uses_heard,                    GAUGE,     "",                     "1 when the socket that uses are told at is there, else 0.") \
	X(uses_waiting,                  GAUGE,     "",                     "Uses that the issuer does not know of yet.")               \
	X(uses_full_ratio,               GAUGE,     "",                     "How much of the room for uses is taken, 0 to 1.")          \
	X(uses_reported_total,           COUNTER,   "",                     "Uses that the issuer was told.")                           \
	X(uses_refused_total,            COUNTER,   "",                     "Uses not noted, as there was no room for more.")           \
	X(relay_requests_total,          COUNTER,   "method route status",  "Requests answered as a relay, by route and class of status.") \
	X(relay_agents_waiting,          GAUGE,     "",                     "Agents that wait here for news.")                          \
	X(relay_answers_total,           COUNTER,   "source",               "Their questions answered from what is kept, or from upstream.")
/* clang-format on */

static struct follower_stats stats_of(void *app)
{
	const struct agent_metrics *m = app;
	struct follower_stats st;
	follower_stats(m->follower, &st);
	return st;
}

static void put(struct metrics_page *p, double value)
{
	metrics_put(p, value, METRIC_NO_LABELS);
}

static void read_build_info(void *app, struct metrics_page *p)
{
	(void)app;
	metrics_put(p, 1, METRIC_LABELS(MM_VERSION));
}

/* ---- the door ---- */

static void read_http_requests_total(void *app, struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	if (m->door != NULL)
		http_put_requests(door_http(m->door), p);
}

static void read_http_request_duration_seconds(void *app,
					       struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	if (m->door != NULL)
		http_put_durations(door_http(m->door), p);
}

/* "ok" and the public reasons are always there; what else can go wrong with
 * a question, once it has. */
static void put_verifies(struct metrics_page *p, const struct counter *of,
			 const char *door)
{
	for (enum mm_err e = MM_OK; e < MM_ERR_COUNT; e++) {
		uint64_t n = counter_get(&of[e]);
		if (e <= MM_ERR_UNAVAILABLE || n != 0)
			metrics_put(p, (double)n,
				    METRIC_LABELS(door, mm_err_word(e)));
	}
}

static void read_verifies_total(void *app, struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	if (m->door == NULL)
		return;
	const struct door_counts *c = door_counts(m->door);
	put_verifies(p, c->plain, "/auth");
	put_verifies(p, c->prefixed, "/auth/*");
}

/* ---- the feed ---- */

static void read_feed_connected(void *app, struct metrics_page *p)
{
	put(p, stats_of(app).connected);
}

static void read_feed_connects_total(void *app, struct metrics_page *p)
{
	put(p, (double)stats_of(app).connects);
}

static void read_feed_failures_total(void *app, struct metrics_page *p)
{
	put(p, (double)stats_of(app).failures);
}

static void read_feed_sequence(void *app, struct metrics_page *p)
{
	struct follower_stats st = stats_of(app);
	if (st.holds)
		put(p, (double)st.seq);
}

static int64_t age_of(const struct follower_stats *st)
{
	return clock_now() - st->fresh_at;
}

/* Before the first contact there is no age: then only `stale` speaks. */
static void read_feed_age_seconds(void *app, struct metrics_page *p)
{
	struct follower_stats st = stats_of(app);
	if (st.holds)
		put(p, (double)age_of(&st));
}

static void read_max_staleness_seconds(void *app, struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	put(p, (double)m->max_staleness);
}

static void read_stale(void *app, struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	struct follower_stats st = stats_of(app);
	put(p, !st.holds || st.silent || age_of(&st) > m->max_staleness);
}

static void read_state_file_behind(void *app, struct metrics_page *p)
{
	put(p, stats_of(app).behind);
}

static void read_state_file_bytes(void *app, struct metrics_page *p)
{
	put(p, (double)stats_of(app).state_bytes);
}

/* ---- uses ---- */

static void read_uses_heard(void *app, struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	put(p, health_uses_heard(m->state));
}

static void read_uses_waiting(void *app, struct metrics_page *p)
{
	put(p, (double)stats_of(app).uses_waiting);
}

static void read_uses_full_ratio(void *app, struct metrics_page *p)
{
	put(p, stats_of(app).uses_full);
}

static void read_uses_reported_total(void *app, struct metrics_page *p)
{
	put(p, (double)stats_of(app).uses_told);
}

static void read_uses_refused_total(void *app, struct metrics_page *p)
{
	put(p, (double)stats_of(app).uses_refused);
}

/* ---- the relay ---- */

static void read_relay_requests_total(void *app, struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	if (m->relay != NULL)
		http_put_requests(relay_http(m->relay), p);
}

static void read_relay_agents_waiting(void *app, struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	struct relay_stats st;
	if (m->relay == NULL)
		return;
	relay_stats(m->relay, &st);
	put(p, (double)st.waiting);
}

static void read_relay_answers_total(void *app, struct metrics_page *p)
{
	const struct agent_metrics *m = app;
	struct relay_stats st;
	if (m->relay == NULL)
		return;
	relay_stats(m->relay, &st);
	metrics_put(p, (double)st.handed_on, METRIC_LABELS("kept"));
	metrics_put(p, (double)st.asked, METRIC_LABELS("upstream"));
}

/* ---- all of them ---- */

static const struct metric rows[] = { AGENT_METRICS(METRIC_ROW) };

enum mm_err agent_metrics_start(struct agent_metrics *m, const char *listen,
				struct why *why)
{
	m->page = (struct metrics){ .prefix = "mintmark_agent_",
				    .rows = rows,
				    .count = sizeof rows / sizeof rows[0],
				    .app = m };
	return metrics_serve(listen, &m->page, &m->http, why);
}
