/* overview.c - GET /v1/overview: what the console draws. */
#include "issuer/overview.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/json_heap.h"
#include "issuer/counts.h"
#include "issuer/followers.h"
#include "issuer/handlers.h"
#include "issuer/reply.h"
#include "issuer/store_events.h"

#define FRESH_MS 5000
#define SHARE	 10  /* making it takes at most one part of so many */
#define PICKED	 20  /* tokens of each kind that are shown */
#define AGENTS	 100 /* likewise; those that are furthest behind */
#define DAY	 INT64_C(86400)

struct overview {
	pthread_mutex_t lock; /* held while it is made */
	int64_t made_until;   /* clock_ms(): then it is made anew */
	struct http_body *body;
};

struct overview *overview_new(void)
{
	struct overview *o = calloc(1, sizeof *o);
	if (o != NULL)
		pthread_mutex_init(&o->lock, NULL);
	return o;
}

void overview_free(struct overview *o)
{
	if (o != NULL)
		http_body_drop(o->body);
	free(o);
}

/* ---- tokens ---- */

static json_t *numbers_json(const int64_t n[TALLY_DAYS])
{
	json_t *all = json_array();
	for (size_t i = 0; i < TALLY_DAYS; i++)
		json_array_append_new(all, json_integer(n[i]));
	return all;
}

/* At the end of each day: backwards from what there is now. */
static json_t *live_json(const struct tally *t)
{
	int64_t live[TALLY_DAYS];
	live[TALLY_DAYS - 1] = t->live;
	for (size_t i = TALLY_DAYS - 1; i > 0; i--)
		live[i - 1] = live[i] - t->minted[i] + t->died[i];
	return numbers_json(live);
}

static json_t *days_json(const struct tally *t, int64_t now)
{
	char first[32];
	date_write(first, (now / DAY - (TALLY_DAYS - 1)) * DAY);
	first[strcspn(first, "T")] = '\0';
	return json_pack("{s:s, s:o, s:o, s:o}", "first", first, "live",
			 live_json(t), "minted", numbers_json(t->minted),
			 "died", numbers_json(t->died));
}

static json_t *counts_json(const struct tally *t)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "live",
			 (json_int_t)t->live, "suspended",
			 (json_int_t)t->suspended, "expiring_7d",
			 (json_int_t)t->within_7, "expiring_30d",
			 (json_int_t)t->within_30, "never_used",
			 (json_int_t)t->unused, "users", (json_int_t)t->users);
}

struct picked {
	json_t *items;
	int64_t now;
};

static void add_token(void *ctx, const struct token_row *t)
{
	struct picked *p = ctx;
	json_array_append_new(p->items, token_json(t, p->now));
}

static enum mm_err add_picked(struct issuer *is, enum token_pick pick,
			      const char *name, int64_t now, json_t *out)
{
	struct picked p = { json_array(), now };
	const struct token_query q = { .now = now, .limit = PICKED };
	enum mm_err e = store_pick(is->store, pick, &q, add_token, &p);
	json_object_set_new(out, name, p.items);
	return e;
}

static enum mm_err add_tokens(struct issuer *is, int64_t now, json_t *out)
{
	struct tally t;
	TRY(store_tally(is->store, now, &t));
	json_object_set_new(out, "at", time_json(now));
	json_object_set_new(out, "counts", counts_json(&t));
	json_object_set_new(out, "days", days_json(&t, now));
	TRY(add_picked(is, PICK_EXPIRING, "expiring", now, out));
	return add_picked(is, PICK_UNUSED, "never_used", now, out);
}

/* ---- the feed, and who follows it ---- */

struct gathered {
	struct follower at[FOLLOWERS_MAX];
	size_t count;
};

static void gather(void *ctx, const struct follower *who)
{
	struct gathered *g = ctx;
	g->at[g->count++] = *who;
}

/* The furthest behind first; of those alike, who is silent for longest. */
static int by_lag(const void *va, const void *vb)
{
	const struct follower *a = va, *b = vb;
	if (a->after != b->after)
		return a->after < b->after ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

static json_t *agent_json(const struct follower *who, uint64_t seq, int64_t now)
{
	char id[JTI_SIZE];
	token_id_write(id, who->list, who->idx);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:b}", "user",
			 who->user, "id", id, "address", who->address, "after",
			 (json_int_t)who->after, "lag",
			 (json_int_t)(seq > who->after ? seq - who->after : 0),
			 "seen_at", time_json(who->at), "connected",
			 now - who->at <= FOLLOWER_SILENT);
}

