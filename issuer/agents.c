/* agents.c - steps 2 and 5 at the door: feed, snapshot, uses. */
#include <jansson.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/json_heap.h"
#include "common/log.h"
#include "common/polls.h"
#include "issuer/caller.h"
#include "issuer/counts.h"
#include "issuer/followers.h"
#include "issuer/handlers.h"
#include "issuer/reply.h"

#define USES_MAX 1000
#define SEEN_MAX 500 /* tokens seen, in one report */

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
	uint64_t after;
	int64_t wait;
	TRY(poll_read(rq, &after, &wait));
	note_follower(is, rq, after);
	return publisher_feed(is->publisher, rq, after, wait);
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

/* What one report tells. */
struct report {
	struct use use[USES_MAX];
	struct sighting seen[SEEN_MAX];
	size_t uses, sightings;
};

static void free_report(struct report **r)
{
	free(*r);
}
#define AUTO_REPORT __attribute__((cleanup(free_report)))

static bool read_at(const json_t *item, uint32_t *list, uint32_t *idx,
		    int64_t *at)
{
	const json_t *id = json_object_get(item, "id");
	const json_t *when = json_object_get(item, "at");
	if (!json_is_string(id) || !json_is_integer(when))
		return false;
	*at = json_integer_value(when);
	return *at > 0 && *at <= UINT32_MAX &&
	       token_id_read(span_str(json_string_value(id)), list, idx) ==
		       MM_OK;
}

static bool read_use(const json_t *item, struct report *r)
{
	struct use *out = &r->use[r->uses++];
	return read_at(item, &out->list, &out->idx, &out->at);
}

/* Both may be missing: then they are "". */
static bool read_door(const json_t *text, char out[DOOR_SIZE])
{
	const char *door = json_string_value(text);
	return text == NULL || (door != NULL && door_is_word(span_str(door)) &&
				span_copy(out, DOOR_SIZE, span_str(door)));
}

static bool read_from(const json_t *text, char out[FROM_SIZE])
{
	const char *from = json_string_value(text);
	from_write(out, span_str(from ? from : ""));
	return text == NULL || out[0] != '\0';
}

static bool read_seen(const json_t *item, struct report *r)
{
	struct sighting *out = &r->seen[r->sightings++];
	return read_at(item, &out->list, &out->idx, &out->hour) &&
	       read_door(json_object_get(item, "door"), out->door) &&
	       read_from(json_object_get(item, "from"), out->from);
}

/* The lists of a report. */
static const struct {
	const char *name, *form;
	bool (*read)(const json_t *item, struct report *r);
	size_t max;
	bool may_miss;
} lists[] = {
	{ "uses", "{\"id\":\"3.1\",\"at\":SECONDS}", read_use, USES_MAX,
	  false },
	{ "seen",
	  "{\"id\":\"3.1\",\"at\":SECONDS,\"door\":\"WORD\","
	  "\"from\":\"ADDRESS\"}",
	  read_seen, SEEN_MAX, true },
};

static enum mm_err read_list(const json_t *all, size_t which, struct report *r,
			     struct why *why)
{
	const char *name = lists[which].name;
	const json_t *items = json_object_get(all, name);
	if (items == NULL && lists[which].may_miss)
		return MM_OK;
	if (!json_is_array(items) || json_array_size(items) > lists[which].max)
		return why_say(why, MM_ERR_INVALID, name,
			       "the body must have \"%s\":[%s,...], at most "
			       "%zu of them",
			       name, lists[which].form, lists[which].max);
	for (size_t i = 0; i < json_array_size(items); i++)
		if (!lists[which].read(json_array_get(items, i), r))
			return why_say(why, MM_ERR_INVALID, name,
				       "entry %zu is not %s", i,
				       lists[which].form);
	return MM_OK;
}

static enum mm_err read_report(struct http_request *rq, struct report *r)
{
	json_error_t error;
	struct span text = http_body_bytes(rq);
	AUTO_JSON json_t *all = NULL;
	enum mm_err e = json_heap_load(text, &all, &error);
	if (e == MM_ERR_NOMEM)
		return e;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		TRY(read_list(all, i, r, http_why(rq)));
	return MM_OK;
}

static enum mm_err record(struct issuer *is, struct report *r, size_t *accepted,
			  size_t *seen)
{
	int64_t now = clock_now();
	for (size_t i = 0; i < r->sightings && !is->set.keep_addresses; i++)
		r->seen[i].from[0] = '\0';
	TRY(store_use(is->store, r->use, r->uses, now, accepted));
	return store_seen(is->store, r->seen, r->sightings, now, seen);
}

/* Late, doubled and unknown uses are no error: they just do not count. */
enum mm_err uses_post(void *app, struct http_request *rq)
{
	AUTO_REPORT struct report *r = calloc(1, sizeof *r);
	size_t accepted = 0, seen = 0;
	if (r == NULL)
		return MM_ERR_NOMEM;
	TRY(read_report(rq, r));
	enum mm_err e = record(app, r, &accepted, &seen);
	if (e != MM_OK)
		return why_say(http_why(rq), e, NULL,
			       "not all uses were recorded (%s): report them "
			       "again",
			       mm_err_word(e));
	counter_add(&issuer_counts.uses_taken, accepted);
	counter_add(&issuer_counts.uses_refused, r->uses - accepted);
	log_event(LOG_DEBUG, "uses.report",
		  "request=%s count=%zu accepted=%zu seen=%zu",
		  http_request_id(rq), r->uses, accepted, seen);
	return reply_json(rq, 200,
			  json_pack("{s:I, s:I, s:I}", "accepted",
				    (json_int_t)accepted, "refused",
				    (json_int_t)(r->uses - accepted), "seen",
				    (json_int_t)seen));
}
