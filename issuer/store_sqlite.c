/* store_sqlite.c - SQLite itself: statements, transactions, results. */
#include "issuer/store_sqlite.h"

#include <unistd.h>

#include "common/log.h"

#define CHECKPOINT_PAGES 1000 /* in the log: 4 MB, SQLite's own default */

static const char *const sql[ST_COUNT] = {
#define X(name, text) [ST_##name] = text,
	STATEMENTS(X)
#undef X
};

static struct sqlite_conn *of(struct conn *c)
{
	return (struct sqlite_conn *)c; /* its first member */
}

/* ---- results ---- */

/* After a failed fsync nobody knows what the disk has, and SQLite would go
 * on: stop, so that a restart reads back what is really there. */
static void stop_if_unsynced(sqlite3 *db)
{
	int rc = sqlite3_extended_errcode(db);
	if (rc != SQLITE_IOERR_FSYNC && rc != SQLITE_IOERR_DIR_FSYNC)
		return;
	log_event(LOG_ERR, "store.fsync_failed",
		  "detail=the disk did not take a write: stopping, nothing "
		  "unacknowledged is lost; check the disk and start again");
	_exit(70);
}

static enum mm_err err_of_code(int rc)
{
	switch (rc & 0xff) { /* SQLITE_BUSY_RECOVERY is busy, too */
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return MM_OK;
	case SQLITE_FULL:
		return MM_ERR_FULL;
	case SQLITE_BUSY:
		return MM_ERR_BUSY;
	case SQLITE_NOMEM:
		return MM_ERR_NOMEM;
	case SQLITE_CONSTRAINT:
		return MM_ERR_CONFLICT;
	default:
		return MM_ERR_UNAVAILABLE;
	}
}

/* What lies on the other pages can be read still, and agents are told of it:
 * so the mint goes on, and says so. */
