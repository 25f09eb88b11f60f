/* store_copy.h - a whole store, out of a file and into PostgreSQL.
 *
 * Row by row, each value as it is: so ids, what is revoked, the epoch and the
 * numbers of events stay, and whoever follows goes on.  In one transaction
 * there: if it ends before its end, nothing was copied.
 */
#ifndef MM_ISSUER_STORE_COPY_H
#define MM_ISSUER_STORE_COPY_H

#include "issuer/store_db.h"

#define COPY_COLUMNS 24

/* clang-format off */
/* Every table: its name, and its columns in PostgreSQL. */
#define COPY_TABLES(X)                                                        \
	X(meta,   "iss, epoch, began")                                        \
	X(head,   "seq, version")                                             \
	X(event,  "seq, at, body, history")                                   \
	X(key,    "kid, jwk, seq, last_exp, gone, signs, announced, stopped") \
	X(list,   "list, kind, expires, size, next, dead")                    \
	X(token,  "list, idx, " USER ", label, scope, audience, kid,"         \
		  " created_by, changed_by, iat, exp, auto_refresh,"          \
		  " last_use, dies_at, status, changed_at, revoke_at, cidr,"  \
		  " seen_at, seen_door, seen_from, warned")                   \
	X(repeat, "name, request, at, list, idx")                             \
	X(audit,  "seq, line")
/* clang-format on */

enum copy_table {
#define X(name, columns) COPY_##name,
	COPY_TABLES(X)
#undef X
		COPY_COUNT
};

struct copy {
	/* Told before all of the file is read, for some 20 s for each million
	 * of tokens: is it sound? */
	void (*checks)(const struct copy *c);
	/* Told after each thousand rows, and at the end of each table. */
	void (*progress)(const struct copy *c, enum copy_table t, bool end);
	int64_t rows[COPY_COUNT]; /* that were copied */
};

extern const char *const copy_names[COPY_COUNT];
extern const char *const copy_columns[COPY_COUNT];

/* From `path` to `where` (postgresql://...).  Refused: a file that a daemon
 * holds (MM_ERR_CONFLICT), is damaged or was said to be (MM_ERR_MALFORMED) or
 * is of another version (MM_ERR_VERSION), a database with a store in it
 * (MM_ERR_CONFLICT).  *why is always filled in. */
MM_MUST_USE enum mm_err store_copy(const char *path, const char *where,
				   struct copy *c, struct why *why);

/* ---- the two ends ---- */

/* Held against daemons, sound, and read as of now. */
MM_MUST_USE enum mm_err sqlite_copy_open(const char *path,
					 const struct copy *copy,
					 struct conn **out, struct why *why);
/* Calls put(ctx, values, count) for each row, until that fails. */
MM_MUST_USE enum mm_err
sqlite_copy_rows(struct conn *c, enum copy_table t,
		 enum mm_err (*put)(void *, const struct value *, int),
		 void *ctx);

/* Could it be copied there?  Before the file is read, which takes long. */
MM_MUST_USE enum mm_err pg_copy_check(const char *where, struct why *why);
/* In a transaction, with new and empty tables. */
MM_MUST_USE enum mm_err pg_copy_open(const char *where, struct conn **out,
				     struct why *why);
MM_MUST_USE enum mm_err pg_copy_begin(struct conn *c, enum copy_table t);
MM_MUST_USE enum mm_err pg_copy_put(struct conn *c, const struct value *v,
				    int count);
/* MM_ERR_CONFLICT: there are not so many rows. */
MM_MUST_USE enum mm_err pg_copy_end(struct conn *c, int64_t rows);
/* Durable; MM_ERR_UNSURE: all of it, or nothing. */
MM_MUST_USE enum mm_err pg_copy_commit(struct conn *c);

#endif
