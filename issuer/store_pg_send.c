/* store_pg_send.c - statements, sent to PostgreSQL and run.
 *
 * A change goes through several statements, and each would wait for the network
 * twice.  So the connection that writes sends them one behind the other, and
 * reads the answers when one is needed: by a statement that asks for rows, or
 * by COMMIT.  A failure that is seen so late has broken the whole transaction;
 * the writer then does its parts again, each in one of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/store_pg.h"

#define NUMBER_OID 20 /* int8 */
#define TEXT_OID   25

/* Bytes sent between two Syncs, and without an answer.  libpq sends by itself
 * what has come to 8 KB; and a socket whose other end does not read takes more
 * than the second. */
#define PIPELINE_SYNC 8000
#define PIPELINE_MOST 32000
#define WIRE_HEADS    64 /* around a statement */
#define WIRE_VALUE    24 /* around a value, or a number */

static const char *const sql[ST_COUNT] = {
#define X(name, text) [ST_##name] = text,
	STATEMENTS(X)
#undef X
};

/* Those that may answer with a row for each token: never held whole. */
static bool is_long(enum statement which)
{
	return which == ST_LOAD_STATUS || which == ST_LOAD_USED ||
	       which == ST_TALLY_TOKENS;
}

/* Those whose best plan depends on what is looked for.  They have no name, so
 * that each is planned for its own words: of what has one, PostgreSQL makes one
 * plan for all words when it has run five times. */
static bool is_search(enum statement which)
{
	return which == ST_TOKEN_SEARCH || which == ST_TOKEN_SEARCH_USER ||
	       which == ST_USER_LIST || which == ST_USER_SEARCH;
}

/* What it is called there, and how parameters are written there. */
static bool send_prepare(struct pg_conn *c, const struct query *q,
			 const char *name)
{
	Oid types[QUERY_VALUES];
	char *text = strdup(sql[q->which]);
	if (text == NULL)
		return false;
	for (char *p = text; *p != '\0'; p++)
		if (*p == '?')
			*p = '$';
	for (int i = 0; i < q->bound; i++)
		types[i] = q->value[i].is_text ? TEXT_OID : NUMBER_OID;
	bool sent = PQsendPrepare(c->pg, name, text, q->bound, types);
	free(text);
	return sent;
}

static bool send_values(struct pg_conn *c, const struct query *q,
			const char *name)
{
	char number[QUERY_VALUES][24];
	const char *value[QUERY_VALUES];
	for (int i = 0; i < q->bound; i++) {
		snprintf(number[i], sizeof number[i], "%lld",
			 (long long)q->value[i].number);
		value[i] = q->value[i].is_text ? q->value[i].text : number[i];
	}
	return PQsendQueryPrepared(c->pg, name, q->bound, value, NULL, NULL, 0);
}

static void statement_name(enum statement which, char out[16])
{
	out[0] = '\0';
	if (!is_search(which))
		snprintf(out, 16, "s%d", (int)which);
}

/* A failure of the whole transaction: the first counts. */
enum mm_err pg_failed(struct pg_conn *c, enum mm_err e)
{
	if (c->failed == MM_OK)
		c->failed = e;
	return c->failed;
}

/* ---- the pipeline of the one that writes ---- */

static enum mm_err sent(struct pg_conn *c, bool was)
{
	if (was) {
		c->pending++;
		return MM_OK;
	}
	pg_broken(c, NULL);
	return pg_failed(c, MM_ERR_UNAVAILABLE);
}

static void take_answer(struct pg_conn *c, PGresult *r, PGresult **rows)
{
	ExecStatusType status = PQresultStatus(r);
	enum mm_err e = pg_judge(c, r);
	if (e != MM_OK)
		(void)!pg_failed(c, e);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		c->changed = strtoll(PQcmdTuples(r), NULL, 10);
	if (status == PGRES_PIPELINE_SYNC)
		c->pending--;
	if (status != PGRES_TUPLES_OK || rows == NULL) {
		PQclear(r);
		return;
	}
	PQclear(*rows);
	*rows = r;
}

/* Every answer that is still to come; *rows are the last one's. */
static enum mm_err drain(struct pg_conn *c, PGresult **rows)
{
	while (c->pending != 0 && c->pg != NULL) {
		PGresult *r = pg_answer(c);
		if (r != NULL)
			take_answer(c, r, rows);
		else if (c->pg != NULL) /* the end of one statement's */
			c->pending--;
	}
	c->unanswered = 0;
	return c->pg == NULL ? pg_failed(c, MM_ERR_UNAVAILABLE) : c->failed;
}

/* A Sync, so that the database sees us idle: if we are frozen now, it throws us
 * out soon (idle_in_transaction_session_timeout).  It does not if it has part
 * of a statement, or one without a Sync behind it, and the lock of all issuers
 * is then ours for as long as we are frozen: so nothing is sent but by this,
 * and no more than the socket takes at once. */
static enum mm_err sync_now(struct pg_conn *c)
{
	c->unsynced = 0;
	if (c->pg == NULL)
		return pg_failed(c, MM_ERR_UNAVAILABLE);
	return sent(c, PQpipelineSync(c->pg));
}

enum mm_err pg_fetch_now(struct pg_conn *c, PGresult **rows)
{
	TRY(sync_now(c));
	return drain(c, rows);
}

