/* store_pg.h - PostgreSQL, as the files that know it share it (libpq). */
#ifndef MM_ISSUER_STORE_PG_H
#define MM_ISSUER_STORE_PG_H

#include <libpq-fe.h>

#include "issuer/store_db.h"
#include "issuer/store_pg_sql.h"

/* For an answer: longer than the database has for a statement. */
#define PG_ANSWER_MS 12000
#define PG_LONG_MS   (3600 * 1000) /* take_time() */

struct pg_conn {
	struct conn base;
	PGconn *pg; /* NULL: not connected */
	char *where;
	bool prepared[ST_COUNT];
	bool saw_timeline;   /* in the transaction under way */
	bool knows_timeline; /* and in one that was committed */

	/* Of the one that writes, whose statements are sent one behind the
	 * other, and answered later (libpq's pipeline mode). */
	unsigned pending;   /* answers that have not been read */
	size_t unanswered;  /* bytes of theirs */
	size_t unsynced;    /* and since the last Sync */
	enum mm_err failed; /* of the transaction, or MM_OK */
	bool worth_again;   /* and it was nobody's fault */
	bool may_be_done;   /* if it was the COMMIT that failed */
	bool has_events;    /* others are to be told */
	bool tells;	    /* NOTIFY is known there */
	bool unsure;	    /* it broke at COMMIT: all was done, or nothing */
	int64_t changed;    /* rows, by the last statement */
	int64_t failing_since; /* clock_ms(); 0: all is well */
	int64_t next_try;      /* to connect: not before */
	int64_t patience_ms;   /* for one answer */

	char trouble[480]; /* of one line */
};

static inline struct pg_conn *pg_of(struct conn *c)
{
	return (struct pg_conn *)c; /* its first member */
}

MM_MUST_USE enum mm_err pg_check(const char *where, struct why *why);
/* Of an address, or of a connection; "": it does not say, or o is NULL. */
const char *pg_option(const PQconninfoOption *o, const char *name);
MM_MUST_USE enum mm_err pg_open(const char *where, bool writes,
				struct conn **out, struct why *why);
void pg_close(struct conn *c);

/* (Re)connect; MM_ERR_UNAVAILABLE, and c->trouble says why. */
MM_MUST_USE enum mm_err pg_connect(struct pg_conn *c);
void pg_disconnect(struct pg_conn *c);

/* ---- the password (store_pg_pass.c) ---- */

/* store_try_files() */
MM_MUST_USE enum mm_err pg_try_files(const char *where, struct why *why);
/* Of a connection that failed.  If it had no password to give, or a wrong one:
 * add to c->trouble where it was looked for, and why there was none. */
void pg_say_password(struct pg_conn *c);

/* ---- asking ---- */

/* One statement or several, without values; waits for the answer.  Not while
 * there are others without one. */
MM_MUST_USE enum mm_err pg_exec(struct pg_conn *c, const char *text);
/* The same; each() gets what it answers with. */
MM_MUST_USE enum mm_err pg_each(struct pg_conn *c, const char *text,
				void (*each)(void *, const PGresult *),
				void *ctx);
/* The one number that a text answers with; *found is false where no row, or
 * NULL, does. */
MM_MUST_USE enum mm_err pg_number(struct pg_conn *c, const char *text,
				  bool *found, int64_t *out);

/* ---- tables (store_pg_tables.c) ---- */

/* Those of this version, where there are none; are they of this version? */
MM_MUST_USE enum mm_err pg_tables_make(struct pg_conn *c);
MM_MUST_USE enum mm_err pg_tables_check(struct pg_conn *c, struct why *why);
/* In a transaction.  Are there any?  Until it ends, nobody else makes or
 * migrates them. */
MM_MUST_USE enum mm_err pg_tables_find(struct pg_conn *c, bool *found);
/* In a transaction: make them, without a row, not in head either. */
MM_MUST_USE enum mm_err pg_tables_lay(struct pg_conn *c);
/* Begin one that may take its time, as somebody waits for it. */
MM_MUST_USE enum mm_err pg_transaction_long(struct pg_conn *c);
/* COMMIT; MM_ERR_UNSURE: the connection broke, and so nobody knows. */
MM_MUST_USE enum mm_err pg_transaction_end(struct pg_conn *c);
MM_MUST_USE enum mm_err pg_migrate(const char *where, int64_t *from,
				   struct why *why);

struct pg_step {
	int to;
	const char *text;
};
/* In order; the last has `to` 0. */
extern const struct pg_step pg_steps[];

/* ---- answers (store_pg_answer.c) ---- */

/* The next answer.  NULL: there is none, or the connection is broken, and then
 * closed. */
PGresult *pg_answer(struct pg_conn *c);
/* What an answer says, noted in c->trouble if it is a failure. */
MM_MUST_USE enum mm_err pg_judge(struct pg_conn *c, const PGresult *r);
/* The connection is of no use any more (why NULL: as libpq says): what was
 * under way in it is undone, unless it was the COMMIT. */
void pg_broken(struct pg_conn *c, const char *why);

/* ---- statements (store_pg_send.c) ---- */

/* The transaction has failed: the first failure counts. */
enum mm_err pg_failed(struct pg_conn *c, enum mm_err e);
/* In the pipeline: send a text; have all answers so far (rows: the last one's,
 * NULL: none), and leave nothing open behind what failed. */
MM_MUST_USE enum mm_err pg_send(struct pg_conn *c, const char *text);
MM_MUST_USE enum mm_err pg_fetch_now(struct pg_conn *c, PGresult **rows);

/* store_db.h */
MM_MUST_USE enum mm_err pg_listen(const char *where, void (*wake)(void *),
				  void *ctx, struct listener **out,
				  struct why *why);
void pg_unlisten(struct listener *l);
void pg_run(struct query *q);
void pg_post(struct query *q);
bool pg_row(struct query *q);
int64_t pg_number_at(struct query *q, int column);
const char *pg_text(struct query *q, int column);
void pg_done(struct query *q);
int64_t pg_changes(struct conn *c);

#endif
