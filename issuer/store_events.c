/* store_events.c - the log of events, read: all of one state of the store. */
#include "issuer/store_events.h"

#include "issuer/store_internal.h"

enum mm_err store_last_time(struct store *s, int64_t *at)
{
	AUTO_READER struct conn *c = store_reader(s);
	return query_one(c, ST_EVENT_TIME, at);
}

enum mm_err store_first_event(struct store *s, int64_t *seq)
{
	AUTO_READER struct conn *c = store_reader(s);
	return query_one(c, ST_EVENT_FIRST, seq);
}

/* Is `after` before the log's beginning? */
static enum mm_err check_retained(struct conn *c, uint64_t after)
{
	int64_t first, head;
	TRY(query_one(c, ST_EVENT_FIRST, &first));
	TRY(query_one(c, ST_HEAD_GET, &head));
	if (after >= (uint64_t)head)
		return MM_OK; /* nothing newer is needed */
	return after + 1 >= (uint64_t)first && first != 0 ? MM_OK : MM_ERR_GONE;
}

static enum mm_err check_epoch(struct conn *c, const char *epoch)
{
	char now[EPOCH_SIZE] = "";
	AUTO_QUERY struct query q = query_new(c, ST_META_GET);
	if (query_row(&q))
		column_text(&q, 1, now, sizeof now);
	TRY(query_end(&q));
	return strcmp(now, epoch) == 0 ? MM_OK : MM_ERR_EPOCH;
}

enum mm_err store_newest(struct store *s, struct newest *out)
{
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q = query_new(c, ST_META_NEWEST);
	*out = (struct newest){ .seq = 0 };
	if (query_row(&q)) {
		column_text(&q, 0, out->epoch, sizeof out->epoch);
		out->began = column_int(&q, 1);
		out->seq = (uint64_t)column_int(&q, 2);
		column_text(&q, 3, out->history, sizeof out->history);
	}
	return query_end(&q);
}

/* A store that went back under us has no such event, or another one. */
static enum mm_err check_history(struct conn *c, const struct log_place *at)
{
	char now[HISTORY_SIZE] = "";
	int64_t head;
	if (at->history == NULL || at->history[0] == '\0')
		return MM_OK;
	AUTO_QUERY struct query q = query_new(c, ST_EVENT_HISTORY);
	query_int(&q, (int64_t)at->seq);
	bool there = query_row(&q);
	if (there)
		column_text(&q, 0, now, sizeof now);
	TRY(query_end(&q));
	if (there)
		return strcmp(now, at->history) == 0 ? MM_OK : MM_ERR_ROLLBACK;
	TRY(query_one(c, ST_HEAD_GET, &head));
	return (uint64_t)head < at->seq ? MM_ERR_ROLLBACK : MM_ERR_GONE;
}

enum mm_err store_has_event(struct store *s, const struct log_place *at)
{
	AUTO_READER struct conn *c = store_reader(s);
	enum mm_err e = check_history(c, at);
	return e == MM_ERR_GONE ? MM_OK : e;
}

static enum mm_err read_events(struct conn *c, const struct log_place *at,
			       size_t max, struct event *out, size_t *count)
{
	if (at->epoch != NULL)
		TRY(check_epoch(c, at->epoch));
	TRY(check_retained(c, at->seq));
	TRY(check_history(c, at));
	AUTO_QUERY struct query q = query_new(c, ST_EVENT_LIST);
	query_int(&q, (int64_t)at->seq);
	query_int(&q, (int64_t)max);
	while (query_row(&q)) {
		char body[JWK_TEXT_MAX + 512];
		column_text(&q, 0, body, sizeof body);
		TRY(event_read(span_str(body), &out[*count]));
		column_text(&q, 1, out[*count].history, HISTORY_SIZE);
		++*count;
	}
	return query_end(&q);
}

enum mm_err store_events(struct store *s, const struct log_place *at,
			 size_t max, struct event *out, size_t *count)
{
	*count = 0;
	AUTO_READER struct conn *c = store_reader(s);
	TRY(c->db->begin(c)); /* both reads see one state */
	enum mm_err e = read_events(c, at, max, out, count);
	enum mm_err end = c->db->commit(c);
	return e != MM_OK ? e : end;
}
