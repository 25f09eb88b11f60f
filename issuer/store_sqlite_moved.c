/* store_sqlite_moved.c - is the file that a store has open the one at its path
 * still, and is its log?  SQLite goes on in files that were removed, or that
 * another was put in the place of, and with them all of it is lost when they
 * are closed: so nothing is kept there.
 */
#include <errno.h>
#include <sys/stat.h>

#include "issuer/store_sqlite.h"

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
