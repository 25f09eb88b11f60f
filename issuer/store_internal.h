/* store_internal.h - inside the store: its connections, the group commit, and
 * the pieces that several verbs use.
 *
 * One connection writes, in one thread; the others read.
 */
#ifndef MM_ISSUER_STORE_INTERNAL_H
#define MM_ISSUER_STORE_INTERNAL_H

#include <stdatomic.h>

#include "issuer/store.h"
#include "issuer/store_db.h"

#define STORE_READERS 4

/* One change, waiting for its place in a transaction.  It may be run more than
 * once: of an earlier run nothing is left but what it wrote into its arg. */
struct job {
	enum mm_err (*run)(struct conn *c, void *arg);
	void *arg;
	enum mm_err result;
	bool done;
	struct job *next;
};

/* How far the store was seen to have come, by any of its connections. */
struct furthest {
	pthread_mutex_t lock;
	struct newest at; /* the end of the audit, and of which history */
};

struct store {
	const struct database *db;
	struct conn *writer;
	struct conn *reader[STORE_READERS];
	atomic_uint reader_turn;
	struct listener *listener; /* NULL: this is the only issuer */
	void (*wake)(void *);
	void *wake_ctx;
	atomic_bool damaged;
	struct furthest furthest;

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

MM_MUST_USE enum mm_err epoch_new(char out[EPOCH_SIZE]);
/* By whom; it began later than `after`, whatever the clock says. */
struct beginning {
	struct stamp stamp;
	int64_t after;
};
/* A new epoch; lists end, and what is not known in them is revoked (see
 * store_begin_history()).  arg: the struct beginning. */
MM_MUST_USE enum mm_err history_begin(struct conn *c, void *arg);
/* Begin a transaction of changes; with a new history, if this database is
 * another than it was. */
MM_MUST_USE enum mm_err store_begin(struct conn *c);

MM_MUST_USE enum mm_err writer_start(struct store *s, struct why *why);
/* When all that waits has been done. */
void writer_stop(struct store *s);

/* Run `run(writer, arg)` as a part of the next transaction, and return when
 * that is durable. */
MM_MUST_USE enum mm_err store_write(struct store *s,
				    enum mm_err (*run)(struct conn *, void *),
				    void *arg);

/* A reading connection to oneself, given back by AUTO_READER. */
struct conn *store_reader(struct store *s);
void store_reader_done(struct conn **c);
#define AUTO_READER __attribute__((cleanup(store_reader_done)))

/* ---- how far it was seen to have come ---- */

/* The end of the audit that it had then; all 0: nothing was seen yet. */
void furthest_get(struct conn *c, struct newest *out);
/* The end of the audit now, and whether that has come from there. */
MM_MUST_USE enum mm_err furthest_look(struct conn *c, struct newest *is,
				      bool *whole);
/* One that was whole, and is durable. */
void furthest_note(struct conn *c, const struct newest *end);

/* ---- pieces that several verbs use, inside a transaction ---- */

/* Have head say the number of the newest event: once for all that a part has
 * appended.  (Each time that PostgreSQL's row is written in one transaction,
 * the next write goes through one version more of it.) */
MM_MUST_USE enum mm_err log_settle(struct conn *c);
/* The number of the newest event, and the history up to it. */
MM_MUST_USE enum mm_err log_end(struct conn *c, uint64_t *seq,
				char history[HISTORY_SIZE]);
/* Give e its number and append it to the log. */
MM_MUST_USE enum mm_err log_append(struct conn *c, struct event *e);
/* The end of the audit, into c->tail. */
MM_MUST_USE enum mm_err audit_find_end(struct conn *c);
/* Add a line to the audit: of the entry, by the stamp. */
MM_MUST_USE enum mm_err audit_append(struct conn *c,
				     const struct audit_entry *e,
				     const struct stamp *stamp);
/* When the store is opened: are the triggers that refuse to change the audit in
 * their place?  If not they are put back, and the log and the audit say so. */
MM_MUST_USE enum mm_err audit_guard(struct conn *c, const char *where,
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