static enum mm_err add_feed(struct issuer *is, json_t *out)
{
	struct publisher_stats st;
	int64_t first;
	publisher_stats(is->publisher, &st);
	TRY(store_first_event(is->store, &first));
	json_object_set_new(out, "feed",
			    json_pack("{s:I, s:I, s:b, s:b, s:I}", "seq",
				      (json_int_t)st.seq, "first",
				      (json_int_t)first, "following",
				      st.following, "silent", st.silent, "age",
				      (json_int_t)(st.good_round_ms / 1000)));
	return MM_OK;
}

static enum mm_err add_store(struct issuer *is, json_t *out)
{
	int64_t bytes;
	TRY(store_bytes(is->store, &bytes));
	json_object_set_new(out, "store",
			    json_pack("{s:b, s:I}", "shared",
				      store_is_shared(is->store), "bytes",
				      (json_int_t)bytes));
	return MM_OK;
}

static enum mm_err add_agents(struct issuer *is, int64_t now, json_t *out)
{
	struct publisher_stats stats;
	struct gathered *g = calloc(1, sizeof *g); /* too large for a stack */
	json_t *agents = json_array();
	if (g == NULL) {
		json_decref(agents);
		return MM_ERR_NOMEM;
	}
	publisher_stats(is->publisher, &stats);
	followers_each(is->followers, now, gather, g);
	qsort(g->at, g->count, sizeof g->at[0], by_lag);
	for (size_t i = 0; i < g->count && i < AGENTS; i++)
		json_array_append_new(agents,
				      agent_json(&g->at[i], stats.seq, now));
	json_object_set_new(out, "agents", agents);
	json_object_set_new(out, "agent_count",
			    json_integer((json_int_t)g->count));
	free(g);
	return MM_OK;
}

/* Tokens that were refused here since the start, by reason. */
static json_t *refusals_json(void)
{
	json_t *all = json_object();
	for (enum mm_err e = MM_OK + 1; e < MM_ERR_COUNT; e++) {
		uint64_t n = counter_get(&issuer_counts.refused[e]);
		if (n != 0)
			json_object_set_new(all, mm_err_word(e),
					    json_integer((json_int_t)n));
	}
	return all;
}

/* ---- all of it ---- */

static enum mm_err fill(struct issuer *is, json_t *out)
{
	int64_t now = clock_now();
	json_t *keys;
	TRY(add_tokens(is, now, out));
	TRY(keys_json(is, 0, &keys));
	json_object_set_new(out, "keys", keys);
	json_object_set_new(out, "refusals", refusals_json());
	TRY(add_feed(is, out));
	TRY(add_store(is, out));
	return add_agents(is, now, out);
}

static enum mm_err make(struct issuer *is, struct http_body **out)
{
	json_t *all = json_object();
	enum mm_err e = all ? fill(is, all) : MM_ERR_NOMEM;
	char *text = e == MM_OK ? json_heap_dump(all, JSON_COMPACT) : NULL;
	json_decref(all);
	TRY(e);
	*out = text ? http_body_new("application/json", span_str(text)) : NULL;
	free(text);
	return *out ? MM_OK : MM_ERR_NOMEM;
}

/* Every row is looked at: with 10 million tokens it takes seconds. */
static enum mm_err make_anew(struct issuer *is, struct overview *o)
{
	struct http_body *fresh = NULL;
	int64_t began = clock_ms();
	TRY(make(is, &fresh));
	int64_t now = clock_ms(), good_for = SHARE * (now - began);
	http_body_drop(o->body);
	o->body = fresh;
	o->made_until = now + (good_for > FRESH_MS ? good_for : FRESH_MS);
	return MM_OK;
}

static enum mm_err hold(struct issuer *is, struct http_body **out)
{
	struct overview *o = is->overview;
	enum mm_err e = MM_OK;
	pthread_mutex_lock(&o->lock);
	if (o->body == NULL || clock_ms() >= o->made_until)
		e = make_anew(is, o);
	if (e == MM_OK)
		*out = http_body_hold(o->body);
	pthread_mutex_unlock(&o->lock);
	return e;
}

enum mm_err overview_get(void *app, struct http_request *rq)
{
	AUTO_BODY struct http_body *body = NULL;
	TRY(hold(app, &body));
	return http_reply_shared(rq, 200, body);
}
