/* store_db.h - a database, as the store sees it: connections, transactions,
 * and one run of a prepared statement.
 *
 * The verbs (store_mint.c and others) are written once, on this.  Behind it
 * are SQLite (store_sqlite.c) and PostgreSQL (store_pg.c).
 *
 * Threads: a connection is used by one at a time.
 */
#ifndef MM_ISSUER_STORE_DB_H
#define MM_ISSUER_STORE_DB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/history.h"
#include "issuer/store_sql.h"

/* What to do about a store that is damaged, for people. */
#define STORE_DAMAGED_DO                                                       \
	"move mintmark.db* aside (keep them), put a backup in their place, "   \
	"and start once with --restored (SECURITY.md, When the store is "      \
	"damaged)"

#define STORE_VERSION 3	 /* of the tables, in both */
#define QUERY_VALUES  14 /* that a statement may be given */

enum statement {
#define X(name, sql) ST_##name,
	STATEMENTS(X)
#undef X
		ST_COUNT
};

struct query;
struct listener;
struct furthest; /* issuer/store_internal.h */

/* The ends of the log and of the audit, as of the transaction that is under
 * way: read once in it, and then counted on. */
struct tail {
	bool has_seq, has_line;
	uint64_t seq;
	uint64_t head; /* what the row of head says; seq goes ahead of it */
	char history[HISTORY_SIZE]; /* at seq */
	struct newest end;	    /* of the audit, with has_line ... */
	bool is_whole;		    /* ... and what furthest_look() said */
	uint32_t live; /* a list that is not dead; 0: none is known */
};

/* A connection.  Databases put it first in one of their own. */
struct conn {
	const struct database *db;
	struct tail tail;
	bool writes;
	pthread_mutex_t lock; /* of one that reads: who has it */
	/* To be set where what is stored turns out to be damaged; the store's,
	 * and NULL until it is open. */
	atomic_bool *damaged;
	bool was_damaged;	   /* what it was opened on */
	struct furthest *furthest; /* the store's; NULL until it is open */
};

enum again {
	AGAIN_NEVER,
	AGAIN_SAME, /* it failed through nobody's fault, and came to nothing */
	AGAIN_APART /* one of the parts is at fault: each by itself */
};

/* A kind of database. */
struct database {
	/* store_check_address(); NULL: it has none, but a file */
	enum mm_err (*check)(const char *where, struct why *why);
	/* store_try_files(); NULL: it names none */
	enum mm_err (*try_files)(const char *where, struct why *why);
	/* A connection to `where`: the one that writes (it makes the tables,
	 * or brings those of an older version up), or one that reads. */
	enum mm_err (*open)(const char *where, bool writes, struct conn **out,
			    struct why *why);
	/* store_migrate() */
	enum mm_err (*migrate)(const char *where, int64_t *from,
			       struct why *why);
	/* NULL is allowed. */
	void (*close)(struct conn *c);
	/* Before one that reads is used again: out of a transaction that
	 * could not be ended, or connected anew. */
	void (*make_ready)(struct conn *c);

	/* A transaction of changes: nobody else changes anything until it has
	 * ended; MM_ERR_EPOCH: it is begun, in a database that took over from
	 * another and may lack its newest changes.  One of reading: all of it
	 * sees one state. */
	enum mm_err (*begin)(struct conn *c);
	/* MM_OK: it is durable. */
	enum mm_err (*commit)(struct conn *c);
	/* What follows in this transaction may take minutes.  NULL: anything
	 * may. */
	enum mm_err (*take_time)(struct conn *c);
	void (*rollback)(struct conn *c);
	/* After a rollback, of one part or of several together: is it worth
	 * doing again?  May wait a moment.  NULL: it never is. */
	enum again (*again)(struct conn *c, bool together);
	/* One part of a transaction: kept, or undone by itself.  Its own
	 * failure is `e`; what is returned has broken the whole. */
	enum mm_err (*part_begin)(struct conn *c);
	enum mm_err (*part_end)(struct conn *c, enum mm_err e);

	/* Run q->which with q->value; then row by row.  Failures are put into
	 * q->failed. */
	void (*run)(struct query *q);
	/* The same for one without rows, whose failure may be told by a later
	 * one, or by commit().  NULL: run(), and row(). */
	void (*post)(struct query *q);
	bool (*row)(struct query *q);
	int64_t (*number)(struct query *q, int column);	  /* NULL is 0 */
	const char *(*text)(struct query *q, int column); /* or NULL */
	void (*done)(struct query *q);
	/* Rows that the last statement changed. */
	int64_t (*changes)(struct conn *c);

	/* The triggers by which the audit is only added to: are they there?
	 * Put them there. */
	enum mm_err (*is_guarded)(struct conn *c, bool *guarded);
	enum mm_err (*guard)(struct conn *c);
	/* Call wake(ctx) when another issuer may have added events; NULL: there
	 * is no other. */
	enum mm_err (*listen)(const char *where, void (*wake)(void *),
			      void *ctx, struct listener **out,
			      struct why *why);
	void (*unlisten)(struct listener *l);
	/* What the database said of its last failure; never NULL. */
	const char *(*trouble)(struct conn *c);
};

extern const struct database sqlite_database, pg_database;

/* ---- one run of a prepared statement ----
 *
 *	AUTO_QUERY struct query q = query_new(c, ST_TOKEN_GET);
 *	query_int(&q, list);
 *	while (query_row(&q))
 *		use(column_int(&q, 0));
 *	return query_end(&q);
 *
 * Failures stick: bind and step without asking, ask query_end() once. */
struct value {
	const char *text; /* NULL with is_text: SQL NULL */
	int64_t number;
	bool is_text;
};

struct query {
	struct conn *c;
	enum statement which;
	struct value value[QUERY_VALUES];
	int bound;
	bool ran, ended;
	enum mm_err failed;
	void *rows; /* the database's */
	int at;
};

struct query query_new(struct conn *c, enum statement which);
void query_int(struct query *q, int64_t v);
/* NULL is SQL NULL.  The text must stay until the query is freed. */
void query_text(struct query *q, const char *text);
bool query_row(struct query *q);
MM_MUST_USE enum mm_err query_end(struct query *q);
void query_free(struct query *q);
#define AUTO_QUERY __attribute__((cleanup(query_free)))

int64_t column_int(struct query *q, int i);
bool column_is_null(struct query *q, int i);
/* Into a NUL-ended array; cut at its size (rows were checked going in). */
void column_text(struct query *q, int i, char *to, size_t size);

/* Run a statement that returns no rows. */
MM_MUST_USE enum mm_err query_run(struct query *q);
/* Run one that is given nothing and returns none. */
MM_MUST_USE enum mm_err query_plain(struct conn *c, enum statement which);
/* The number that one answers with which is given nothing; 0 for NULL. */
MM_MUST_USE enum mm_err query_one(struct conn *c, enum statement which,
				  int64_t *out);
/* Rows that the writer's last statement changed. */
int64_t conn_changes(struct conn *c);

#endif
