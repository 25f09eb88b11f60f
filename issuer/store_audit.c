/* store_audit.c - the audit: a line of one's own, and reading it. */
#include "issuer/store_internal.h"

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
