/* store_sqlite_check.c - a store that is a file, looked at (store_check.h). */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "issuer/store_check.h"
#include "issuer/store_sqlite.h"

#define URI_SIZE 4096

static const char *const pragma[] = {
	[STORE_PAGES] = "PRAGMA quick_check(1)",
	[STORE_INDEXES] = "PRAGMA integrity_check(1)",
};

/* SQLite's URI of a path (RFC 3986 s2.1).  False: it is too long. */
static bool write_uri(char out[URI_SIZE], const char *path, const char *query)
{
	size_t n = 0;
	n += (size_t)snprintf(out, URI_SIZE, "file:");
	for (; *path != '\0' && n < URI_SIZE; path++)
		n += (size_t)snprintf(out + n, URI_SIZE - n,
				      strchr("%?#", *path) ? "%%%02X" : "%c",
				      *path);
	if (n < URI_SIZE)
		n += (size_t)snprintf(out + n, URI_SIZE - n, "?%s", query);
	return n < URI_SIZE;
}

static bool has_log(const char *path)
{
	char wal[URI_SIZE];
	int n = snprintf(wal, sizeof wal, "%s-wal", path);
	return n < (int)sizeof wal && access(wal, F_OK) == 0;
}

/* Who opens a file in WAL mode makes its log, as whoever he is; where there is
 * none nobody has it open, and so it may be read as if nobody ever would. */
static int open_to_look(const char *path, bool used, sqlite3 **db)
{
	char uri[URI_SIZE];
	if (!write_uri(uri, path, used ? "mode=ro" : "mode=ro&immutable=1"))
		return SQLITE_CANTOPEN;
	int rc = sqlite3_open_v2(uri, db,
				 SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	if (rc == SQLITE_OK)
		sqlite3_busy_timeout(*db, 5000);
	return rc;
}

static enum mm_err cannot(sqlite3 *db, int rc, const char *path,
			  struct why *why)
{
	rc &= 0xff;
	const char *said = db ? sqlite3_errmsg(db) : "out of memory";
	if (rc == SQLITE_NOTADB)
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "%s is no database, or its head is damaged",
			       path);
	if (rc == SQLITE_CORRUPT)
		return why_say(why, MM_ERR_MALFORMED, NULL, "%s is damaged: %s",
			       path, said);
	return why_say(why, MM_ERR_UNAVAILABLE, NULL, "cannot look at %s: %s",
		       path, said);
}

/* SQLite has a line about which database it is, above each that it says. */
static enum mm_err say_damaged(const char *said, const char *path,
			       struct why *why)
{
	const char *end = strchr(said, '\n');
	if (strncmp(said, "***", 3) == 0 && end != NULL)
		said = end + 1;
	return why_say(why, MM_ERR_MALFORMED, NULL, "%s is damaged: %.*s", path,
		       (int)strcspn(said, "\n"), said);
}

/* The first thing that is wrong is enough. */
static enum mm_err look(sqlite3 *db, const char *path, enum store_depth depth,
			struct why *why)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, pragma[depth], -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	const char *said = rc == SQLITE_ROW
				   ? (const char *)sqlite3_column_text(st, 0)
				   : NULL;
	enum mm_err e = MM_OK;
	if (said == NULL)
		e = cannot(db, rc, path, why);
	else if (strcmp(said, "ok") != 0)
		e = say_damaged(said, path, why);
	sqlite3_finalize(st);
	return e;
}

static enum mm_err is_ours(sqlite3 *db, const char *path, struct why *why)
{
	struct sqlite_conn c = { .db = db };
	int64_t application = 0;
	if (sqlite_number(&c, "PRAGMA application_id", &application) != MM_OK)
		return cannot(db, sqlite3_errcode(db), path, why);
	if (application == STORE_APPLICATION_ID)
		return MM_OK;
	return why_say(why, MM_ERR_MALFORMED, NULL,
		       "%s is not a Mintmark store", path);
}

/* Somebody did all the same: it has a log now, or is another than `before`. */
static bool was_used(const char *path, const struct stat *before)
{
	struct stat st;
	return has_log(path) || stat(path, &st) != 0 ||
	       st.st_ino != before->st_ino || st.st_size != before->st_size ||
	       st.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

enum mm_err store_is_there(const char *path, struct why *why)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "there is no store at %s", path);
	if (S_ISDIR(st.st_mode))
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "%.150s is a folder: say %.150s/mintmark.db",
			       path, path);
	return MM_OK;
}

/* The file's log is beside the file itself, and `path` may be a link to it. */
enum mm_err store_check(const char *path, enum store_depth depth,
			struct why *why)
{
	sqlite3 *db = NULL;
	char file[PATH_MAX];
	struct stat before;
	TRY(store_is_there(path, why));
	if (!sqlite_file_of(path, file) || stat(file, &before) != 0)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "there is no store at %s", path);
	bool used = has_log(file);
	int rc = open_to_look(file, used, &db);
	enum mm_err e = rc == SQLITE_OK ? look(db, path, depth, why)
					: cannot(db, rc, path, why);
	if (e == MM_OK)
		e = is_ours(db, path, why);
	sqlite3_close(db);
	if (e == MM_ERR_MALFORMED && !used && was_used(file, &before))
		return why_say(why, MM_ERR_BUSY, NULL,
			       "%s was in use while it was looked at: run this "
			       "again",
			       path);
	return e;
}
