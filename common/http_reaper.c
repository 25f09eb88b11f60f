/* http_reaper.c - connections, and the end of those that dawdle.
 *
 * The library's time-out starts anew with every byte, so a client that
 * sends one now and then could stay for ever.  Each connection therefore
 * has a deadline while a request is coming in or its reply is going out, and a
 * thread that cuts the late ones with shutdown(2): the descriptor stays the
 * library's to close.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/http_internal.h"

enum { TICK_MS = 500 };

struct http_conn *reaper_conn(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info == NULL ? NULL : info->socket_context;
}

/* ---- the list ---- */

static void conn_opened(struct http_poller *p, struct MHD_Connection *c,
			void **socket)
{
	struct http_reaper *r = &p->server->reaper;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_conn *conn = calloc(1, sizeof *conn);
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof peer;

	p->open++;
	*socket = conn; /* NULL: its requests will be turned away */
	if (conn == NULL)
		return;
	conn->fd = info->connect_fd;
	conn->poller = p;
	if (p->local)
		getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	conn->uid = peer.uid;
	atomic_store(&conn->deadline, clock_ms() + r->request_ms);

	pthread_mutex_lock(&r->lock);
	conn->prev = &r->conns;
	conn->next = r->conns.next;
	conn->prev->next = conn->next->prev = conn;
	pthread_mutex_unlock(&r->lock);
}

static void conn_closed(struct http_reaper *r, struct http_conn *conn)
{
	if (conn == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	conn->prev->next = conn->next;
	conn->next->prev = conn->prev;
	pthread_mutex_unlock(&r->lock);
	http_on_lost(conn->begun);
	free(conn);
}

/* CLOSED is told before the library closes the descriptor, so none in the
 * list can have become another's. */
void reaper_notify(void *poller, struct MHD_Connection *c, void **socket,
		   enum MHD_ConnectionNotificationCode what)
{
	struct http_poller *p = poller;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		conn_opened(p, c, socket);
	} else {
		p->open--;
		conn_closed(&p->server->reaper, *socket);
	}
}

/* What is p's is taken out by its thread alone. */
struct http_conn *reaper_find(struct http_poller *p,
			      bool (*is)(const struct http_conn *conn))
{
	struct http_reaper *r = &p->server->reaper;
	struct http_conn *found = NULL;
	pthread_mutex_lock(&r->lock);
	for (struct http_conn *c = r->conns.next; c != &r->conns && !found;
	     c = c->next)
		if (c->poller == p && is(c))
			found = c;
	pthread_mutex_unlock(&r->lock);
	return found;
}

/* ---- deadlines ---- */

void reaper_begun(struct http_request *rq)
{
	int64_t now = clock_ms(), limit = rq->server->reaper.request_ms;
	int64_t before = atomic_load(&rq->conn->deadline);
	if (before == 0 || before > now + limit)
		atomic_store(&rq->conn->deadline, now + limit);
}

void reaper_whole(struct http_request *rq)
{
	atomic_store(&rq->conn->deadline, 0);
}

/* As long as it may take to ask, and more for what is long. */
void reaper_replies(struct http_request *rq)
{
	int64_t reading = (int64_t)(rq->reply_bytes / READ_BYTES_MS);
	atomic_store(&rq->conn->deadline,
		     clock_ms() + rq->server->reaper.request_ms + reading);
}

/* Nothing tells us of the first byte of the next request: a connection may
 * be idle as long as the library lets it, and then it is late. */
void reaper_idle(struct http_request *rq)
{
	atomic_store(&rq->conn->deadline,
		     clock_ms() + IDLE_SECONDS * 1000 +
			     rq->server->reaper.request_ms);
}

/* ---- the thread ---- */

static void cut_late_ones(struct http_reaper *r)
{
	int64_t now = clock_ms();
	for (struct http_conn *c = r->conns.next; c != &r->conns; c = c->next) {
		int64_t deadline = atomic_load(&c->deadline);
		if (deadline != 0 && deadline <= now)
			shutdown(c->fd, SHUT_RDWR);
	}
}

static void *reap(void *reaper)
{
	struct http_reaper *r = reaper;
	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		struct timespec until = clock_in_ms(TICK_MS);
		pthread_cond_timedwait(&r->wake, &r->lock, &until);
		cut_late_ones(r);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

enum mm_err reaper_start(struct http_server *s)
{
	struct http_reaper *r = &s->reaper;
	r->request_ms = s->opt.request_ms ? s->opt.request_ms : REQUEST_MS;
	if (pthread_create(&r->thread, NULL, reap, r) != 0)
		return MM_ERR_NOMEM;
	r->started = true;
	return MM_OK;
}

void reaper_stop(struct http_server *s)
{
	struct http_reaper *r = &s->reaper;
	if (!r->started)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	r->started = false;
}
