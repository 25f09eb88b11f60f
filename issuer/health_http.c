/* health_http.c - what health.c knows, for those who start and stop us. */
#include "issuer/handlers.h"
#include "issuer/reply.h"

static json_t *check_json(bool good, const char *advice)
{
	return good ? json_pack("{s:s}", "status", "ok")
		    : json_pack("{s:s, s:s}", "status", "failing", "do",
				advice);
}

/* Takes `checks` over; `more` too, which may be NULL.  `degraded`: it does its
 * work, and something is to be mended all the same. */
static enum mm_err reply_health(struct http_request *rq, bool good,
				bool degraded, json_t *checks, json_t *more)
{
	const char *word = !good ? "failing" : degraded ? "degraded" : "ok";
	json_t *body =
		json_pack("{s:s, s:o}", "status", word, "checks", checks);
	if (body != NULL && more != NULL)
		json_object_update(body, more);
	json_decref(more);
	return reply_json(rq, good ? 200 : 503, body);
}

enum mm_err health_live(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	bool good = health_alive(is->health);
	return reply_health(rq, good, false,
			    json_pack("{s:o}", "threads",
				      check_json(good, "restart mintmarkd")),
			    NULL);
}

enum mm_err health_ready_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct publisher_stats st;
	bool good[HEALTH_COUNT];
	bool degraded = false;
	bool all = health_ready(is->health, http_server_of(rq), good);
	json_t *checks = json_object();
	for (size_t i = 0; checks != NULL && i < HEALTH_COUNT; i++) {
		degraded = degraded || !good[i];
		json_object_set_new(
			checks, health_word[i],
			check_json(good[i], health_advice(is->health, i)));
	}
	publisher_stats(is->publisher, &st);
	return reply_health(rq, all, degraded, checks,
			    json_pack("{s:I, s:I, s:I, s:I}", "seq",
				      (json_int_t)st.seq, "lists",
				      (json_int_t)st.lists, "keys",
				      (json_int_t)st.keys, "polls",
				      (json_int_t)st.waiting));
}
