/* store_sqlite_moved.c - which file it is that a store has at its path, and
 * whose log lies beside it.
 *
 * SQLite goes on in files that were removed, or that another was put in the
 * place of, and with them all of it is lost when they are closed: so nothing
 * is kept there.  And it takes any log that it finds for that of the file: what
 * a mint left that was killed would be written over a backup, page by page.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "issuer/store.h"
#include "issuer/store_sqlite.h"

#define NUMBER_SIZE 24

/* ---- while it is used ---- */

/* False: it cannot be told.  *out is empty where there is none. */
static bool look(const char *path, struct sqlite_file *out)
{
	struct stat st;
	*out = (struct sqlite_file){ .ino = 0 };
	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR;
	*out = (struct sqlite_file){ .dev = st.st_dev, .ino = st.st_ino };
	return true;
}

static bool is_another(const char *path, struct sqlite_file *was)
{
	struct sqlite_file is;
	if (!look(path, &is))
		return false;
	if (was->ino == 0) /* the first time */
		*was = is;
	return is.dev != was->dev || is.ino != was->ino;
}

bool sqlite_is_moved(struct sqlite_conn *c)
{
	const char *file = sqlite3_db_filename(c->db, NULL);
	c->moved = is_another(c->path, &c->file) ||
		   is_another(sqlite3_filename_wal(file), &c->log);
	return c->moved;
}

/* ---- whose log is it? ---- */

/* The lock of the file itself, which is kept: in it stands the file's number as
 * of when it was opened last. */
static int lock_of(const struct sqlite_conn *c)
{
	return c->file_lock_fd >= 0 ? c->file_lock_fd : c->lock_fd;
}

/* 0: not known, as to a release that did not write it. */
static uintmax_t noted(const struct sqlite_conn *c)
{
	char text[NUMBER_SIZE] = "";
	ssize_t n = pread(lock_of(c), text, sizeof text - 1, 0);
	return n > 0 ? strtoumax(text, NULL, 10) : 0;
}

static bool has_log(const char *file)
{
	char log[PATH_MAX + 8];
	struct stat st;
	snprintf(log, sizeof log, "%s-wal", file);
	return stat(log, &st) == 0 && st.st_size != 0;
}

enum mm_err sqlite_check_log(const struct sqlite_conn *c, const char *path,
			     struct why *why)
{
	char file[PATH_MAX];
	struct stat st;
	uintmax_t was = noted(c);
	if (was == 0 || !sqlite_file_of(path, file) || stat(file, &st) != 0 ||
	    was == st.st_ino || !has_log(file))
		return MM_OK;
	return why_say(why, MM_ERR_CONFLICT, "data",
		       "mintmark.db-wal is the log of another mintmark.db, and "
		       "would be written over the one that lies there.  Was "
		       "that put back from a backup? move the -wal aside (keep "
		       "it), and start once with --restored.  Did both come "
		       "together, of a whole folder? take mintmark.db.lock "
		       "away, and start again");
}

enum mm_err store_check_restored(const char *path, struct why *why)
{
	char file[PATH_MAX];
	if (!sqlite_file_of(path, file) || !has_log(file))
		return MM_OK;
	return why_say(why, MM_ERR_CONFLICT, "data",
		       "beside mintmark.db lies mintmark.db-wal, which would "
		       "be written over a backup.  Was it left by the store of "
		       "before? move it aside (keep it).  Is it this one's own "
		       "(a snapshot of the whole folder, or a start with "
		       "--restored that was killed)? take it in: sqlite3 "
		       "mintmark.db 'PRAGMA wal_checkpoint(TRUNCATE)'");
}

void sqlite_note_file(const struct sqlite_conn *c)
{
	char text[NUMBER_SIZE];
	struct stat st;
	int fd = lock_of(c);
	if (stat(c->path, &st) != 0 || noted(c) == st.st_ino)
		return;
	int n = snprintf(text, sizeof text, "%ju\n", (uintmax_t)st.st_ino);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n ||
	    fdatasync(fd) != 0)
		log_event(LOG_WARNING, "store.not_noted",
			  "detail=which file it is cannot be written into "
			  "%s.lock: a log of another one may not be known for "
			  "that",
			  c->path);
}
