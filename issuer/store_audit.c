/* store_audit.c - the audit: a table that is only added to, in which
 * each line holds the hash of the one before it. */
#include "common/clock.h"
#include "common/log.h"
#include "issuer/store_internal.h"

/* ---- writing ---- */

static enum mm_err read_last(struct conn *c)
{
	struct tail *t = &c->tail;
	t->line = 0;
	t->digest[0] = '\0';
	AUTO_QUERY struct query q = query_new(c, ST_AUDIT_LAST);
	if (query_row(&q)) {
		char line[AUDIT_LINE_MAX];
		t->line = (uint64_t)column_int(&q, 0);
		column_text(&q, 1, line, sizeof line);
		TRY(audit_digest(span_str(line), t->digest));
	}
	TRY(query_end(&q));
	t->has_line = true;
	return MM_OK;
}

static enum mm_err put_line(struct conn *c, struct span text)
{
	struct tail *t = &c->tail;
	AUTO_QUERY struct query q = query_new(c, ST_AUDIT_PUT);
	query_int(&q, (int64_t)++t->line);
	query_text(&q, (const char *)text.at);
	TRY(query_run(&q));
	return audit_digest(text, t->digest);
}

enum mm_err audit_append(struct conn *c, const struct audit_entry *e,
			 const struct stamp *stamp)
{
	AUTO_BUF struct buf line = buf_new(AUDIT_LINE_MAX - 1);
	struct audit_entry whole = *e;
	struct span text;
	if (!c->tail.has_line)
		TRY(read_last(c));
	whole.seq = c->tail.line + 1;
	whole.before = c->tail.digest;
	whole.at = stamp->at;
	whole.by = stamp->by;
	whole.address = stamp->address;
	whole.request = stamp->request;
	TRY(audit_write(&whole, &line));
	TRY(buf_done(&line, &text));
	return put_line(c, text);
}

struct note {
	const struct audit_entry *entry;
	const struct stamp *stamp;
};

static enum mm_err append_note(struct conn *c, void *arg)
{
	const struct note *n = arg;
	return audit_append(c, n->entry, n->stamp);
}

enum mm_err store_audit(struct store *s, const struct audit_entry *e,
			const struct stamp *stamp)
{
	struct note n = { e, stamp };
	return store_write(s, append_note, &n);
}

/* ---- guarding ---- */

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

/* ---- reading ---- */

enum mm_err store_audit_read(struct store *s, const struct audit_query *w,
			     void (*each)(void *, struct span), void *ctx)
{
	bool from_end = w->backwards && w->from == 0;
	AUTO_READER struct conn *c = store_reader(s);
	AUTO_QUERY struct query q =
		query_new(c, w->backwards ? ST_AUDIT_BACK : ST_AUDIT_ON);
	query_int(&q, from_end ? INT64_MAX : (int64_t)w->from);
	query_text(&q, w->text);
	query_int(&q, (int64_t)w->limit);
	while (query_row(&q)) {
		char line[AUDIT_LINE_MAX];
		column_text(&q, 0, line, sizeof line);
		each(ctx, span_str(line));
	}
	return query_end(&q);
}
