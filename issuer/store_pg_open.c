/* store_pg_open.c - a store in PostgreSQL: how it is reached. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/loopback.h"
#include "common/span.h"
#include "issuer/store_pg.h"

/* ---- the address ---- */

const char *pg_option(const PQconninfoOption *o, const char *name)
{
	for (; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, name) == 0)
			return o->val ? o->val : "";
	return "";
}

/* Of several hosts, each. */
static bool all_local(const char *hosts)
{
	char host[256];
	while (*hosts != '\0') {
		size_t n = strcspn(hosts, ",");
		if (!span_copy(host, sizeof host, span_of(hosts, n)))
			return false;
		if (host[0] != '/' && host[0] != '\0' &&
		    !host_is_loopback(host))
			return false;
		hosts += n + (hosts[n] == ',');
	}
	return true;
}

/* Whoever can change what comes over the network changes what is revoked. */
static bool is_guarded_way(const PQconninfoOption *o)
{
	const char *mode = pg_option(o, "sslmode");
	return strcmp(mode, "verify-full") == 0 ||
	       strcmp(mode, "verify-ca") == 0 ||
	       (all_local(pg_option(o, "host")) &&
		all_local(pg_option(o, "hostaddr")));
}

/* libpq marks those that are not to be shown. */
static bool has_secret(const PQconninfoOption *o)
{
	for (; o->keyword != NULL; o++)
		if (o->dispchar[0] == '*' && o->val != NULL &&
		    o->val[0] != '\0')
			return true;
	return false;
}

static enum mm_err check_options(const PQconninfoOption *o, struct why *why)
{
	if (has_secret(o))
		return why_say(why, MM_ERR_INVALID, "store",
			       "a password in --store is seen by all: put it "
			       "into a file for libpq, and say "
			       "?passfile=/etc/mintmark/pgpass");
	if (!is_guarded_way(o))
		return why_say(why, MM_ERR_INVALID, "store",
			       "the database is on another host: say "
			       "?sslmode=verify-full&sslrootcert=FILE (what "
			       "is revoked comes from there)");
	return MM_OK;
}

enum mm_err pg_check(const char *where, struct why *why)
{
	char *said = NULL;
	PQconninfoOption *o = PQconninfoParse(where, &said);
	if (o == NULL) {
		(void)why_say(why, MM_ERR_INVALID, "store",
			      "--store is no address of a database: use "
			      "postgresql://USER@HOST/NAME?OPTION=VALUE");
		PQfreemem(said);
		return MM_ERR_INVALID;
	}
	enum mm_err e = check_options(o, why);
	PQconninfoFree(o);
	return e;
}

/* ---- the connection ---- */

static void note_trouble(struct pg_conn *c)
{
	const char *text = PQerrorMessage(c->pg);
	snprintf(c->trouble, sizeof c->trouble, "%.*s",
		 (int)strcspn(text, "\n"), text);
}

/* Failures come by themselves. */
static void pass_over(void *ctx, const char *notice)
{
	(void)ctx;
	(void)notice;
}

/* PGHOST and a service file say where, too, and nothing of us may go there
 * before we know: not a password.  What comes of all of them libpq tells of a
 * connection alone; so of one that it gives up before it looks for the host,
 * as there is no such session. */
static enum mm_err check_way(struct pg_conn *c)
{
	static const char *const names[] = { "dbname", "target_session_attrs",
					     NULL };
	const char *const values[] = { c->where, "none", NULL };
	PGconn *never = PQconnectStartParams(names, values, 1);
	PQconninfoOption *o = PQconninfo(never);
	bool good = o != NULL && is_guarded_way(o);
	PQconninfoFree(o);
	PQfinish(never);
	if (!good)
		snprintf(c->trouble, sizeof c->trouble,
			 "PGHOST, PGHOSTADDR or a service file names another "
			 "host: say sslmode=verify-full, or do without them");
	return good ? MM_OK : MM_ERR_UNAVAILABLE;
}

