/* store_db.c - one run of a statement, whatever the database. */
#include "issuer/store_db.h"

#include <stdio.h>

struct query query_new(struct conn *c, enum statement which)
{
	return (struct query){ .c = c, .which = which };
}

static struct value *next_value(struct query *q)
{
	MM_ASSERT(!q->ran && q->bound < QUERY_VALUES);
	return &q->value[q->bound++];
}

void query_int(struct query *q, int64_t v)
{
	*next_value(q) = (struct value){ .number = v };
}

void query_text(struct query *q, const char *text)
{
	*next_value(q) = (struct value){ .text = text, .is_text = true };
}

bool query_row(struct query *q)
{
	if (!q->ran)
		q->c->db->run(q);
	q->ran = true;
	if (q->failed == MM_OK && !q->ended)
		q->ended = !q->c->db->row(q);
	return q->failed == MM_OK && !q->ended;
}

enum mm_err query_end(struct query *q)
{
	return q->failed;
}

void query_free(struct query *q)
{
	if (q->ran)
		q->c->db->done(q);
}

enum mm_err query_run(struct query *q)
{
	if (!q->ran && q->c->db->post != NULL && q->c->writes) {
		q->c->db->post(q);
		return query_end(q);
	}
	while (query_row(q)) {}
	return query_end(q);
}

enum mm_err query_plain(struct conn *c, enum statement which)
{
	AUTO_QUERY struct query q = query_new(c, which);
	return query_run(&q);
}

enum mm_err query_one(struct conn *c, enum statement which, int64_t *out)
{
	AUTO_QUERY struct query q = query_new(c, which);
	*out = query_row(&q) ? column_int(&q, 0) : 0;
	return query_end(&q);
}

int64_t column_int(struct query *q, int i)
{
	return q->c->db->number(q, i);
}

bool column_is_null(struct query *q, int i)
{
	return q->c->db->text(q, i) == NULL;
}

void column_text(struct query *q, int i, char *to, size_t size)
{
	const char *text = q->c->db->text(q, i);
	snprintf(to, size, "%s", text ? text : "");
}

int64_t conn_changes(struct conn *c)
{
	return c->db->changes(c);
}
