/* http_poll.c - the polling threads.
 *
 * They are ours and not the library's, whose own threads may sleep on what
 * they have: it asks for 128 events at a time, and after exactly so many
 * waits for one more before it does anything about them.  Run from outside
 * it never waits.  Each thread has a daemon of the library by itself, all of
 * one listening socket.
 */
#include "common/http_internal.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the thread ---- */

static int wait_ms(const struct http_poller *p)
{
	unsigned long long ms;
	if (MHD_get_timeout(p->daemon, &ms) != MHD_YES)
		return -1;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static int epoll_of(const struct http_poller *p)
{
	return MHD_get_daemon_info(p->daemon, MHD_DAEMON_INFO_EPOLL_FD)
		->epoll_fd;
}

/* What was resumed before `woken` is taken back is seen by the run. */
static void *run(void *poller)
{
	struct http_poller *p = poller;
	struct pollfd fds[] = { { .fd = epoll_of(p), .events = POLLIN },
				{ .fd = p->wake, .events = POLLIN },
				{ .events = POLLIN } };
	uint64_t times;
	while (!atomic_load(&p->stop)) {
		fds[2].fd = accept_may(p) ? p->fd : -1;
		if (poll(fds, 3, accept_wait_ms(p, wait_ms(p))) < 0)
			continue; /* and revents says nothing */
		if (fds[1].revents != 0)
			(void)!read(p->wake, &times, sizeof times);
		if (fds[2].fd >= 0)
			accept_some(p, fds[2].revents != 0);
		atomic_store(&p->woken, false);
		MHD_run(p->daemon);
	}
	return NULL;
}

void poll_wake(struct http_poller *p)
{
	const uint64_t once = 1;
	if (!atomic_exchange(&p->woken, true))
		(void)!write(p->wake, &once, sizeof once);
}

/* ---- start ---- */

/* RFC 8996: GnuTLS by itself would speak the older ones, too. */
static const char protocols[] = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";

size_t http_pool_bytes(const struct http_options *opt)
{
	return (size_t)opt->head_max + opt->reply_max + OWN_BYTES;
}

struct MHD_Daemon *poll_daemon(struct http_poller *p)
{
	const struct http_options *opt = &p->server->opt;
	bool tls = !p->local && opt->tls_cert != NULL;
	size_t pool = http_pool_bytes(opt);
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			 (tls ? MHD_USE_TLS : 0u);
	struct MHD_OptionItem pem[4] = { { MHD_OPTION_END, 0, NULL } };
	if (tls) {
		pem[0] = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_MEM_CERT, 0,
			(void *)(uintptr_t)opt->tls_cert
		};
		pem[1] = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_MEM_KEY, 0,
			(void *)(uintptr_t)opt->tls_key
		};
		pem[2] =
			(struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
						 (void *)(uintptr_t)protocols };
		pem[3] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	}
	return MHD_start_daemon(flags, 0, NULL, NULL, http_on_request, p,
				MHD_OPTION_EXTERNAL_LOGGER, library_says, p,
				MHD_OPTION_CONNECTION_LIMIT, p->connections,
				MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned)IDLE_SECONDS,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool,
				MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, p,
				MHD_OPTION_NOTIFY_CONNECTION, reaper_notify, p,
				MHD_OPTION_NOTIFY_COMPLETED, http_on_completed,
				p, MHD_OPTION_ARRAY, pem, MHD_OPTION_END);
}

static enum mm_err start_one(struct http_poller *p)
{
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake < 0)
		return MM_ERR_IO;
	p->daemon = poll_daemon(p);
	if (p->daemon == NULL)
		return MM_ERR_UNAVAILABLE;
	p->started = pthread_create(&p->thread, NULL, run, p) == 0;
	return p->started ? MM_OK : MM_ERR_NOMEM;
}

enum mm_err poll_start(struct http_server *s, struct http_listener *l,
		       unsigned pollers, unsigned connections, struct why *why)
{
	bool local = l == &s->local, tls = !local && s->opt.tls_cert != NULL;
	size_t wanted = pollers == 0		? 1
			: pollers > POLLERS_MAX ? POLLERS_MAX
						: pollers;
	enum mm_err e = MM_OK;
	while (e == MM_OK && l->pollers < wanted) {
		struct http_poller *p = &l->poller[l->pollers++];
		*p = (struct http_poller){
			.server = s,
			.local = local,
			.fd = l->fd,
			.wake = -1,
			.connections = connections / (unsigned)wanted,
		};
		e = start_one(p);
	}
	if (e == MM_OK)
		return MM_OK;
	return why_say(why, e, NULL, "cannot serve HTTP%s: %s", tls ? "S" : "",
		       tls ? "see the log; are certificate and key PEM?"
			   : "see the log");
}

/* ---- the end ---- */

/* Whoever waits for it is woken, and sees that the server is closed. */
void poll_refuse(struct http_listener *l)
{
	if (l->fd >= 0)
		shutdown(l->fd, SHUT_RDWR);
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void stop_one(struct http_poller *p)
{
	atomic_store(&p->stop, true);
	if (p->started) {
		atomic_store(&p->woken, false);
		poll_wake(p);
		pthread_join(p->thread, NULL);
	}
	if (p->daemon != NULL)
		MHD_stop_daemon(p->daemon);
	close_one(p->wake);
}

void poll_stop(struct http_listener *l)
{
	for (size_t i = 0; i < l->pollers; i++)
		stop_one(&l->poller[i]);
	close_one(l->fd);
}
