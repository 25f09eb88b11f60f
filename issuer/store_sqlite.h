/* store_sqlite.h - inside the SQLite store: connections, statements and the
 * group commit that its .c files share.
 *
 * One connection writes and checkpoints, in one thread; the others are
 * opened read-only (SQLite 3.40 can corrupt its WAL when two connections
 * checkpoint and commit at once).
 */
#ifndef MM_ISSUER_STORE_SQLITE_H
#define MM_ISSUER_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "issuer/store.h"
#include "issuer/store_sqlite_sql.h"

#define STORE_READERS 4

struct conn {
	sqlite3 *db;
	sqlite3_stmt *st[ST_COUNT];
	pthread_mutex_t lock; /* readers: one user at a time */
};

/* One change, waiting for its place in a transaction. */
struct job {
	enum mm_err (*run)(struct conn *c, void *arg);
	void *arg;
	enum mm_err result;
	bool done;
	struct job *next;
};

struct store {
	struct conn writer;
	struct conn reader[STORE_READERS];
	atomic_uint reader_turn;
	int lock_fd;
	void (*wake)(void *);
	void *wake_ctx;

	pthread_mutex_t counting; /* guards what was counted last: */
	struct store_stats counted;
	int64_t count_again; /* clock_ms(): not before */

	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* guards the queue and the jobs in it */
	pthread_cond_t queued, finished;
	struct job *first, **last;
	bool stopping;
};

MM_MUST_USE enum mm_err conn_open(struct conn *c, const char *path, int flags);

/* For the one that writes: copy the log into the file from time to time, and
 * stop the process when the disk does not take that (design, section 10). */
void conn_checkpoints(struct conn *c);
MM_MUST_USE enum mm_err conn_prepare(struct conn *c);
MM_MUST_USE enum mm_err conn_exec(struct conn *c, const char *text);
/* The number that a statement answers with. */
MM_MUST_USE enum mm_err conn_pragma(struct conn *c, const char *text,
				    int64_t *out);
void conn_close(struct conn *c);

/* Run `run(writer, arg)` in a savepoint of the next transaction, and return
 * when that is on the disk. */
MM_MUST_USE enum mm_err store_write(struct store *s,
				    enum mm_err (*run)(struct conn *, void *),
				    void *arg);

/* A reading connection to oneself, given back by AUTO_READER. */
struct conn *store_reader(struct store *s);
void store_reader_done(struct conn **c);
#define AUTO_READER __attribute__((cleanup(store_reader_done)))

/* ---- one run of a prepared statement ----
 *
 *	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_GET);
 *	query_int(&q, list);
 *	while (query_row(&q))
 *		use(column_int(&q, 0));
 *	return query_end(&q);
 *
 * Failures stick: bind and step without asking, ask query_end() once. */
struct query {
	sqlite3_stmt *st;
	int bound, rc;
};

struct query query_new(struct conn *c, enum statement which);
void query_int(struct query *q, int64_t v);
void query_text(struct query *q, const char *text);
bool query_row(struct query *q);
MM_MUST_USE enum mm_err query_end(struct query *q);
void query_free(struct query *q);
#define AUTO_QUERY __attribute__((cleanup(query_free)))

int64_t column_int(struct query *q, int i);
/* Into a NUL-ended array; cut at its size (rows were checked going in). */
void column_text(struct query *q, int i, char *to, size_t size);

/* Run a statement that returns no rows. */
MM_MUST_USE enum mm_err query_run(struct query *q);
/* Rows that the writer's last statement changed. */
int64_t conn_changes(struct conn *c);

/* ---- pieces that several verbs use, inside a transaction ---- */

/* Give e its number and append it to the log. */
MM_MUST_USE enum mm_err log_append(struct conn *c, struct event *e);
/* Add a line to the audit: of the entry, by the stamp. */
MM_MUST_USE enum mm_err audit_append(struct conn *c,
				     const struct audit_entry *e,
				     const struct stamp *stamp);
/* When the store is opened, outside of a transaction: are the triggers that
 * refuse to change the audit in their place?  If not they are put back, and the
 * log and the audit say so. */
MM_MUST_USE enum mm_err audit_guard(struct conn *c, const char *path,
				    struct why *why);
/* Change a token's status, and say so in the audit; the event says what lists
 * are to say. */
MM_MUST_USE enum mm_err token_mark(struct conn *c, const struct token_row *t,
				   enum token_status to,
				   const struct stamp *stamp);
/* It was warned of the end `dies_at` that `t` has, `before` seconds ahead; a
 * no-op when the token has another end by now. */
MM_MUST_USE enum mm_err token_warned(struct conn *c, const struct token_row *t,
				     int64_t dies_at, int64_t before);
/* The columns of TOKEN_COLUMNS, in their order. */
void token_row_read(struct query *q, struct token_row *out);
MM_MUST_USE enum mm_err token_find(struct conn *c, uint32_t list, uint32_t idx,
				   struct token_row *out);

/* store_repeat() inside a transaction, for the verb that is to do it; NULL
 * is a request that may be done again. */
MM_MUST_USE enum mm_err repeat_seen(struct conn *c, struct repeat *r);
MM_MUST_USE enum mm_err repeat_put(struct conn *c, const struct repeat *r,
				   const struct token_row *t);

#endif
