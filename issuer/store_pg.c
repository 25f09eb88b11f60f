/* store_pg.c - PostgreSQL: its transactions, and what becomes of those that
 * fail. */
#include "issuer/store_pg.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

#define TRY_MS	 5000 /* for what was nobody's fault, all tries together */
#define PAUSE_MS 200  /* between two of them */

/* Between two uses nothing comes, unless it is closed: better seen now than in
 * the midst of something. */
static bool is_alive(struct pg_conn *c)
{
	struct pollfd p = { .events = POLLIN };
	if (c->pg == NULL)
		return false;
	p.fd = PQsocket(c->pg);
	return poll(&p, 1, 0) == 0;
}

/* Not more often than so, when there is nobody: each try may take seconds. */
static enum mm_err connect_again(struct pg_conn *c)
{
	if (is_alive(c))
		return MM_OK;
	if (clock_ms() < c->next_try)
		return MM_ERR_UNAVAILABLE;
	enum mm_err e = pg_connect(c);
	c->next_try = e == MM_OK ? 0 : clock_ms() + PAUSE_MS;
	TRY(e);
	if (!c->base.writes)
		return MM_OK;
	return PQenterPipelineMode(c->pg) ? MM_OK : MM_ERR_UNAVAILABLE;
}

/* The one row that each change goes through: whoever has it is alone, and if
 * the tables are of another version by now, he stops. */
static enum mm_err take_head(struct pg_conn *c)
{
	AUTO_QUERY struct query q = query_new(&c->base, ST_HEAD_LOCK);
	int64_t version = query_row(&q) ? column_int(&q, 0) : 0;
	TRY(query_end(&q));
	if (version == STORE_VERSION)
		return MM_OK;
	snprintf(c->trouble, sizeof c->trouble,
		 "the tables have version %lld now, this mintmarkd knows %d",
		 (long long)version, STORE_VERSION);
	c->worth_again = false;
	return pg_failed(c, MM_ERR_VERSION);
}

static enum mm_err note_timeline(struct pg_conn *c, const char *now)
{
	char text[64];
	snprintf(text, sizeof text, "UPDATE meta SET timeline = %.20s", now);
	return pg_send(c, text);
}

/* Is it the database that it was?  Asked in each transaction of a connection
 * until one is committed that knows.  Those that know no timelines lose nothing
 * when another of theirs takes over; a store whose meta has no row yet is new.
 */
static enum mm_err check_timeline(struct pg_conn *c)
{
	PGresult *r = NULL;
	if (c->knows_timeline || !c->tells)
		return MM_OK;
	TRY(pg_send(c, PG_TIMELINE));
	enum mm_err e = pg_fetch_now(c, &r);
	bool lost = false;
	if (e == MM_OK) {
		const char *now = PQgetvalue(r, 0, 0),
			   *was = PQgetvalue(r, 0, 1);
		bool same = strcmp(now, was) == 0;
		lost = !same && was[0] != '\0' && strcmp(was, "0") != 0;
		e = same ? MM_OK : note_timeline(c, now);
	}
	c->saw_timeline = PQntuples(r) == 1 && !PQgetisnull(r, 0, 1);
	PQclear(r);
	TRY(e);
	return lost ? MM_ERR_EPOCH : MM_OK;
}

static enum mm_err begin_writing(struct pg_conn *c)
{
	c->failed = MM_OK;
	c->worth_again = true;
	c->unsure = false;
	c->has_events = false;
	c->patience_ms = PG_ANSWER_MS;
	TRY(connect_again(c));
	TRY(pg_send(c, "BEGIN ISOLATION LEVEL READ COMMITTED"));
	TRY(take_head(c));
	return check_timeline(c);
}

static enum mm_err begin(struct conn *c)
{
	return c->writes ? begin_writing(pg_of(c))
			 : pg_exec(pg_of(c),
				   "BEGIN ISOLATION LEVEL REPEATABLE READ"
				   " READ ONLY");
}

static enum mm_err commit_writing(struct pg_conn *c)
{
	if (c->has_events && c->tells)
		TRY(pg_send(c, "NOTIFY mintmark"));
	/* Before it is sent, nothing can have been done. */
	TRY(pg_fetch_now(c, NULL));
	TRY(pg_send(c, "COMMIT"));
	enum mm_err e = pg_fetch_now(c, NULL);
	c->unsure = c->pg == NULL || (e != MM_OK && c->may_be_done);
	if (c->unsure)
		return MM_ERR_UNSURE;
	if (e == MM_OK) {
		c->failing_since = 0;
		c->knows_timeline = c->saw_timeline;
	}
	return e;
}

