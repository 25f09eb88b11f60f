/* store_sqlite_conn.c - SQLite itself: connections, statements, results. */
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "issuer/store_sqlite.h"

#define CHECKPOINT_PAGES 1000 /* in the log: 4 MB, SQLite's own default */

static const char *const sql[ST_COUNT] = {
#define X(name, text) [ST_##name] = text,
	STATEMENTS(X)
#undef X
};

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

static enum mm_err err_of(sqlite3_stmt *st, int rc)
{
	sqlite3 *db = sqlite3_db_handle(st);
	stop_if_unsynced(db);
	enum mm_err e = err_of_code(rc);
	if (e == MM_ERR_UNAVAILABLE)
		log_event(LOG_ERR, "store.error", "code=%d detail=%s",
			  sqlite3_extended_errcode(db), sqlite3_errmsg(db));
	return e;
}

/* ---- one run of a statement ---- */

struct query query_new(struct conn *c, enum statement which)
{
	return (struct query){ .st = c->st[which], .rc = SQLITE_OK };
}

void query_int(struct query *q, int64_t v)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_int64(q->st, ++q->bound, v);
}

/* NULL binds SQL NULL.  The text must stay until the query is freed. */
void query_text(struct query *q, const char *text)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_text(q->st, ++q->bound, text, -1,
					  SQLITE_STATIC);
}

bool query_row(struct query *q)
{
	if (q->rc == SQLITE_OK || q->rc == SQLITE_ROW)
		q->rc = sqlite3_step(q->st);
	return q->rc == SQLITE_ROW;
}

enum mm_err query_end(struct query *q)
{
	return err_of(q->st, q->rc);
}

void query_free(struct query *q)
{
	sqlite3_reset(q->st);
	sqlite3_clear_bindings(q->st);
}

enum mm_err query_run(struct query *q)
{
	while (query_row(q)) {}
	return query_end(q);
}

int64_t column_int(struct query *q, int i)
{
	return sqlite3_column_int64(q->st, i);
}

void column_text(struct query *q, int i, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(q->st, i);
	if (text == NULL && sqlite3_column_type(q->st, i) != SQLITE_NULL)
		q->rc = SQLITE_NOMEM;
	snprintf(to, size, "%s", text ? text : "");
}

int64_t conn_changes(struct conn *c)
{
	return sqlite3_changes64(c->db);
}

/* ---- connections ---- */

enum mm_err conn_exec(struct conn *c, const char *text)
{
	int rc = sqlite3_exec(c->db, text, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		stop_if_unsynced(c->db);
	return err_of_code(rc);
}

enum mm_err conn_open(struct conn *c, const char *path, int flags)
{
	int rc = sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX,
				 NULL);
	if (rc != SQLITE_OK)
		return MM_ERR_UNAVAILABLE;
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, 5000);
	return MM_OK;
}

/* As SQLite does it by itself, but that keeps to itself what came of it. */
static int checkpoint(void *ctx, sqlite3 *db, const char *name, int pages)
{
	(void)ctx;
	if (pages >= CHECKPOINT_PAGES &&
	    sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL,
				      NULL) != SQLITE_OK)
		stop_if_unsynced(db);
	return SQLITE_OK; /* the commit stands; later ones try again */
}

void conn_checkpoints(struct conn *c)
{
	sqlite3_wal_hook(c->db, checkpoint, NULL);
}

enum mm_err conn_prepare(struct conn *c)
{
	for (int i = 0; i < ST_COUNT; i++)
		if (sqlite3_prepare_v3(c->db, sql[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &c->st[i],
				       NULL) != SQLITE_OK)
			return MM_ERR_UNAVAILABLE;
	return MM_OK;
}

void conn_close(struct conn *c)
{
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(c->st[i]);
	sqlite3_close(c->db);
}

enum mm_err conn_pragma(struct conn *c, const char *text, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	enum mm_err e = MM_ERR_UNAVAILABLE;
	if (sqlite3_prepare_v2(c->db, text, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		e = MM_OK;
	}
	sqlite3_finalize(st);
	return e;
}

/* A COMMIT that failed leaves the connection in the past: who reads there would
 * never see what was changed since.  Tried until there is memory for it. */
static struct conn *to_present(struct conn *c)
{
	if (!sqlite3_get_autocommit(c->db))
		(void)!conn_exec(c, "ROLLBACK");
	return c;
}

struct conn *store_reader(struct store *s)
{
	for (int i = 0; i < STORE_READERS; i++)
		if (pthread_mutex_trylock(&s->reader[i].lock) == 0)
			return to_present(&s->reader[i]);
	unsigned turn = atomic_fetch_add(&s->reader_turn, 1);
	struct conn *c = &s->reader[turn % STORE_READERS];
	pthread_mutex_lock(&c->lock); /* all busy: queue, evenly */
	return to_present(c);
}

void store_reader_done(struct conn **c)
{
	pthread_mutex_unlock(&(*c)->lock);
}
