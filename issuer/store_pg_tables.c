/* store_pg_tables.c - the tables in PostgreSQL: made, and brought up from one
 * version to the next.
 *
 * Made by whoever comes first; brought up only when somebody says so
 * (store_migrate()): issuers of the older release may be at work.  They stop at
 * their next change, for the version is in the row that it begins with.
 */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "issuer/store_pg.h"

/* ---- a transaction ---- */

/* Undone, and c->trouble still says why. */
static void undo(struct pg_conn *c)
{
	char said[sizeof c->trouble];
	memcpy(said, c->trouble, sizeof said);
	(void)!pg_exec(c, "ROLLBACK");
	memcpy(c->trouble, said, sizeof said);
}

/* ---- made ---- */

static enum mm_err make_guards(struct pg_conn *c)
{
	static const char *const steps[] = { PG_AUDIT_GUARD_STEPS };
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		TRY(pg_exec(c, steps[i]));
	return MM_OK;
}

enum mm_err pg_tables_lay(struct pg_conn *c)
{
	TRY(pg_exec(c, "CREATE SCHEMA IF NOT EXISTS mintmark"));
	TRY(pg_exec(c, PG_SCHEMA));
	return make_guards(c);
}

static void note_stranger(void *ctx, const PGresult *r)
{
	struct pg_conn *c = ctx;
	if (PQntuples(r) != 0)
		snprintf(c->trouble, sizeof c->trouble,
			 "the schema mintmark there, or something in it, "
			 "belongs to the role %.63s: let it be given to ours "
			 "(ALTER ... OWNER TO), or name another database",
			 PQgetvalue(r, 0, 0));
}

/* Anybody who may create a schema may have been there before us. */
static enum mm_err check_owner(struct pg_conn *c)
{
	c->trouble[0] = '\0';
	TRY(pg_each(c, PG_STRANGER, note_stranger, c));
	return c->trouble[0] == '\0' ? MM_OK : MM_ERR_INVALID;
}

enum mm_err pg_tables_find(struct pg_conn *c, bool *found)
{
	int64_t n;
	TRY(pg_exec(c, "SELECT pg_advisory_xact_lock(1296911409)"));
	TRY(check_owner(c));
	return pg_number(
		c, "SELECT 1 WHERE to_regclass('mintmark.head') IS NOT NULL",
		found, &n);
}

static enum mm_err make_if_none(struct pg_conn *c)
{
	bool found;
	char first[80];
	snprintf(first, sizeof first, "INSERT INTO head VALUES(0, %d)",
		 STORE_VERSION);
	TRY(pg_tables_find(c, &found));
	if (found)
		return MM_OK;
	TRY(pg_tables_lay(c));
	return pg_exec(c, first);
}

enum mm_err pg_tables_make(struct pg_conn *c)
{
	TRY(pg_exec(c, "BEGIN"));
	enum mm_err e = make_if_none(c);
	if (e == MM_OK)
		return pg_exec(c, "COMMIT");
	undo(c);
	return e;
}

/* ---- of which version ---- */

static enum mm_err judge_version(int64_t version, struct why *why)
{
	if (version == STORE_VERSION)
		return MM_OK;
	return why_say(why, MM_ERR_VERSION, "store",
		       "the database has version %lld, this mintmarkd knows "
		       "%d: %s",
		       (long long)version, STORE_VERSION,
		       version < STORE_VERSION
			       ? "run mintmarkd migrate; issuers of the older "
				 "release on it then stop"
			       : "use the newer mintmarkd that wrote it");
}

enum mm_err pg_tables_check(struct pg_conn *c, struct why *why)
{
	bool found;
	int64_t version = 0;
	TRY(pg_number(c, "SELECT version FROM head", &found, &version));
	return judge_version(version, why);
}

/* ---- brought up ---- */

/* Each version from there to ours, one after the other. */
static enum mm_err take_steps(struct pg_conn *c, int64_t from, struct why *why)
{
	char text[64];
	int64_t at = from;
	for (const struct pg_step *s = pg_steps; s->to != 0; s++)
		if (s->to == at + 1) {
			TRY(pg_exec(c, s->text));
			at = s->to;
		}
	if (at != STORE_VERSION)
		return why_say(why, MM_ERR_VERSION, "store",
			       "the database says version %lld, and no release "
			       "has made such tables: nothing was changed",
			       (long long)from);
	snprintf(text, sizeof text, "UPDATE head SET version = %d",
		 STORE_VERSION);
	return pg_exec(c, text);
}

/* Alone: nobody makes tables, or changes what is in them. */
static enum mm_err take_steps_alone(struct pg_conn *c, int64_t *from,
				    struct why *why)
{
	bool found;
	TRY(pg_tables_find(c, &found));
	if (!found)
		return why_say(why, MM_ERR_NOT_FOUND, "store",
			       "there is no store in the database: the first "
			       "start of a mintmarkd makes it");
	TRY(pg_number(c, SQL_HEAD_LOCK, &found, from));
	return *from < STORE_VERSION ? take_steps(c, *from, why)
				     : judge_version(*from, why);
}

enum mm_err pg_transaction_long(struct pg_conn *c)
{
	c->patience_ms = PG_LONG_MS;
	return pg_exec(c, "BEGIN; SET LOCAL statement_timeout = 0;"
			  "SET LOCAL lock_timeout = '30s';"
			  "SET LOCAL idle_in_transaction_session_timeout = 0");
}

enum mm_err pg_transaction_end(struct pg_conn *c)
{
	enum mm_err e = pg_exec(c, "COMMIT");
	return c->pg == NULL ? MM_ERR_UNSURE : e;
}

static enum mm_err bring_up(struct pg_conn *c, int64_t *from, struct why *why)
{
	TRY(pg_transaction_long(c));
	enum mm_err e = take_steps_alone(c, from, why);
	if (e == MM_OK)
		return pg_transaction_end(c);
	undo(c);
	return e;
}

enum mm_err pg_migrate(const char *where, int64_t *from, struct why *why)
{
	struct conn *base;
	struct why said = { .text = "" };
	TRY(pg_open(where, false, &base, why));
	struct pg_conn *c = pg_of(base);
	enum mm_err e = bring_up(c, from, &said);
	if (e != MM_OK && said.text[0] == '\0')
		(void)why_say(&said, e, "store",
			      "cannot bring the tables to version %d: %s; %s",
			      STORE_VERSION, c->trouble,
			      e == MM_ERR_UNSURE
				      ? "all of it was done, or nothing: run "
					"this again, it does what is left"
				      : "they are as they were");
	if (e != MM_OK && why != NULL)
		*why = said;
	if (e == MM_OK && *from != STORE_VERSION)
		log_event(LOG_NOTICE, "store.upgraded", "from=%lld to=%d",
			  (long long)*from, STORE_VERSION);
	pg_close(base);
	return e;
}
