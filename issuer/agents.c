/* agents.c - steps 2 and 5 at the door: feed, snapshot, uses. */
#include <jansson.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/caller.h"
#include "issuer/counts.h"
#include "issuer/followers.h"
#include "issuer/handlers.h"
#include "issuer/query.h"
#include "issuer/reply.h"

#define WAIT_MAX 30 /* seconds; a peer that left is not noticed sooner */
#define USES_MAX 1000

/* Nobody's agent follows through admin.sock. */
static void note_follower(struct issuer *is, struct http_request *rq,
			  uint64_t after)
{
	const struct caller *by = caller_of(rq);
	struct follower who = { by->list, by->idx, "", "", after, clock_now() };
	if (by->list == 0)
		return;
	(void)span_copy(who.user, sizeof who.user, span_str(by->user));
	(void)span_copy(who.address, sizeof who.address, span_str(by->address));
	followers_note(is->followers, &who);
}

enum mm_err feed_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	uint64_t after = UINT64_MAX, wait = 0;
	TRY(query_number(rq, "after", 0, INT64_MAX, &after));
	TRY(query_number(rq, "wait", 0, WAIT_MAX, &wait));
	if (after == UINT64_MAX)
		return why_say(http_why(rq), MM_ERR_INVALID, "after",
			       "say after=SEQ: the number of the last event "
			       "you have");
	note_follower(is, rq, after);
	return publisher_feed(is->publisher, rq, after, (int64_t)wait);
}

enum mm_err snapshot_get(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	AUTO_BODY struct http_body *body = NULL;
	TRY(publisher_snapshot(is->publisher, &body, http_why(rq)));
	http_set(rq, "Cache-Control", "max-age=1");
	return http_reply_shared(rq, 200, body);
}

/* ---- uses ---- */

static void json_free_at(json_t **j)
{
	json_decref(*j);
}
#define AUTO_JSON __attribute__((cleanup(json_free_at)))

static bool read_use(const json_t *item, struct use *out)
{
	const json_t *id = json_object_get(item, "id");
	const json_t *at = json_object_get(item, "at");
	if (!json_is_string(id) || !json_is_integer(at))
		return false;
	out->at = json_integer_value(at);
	return out->at > 0 && out->at <= UINT32_MAX &&
	       token_id_read(span_str(json_string_value(id)), &out->list,
			     &out->idx) == MM_OK;
}

static enum mm_err read_uses(struct http_request *rq, struct use *out,
			     size_t *count)
{
	json_error_t error;
	struct span text = http_body_bytes(rq);
	AUTO_JSON json_t *all = json_loadb((const char *)text.at, text.len,
					   JSON_REJECT_DUPLICATES, &error);
	const json_t *uses = json_object_get(all, "uses");
	if (!json_is_array(uses) || json_array_size(uses) > USES_MAX)
		return why_say(http_why(rq), MM_ERR_INVALID, "uses",
			       "the body must be {\"uses\":[{\"id\":\"3.1\","
			       "\"at\":SECONDS},...]}, at most %d of them",
			       USES_MAX);
	*count = json_array_size(uses);
	for (size_t i = 0; i < *count; i++)
		if (!read_use(json_array_get(uses, i), &out[i]))
			return why_say(http_why(rq), MM_ERR_INVALID, "uses",
				       "entry %zu is not {\"id\":\"LIST."
				       "INDEX\",\"at\":SECONDS}",
				       i);
	return MM_OK;
}

/* Late, doubled and unknown uses are no error: they just do not count. */
enum mm_err uses_post(void *app, struct http_request *rq)
{
	struct issuer *is = app;
	struct use uses[USES_MAX];
	size_t count = 0, accepted = 0;
	TRY(read_uses(rq, uses, &count));
	enum mm_err e =
		store_use(is->store, uses, count, clock_now(), &accepted);
	if (e != MM_OK)
		return why_say(http_why(rq), e, NULL,
			       "no use was recorded (%s): report them again",
			       mm_err_word(e));
	counter_add(&issuer_counts.uses_taken, accepted);
	counter_add(&issuer_counts.uses_refused, count - accepted);
	log_event(LOG_DEBUG, "uses.report", "request=%s count=%zu accepted=%zu",
		  http_request_id(rq), count, accepted);
	return reply_json(rq, 200,
			  json_pack("{s:I, s:I}", "accepted",
				    (json_int_t)accepted, "refused",
				    (json_int_t)(count - accepted)));
}