static enum mm_err make_room(struct pg_conn *c, size_t bytes)
{
	if (c->unanswered + bytes > PIPELINE_MOST)
		TRY(pg_fetch_now(c, NULL));
	else if (c->unsynced + bytes > PIPELINE_SYNC)
		TRY(sync_now(c));
	c->unsynced += bytes;
	c->unanswered += bytes;
	return MM_OK;
}

enum mm_err pg_send(struct pg_conn *c, const char *text)
{
	if (c->failed != MM_OK)
		return c->failed;
	TRY(make_room(c, WIRE_HEADS + strlen(text)));
	return sent(c, PQsendQueryParams(c->pg, text, 0, NULL, NULL, NULL, NULL,
					 0));
}

/* At the most. */
static size_t wire_bytes(const struct pg_conn *c, const struct query *q)
{
	size_t bytes = WIRE_HEADS;
	if (!c->prepared[q->which])
		bytes += WIRE_HEADS + strlen(sql[q->which]);
	for (int i = 0; i < q->bound; i++) {
		const struct value *v = &q->value[i];
		bytes += WIRE_VALUE;
		bytes += v->is_text && v->text ? strlen(v->text) : 0;
	}
	return bytes;
}

static enum mm_err send_statement(struct pg_conn *c, const struct query *q)
{
	char name[16];
	statement_name(q->which, name);
	if (c->failed != MM_OK)
		return c->failed;
	if (c->pg == NULL)
		return pg_failed(c, MM_ERR_UNAVAILABLE);
	TRY(make_room(c, wire_bytes(c, q)));
	if (!c->prepared[q->which])
		TRY(sent(c, send_prepare(c, q, name)));
	c->prepared[q->which] = !is_search(q->which);
	c->has_events |= q->which == ST_HEAD_SET;
	return sent(c, send_values(c, q, name));
}

/* ---- one run of a statement ---- */

static enum mm_err run_in_pipeline(struct query *q, PGresult **rows)
{
	struct pg_conn *c = pg_of(q->c);
	TRY(send_statement(c, q));
	return pg_fetch_now(c, rows);
}

/* Without a pipeline: what is prepared is answered before it is run. */
static enum mm_err prepare_now(struct pg_conn *c, const struct query *q)
{
	char name[16];
	enum mm_err e = MM_OK;
	statement_name(q->which, name);
	if (c->prepared[q->which])
		return MM_OK;
	if (!send_prepare(c, q, name))
		return pg_broken(c, NULL), MM_ERR_UNAVAILABLE;
	for (PGresult *r; (r = pg_answer(c)) != NULL; PQclear(r))
		e = pg_judge(c, r);
	c->prepared[q->which] =
		e == MM_OK && c->pg != NULL && !is_search(q->which);
	return c->pg == NULL ? MM_ERR_UNAVAILABLE : e;
}

static enum mm_err run_and_read(struct query *q, PGresult **rows)
{
	struct pg_conn *c = pg_of(q->c);
	char name[16];
	statement_name(q->which, name);
	if (c->pg == NULL)
		return MM_ERR_UNAVAILABLE;
	TRY(prepare_now(c, q));
	if (!send_values(c, q, name))
		return pg_broken(c, NULL), MM_ERR_UNAVAILABLE;
	if (is_long(q->which))
		return PQsetSingleRowMode(c->pg) ? MM_OK : MM_ERR_UNAVAILABLE;
	enum mm_err e = MM_OK;
	for (PGresult *r; (r = pg_answer(c)) != NULL;) {
		e = pg_judge(c, r);
		PQclear(*rows);
		*rows = r;
	}
	return c->pg == NULL ? MM_ERR_UNAVAILABLE : e;
}

void pg_run(struct query *q)
{
	PGresult *rows = NULL;
	q->failed = q->c->writes ? run_in_pipeline(q, &rows)
				 : run_and_read(q, &rows);
	q->rows = rows;
	q->at = -1;
}

void pg_post(struct query *q)
{
	q->failed = send_statement(pg_of(q->c), q);
	q->ended = true;
}

/* The next of many. */
static bool next_alone(struct query *q)
{
	PQclear(q->rows);
	q->rows = pg_answer(pg_of(q->c));
	if (pg_of(q->c)->pg == NULL)
		q->failed = MM_ERR_UNAVAILABLE;
	else if (q->rows != NULL)
		q->failed = pg_judge(pg_of(q->c), q->rows);
	q->at = 0;
	return q->failed == MM_OK && q->rows != NULL &&
	       PQresultStatus(q->rows) == PGRES_SINGLE_TUPLE;
}

bool pg_row(struct query *q)
{
	if (is_long(q->which) && !q->c->writes)
		return next_alone(q);
	return ++q->at < PQntuples(q->rows);
}

int64_t pg_number_at(struct query *q, int column)
{
	return strtoll(PQgetvalue(q->rows, q->at, column), NULL, 10);
}

const char *pg_text(struct query *q, int column)
{
	return PQgetisnull(q->rows, q->at, column)
		       ? NULL
		       : PQgetvalue(q->rows, q->at, column);
}

void pg_done(struct query *q)
{
	PQclear(q->rows);
	if (!is_long(q->which) || q->c->writes)
		return;
	for (PGresult *r; (r = pg_answer(pg_of(q->c))) != NULL;)
		PQclear(r);
}

int64_t pg_changes(struct conn *c)
{
	if (pg_of(c)->failed == MM_OK && pg_of(c)->pg != NULL)
		(void)!pg_fetch_now(pg_of(c), NULL);
	return pg_of(c)->failed == MM_OK ? pg_of(c)->changed : 0;
}
