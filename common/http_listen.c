/* http_listen.c - the listening sockets, opened by us so that an address in
 * use gets a sentence, and the Unix socket its mode from the first moment.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/http_internal.h"

static int give_up(int *fd)
{
	int kept = *fd;
	*fd = -1;
	return kept;
}

/* ---- TCP ---- */

static void free_addresses(struct addrinfo **a)
{
	if (*a != NULL)
		freeaddrinfo(*a);
}

static enum mm_err tcp_failed(const struct http_server *s, struct why *why)
{
	bool v6 = strchr(s->opt.host, ':') != NULL;
	char at[300];
	snprintf(at, sizeof at, v6 ? "[%.200s]:%u" : "%.200s:%u", s->opt.host,
		 s->opt.port);
	if (errno == EADDRINUSE)
		return why_say(why, MM_ERR_CONFLICT, "listen",
			       "%s is already in use: stop the other program "
			       "or choose another --listen",
			       at);
	return why_say(why, MM_ERR_IO, "listen", "cannot listen on %s: %s", at,
		       strerror(errno));
}

/* Literals only: a name may mean another address tomorrow. */
static enum mm_err tcp_address(const struct http_options *opt,
			       struct addrinfo **out, struct why *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV |
					      AI_PASSIVE };
	bool localhost = strcmp(opt->host, "localhost") == 0;
	char port[8];
	snprintf(port, sizeof port, "%u", opt->port);
	if (getaddrinfo(localhost ? "127.0.0.1" : opt->host, port, &hints,
			out) == 0)
		return MM_OK;
	*out = NULL;
	return why_say(why, MM_ERR_INVALID, "listen",
		       "cannot listen on \"%.100s\": give an IP address or "
		       "localhost",
		       opt->host);
}

static uint16_t bound_port(int fd)
{
	char port[8] = "0";
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &len) == 0)
		getnameinfo((struct sockaddr *)&a, len, NULL, 0, port,
			    sizeof port, NI_NUMERICSERV);
	return (uint16_t)strtoul(port, NULL, 10);
}

enum mm_err http_listen_tcp(struct http_server *s, struct why *why)
{
	__attribute__((cleanup(free_addresses))) struct addrinfo *a = NULL;
	int on = 1;

	TRY(tcp_address(&s->opt, &a, why));
	AUTO_FD int fd = socket(a->ai_family,
				SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) != 0 ||
	    listen(fd, SOMAXCONN) != 0)
		return tcp_failed(s, why);
	s->port = bound_port(fd);
	s->tcp.fd = give_up(&fd);
	return MM_OK;
}

/* ---- Unix ---- */

/* Remove the socket that a daemon left behind when it was killed: never
 * anything else, and never one that somebody listens on. */
static enum mm_err remove_stale(const struct sockaddr_un *a, struct why *why)
{
	struct stat st;
	if (lstat(a->sun_path, &st) != 0 && errno == ENOENT)
		return MM_OK;
	if (!S_ISSOCK(st.st_mode))
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "%s is there and is no socket: move it away",
			       a->sun_path);
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return why_say(why, MM_ERR_IO, NULL, "cannot open a socket: %s",
			       strerror(errno));
	if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "another program answers on %s: stop it first",
			       a->sun_path);
	if (errno != ECONNREFUSED || unlink(a->sun_path) != 0)
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot take over the socket %s: %s",
			       a->sun_path, strerror(errno));
	return MM_OK;
}

enum mm_err http_try_address(const struct http_options *opt, struct why *why)
{
	struct http_server *s = calloc(1, sizeof *s);
	if (s == NULL)
		return MM_ERR_NOMEM;
	s->opt = *opt;
	s->tcp.fd = -1;
	enum mm_err e = http_listen_tcp(s, why);
	fd_close(&s->tcp.fd);
	free(s);
	return e;
}

enum mm_err http_listen_local(struct http_server *s, struct why *why)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (!span_copy(a.sun_path, sizeof a.sun_path,
		       span_str(s->opt.socket_path)))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the path of the socket is longer than 107 "
			       "bytes: %.120s...",
			       s->opt.socket_path);
	TRY(remove_stale(&a, why));

	/* bind() takes the mode of the unbound socket (less the umask), so
	 * that there is no moment when more can connect than should; to a
	 * wider one it is opened afterwards. */
	AUTO_FD int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t mode = s->opt.socket_mode ? s->opt.socket_mode : 0600;
	if (fd < 0 || fchmod(fd, 0600) != 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    (mode != 0600 && chmod(a.sun_path, mode) != 0))
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot open the socket %s: %s", a.sun_path,
			       strerror(errno));
	memcpy(s->socket_path, a.sun_path, sizeof s->socket_path);
	if (listen(fd, SOMAXCONN) != 0)
		return why_say(why, MM_ERR_IO, NULL, "cannot listen on %s: %s",
			       a.sun_path, strerror(errno));
	s->local.fd = give_up(&fd);
	return MM_OK;
}
