/* store_sqlite_copy.c - a store that is a file, read whole (store_copy.h). */
#include <stdio.h>
#include <unistd.h>

#include "issuer/store_check.h"
#include "issuer/store_copy.h"
#include "issuer/store_sqlite.h"

static struct sqlite_conn *of(struct conn *c)
{
	return (struct sqlite_conn *)c; /* its first member */
}

/* One of another version is left as it is: whoever wanted it changed would
 * have started its mintmarkd. */
static enum mm_err check_version(struct sqlite_conn *c, const char *path,
				 struct why *why)
{
	int64_t version, application;
	TRY(sqlite_number(c, "PRAGMA user_version", &version));
	TRY(sqlite_number(c, "PRAGMA application_id", &application));
	if (application != STORE_APPLICATION_ID)
		return why_say(why, MM_ERR_VERSION, NULL,
			       "%s is not a Mintmark store", path);
	if (version == STORE_VERSION)
		return MM_OK;
	return why_say(why, MM_ERR_VERSION, NULL,
		       "%s has version %lld, this mintmark-store copies %d: %s",
		       path, (long long)version, STORE_VERSION,
		       version < STORE_VERSION
			       ? "run mintmarkd migrate first"
			       : "use that of the newer release");
}

/* The database would not know that a row was lost: the mint would go on, and a
 * revoked token be valid again.  So all is read, mark or none; and a mark is a
 * start's to take away. */
static enum mm_err check_sound(const struct copy *c, const char *path,
			       struct why *why)
{
	struct why said = { .text = "" };
	if (sqlite_has_mark(path))
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "%.120s was found damaged (there is a .damaged "
			       "beside it): nothing was copied; start "
			       "mintmarkd on it once more: if it is sound, "
			       "that ends this (store.sound in its log); if "
			       "not, " STORE_DAMAGED_DO,
			       path);
	c->checks(c);
	enum mm_err e = store_check(path, STORE_INDEXES, &said);
	if (e == MM_OK)
		return MM_OK;
	return why_say(why, e, NULL, "%.250s: nothing was copied%s", said.text,
		       e == MM_ERR_MALFORMED
			       ? "; if it is a mint's, " STORE_DAMAGED_DO
			       : "");
}

static enum mm_err open_to_read(struct sqlite_conn *c, const char *path,
				struct why *why)
{
	struct why said = { .text = "" };
	enum mm_err e = sqlite_open_file(c, path);
	if (e == MM_OK)
		e = sqlite_exec(c, "BEGIN");
	if (e == MM_OK)
		e = check_version(c, path, &said);
	if (e != MM_OK && said.text[0] == '\0')
		(void)why_say(&said, e, NULL, "cannot read the store %s: %s",
			      path,
			      c->db ? sqlite3_errmsg(c->db) : "out of memory");
	if (e != MM_OK)
		*why = said;
	return e;
}

static enum mm_err ready(struct sqlite_conn *c, const char *path,
			 const struct copy *copy, struct why *why)
{
	TRY(store_is_there(path, why));
	TRY(sqlite_lock(c, path, why));
	TRY(check_sound(copy, path, why));
	return open_to_read(c, path, why);
}

enum mm_err sqlite_copy_open(const char *path, const struct copy *copy,
			     struct conn **out, struct why *why)
{
	/* It writes, so that close() leaves one whole file. */
	struct sqlite_conn *c = sqlite_conn_new(true);
	if (c == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	enum mm_err e = ready(c, path, copy, why);
	if (e != MM_OK)
		sqlite_close(&c->base);
	else
		*out = &c->base;
	return e;
}

/* A file has its version elsewhere. */
static const char *rows_of(enum copy_table t)
{
	return t == COPY_head ? "(SELECT seq, " NUMBER_OF(
					STORE_VERSION) " AS version FROM head)"
			      : copy_names[t];
}

static struct value value_of(sqlite3_stmt *st, int i)
{
	if (sqlite3_column_type(st, i) == SQLITE_INTEGER)
		return (struct value){ .number = sqlite3_column_int64(st, i) };
	return (struct value){ .is_text = true,
			       .text = (const char *)sqlite3_column_text(st,
									 i) };
}

static enum mm_err
each_row(sqlite3_stmt *st,
	 enum mm_err (*put)(void *, const struct value *, int), void *ctx)
{
	int rc, count = sqlite3_column_count(st);
	MM_ASSERT(count <= COPY_COLUMNS);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct value v[COPY_COLUMNS];
		for (int i = 0; i < count; i++)
			v[i] = value_of(st, i);
		TRY(put(ctx, v, count));
	}
	return rc == SQLITE_DONE ? MM_OK : MM_ERR_UNAVAILABLE;
}

enum mm_err sqlite_copy_rows(struct conn *c, enum copy_table t,
			     enum mm_err (*put)(void *, const struct value *,
						int),
			     void *ctx)
{
	char text[512];
	sqlite3_stmt *st = NULL;
	snprintf(text, sizeof text, "SELECT %s FROM %s", copy_columns[t],
		 rows_of(t));
	enum mm_err e = MM_ERR_UNAVAILABLE;
	if (sqlite3_prepare_v2(of(c)->db, text, -1, &st, NULL) == SQLITE_OK)
		e = each_row(st, put, ctx);
	sqlite3_finalize(st); /* says what step() said */
	return e;
}
