/* store_sqlite.h - SQLite, as the files that know it share it.
 *
 * One connection writes and checkpoints, in one thread; the others are
 * opened read-only (SQLite 3.40 can corrupt its WAL when two connections
 * checkpoint and commit at once).
 */
#ifndef MM_ISSUER_STORE_SQLITE_H
#define MM_ISSUER_STORE_SQLITE_H

#include <limits.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "issuer/store_db.h"
#include "issuer/store_sqlite_sql.h"

struct sqlite_file {
	dev_t dev;
	ino_t ino; /* 0: not known */
};

struct sqlite_conn {
	struct conn base;
	sqlite3 *db;
	char path[PATH_MAX]; /* as it was opened: what it leads to may change */
	/* Of the one that writes: what it has open, and whether the last commit
	 * found another there. */
	struct sqlite_file file, log;
	bool moved;
	sqlite3_stmt *st[ST_COUNT];
	/* Of the one that writes (sqlite_lock()); else -1. */
	int lock_fd, file_lock_fd;
	int64_t was; /* the version that it found; 0: no store yet */
};

/* Not connected to anything yet; NULL: no memory. */
struct sqlite_conn *sqlite_conn_new(bool writes);
MM_MUST_USE enum mm_err sqlite_open(const char *path, bool writes,
				    struct conn **out, struct why *why);
void sqlite_close(struct conn *c);
MM_MUST_USE enum mm_err sqlite_migrate(const char *path, int64_t *from,
				       struct why *why);

/* Opens c->db, for reading alone where c does not write. */
MM_MUST_USE enum mm_err sqlite_open_file(struct sqlite_conn *c,
					 const char *path);
/* The one number that a text answers with. */
MM_MUST_USE enum mm_err sqlite_number(struct sqlite_conn *c, const char *text,
				      int64_t *out);
MM_MUST_USE enum mm_err sqlite_exec(struct sqlite_conn *c, const char *text);
/* All of them, so that a file of another shape is found when it is opened. */
MM_MUST_USE enum mm_err sqlite_prepare(struct sqlite_conn *c);
/* The file that `path` leads to, through links, also where it is not there yet.
 * False: errno says why. */
bool sqlite_file_of(const char *path, char out[PATH_MAX]);
/* Until sqlite_unlock(), no other takes that path, or another path to the same
 * file (lock_take()).  MM_ERR_CONFLICT: another has it. */
MM_MUST_USE enum mm_err sqlite_lock(struct sqlite_conn *c, const char *path,
				    struct why *why);
void sqlite_unlock(struct sqlite_conn *c);
/* Say it, and remember it beside the file (store_sqlite_damage.c). */
void sqlite_note_damage(struct sqlite_conn *c);
/* Was it noted? */
bool sqlite_has_mark(const char *path);
/* Was it, and is it still?  Reads all of a file that was; nobody uses it. */
bool sqlite_was_damaged(const char *path);
/* Of the one that writes, in a transaction of its own: would what it commits be
 * lost?  (store_sqlite_moved.c) */
bool sqlite_is_moved(struct sqlite_conn *c);
/* Of the one that writes, which has the lock: is the log that lies beside the
 * file of another one?  MM_ERR_CONFLICT.  Before it is opened. */
MM_MUST_USE enum mm_err sqlite_check_log(const struct sqlite_conn *c,
					 const char *path, struct why *why);
/* And when it is open: this is its file. */
void sqlite_note_file(const struct sqlite_conn *c);
/* For the one that writes: copy the log into the file from time to time, and
 * stop the process when the disk does not take that (design, section 10). */
void sqlite_checkpoints(struct sqlite_conn *c);

#endif
