/* store_pg_copy.c - tables in PostgreSQL, filled by COPY (store_copy.h).
 *
 * Somebody waits for it: so it may block, for as long as the host answers at
 * all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "issuer/store_copy.h"
#include "issuer/store_pg.h"

#define ROW_BYTES (64 * 1024 * 1024)

/* What is in there is somebody's. */
static enum mm_err check_empty(struct pg_conn *c, struct why *why)
{
	bool found;
	TRY(pg_tables_find(c, &found));
	if (found)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "the database has a store already: nothing was "
			       "copied; name another database (one that no "
			       "mintmarkd was started on), or use that store");
	return MM_OK;
}

static enum mm_err make_new(struct pg_conn *c, struct why *why)
{
	TRY(check_empty(c, why));
	return pg_tables_lay(c);
}

static enum mm_err ready(struct pg_conn *c, struct why *why)
{
	struct why said = { .text = "" };
	enum mm_err e = pg_transaction_long(c);
	if (e == MM_OK)
		e = make_new(c, &said);
	if (e == MM_OK && PQsetnonblocking(c->pg, 0) != 0)
		e = MM_ERR_UNAVAILABLE;
	if (e != MM_OK && said.text[0] == '\0')
		(void)why_say(&said, e, NULL, "cannot make the tables: %s",
			      c->trouble);
	if (e != MM_OK)
		*why = said;
	return e;
}

enum mm_err pg_copy_check(const char *where, struct why *why)
{
	struct conn *c;
	struct why said = { .text = "" };
	TRY(pg_open(where, false, &c, why));
	enum mm_err e = check_empty(pg_of(c), &said);
	if (e != MM_OK && said.text[0] == '\0')
		(void)why_say(&said, e, NULL, "cannot use the database: %s",
			      pg_of(c)->trouble);
	if (e != MM_OK)
		*why = said;
	pg_close(c);
	return e;
}

enum mm_err pg_copy_open(const char *where, struct conn **out, struct why *why)
{
	struct conn *c;
	TRY(pg_open(where, false, &c, why));
	enum mm_err e = ready(pg_of(c), why);
	if (e != MM_OK)
		pg_close(c);
	else
		*out = c;
	return e;
}

/* ---- a table ---- */

enum mm_err pg_copy_begin(struct conn *base, enum copy_table t)
{
	struct pg_conn *c = pg_of(base);
	char text[512];
	snprintf(text, sizeof text, "COPY %s(%s) FROM STDIN", copy_names[t],
		 copy_columns[t]);
	PGresult *r = PQexec(c->pg, text);
	if (r == NULL) /* no memory, or no connection: libpq knows */
		return pg_broken(c, NULL), MM_ERR_UNAVAILABLE;
	enum mm_err e =
		PQresultStatus(r) == PGRES_COPY_IN ? MM_OK : pg_judge(c, r);
	PQclear(r);
	return e;
}

/* What has a meaning of its own there is written otherwise. */
static void add_text(struct buf *b, const char *text)
{
	while (*text != '\0') {
		size_t plain = strcspn(text, "\\\n\r\t");
		buf_add(b, span_of(text, plain));
		text += plain;
		switch (*text) {
		case '\\':
			buf_str(b, "\\\\");
			break;
		case '\n':
			buf_str(b, "\\n");
			break;
		case '\r':
			buf_str(b, "\\r");
			break;
		case '\t':
			buf_str(b, "\\t");
			break;
		default:
			return;
		}
		text++;
	}
}

static void add_value(struct buf *b, const struct value *v)
{
	if (!v->is_text)
		buf_fmt(b, "%lld", (long long)v->number);
	else if (v->text == NULL)
		buf_str(b, "\\N");
	else
		add_text(b, v->text);
}

enum mm_err pg_copy_put(struct conn *base, const struct value *v, int count)
{
	struct pg_conn *c = pg_of(base);
	AUTO_BUF struct buf line = buf_new(ROW_BYTES);
	struct span text;
	for (int i = 0; i < count; i++) {
		add_value(&line, &v[i]);
		buf_str(&line, i + 1 < count ? "\t" : "\n");
	}
	TRY(buf_done(&line, &text));
	if (PQputCopyData(c->pg, (const char *)text.at, (int)text.len) == 1)
		return MM_OK;
	pg_broken(c, NULL);
	return MM_ERR_UNAVAILABLE;
}

/* In which line, and which column. */
static void note_place(struct pg_conn *c, const PGresult *r)
{
	const char *place = PQresultErrorField(r, PG_DIAG_CONTEXT);
	size_t n = strlen(c->trouble);
	if (place != NULL)
		snprintf(c->trouble + n, sizeof c->trouble - n, " (%.100s)",
			 place);
}

enum mm_err pg_copy_end(struct conn *base, int64_t rows)
{
	struct pg_conn *c = pg_of(base);
	enum mm_err e = MM_OK;
	int64_t there = 0;
	if (PQputCopyEnd(c->pg, NULL) != 1)
		return pg_broken(c, NULL), MM_ERR_UNAVAILABLE;
	for (PGresult *r; (r = pg_answer(c)) != NULL; PQclear(r)) {
		e = pg_judge(c, r);
		there = strtoll(PQcmdTuples(r), NULL, 10);
		if (e != MM_OK)
			note_place(c, r);
	}
	if (c->pg == NULL || e != MM_OK)
		return e != MM_OK ? e : MM_ERR_UNAVAILABLE;
	if (there == rows)
		return MM_OK;
	snprintf(c->trouble, sizeof c->trouble, "%lld rows have come of %lld",
		 (long long)there, (long long)rows);
	return MM_ERR_CONFLICT;
}

/* How many rows there are is known at once to who plans the first queries. */
static enum mm_err analyze(struct pg_conn *c)
{
	char text[64];
	for (int t = 0; t < COPY_COUNT; t++) {
		snprintf(text, sizeof text, "ANALYZE %s", copy_names[t]);
		TRY(pg_exec(c, text));
	}
	return MM_OK;
}

enum mm_err pg_copy_commit(struct conn *base)
{
	struct pg_conn *c = pg_of(base);
	TRY(analyze(c));
	return pg_transaction_end(c);
}
