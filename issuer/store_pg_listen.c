/* store_pg_listen.c - hints that another issuer has written something.
 *
 * Nothing depends on them: who follows the log looks by himself, several times
 * a second.  They make it sooner (PostgreSQL, NOTIFY).
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "issuer/store_pg.h"

#define PAUSE_MS 1000 /* until the next try to connect */

struct listener {
	struct conn *conn;
	void (*wake)(void *);
	void *wake_ctx;
	pthread_t thread;
	bool running;
	int stop; /* an eventfd */
};

/* False: it is to stop. */
static bool wait_a_while(struct listener *l, int fd, int ms)
{
	struct pollfd p[] = { { .fd = l->stop, .events = POLLIN },
			      { .fd = fd, .events = POLLIN } };
	int n = poll(p, fd < 0 ? 1 : 2, ms);
	return (n >= 0 || errno == EINTR) && p[0].revents == 0;
}

static bool take_hints(struct listener *l)
{
	PGconn *pg = pg_of(l->conn)->pg;
	PGnotify *n;
	if (!PQconsumeInput(pg) || PQstatus(pg) != CONNECTION_OK)
		return false;
	bool any = false;
	for (; (n = PQnotifies(pg)) != NULL; any = true)
		PQfreemem(n);
	if (any)
		l->wake(l->wake_ctx);
	return true;
}

/* As long as the connection lasts, or we do. */
static void listen_on(struct listener *l)
{
	if (pg_exec(pg_of(l->conn), "LISTEN mintmark") != MM_OK)
		return;
	l->wake(l->wake_ctx); /* for what came in between */
	while (wait_a_while(l, PQsocket(pg_of(l->conn)->pg), -1))
		if (!take_hints(l))
			return;
}

static void *listening(void *arg)
{
	struct listener *l = arg;
	do {
		if (pg_of(l->conn)->pg != NULL ||
		    pg_connect(pg_of(l->conn)) == MM_OK)
			listen_on(l);
		pg_disconnect(pg_of(l->conn));
	} while (wait_a_while(l, -1, PAUSE_MS));
	return NULL;
}

static enum mm_err start(struct listener *l, const char *where, struct why *why)
{
	TRY(pg_open(where, false, &l->conn, why));
	if (!pg_of(l->conn)->tells)
		return MM_OK; /* it knows no NOTIFY */
	l->stop = eventfd(0, EFD_CLOEXEC);
	l->running = l->stop >= 0 &&
		     pthread_create(&l->thread, NULL, listening, l) == 0;
	return l->running ? MM_OK
			  : why_say(why, MM_ERR_NOMEM, NULL,
				    "cannot start the store's listener");
}

enum mm_err pg_listen(const char *where, void (*wake)(void *), void *ctx,
		      struct listener **out, struct why *why)
{
	struct listener *l = calloc(1, sizeof *l);
	if (l == NULL)
		return why_say(why, MM_ERR_NOMEM, NULL, "out of memory");
	*l = (struct listener){ .wake = wake, .wake_ctx = ctx, .stop = -1 };
	enum mm_err e = start(l, where, why);
	if (e == MM_OK)
		*out = l;
	else
		pg_unlisten(l);
	return e;
}

void pg_unlisten(struct listener *l)
{
	if (l->running) {
		(void)!eventfd_write(l->stop, 1);
		pthread_join(l->thread, NULL);
	}
	if (l->stop >= 0)
		close(l->stop);
	pg_close(l->conn);
	free(l);
}
