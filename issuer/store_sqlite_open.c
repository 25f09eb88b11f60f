/* store_sqlite_open.c - a store that is a file: opened, and of which version.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/span.h"
#include "issuer/store_sqlite.h"

/* ---- versions ---- */

static const struct {
	int to;
	const char *text;
} steps[] = {
#define X(to, text) { to, text },
	STORE_STEPS(X)
#undef X
};

/* Inside a transaction, which the version is part of: so a store is of one
 * version or of another, whenever the power fails. */
static enum mm_err take_steps(struct sqlite_conn *c, int64_t from)
{
	char pragmas[128];
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (steps[i].to > from)
			TRY(sqlite_exec(c, steps[i].text));
	snprintf(pragmas, sizeof pragmas,
		 "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 STORE_APPLICATION_ID, STORE_VERSION);
	return sqlite_exec(c, pragmas);
}

/* `from` 0: there is nothing yet. */
static enum mm_err bring_up(struct sqlite_conn *c, int64_t from)
{
	TRY(sqlite_exec(c, "BEGIN IMMEDIATE"));
	if (from == 0)
		TRY(sqlite_exec(c, STORE_SCHEMA));
	TRY(take_steps(c, from ? from : 1));
	return sqlite_exec(c, "COMMIT");
}

static enum mm_err upgrade(struct sqlite_conn *c, const char *path,
			   int64_t from, struct why *why)
{
	if (bring_up(c, from) != MM_OK)
		return why_say(
			why, MM_ERR_UNAVAILABLE, NULL,
			"cannot bring %s from version %lld to %d: %s; it "
			"is as it was",
			path, (long long)from, STORE_VERSION,
			sqlite3_errmsg(c->db));
	log_event(LOG_NOTICE, "store.upgraded", "from=%lld to=%d",
		  (long long)from, STORE_VERSION);
	return MM_OK;
}

enum mm_err sqlite_number(struct sqlite_conn *c, const char *text, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	enum mm_err e = MM_ERR_UNAVAILABLE;
	if (sqlite3_prepare_v2(c->db, text, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		e = MM_OK;
	}
	sqlite3_finalize(st);
	return e;
}

/* Ours, of this version?  A new, empty file is made so, an older one too. */
static enum mm_err check_file(struct sqlite_conn *c, const char *path,
			      struct why *why)
{
	int64_t tables, version, application;
	TRY(sqlite_number(c, "SELECT count(*) FROM sqlite_master", &tables));
	TRY(sqlite_number(c, "PRAGMA user_version", &version));
	TRY(sqlite_number(c, "PRAGMA application_id", &application));
	if (tables == 0)
		return bring_up(c, 0);
	c->was = version;
	if (application != STORE_APPLICATION_ID)
		return why_say(why, MM_ERR_VERSION, NULL,
			       "%s is not a Mintmark store: move it away, or "
			       "choose another --data",
			       path);
	if (version < 1 || version > STORE_VERSION)
		return why_say(why, MM_ERR_VERSION, NULL,
			       "%s has version %lld, this mintmarkd reads 1 to "
			       "%d: use the newer mintmarkd that wrote it",
			       path, (long long)version, STORE_VERSION);
	return version == STORE_VERSION ? MM_OK
					: upgrade(c, path, version, why);
}

/* ---- opening ---- */

enum mm_err sqlite_open_file(struct sqlite_conn *c, const char *path)
{
	int flags = c->base.writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
				   : SQLITE_OPEN_READONLY;
	if (sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return MM_ERR_UNAVAILABLE;
	(void)span_copy(c->path, sizeof c->path, span_str(path));
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, 5000);
	if (!c->base.writes)
		return MM_OK;
	sqlite_checkpoints(c);
	return sqlite_exec(c, "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA foreign_keys = ON");
}

static enum mm_err cannot_open(const struct sqlite_conn *c, enum mm_err e,
			       const char *path, struct why *why)
{
	int rc = c->db ? sqlite3_errcode(c->db) & 0xff : SQLITE_NOMEM;
	const char *said = c->db ? sqlite3_errmsg(c->db) : "out of memory";
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
		return why_say(
			why, e, NULL,
			"the store %.200s is damaged (%s): " STORE_DAMAGED_DO,
			path, said);
	return why_say(why, e, NULL, "cannot open the store %s: %s", path,
		       said);
}

static enum mm_err ready_writer(struct sqlite_conn *c, const char *path,
				struct why *why)
{
	TRY(sqlite_lock(c, path, why));
	TRY(sqlite_check_log(c, path, why));
	c->base.was_damaged = sqlite_was_damaged(path);
	if (sqlite_open_file(c, path) != MM_OK)
		return cannot_open(c, MM_ERR_UNAVAILABLE, path, why);
	struct why said = { .text = "" };
	enum mm_err e = check_file(c, path, &said);
	if (e != MM_OK && said.text[0] == '\0')
		return cannot_open(c, e, path, why);
	if (e != MM_OK) {
		if (why != NULL)
			*why = said;
		return e;
	}
	sqlite_note_file(c);
	(void)!sqlite_is_moved(c); /* from now on */
	return sqlite_prepare(c) == MM_OK
		       ? MM_OK
		       : cannot_open(c, MM_ERR_UNAVAILABLE, path, why);
}

static enum mm_err ready_reader(struct sqlite_conn *c, const char *path,
				struct why *why)
{
	if (sqlite_open_file(c, path) == MM_OK && sqlite_prepare(c) == MM_OK)
		return MM_OK;
	return cannot_open(c, MM_ERR_UNAVAILABLE, path, why);
}

struct sqlite_conn *sqlite_conn_new(bool writes)
{
	struct sqlite_conn *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->base.db = &sqlite_database;
	pthread_mutex_init(&c->base.lock, NULL);
	c->base.writes = writes;
	c->lock_fd = c->file_lock_fd = -1;
	return c;
}

enum mm_err sqlite_open(const char *path, bool writes, struct conn **out,
			struct why *why)
{
	struct sqlite_conn *c = sqlite_conn_new(writes);
	if (c == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	enum mm_err e = writes ? ready_writer(c, path, why)
			       : ready_reader(c, path, why);
	if (e != MM_OK)
		sqlite_close(&c->base);
	else
		*out = &c->base;
	return e;
}

/* As each start does it. */
enum mm_err sqlite_migrate(const char *path, int64_t *from, struct why *why)
{
	struct conn *c = NULL;
	if (access(path, F_OK) != 0)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "there is no store at %s", path);
	TRY(sqlite_open(path, true, &c, why));
	MM_ASSERT(c != NULL);
	*from = ((struct sqlite_conn *)c)->was; /* its first member */
	sqlite_close(c);
	return MM_OK;
}

void sqlite_close(struct conn *base)
{
	struct sqlite_conn *c = (struct sqlite_conn *)base;
	if (c == NULL)
		return;
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(c->st[i]);
	sqlite3_close(c->db);
	sqlite_unlock(c);
	free(c);
}
