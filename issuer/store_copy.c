/* store_copy.c - one table after the other. */
#include "issuer/store_copy.h"

#define TELL_EVERY 1000

const char *const copy_names[COPY_COUNT] = {
#define X(name, columns) [COPY_##name] = #name,
	COPY_TABLES(X)
#undef X
};

const char *const copy_columns[COPY_COUNT] = {
#define X(name, columns) [COPY_##name] = columns,
	COPY_TABLES(X)
#undef X
};

struct copying {
	struct conn *from, *to;
	struct conn *at; /* the one that is asked: he knows why it fails */
	struct copy *copy;
	enum copy_table table;
};

static enum mm_err put_row(void *ctx, const struct value *v, int count)
{
	struct copying *g = ctx;
	g->at = g->to;
	TRY(pg_copy_put(g->to, v, count));
	g->at = g->from;
	if (++g->copy->rows[g->table] % TELL_EVERY == 0)
		g->copy->progress(g->copy, g->table, false);
	return MM_OK;
}

static enum mm_err copy_table(struct copying *g)
{
	g->at = g->to;
	TRY(pg_copy_begin(g->to, g->table));
	g->at = g->from;
	TRY(sqlite_copy_rows(g->from, g->table, put_row, g));
	g->at = g->to;
	TRY(pg_copy_end(g->to, g->copy->rows[g->table]));
	g->copy->progress(g->copy, g->table, true);
	return MM_OK;
}

static enum mm_err copy_all(struct copying *g, struct why *why)
{
	enum mm_err e = MM_OK;
	for (int t = 0; t < COPY_COUNT && e == MM_OK; t++) {
		g->table = (enum copy_table)t;
		e = copy_table(g);
	}
	if (e != MM_OK)
		return why_say(why, e, NULL,
			       "cannot copy %s: %s; nothing was copied",
			       copy_names[g->table], g->at->db->trouble(g->at));
	e = pg_copy_commit(g->to);
	if (e == MM_OK)
		return MM_OK;
	return why_say(why, e, NULL, "the database did not end the copy: %s%s",
		       g->to->db->trouble(g->to),
		       e == MM_ERR_UNSURE
			       ? "; all of it was copied, or nothing: run this "
				 "again, and it is refused if it was"
			       : "; nothing was copied");
}

enum mm_err store_copy(const char *path, const char *where, struct copy *c,
		       struct why *why)
{
	struct copying g = { .copy = c };
	TRY(pg_copy_check(where, why));
	enum mm_err e = sqlite_copy_open(path, c, &g.from, why);
	if (e == MM_OK)
		e = pg_copy_open(where, &g.to, why);
	if (e == MM_OK)
		e = copy_all(&g, why);
	if (g.to != NULL)
		g.to->db->close(g.to);
	if (g.from != NULL)
		g.from->db->close(g.from);
	return e;
}
