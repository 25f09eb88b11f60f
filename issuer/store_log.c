/* store_log.c - what is only added to: the log of events, and the audit, in
 * which each line holds the hash of the one before it. */
#include "common/clock.h"
#include "common/history.h"
#include "common/log.h"
#include "issuer/store_internal.h"

/* ---- their ends ---- */

static enum mm_err audit_column(struct query *q, int i,
				char digest[AUDIT_DIGEST_SIZE])
{
	char line[AUDIT_LINE_MAX];
	column_text(q, i, line, sizeof line);
	return audit_digest(span_str(line), digest);
}

enum mm_err log_newest(struct conn *c, struct newest *out)
{
	AUTO_QUERY struct query q = query_new(c, ST_META_NEWEST);
	*out = (struct newest){ .seq = 0 };
	if (query_row(&q)) {
		column_text(&q, 0, out->epoch, sizeof out->epoch);
		out->began = column_int(&q, 1);
		out->seq = (uint64_t)column_int(&q, 2);
		column_text(&q, 3, out->history, sizeof out->history);
		out->audit.seq = (uint64_t)column_int(&q, 4);
	}
	if (out->audit.seq != 0)
		TRY(audit_column(&q, 5, out->audit.digest));
	return query_end(&q);
}

enum mm_err audit_has(struct conn *c, const struct audit_chain *line)
{
	char digest[AUDIT_DIGEST_SIZE] = "";
	AUTO_QUERY struct query q = query_new(c, ST_AUDIT_LINE);
	query_int(&q, (int64_t)line->seq);
	if (query_row(&q))
		TRY(audit_column(&q, 0, digest));
	TRY(query_end(&q));
	return strcmp(digest, line->digest) == 0 ? MM_OK : MM_ERR_ROLLBACK;
}

enum mm_err log_find_tail(struct conn *c)
{
	struct tail *t = &c->tail;
	struct newest was;
	if (t->found)
		return MM_OK;
	furthest_get(c, &was);
	TRY(log_newest(c, &t->at));
	enum mm_err e = furthest_check(c, &was, &t->at);
	t->head = t->at.seq;
	t->is_whole = e == MM_OK;
	t->found = e == MM_OK || e == MM_ERR_ROLLBACK;
	return t->found ? MM_OK : e;
}

/* ---- events ---- */

/* Its number, and the history that ends with it. */
static enum mm_err take_place(struct conn *c, struct event *e)
{
	TRY(log_find_tail(c));
	e->seq = ++c->tail.at.seq;
	return history_add(c->tail.at.history, e);
}

enum mm_err log_settle(struct conn *c)
{
	if (c->tail.at.seq == c->tail.head)
		return MM_OK;
	AUTO_QUERY struct query q = query_new(c, ST_HEAD_SET);
	query_int(&q, (int64_t)c->tail.at.seq);
	c->tail.head = c->tail.at.seq;
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
	query_text(&put, c->tail.at.history);
	return query_run(&put);
}

/* ---- the audit ---- */

static enum mm_err put_line(struct conn *c, struct span text)
{
	struct audit_chain *last = &c->tail.at.audit;
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
	TRY(log_find_tail(c));
	whole.seq = c->tail.at.audit.seq + 1;
	whole.before = c->tail.at.audit.digest;
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
