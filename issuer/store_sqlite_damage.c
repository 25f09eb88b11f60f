/* store_sqlite_damage.c - a damaged file is known as such until it was read
 * from end to end and is sound, its indexes too: a restart mends nothing.
 *
 * The mark stands beside it, so that whoever moves mintmark.db* away moves it,
 * too. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "issuer/store_check.h"
#include "issuer/store_sqlite.h"

#define MARK_SIZE (PATH_MAX + 16)

/* Beside the file itself, as its log is: `path` may be a link to it.  False:
 * there is no such file. */
static bool mark_of(const char *path, char out[MARK_SIZE])
{
	char file[PATH_MAX];
	if (!sqlite_file_of(path, file) || access(file, F_OK) != 0)
		return false;
	snprintf(out, MARK_SIZE, "%s.damaged", file);
	return true;
}

/* Its name has to last, too. */
static bool put_mark(const char *path)
{
	char mark[MARK_SIZE];
	if (!mark_of(path, mark))
		return false;
	AUTO_FD int fd =
		open(mark, /* a pipe: there is no reader */
		     O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		     S_IRUSR | S_IWUSR);
	return fd >= 0 && fsync(fd) == 0 && file_sync_folder_of(mark);
}

static void say(int code, const char *reason)
{
	log_event(LOG_ERR, "store.corrupt",
		  "code=%d reason=%s detail=mintmark.db is damaged, and "
		  "nothing mends it while it is used: stop "
		  "mintmarkd, " STORE_DAMAGED_DO,
		  code, reason);
}

void sqlite_note_damage(struct sqlite_conn *c)
{
	const char *path = sqlite3_db_filename(c->db, NULL);
	say(sqlite3_extended_errcode(c->db), sqlite3_errmsg(c->db));
	if (!put_mark(path))
		log_event(LOG_WARNING, "store.no_mark",
			  "path=%s.damaged detail=it cannot be written: after "
			  "a restart the damage is not known until it is met",
			  path);
}

static void say_how_it_is(enum mm_err e, const char *reason)
{
	if (e == MM_OK)
		log_event(LOG_NOTICE, "store.sound",
			  "detail=it was damaged, and is not any more");
	else if (e == MM_ERR_MALFORMED)
		say(SQLITE_CORRUPT, reason);
	else
		log_event(LOG_ERR, "store.unchecked",
			  "reason=%s detail=mintmark.db was damaged, and "
			  "whether it still is could not be told: it is taken "
			  "for damaged until a start can read all of it",
			  reason);
}

static bool find_mark(const char *path, char out[MARK_SIZE])
{
	return mark_of(path, out) && access(out, F_OK) == 0;
}

bool sqlite_has_mark(const char *path)
{
	char mark[MARK_SIZE];
	return find_mark(path, mark);
}

bool sqlite_was_damaged(const char *path)
{
	char mark[MARK_SIZE];
	struct why why = { .text = "" };
	if (!find_mark(path, mark))
		return false;
	log_event(LOG_NOTICE, "store.checking",
		  "detail=it was damaged: all of it is read before it is used");
	enum mm_err e = store_check(path, STORE_INDEXES, &why);
	say_how_it_is(e, why.text);
	if (e == MM_OK)
		(void)!unlink(mark);
	return e != MM_OK;
}
