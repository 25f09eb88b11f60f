/* store_log.c - what is only added to: the log of events, and the audit, in
 * which each line holds the hash of the one before it. */
#include "common/clock.h"
#include "common/history.h"
#include "common/log.h"
#include "issuer/store_internal.h"

/* ---- events ---- */

enum mm_err log_end(struct conn *c, uint64_t *seq, char history[HISTORY_SIZE])
{
	AUTO_QUERY struct query q = query_new(c, ST_HEAD_GET);
	if (query_row(&q)) {
		*seq = (uint64_t)column_int(&q, 0);
		column_text(&q, 1, history, HISTORY_SIZE);
	}
	return query_end(&q);
}

/* Its number, and the history that ends with it. */
static enum mm_err take_place(struct conn *c, struct event *e)
{
	struct tail *t = &c->tail;
	if (!t->has_seq) {
		TRY(log_end(c, &t->seq, t->history));
		t->head = t->seq;
		t->has_seq = true;
	}
	e->seq = ++t->seq;
	return history_add(t->history, e);
}

enum mm_err log_settle(struct conn *c)
{
	if (c->tail.seq == c->tail.head)
		return MM_OK;
	AUTO_QUERY struct query q = query_new(c, ST_HEAD_SET);
	query_int(&q, (int64_t)c->tail.seq);
	c->tail.head = c->tail.seq;
	return query_run(&q);
}

enum mm_err log_append(struct conn *c, struct event *e)
{
	TRY(take_place(c, e));
	AUTO_BUF struct buf body = buf_new(4096);
	struct span text;
	TRY(event_write(e, &body));
	TRY(buf_done(&body, &text));
	AUTO_QUERY struct query put = query_new(c, ST_EVENT_PUT);
	query_int(&put, (int64_t)e->seq);
	query_int(&put, clock_now());
	query_text(&put, (const char *)text.at);
	query_text(&put, c->tail.history);
	return query_run(&put);
}

/* ---- the audit ---- */

enum mm_err audit_find_end(struct conn *c)
{
	struct tail *t = &c->tail;
	if (!t->has_line)
		TRY(furthest_look(c, &t->end, &t->is_whole));
	t->has_line = true;
	return MM_OK;
}

static enum mm_err put_line(struct conn *c, struct span text)
{
	struct audit_chain *last = &c->tail.end.audit;
	AUTO_QUERY struct query q = query_new(c, ST_AUDIT_PUT);
	query_int(&q, (int64_t)++last->seq);
	query_text(&q, (const char *)text.at);
	TRY(query_run(&q));
	return audit_digest(text, last->digest);
}

enum mm_err audit_append(struct conn *c, const struct audit_entry *e,
			 const struct stamp *stamp)
{
	AUTO_BUF struct buf line = buf_new(AUDIT_LINE_MAX - 1);
	struct audit_entry whole = *e;
	struct span text;
	TRY(audit_find_end(c));
	whole.seq = c->tail.end.audit.seq + 1;
	whole.before = c->tail.end.audit.digest;
	whole.at = stamp->at;
	whole.by = stamp->by;
	whole.address = stamp->address;
	whole.request = stamp->request;
	TRY(audit_write(&whole, &line));
	TRY(buf_done(&line, &text));
	return put_line(c, text);
}

/* ---- what guards it ---- */

static enum mm_err put_guards(struct conn *c)
{
	const struct stamp stamp = { .by = "mintmarkd", .at = clock_now() };
	TRY(c->db->guard(c));
	return audit_append(c, &(struct audit_entry){ .event = "audit.mended" },
			    &stamp);
}

enum mm_err audit_guard(struct conn *c, const char *where, struct why *why)
{
	bool guarded;
	TRY(c->db->is_guarded(c, &guarded));
	if (guarded)
		return MM_OK;
	log_event(LOG_ERR, "audit.mended",
		  "detail=the triggers that guard the audit were taken away or "
		  "changed, and are put back: look who could write %s, and "
		  "whether mintmark audit --verify --head finds what was noted",
		  where);
	enum mm_err e = put_guards(c);
	return e == MM_OK
		       ? MM_OK
		       : why_say(why, e, NULL,
				 "the triggers that guard the audit in %s are "
				 "missing, and cannot be put back: %s",
				 where, c->db->trouble(c));
}
