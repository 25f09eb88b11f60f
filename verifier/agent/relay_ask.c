/* relay_ask.c - what a relay does not have is asked for upstream. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/feed.h"
#include "verifier/agent/credentials.h"
#include "verifier/agent/relay_internal.h"

#define FEED_MS 5000
#define USES_MS 4000 /* less than who asks us waits */

enum mm_err relay_nothing(struct http_request *rq, const char *text)
{
	http_set(rq, "Retry-After", "1");
	return why_say(http_why(rq), MM_ERR_UNAVAILABLE, NULL, "%s", text);
}

/* ---- feed and snapshot: one question for all who ask it ---- */

static enum mm_err ask(struct asker *a, uint64_t after, struct http_body **out)
{
	AUTO_BUF struct buf text =
		buf_new(a->snapshots ? SNAPSHOT_MAX : FEED_BATCH_MAX);
	char path[80];
	struct span jws;
	struct link_ask ask = { .path = path,
				.with_token = true,
				.timeout_ms = a->snapshots
						      ? LINK_RELAY_SNAPSHOT_MS
						      : FEED_MS };
	if (a->snapshots)
		snprintf(path, sizeof path, "/v1/snapshot");
	else
		snprintf(path, sizeof path, "/v1/feed?after=%" PRIu64 "&wait=0",
			 after);
	relay_aim(a->relay, &a->link);
	TRY(link_run(&a->link, &ask, &text, NULL));
	TRY(buf_done(&text, &jws));
	*out = http_body_new("application/jwt", jws);
	return *out != NULL ? MM_OK : MM_ERR_NOMEM;
}

static enum mm_err answer(struct relay *r, struct http_request *rq,
			  enum mm_err e, struct http_body *body)
{
	if (e == MM_OK)
		return relay_hand_on(r, rq, body);
	if (e == MM_ERR_GONE)
		return why_say(http_why(rq), e, "after",
			       "these events are no longer kept: take "
			       "/v1/snapshot and go on from there");
	return relay_nothing(rq, "the issuer does not answer this relay: try "
				 "again, or somewhere else");
}

static bool asks_the_same(void *ctx, const struct poll *p)
{
	return p->after == *(const uint64_t *)ctx;
}

/* The one that has waited longest.  False: it is time to end. */
static bool next_question(struct asker *a, uint64_t *after)
{
	pthread_mutex_lock(&a->lock);
	while (a->asking.first == NULL && !a->stopping)
		pthread_cond_wait(&a->more, &a->lock);
	for (const struct poll *p = a->asking.first; p != NULL; p = p->next)
		*after = p->after;
	bool more = a->asking.first != NULL;
	pthread_mutex_unlock(&a->lock);
	return more;
}

/* Who came while it was being asked has his answer, too. */
static void answer_all(struct asker *a, uint64_t after, enum mm_err e,
		       struct http_body *body)
{
	struct poll *next;
	pthread_mutex_lock(&a->lock);
	struct poll *p = polls_take(&a->asking, asks_the_same, &after);
	pthread_mutex_unlock(&a->lock);
	for (; p != NULL; p = next) {
		next = p->next;
		enum mm_err said = answer(a->relay, p->rq, e, body);
		if (said != MM_OK)
			http_problem(p->rq, said, http_why(p->rq));
		counter_add(&a->relay->asked, 1);
		http_release(p->rq);
		free(p);
	}
}

static void *asking(void *arg)
{
	struct asker *a = arg;
	uint64_t after;
	while (next_question(a, &after)) {
		AUTO_BODY struct http_body *body = NULL;
		enum mm_err e = ask(a, after, &body);
		answer_all(a, after, e, body);
	}
	return NULL;
}

void asker_take(struct asker *a, struct poll *p)
{
	pthread_mutex_lock(&a->lock);
	polls_add(&a->asking, p);
	pthread_cond_signal(&a->more);
	pthread_mutex_unlock(&a->lock);
}

enum mm_err asker_start(struct asker *a, struct relay *r, bool snapshots,
			struct why *why)
{
	a->relay = r;
	a->snapshots = snapshots;
	TRY(link_init(&a->link, r->opt.issuer));
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->more, NULL);
	a->running = pthread_create(&a->thread, NULL, asking, a) == 0;
	return a->running ? MM_OK
			  : why_say(why, MM_ERR_NOMEM, NULL,
				    "cannot start a thread");
}

void asker_stop(struct asker *a)
{
	if (a->running) {
		pthread_mutex_lock(&a->lock);
		a->stopping = true;
		pthread_cond_signal(&a->more);
		pthread_mutex_unlock(&a->lock);
		fetch_cancel(a->link.fetch); /* this question, and all later */
		pthread_join(a->thread, NULL);
	}
	a->running = false;
	link_free(&a->link);
}

/* ---- uses: each under the token of who has seen them ---- */

static struct link *take_link(struct relay *r)
{
	size_t i = 0;
	pthread_mutex_lock(&r->lock);
	while (r->taken[i]) /* as many as there are workers */
		i++;
	r->taken[i] = true;
	pthread_mutex_unlock(&r->lock);
	return &r->uses[i];
}

static void give_back(struct relay *r, const struct link *l)
{
	pthread_mutex_lock(&r->lock);
	r->taken[l - r->uses] = false;
	pthread_mutex_unlock(&r->lock);
}

/* As relay_allow() has read it. */
static void bearer_of(struct http_request *rq, char out[TOKEN_MAX + 1])
{
	AUTO_CREDENTIALS struct credentials c;
	if (credentials_read(http_header(rq, "Authorization"), &c) == MM_OK)
		(void)span_copy(out, TOKEN_MAX + 1, c.token);
}

/* MM_OK: upstream has answered, whatever it was. */
static enum mm_err pass_up(struct relay *r, struct http_request *rq,
			   struct buf *answer, unsigned *status)
{
	char bearer[TOKEN_MAX + 1] = "";
	struct span body = http_body_bytes(rq);
	struct link *l = take_link(r);
	struct link_ask ask = { .path = "/v1/uses",
				.bearer = bearer,
				.post = body.len ? body : span_str(""),
				.timeout_ms = USES_MS,
				.status = status };
	bearer_of(rq, bearer);
	relay_aim(r, l);
	(void)!link_run(l, &ask, answer, NULL);
	explicit_bzero(bearer, sizeof bearer);
	give_back(r, l);
	return *status != 0 ? MM_OK : MM_ERR_UNAVAILABLE;
}

/* Nothing is kept here: who is told that uses were taken is told so by the
 * issuer, which has them on its disk. */
enum mm_err relay_uses(void *relay, struct http_request *rq)
{
	AUTO_BUF struct buf text = buf_new(64 * 1024);
	struct span body;
	unsigned status = 0;
	if (pass_up(relay, rq, &text, &status) != MM_OK)
		return relay_nothing(rq, "the issuer cannot be told now: "
					 "report these uses again");
	TRY(buf_done(&text, &body));
	if (status == 503)
		http_set(rq, "Retry-After", "1");
	return http_reply(rq, status,
			  status < 300 ? "application/json"
				       : "application/problem+json",
			  body);
}
