/* store_pg_answer.c - what PostgreSQL answers: waited for, and judged. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "issuer/store_pg.h"

struct verdict {
	const char *state; /* SQLSTATE, or its class */
	enum mm_err e;
	bool worth_again; /* the same, all of it: it was nobody's fault */
	bool unsure;	  /* said of the COMMIT, it may have been done */
};

/* Whoever says these may have lost a connection himself: a proxy, or a node of
 * a database that has several.  A statement that took too long does so again,
 * and its neighbours need not wait for that: each by itself. */
static const struct verdict verdicts[] = {
	{ "40003", MM_ERR_BUSY, true, true },	   /* completion unknown */
	{ "40", MM_ERR_BUSY, true, false },	   /* serialization, deadlock */
	{ "55P03", MM_ERR_BUSY, true, false },	   /* lock_timeout */
	{ "57014", MM_ERR_BUSY, false, false },	   /* statement_timeout */
	{ "57P", MM_ERR_UNAVAILABLE, true, true }, /* it is shut down */
	{ "08", MM_ERR_UNAVAILABLE, true, true },  /* its connection */
	{ "25006", MM_ERR_UNAVAILABLE, true, false }, /* a standby by now */
	{ "25P03", MM_ERR_UNAVAILABLE, true, true },  /* we were frozen */
	{ "53100", MM_ERR_FULL, false, false },
	{ "23", MM_ERR_CONFLICT, false, false },
};
static const struct verdict gone = { "", MM_ERR_UNAVAILABLE, true, true };
static const struct verdict other = { "", MM_ERR_UNAVAILABLE, false, false };

static const struct verdict *verdict_of(const char *state)
{
	if (state == NULL) /* said by libpq */
		return &gone;
	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
		if (strncmp(state, verdicts[i].state,
			    strlen(verdicts[i].state)) == 0)
			return &verdicts[i];
	return &other;
}

static void note(struct pg_conn *c, const char *text)
{
	snprintf(c->trouble, sizeof c->trouble, "%.*s",
		 (int)strcspn(text, "\n"), text);
}

static enum mm_err judge_failure(struct pg_conn *c, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	note(c, text ? text : PQresultErrorMessage(r));
	const struct verdict *v = verdict_of(state);
	c->worth_again = v->worth_again;
	c->may_be_done = v->unsure;
	if (v->e == MM_ERR_UNAVAILABLE)
		log_event(LOG_ERR, "store.error", "code=%s detail=%s",
			  state ? state : "none", c->trouble);
	return v->e;
}

enum mm_err pg_judge(struct pg_conn *c, const PGresult *r)
{
	switch (PQresultStatus(r)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
	case PGRES_PIPELINE_SYNC:
		return MM_OK;
	case PGRES_PIPELINE_ABORTED: /* by one before it, which was judged */
		return c->failed != MM_OK ? c->failed : MM_ERR_UNAVAILABLE;
	default: /* behind a failure all fails: the first counts */
		return c->failed != MM_OK ? c->failed : judge_failure(c, r);
	}
}

void pg_disconnect(struct pg_conn *c)
{
	PQfinish(c->pg);
	c->pg = NULL;
	c->pending = 0;
	c->unanswered = c->unsynced = 0;
}

void pg_broken(struct pg_conn *c, const char *why)
{
	if (c->pg != NULL && why == NULL)
		note(c, PQerrorMessage(c->pg));
	else if (why != NULL)
		note(c, why);
	c->worth_again = true;
	pg_disconnect(c);
}

static bool wait_for(struct pg_conn *c, int64_t deadline)
{
	while (PQisBusy(c->pg)) {
		int unsent = PQflush(c->pg);
		struct pollfd p = { .fd = PQsocket(c->pg),
				    .events = (short)(unsent == 1
							      ? POLLIN | POLLOUT
							      : POLLIN) };
		int64_t left = deadline - clock_ms();
		if (unsent < 0)
			return pg_broken(c, NULL), false;
		if (left <= 0)
			return pg_broken(c, "the database does not answer"),
			       false;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return pg_broken(c, strerror(errno)), false;
		if ((p.revents & ~POLLOUT) != 0 && !PQconsumeInput(c->pg))
			return pg_broken(c, NULL), false;
	}
	return true;
}

PGresult *pg_answer(struct pg_conn *c)
{
	if (c->pg == NULL || !wait_for(c, clock_ms() + c->patience_ms))
		return NULL;
	PGresult *r = PQgetResult(c->pg);
	if (PQstatus(c->pg) == CONNECTION_BAD)
		pg_broken(c, r ? PQresultErrorMessage(r) : NULL);
	return r;
}

/* ---- outside the pipeline ---- */

enum mm_err pg_each(struct pg_conn *c, const char *text,
		    void (*each)(void *, const PGresult *), void *ctx)
{
	enum mm_err e = MM_OK;
	if (c->pg == NULL)
		return MM_ERR_UNAVAILABLE;
	if (!PQsendQuery(c->pg, text))
		return pg_broken(c, NULL), MM_ERR_UNAVAILABLE;
	for (PGresult *r; (r = pg_answer(c)) != NULL; PQclear(r)) {
		enum mm_err one = pg_judge(c, r);
		if (one == MM_OK && each != NULL)
			each(ctx, r);
		e = e != MM_OK ? e : one;
	}
	return c->pg == NULL && e == MM_OK ? MM_ERR_UNAVAILABLE : e;
}

enum mm_err pg_exec(struct pg_conn *c, const char *text)
{
	return pg_each(c, text, NULL, NULL);
}

struct one_number {
	bool *found;
	int64_t *out;
};

static void take_number(void *ctx, const PGresult *r)
{
	struct one_number *n = ctx;
	*n->found = PQntuples(r) != 0 && !PQgetisnull(r, 0, 0);
	if (*n->found)
		*n->out = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
}

enum mm_err pg_number(struct pg_conn *c, const char *text, bool *found,
		      int64_t *out)
{
	struct one_number n = { found, out };
	*found = false;
	return pg_each(c, text, take_number, &n);
}