static enum mm_err commit(struct conn *c)
{
	enum mm_err e = c->writes ? commit_writing(pg_of(c))
				  : pg_exec(pg_of(c), "COMMIT");
	pg_of(c)->patience_ms = PG_ANSWER_MS;
	return e;
}

static void rollback(struct conn *base)
{
	struct pg_conn *c = pg_of(base);
	c->patience_ms = PG_ANSWER_MS;
	if (c->pg == NULL)
		return; /* the database does it */
	if (!base->writes) {
		(void)!pg_exec(c, "ROLLBACK");
		return;
	}
	(void)!pg_fetch_now(c, NULL);
	enum mm_err was = c->failed;
	c->failed = MM_OK;
	/* What was to be prepared behind a failure has not been. */
	memset(c->prepared, 0, sizeof c->prepared);
	if (c->pg != NULL && pg_send(c, "ROLLBACK") == MM_OK &&
	    pg_send(c, "DEALLOCATE ALL") == MM_OK)
		(void)!pg_fetch_now(c, NULL);
	c->failed = was;
}

static enum mm_err part_begin(struct conn *c)
{
	return pg_send(pg_of(c), "SAVEPOINT part");
}

static enum mm_err part_end(struct conn *c, enum mm_err e)
{
	if (e != MM_OK)
		TRY(pg_send(pg_of(c), "ROLLBACK TO part"));
	return pg_send(pg_of(c), "RELEASE part");
}

static void pause_a_moment(void)
{
	const struct timespec t = { .tv_nsec = PAUSE_MS * 1000000 };
	nanosleep(&t, NULL);
}

static enum again again(struct conn *base, bool together)
{
	struct pg_conn *c = pg_of(base);
	int64_t now = clock_ms();
	if (c->unsure)
		return AGAIN_NEVER;
	if (!c->worth_again)
		return together ? AGAIN_APART : AGAIN_NEVER;
	if (c->failing_since == 0)
		c->failing_since = now;
	if (now - c->failing_since > TRY_MS)
		return AGAIN_NEVER;
	pause_a_moment();
	return AGAIN_SAME;
}

static void make_ready(struct conn *base)
{
	struct pg_conn *c = pg_of(base);
	if (connect_again(c) == MM_OK &&
	    PQtransactionStatus(c->pg) != PQTRANS_IDLE)
		(void)!pg_exec(c, "ROLLBACK");
}

static enum mm_err take_time(struct conn *c)
{
	static const char text[] = "SET LOCAL statement_timeout = 0";
	pg_of(c)->patience_ms = PG_LONG_MS;
	return c->writes ? pg_send(pg_of(c), text) : pg_exec(pg_of(c), text);
}

static const char *trouble(struct conn *c)
{
	return pg_of(c)->unsure
		       ? "the connection was lost at the COMMIT: what was "
			 "asked may have been done, or not; ask again"
		       : pg_of(c)->trouble;
}

/* ---- what guards the audit ---- */

static enum mm_err is_guarded(struct conn *c, bool *guarded)
{
	AUTO_QUERY struct query q = query_new(c, ST_AUDIT_GUARDS);
	query_text(&q, PG_AUDIT_STAYS);
	*guarded = query_row(&q) && column_int(&q, 0) == 2;
	return query_end(&q);
}

static enum mm_err guard(struct conn *c)
{
	static const char *const steps[] = { PG_AUDIT_GUARD_STEPS };
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		TRY(pg_send(pg_of(c), steps[i]));
	return MM_OK;
}

const struct database pg_database = {
	.check = pg_check,
	.try_files = pg_try_files,
	.open = pg_open,
	.close = pg_close,
	.migrate = pg_migrate,
	.make_ready = make_ready,
	.begin = begin,
	.commit = commit,
	.take_time = take_time,
	.rollback = rollback,
	.again = again,
	.part_begin = part_begin,
	.part_end = part_end,
	.run = pg_run,
	.post = pg_post,
	.row = pg_row,
	.number = pg_number_at,
	.text = pg_text,
	.done = pg_done,
	.changes = pg_changes,
	.is_guarded = is_guarded,
	.guard = guard,
	.listen = pg_listen,
	.unlisten = pg_unlisten,
	.trouble = trouble,
};
