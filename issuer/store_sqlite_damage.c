/* store_sqlite_damage.c - a damaged file is known as such until it was read
 * from end to end and is sound: a restart mends nothing.
 *
 * The mark stands beside it, so that whoever moves mintmark.db* away moves it,
 * too. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "issuer/store_check.h"
#include "issuer/store_sqlite.h"

#define MARK_SIZE 4200

static const char *mark_of(const char *path, char out[MARK_SIZE])
{
	snprintf(out, MARK_SIZE, "%s.damaged", path);
	return out;
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
	char mark[MARK_SIZE];
	say(sqlite3_extended_errcode(c->db), sqlite3_errmsg(c->db));
	AUTO_FD int fd = open(mark_of(sqlite3_db_filename(c->db, NULL), mark),
			      O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			      S_IRUSR | S_IWUSR);
	if (fd < 0 || fsync(fd) != 0)
		log_event(LOG_WARNING, "store.no_mark",
			  "path=%s detail=it cannot be written: after a "
			  "restart the damage is not known until it is met",
			  mark);
}

bool sqlite_was_damaged(const char *path)
{
	char mark[MARK_SIZE];
	struct why why = { .text = "" };
	if (access(mark_of(path, mark), F_OK) != 0)
		return false;
	if (store_check(path, &why) != MM_OK) {
		say(SQLITE_CORRUPT, why.text);
		return true;
	}
	(void)!unlink(mark);
	log_event(LOG_NOTICE, "store.sound",
		  "detail=it was damaged, and is not any more");
	return false;
}