static void note_damage(struct sqlite_conn *c, int rc)
{
	bool damaged =
		(rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
	if (!damaged || c->base.damaged == NULL ||
	    atomic_exchange(c->base.damaged, true))
		return;
	sqlite_note_damage(c);
}

static enum mm_err err_of(struct sqlite_conn *c, int rc)
{
	stop_if_unsynced(c->db);
	enum mm_err e = err_of_code(rc);
	if (e == MM_ERR_UNAVAILABLE)
		log_event(LOG_ERR, "store.error", "code=%d detail=%s",
			  sqlite3_extended_errcode(c->db),
			  sqlite3_errmsg(c->db));
	note_damage(c, rc);
	return e;
}

/* ---- one run of a statement ---- */

static int bind(sqlite3_stmt *st, int i, const struct value *v)
{
	return v->is_text ? sqlite3_bind_text(st, i, v->text, -1, SQLITE_STATIC)
			  : sqlite3_bind_int64(st, i, v->number);
}

static void run(struct query *q)
{
	sqlite3_stmt *st = of(q->c)->st[q->which];
	int rc = SQLITE_OK;
	q->rows = st;
	for (int i = 0; i < q->bound && rc == SQLITE_OK; i++)
		rc = bind(st, i + 1, &q->value[i]);
	if (rc != SQLITE_OK)
		q->failed = err_of(of(q->c), rc);
}

static bool row(struct query *q)
{
	int rc = sqlite3_step(q->rows);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		q->failed = err_of(of(q->c), rc);
	return rc == SQLITE_ROW;
}

static int64_t number(struct query *q, int column)
{
	return sqlite3_column_int64(q->rows, column);
}

static const char *text(struct query *q, int column)
{
	const char *t = (const char *)sqlite3_column_text(q->rows, column);
	if (t == NULL && sqlite3_column_type(q->rows, column) != SQLITE_NULL)
		q->failed = MM_ERR_NOMEM;
	return t;
}

static void done(struct query *q)
{
	sqlite3_reset(q->rows);
	sqlite3_clear_bindings(q->rows);
}

static int64_t changes(struct conn *c)
{
	return sqlite3_changes64(of(c)->db);
}

/* ---- transactions ---- */

enum mm_err sqlite_exec(struct sqlite_conn *c, const char *text)
{
	int rc = sqlite3_exec(c->db, text, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		stop_if_unsynced(c->db);
	note_damage(c, rc);
	return err_of_code(rc);
}

static bool in_transaction(struct sqlite_conn *c)
{
	return !sqlite3_get_autocommit(c->db);
}

static enum mm_err begin(struct conn *c)
{
	of(c)->moved = false;
	return sqlite_exec(of(c), c->writes ? "BEGIN IMMEDIATE" : "BEGIN");
}

static enum mm_err commit(struct conn *c)
{
	if (c->writes && sqlite_is_moved(of(c)))
		return MM_ERR_UNAVAILABLE;
	return sqlite_exec(of(c), "COMMIT");
}

static void rollback(struct conn *c)
{
	if (in_transaction(of(c)) && sqlite_exec(of(c), "ROLLBACK") != MM_OK)
		log_event(LOG_ERR, "store.rollback_failed", "detail=%s",
			  sqlite3_errmsg(of(c)->db));
}

static enum mm_err part_begin(struct conn *c)
{
	return sqlite_exec(of(c), "SAVEPOINT part");
}

static enum mm_err part_end(struct conn *c, enum mm_err e)
{
	if (!in_transaction(of(c))) /* a full disk may have ended it */
		return e != MM_OK ? e : MM_ERR_UNAVAILABLE;
	if (e != MM_OK)
		TRY(sqlite_exec(of(c), "ROLLBACK TO part"));
	return sqlite_exec(of(c), "RELEASE part");
}

/* A COMMIT that failed leaves the connection in the past: who reads there would
 * never see what was changed since.  Tried until there is memory for it. */
static void make_ready(struct conn *c)
{
	if (in_transaction(of(c)))
		(void)!sqlite_exec(of(c), "ROLLBACK");
}

/* ---- connections ---- */

/* As SQLite does it by itself, but that keeps to itself what came of it. */
static int checkpoint(void *ctx, sqlite3 *db, const char *name, int pages)
{
	int rc = SQLITE_OK;
	if (pages >= CHECKPOINT_PAGES)
		rc = sqlite3_wal_checkpoint_v2(
			db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc != SQLITE_OK)
		stop_if_unsynced(db);
	note_damage(ctx, rc);
	return SQLITE_OK; /* the commit stands; later ones try again */
}

void sqlite_checkpoints(struct sqlite_conn *c)
{
	sqlite3_wal_hook(c->db, checkpoint, c);
}

enum mm_err sqlite_prepare(struct sqlite_conn *c)
{
	for (int i = 0; i < ST_COUNT; i++)
		if (sqlite3_prepare_v3(c->db, sql[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &c->st[i],
				       NULL) != SQLITE_OK)
			return MM_ERR_UNAVAILABLE;
	return MM_OK;
}

static const char *trouble(struct conn *c)
{
	return of(c)->moved
		       ? "mintmark.db, or its -wal, was moved, removed or "
			 "replaced, and nothing is kept until it is back: "
			 "if it will not be, mintmark doctor says how to save "
			 "what mintmarkd has open, before it stops"
		       : sqlite3_errmsg(of(c)->db);
}

/* ---- what guards the audit ---- */

/* As SQLite keeps their text: so it is seen if another trigger has the name. */
static enum mm_err is_guarded(struct conn *c, bool *guarded)
{
	AUTO_QUERY struct query q = query_new(c, ST_AUDIT_GUARDS);
	query_text(&q, AUDIT_STAYS);
	query_text(&q, AUDIT_STANDS);
	*guarded = query_row(&q) && column_int(&q, 0) == 2;
	return query_end(&q);
}

static enum mm_err guard(struct conn *c)
{
	return sqlite_exec(of(c),
			   "DROP TRIGGER IF EXISTS audit_stays;"
			   "DROP TRIGGER IF EXISTS audit_stands;" AUDIT_STAYS
			   ";" AUDIT_STANDS);
}

const struct database sqlite_database = {
	.open = sqlite_open,
	.close = sqlite_close,
	.migrate = sqlite_migrate,
	.make_ready = make_ready,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.part_begin = part_begin,
	.part_end = part_end,
	.run = run,
	.row = row,
	.number = number,
	.text = text,
	.done = done,
	.changes = changes,
	.is_guarded = is_guarded,
	.guard = guard,
	.trouble = trouble,
};
