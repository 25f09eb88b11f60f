/* feed_batch.c - a run of events: written by the issuer, applied by all who
 * follow it. */
#include <stdlib.h>

#include "common/feed_json.h"
#include "common/history.h"

enum mm_err batch_write(const struct feed_head *head, struct span events,
			struct buf *payload)
{
	buf_str(payload, "{");
	TRY(feed_head_write(head, true, payload));
	buf_str(payload, ",\"events\":[");
	buf_add(payload, events);
	buf_str(payload, "]}");
	return payload->failed;
}

/* May this batch follow what r holds?  Events that r already has are no
 * fault: caches answer late. */
static enum mm_err check_head(const struct replica *r,
			      const struct feed_head *h)
{
	if (strcmp(h->iss, r->iss) != 0)
		return MM_ERR_WRONG_ISSUER;
	if (strcmp(h->epoch, r->epoch) != 0)
		return MM_ERR_EPOCH;
	if (h->seq < r->seq)
		return MM_ERR_ROLLBACK;
	if (h->after > r->seq)
		return MM_ERR_GAP;
	return MM_OK;
}

static void free_events(struct event **e)
{
	free(*e);
}
#define AUTO_EVENTS __attribute__((cleanup(free_events)))

/* All events, numbered as the head says.  *out is the caller's. */
static enum mm_err read_events(const json_t *array, const struct feed_head *h,
			       struct event **out)
{
	size_t n = json_array_size(array);
	if (n > FEED_EVENTS_MAX || n != h->seq - h->after)
		return MM_ERR_MALFORMED;
	AUTO_EVENTS struct event *events = calloc(n + 1, sizeof *events);
	if (events == NULL)
		return MM_ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		TRY(event_from_json(json_array_get(array, i), &events[i]));
		if (events[i].seq != h->after + i + 1)
			return MM_ERR_MALFORMED;
	}
	*out = events;
	events = NULL; /* transferred */
	return MM_OK;
}

/* Do r's events, and those that follow, lead to where the issuer says that it
 * is?  If not, r holds what was lost with the issuer's store, and its next
 * number is another's.  (A batch of an issuer that says no history, after one
 * that does, is of another for once: the snapshot is taken.)  Each event is
 * told where it leads to. */
static enum mm_err check_history(struct replica *r, const struct feed_head *h,
				 struct event *events)
{
	char history[HISTORY_SIZE];
	if (r->history[0] == '\0')
		return MM_OK;
	memcpy(history, r->history, sizeof history);
	for (uint64_t seq = r->seq; seq < h->seq; seq++) {
		struct event *e = &events[seq - h->after];
		TRY(history_add(history, e));
		memcpy(e->history, history, sizeof history);
	}
	r->astray = strcmp(history, h->history) != 0;
	return r->astray ? MM_ERR_EPOCH : MM_OK;
}

enum mm_err batch_apply(struct replica *r, struct span payload,
			void (*each)(void *, const struct event *), void *ctx)
{
	AUTO_JSON json_t *o = NULL;
	AUTO_EVENTS struct event *events = NULL;
	struct feed_head h;
	const json_t *array;
	TRY(feed_json_parse(payload, FEED_BATCH_MAX, &o));
	TRY(feed_head_read(o, true, &h));
	TRY(check_head(r, &h));
	TRY(feed_json_array(o, "events", &array));
	TRY(read_events(array, &h, &events));
	TRY(check_history(r, &h, events));

	for (size_t i = (size_t)(r->seq - h.after); r->seq < h.seq; i++) {
		TRY(replica_apply(r, &events[i]));
		memcpy(r->history, events[i].history, sizeof r->history);
		if (each != NULL)
			each(ctx, &events[i]);
	}
	memcpy(r->history, h.history, sizeof r->history);
	if (!h.more && r->iat < h.iat)
		r->iat = h.iat;
	return MM_OK;
}