static enum mm_err reach(struct pg_conn *c)
{
	static const char *const names[] = { "application_name",
					     "connect_timeout",
					     "tcp_user_timeout",
					     "keepalives_idle",
					     "keepalives_interval",
					     "keepalives_count",
					     "target_session_attrs",
					     "client_encoding",
					     "dbname",
					     NULL };
	/* A host that says nothing is given up soon: another may be better.
	 * What the address says counts above these. */
	const char *const values[] = { "mintmarkd", "3", "3000",       "5",
				       "2",	    "3", "read-write", "UTF8",
				       c->where,    NULL };
	c->pg = PQconnectdbParams(names, values, 1);
	if (c->pg == NULL)
		return MM_ERR_NOMEM;
	PQsetNoticeProcessor(c->pg, pass_over, NULL);
	if (PQstatus(c->pg) == CONNECTION_OK)
		return MM_OK;
	note_trouble(c);
	pg_say_password(c);
	return MM_ERR_UNAVAILABLE;
}

/* Who is frozen in the middle of a change is thrown out, so that others can
 * make theirs.  And durable is what we call durable, on a synchronous standby,
 * too. */
#define PG_SESSION                                                             \
	"SET client_min_messages = warning; SET search_path = mintmark;"       \
	"SET statement_timeout = '10s'; SET lock_timeout = '5s';"              \
	"SET idle_in_transaction_session_timeout = '1s';"                      \
	"SELECT set_config('synchronous_commit', 'on', false)"                 \
	" WHERE current_setting('synchronous_commit') IN ('off', 'local')"

static enum mm_err settle(struct pg_conn *c)
{
	const char *version = PQparameterStatus(c->pg, "server_version");
	c->tells = PQparameterStatus(c->pg, "crdb_version") == NULL &&
		   version != NULL && strstr(version, "-YB-") == NULL;
	TRY(pg_exec(c, PG_SESSION));
	return PQsetnonblocking(c->pg, 1) == 0 ? MM_OK : MM_ERR_UNAVAILABLE;
}

enum mm_err pg_connect(struct pg_conn *c)
{
	pg_disconnect(c);
	memset(c->prepared, 0, sizeof c->prepared);
	c->saw_timeline = c->knows_timeline = false;
	enum mm_err e = check_way(c);
	if (e == MM_OK)
		e = reach(c);
	if (e == MM_OK)
		e = settle(c);
	if (e != MM_OK)
		pg_disconnect(c);
	return e;
}

/* ---- opened and closed ---- */

static enum mm_err ready(struct pg_conn *c, struct why *why)
{
	TRY(pg_check(c->where, why));
	enum mm_err e = pg_connect(c);
	if (e == MM_OK && c->base.writes)
		e = pg_tables_make(c);
	if (e != MM_OK)
		return why_say(why, e, "store", "cannot use the database: %s",
			       c->trouble);
	if (!c->base.writes)
		return MM_OK;
	TRY(pg_tables_check(c, why));
	return PQenterPipelineMode(c->pg) ? MM_OK : MM_ERR_UNAVAILABLE;
}

enum mm_err pg_open(const char *where, bool writes, struct conn **out,
		    struct why *why)
{
	struct pg_conn *c = calloc(1, sizeof *c);
	char *copy = strdup(where);
	if (c == NULL || copy == NULL) {
		free(c);
		free(copy);
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	}
	c->base.db = &pg_database;
	pthread_mutex_init(&c->base.lock, NULL);
	c->where = copy;
	c->base.writes = writes;
	c->patience_ms = PG_ANSWER_MS;
	enum mm_err e = ready(c, why);
	if (e != MM_OK)
		pg_close(&c->base);
	else
		*out = &c->base;
	return e;
}

void pg_close(struct conn *base)
{
	struct pg_conn *c = pg_of(base);
	if (c == NULL)
		return;
	pg_disconnect(c);
	free(c->where);
	free(c);
}
