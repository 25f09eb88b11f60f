/* http_accept.c - connections are accepted here, and given to the library.
 *
 * At the end of descriptors its own accept() spins if it has no connection,
 * and else waits until one of those that it has ends, which may be never.
 * Here a poller that can take no more just does not look at the listening
 * socket: until one of its connections has ended, or for a moment when it is
 * descriptors or memory that ran out.  Who connects meanwhile waits in the
 * kernel's queue.
 */
#include <errno.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/http_internal.h"
#include "common/log.h"

enum {
	AT_ONCE = 64,	      /* then those that are open have their turn */
	REST_MS = 100,	      /* before it is tried again */
	SAY_AGAIN_MS = 60000, /* a poller may be full at every moment */
};

static void say(struct http_poller *p, const char *lacks, const char *hint)
{
	int64_t now = clock_ms();
	if (p->said_at != 0 && now - p->said_at < SAY_AGAIN_MS)
		return;
	p->said_at = now;
	log_event(LOG_WARNING, "http.full",
		  "listener=%s connections=%u lacks=%s hint=%s",
		  p->local ? "local" : "tcp", p->open, lacks, hint);
}

/* p->open says how many there were when the library was run last. */
static bool is_full(const struct http_poller *p, unsigned more)
{
	return p->open + more >= p->connections;
}

static bool is_short(int e)
{
	return e == EMFILE || e == ENFILE || e == ENOMEM || e == ENOBUFS;
}

static void rest(struct http_poller *p, int e)
{
	p->starved = true;
	p->rest_until = clock_ms() + REST_MS;
	say(p, strerror(e),
	    "raise the limit of open files, or see who holds them");
}

static struct http_listener *listener_of(const struct http_poller *p)
{
	return p->local ? &p->server->local : &p->server->tcp;
}

/* While another poller has room, it takes who comes. */
static void say_full(struct http_poller *p)
{
	if (atomic_load(&listener_of(p)->accepting) == 0)
		say(p, "connections",
		    "raise the setting connections, or see who holds them");
}

static void note(struct http_poller *p, bool accepts)
{
	struct http_listener *l = listener_of(p);
	if (accepts && !p->accepts)
		atomic_fetch_add(&l->accepting, 1);
	else if (!accepts && p->accepts)
		atomic_fetch_sub(&l->accepting, 1);
	p->accepts = accepts;
}

bool accept_may(struct http_poller *p)
{
	bool full = is_full(p, 0);
	if (full) /* then that is what it waits for */
		p->starved = false;
	note(p, !full && !p->starved);
	if (full)
		say_full(p);
	return !full && !atomic_load(&p->server->closed) &&
	       (!p->starved || p->rest_until <= clock_ms());
}

int accept_wait_ms(const struct http_poller *p, int ms)
{
	if (!p->starved)
		return ms;
	int64_t left = p->rest_until - clock_ms();
	if (left < 0)
		left = 0;
	return ms >= 0 && ms < left ? ms : (int)left;
}

/* One of those that wait, or -1.  The library takes the descriptor over, also
 * when it fails. */
static int accept_one(struct http_poller *p)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = accept4(p->fd, (struct sockaddr *)&a, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && is_short(errno)) {
		rest(p, errno);
		return -1;
	}
	p->starved = false;
	if (fd >= 0)
		MHD_add_connection(p->daemon, fd, (struct sockaddr *)&a, len);
	return fd;
}

/* Without descriptors accept() says so also when nobody waits: so it is
 * asked, to know when there are some again. */
void accept_some(struct http_poller *p, bool ready)
{
	if (!ready && !p->starved)
		return;
	for (unsigned i = 0; i < AT_ONCE && !is_full(p, i); i++)
		if (accept_one(p) < 0)
			return;
}

bool http_accepts(const struct http_server *s)
{
	const struct http_listener *l = s->tcp.fd >= 0 ? &s->tcp : &s->local;
	return atomic_load(&l->accepting) != 0;
}
