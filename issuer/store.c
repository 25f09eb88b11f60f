/* store.c - the store: opened, closed, and begun anew after a backup. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/store_internal.h"

/* ---- whose it is ---- */

static enum mm_err put_issuer(struct conn *c, const char *iss)
{
	char epoch[EPOCH_SIZE];
	TRY(epoch_new(epoch));
	AUTO_QUERY struct query q = query_new(c, ST_META_PUT);
	query_text(&q, iss);
	query_text(&q, epoch);
	return query_run(&q);
}

/* The store belongs to one issuer for ever: its name is in every token. */
static enum mm_err check_issuer(struct conn *c, const char *iss,
				struct why *why)
{
	char known[ISS_SIZE] = "";
	AUTO_QUERY struct query q = query_new(c, ST_META_GET);
	if (query_row(&q))
		column_text(&q, 0, known, sizeof known);
	TRY(query_end(&q));
	if (known[0] == '\0')
		return put_issuer(c, iss);
	if (strcmp(known, iss) == 0)
		return MM_OK;
	return why_say(why, MM_ERR_CONFLICT, "issuer",
		       "the store belongs to issuer %s, not %s: start with "
		       "that --issuer, or choose another --data "
		       "(or --store)",
		       known, iss);
}

/* ---- a new history ---- */

enum mm_err store_begin_history(struct store *s, int64_t after)
{
	struct beginning b = {
		{ .by = "mintmarkd --restored", .at = clock_now() }, after
	};
	return store_write(s, history_begin, &b);
}

/* ---- connections ---- */

static enum mm_err settle(struct conn *c, const char *where, const char *iss,
			  struct why *why)
{
	TRY(store_begin(c));
	TRY(check_issuer(c, iss, why));
	TRY(audit_guard(c, where, why));
	return c->db->commit(c);
}

static enum mm_err open_writer(struct store *s, const char *where,
			       const char *iss, struct why *why)
{
	const struct database *db = s->db;
	struct why said = { .text = "" };
	TRY(db->open(where, true, &s->writer, why));
	atomic_store(&s->damaged, s->writer->was_damaged);
	s->writer->damaged = &s->damaged;
	s->writer->furthest = &s->furthest;
	enum mm_err e = settle(s->writer, where, iss, &said);
	if (e == MM_OK)
		return MM_OK;
	(void)why_say(why, e, said.field[0] ? said.field : NULL, "%s",
		      said.text);
	if (said.text[0] == '\0')
		(void)why_say(why, e, NULL, "cannot open the store %s: %s",
			      where, db->trouble(s->writer));
	db->rollback(s->writer);
	return store_explain(s, e, why);
}

static enum mm_err open_readers(struct store *s, const char *where,
				struct why *why)
{
	for (int i = 0; i < STORE_READERS; i++)
		TRY(s->db->open(where, false, &s->reader[i], why));
	return s->db->listen == NULL
		       ? MM_OK
		       : s->db->listen(where, s->wake, s->wake_ctx,
				       &s->listener, why);
}

static const struct database *database_of(const char *where)
{
	return strncmp(where, "postgresql://", 13) == 0 ||
			       strncmp(where, "postgres://", 11) == 0
		       ? &pg_database
		       : &sqlite_database;
}

enum mm_err store_check_address(const char *where, struct why *why)
{
	const struct database *db = database_of(where);
	if (where[0] == '\0')
		return MM_OK;
	if (db->check != NULL)
		return db->check(where, why);
	return why_say(why, MM_ERR_INVALID, "store",
		       "--store does not begin with postgresql://: leave it "
		       "out for mintmark.db in the folder of --data");
}

enum mm_err store_try_files(const char *where, struct why *why)
{
	const struct database *db = database_of(where);
	return db->try_files != NULL ? db->try_files(where, why) : MM_OK;
}

enum mm_err store_migrate(const char *where, int64_t *from, int64_t *to,
			  struct why *why)
{
	*to = STORE_VERSION;
	return database_of(where)->migrate(where, from, why);
}

bool store_is_shared(const struct store *s)
{
	return s->db->listen != NULL;
}

bool store_is_damaged(struct store *s)
{
	return atomic_load(&s->damaged);
}

enum mm_err store_explain(struct store *s, enum mm_err e, struct why *why)
{
	if (e != MM_ERR_UNAVAILABLE || s == NULL || !store_is_damaged(s))
		return e;
	return why_say(why, e, NULL,
		       "the store is damaged (store.corrupt in the "
		       "log): " STORE_DAMAGED_DO);
}

/* Before that a failure is a refusal to start. */
static void watch_readers(struct store *s)
{
	for (int i = 0; i < STORE_READERS; i++) {
		s->reader[i]->damaged = &s->damaged;
		s->reader[i]->furthest = &s->furthest;
	}
}

static void close_at(struct store **s)
{
	store_close(*s);
}

enum mm_err store_open(const char *where, const char *iss, void (*wake)(void *),
		       void *ctx, struct store **out, struct why *why)
{
	__attribute__((cleanup(close_at))) struct store *s =
		calloc(1, sizeof *s);
	if (s == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	s->db = database_of(where);
	s->wake = wake;
	s->wake_ctx = ctx;
	pthread_mutex_init(&s->counting, NULL);
	pthread_mutex_init(&s->furthest.lock, NULL);

	TRY(open_writer(s, where, iss, why));
	TRY(open_readers(s, where, why));
	watch_readers(s);
	TRY(writer_start(s, why));
	*out = s;
	s = NULL;
	return MM_OK;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	writer_stop(s);
	if (s->listener != NULL)
		s->db->unlisten(s->listener);
	for (int i = 0; i < STORE_READERS; i++)
		s->db->close(s->reader[i]);
	s->db->close(s->writer);
	free(s);
}
