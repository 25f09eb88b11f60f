/* http.c - a client for load: see http.h. */
#include "tests/bench/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define ANSWER_MAX (1u << 20)
#define PIECE	   4096u
#define PATIENCE_S 60 /* then a server that says nothing is broken */

void http_request(struct buf *out, const char *method, const char *path,
		  const char *bearer, const char *body)
{
	buf_fmt(out, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, path);
	if (bearer != NULL)
		buf_fmt(out, "Authorization: Bearer %s\r\n", bearer);
	if (body != NULL)
		buf_fmt(out,
			"Content-Type: application/json\r\n"
			"Content-Length: %zu\r\n",
			strlen(body));
	buf_str(out, "\r\n");
	if (body != NULL)
		buf_str(out, body);
}

/* ---- one connection ---- */

static enum mm_err connect_to(struct conn *c, const void *to, socklen_t len,
			      int flags)
{
	const struct sockaddr *address = to;
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int one = 1;
	*c = (struct conn){ .in = buf_new(ANSWER_MAX) };
	c->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags,
		       0);
	if (c->fd < 0)
		return MM_ERR_IO;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			 sizeof patience);
	if (address->sa_family == AF_INET)
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one,
				 sizeof one);
	if (connect(c->fd, address, len) == 0 || errno == EINPROGRESS)
		return MM_OK;
	return MM_ERR_UNAVAILABLE;
}

static enum mm_err open_unix(struct conn *c, const char *path, int flags)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!span_copy(to.sun_path, sizeof to.sun_path, span_str(path)))
		return MM_ERR_INVALID;
	return connect_to(c, &to, sizeof to, flags);
}

static enum mm_err open_with(struct conn *c, struct place at, int flags)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(at.port),
				  .sin_addr = at.host };
	if (at.path != NULL)
		return open_unix(c, at.path, flags);
	if (at.host.s_addr == 0)
		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect_to(c, &to, sizeof to, flags);
}

enum mm_err conn_open(struct conn *c, struct place at)
{
	return open_with(c, at, 0);
}

enum mm_err conn_begin(struct conn *c, struct place at)
{
	return open_with(c, at, SOCK_NONBLOCK);
}

void conn_close(struct conn *c)
{
	if (c->fd > 0)
		close(c->fd);
	buf_free(&c->in);
	*c = (struct conn){ 0 };
}

/* Requests are small: a socket's buffer holds them. */
enum mm_err conn_send(struct conn *c, struct span request)
{
	c->in.len = 0;
	c->asked_at = ns_now();
	ssize_t n = send(c->fd, request.at, request.len, MSG_NOSIGNAL);
	c->sent += request.len;
	return n == (ssize_t)request.len ? MM_OK : MM_ERR_IO;
}

/* The header's value; NULL: the head has none.  Line by line is quicker than
 * looking for it everywhere, in any case. */
static const char *find_length(const char *head, const char *end)
{
	static const char name[] = "Content-Length:";
	for (const char *at = head; at < end; at++) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (at == NULL)
			return NULL;
		if (strncasecmp(at + 1, name, sizeof name - 1) == 0)
			return at + sizeof name;
	}
	return NULL;
}

/* Is the answer whole?  Then its parts are told. */
static enum mm_err read_answer(struct conn *c, bool *whole)
{
	struct span all;
	TRY(buf_done(&c->in, &all)); /* with a NUL behind it */
	const char *text = (const char *)all.at;
	const char *end = strstr(text, "\r\n\r\n");
	*whole = false;
	if (end == NULL)
		return MM_OK;
	const char *length = find_length(text, end);
	if (strncmp(text, "HTTP/1.1 ", 9) != 0 || length == NULL)
		return MM_ERR_MALFORMED;
	size_t head = (size_t)(end - text) + 4;
	c->status = (unsigned)strtoul(text + 9, NULL, 10);
	c->body = span_of(all.at + head, strtoul(length, NULL, 10));
	*whole = all.len == head + c->body.len;
	return all.len <= head + c->body.len ? MM_OK : MM_ERR_MALFORMED;
}

enum mm_err conn_read(struct conn *c, int flags, bool *whole)
{
	uint8_t *room = buf_room(&c->in, PIECE);
	if (room == NULL)
		return c->in.failed;
	ssize_t n = recv(c->fd, room, PIECE, flags);
	*whole = false;
	if (n < 0 && (errno == EINTR ||
		      (errno == EAGAIN && (flags & MSG_DONTWAIT) != 0)))
		return MM_OK;
	if (n <= 0)
		return MM_ERR_UNAVAILABLE;
	buf_grew(&c->in, (size_t)n);
	c->got += (size_t)n;
	return read_answer(c, whole);
}

enum mm_err conn_ask(struct conn *c, struct span request)
{
	bool whole = false;
	TRY(conn_send(c, request));
	while (!whole)
		TRY(conn_read(c, 0, &whole));
	return MM_OK;
}

/* ---- many ---- */

enum mm_err crowd_open(struct crowd *c, size_t count, struct place at)
{
	*c = (struct crowd){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
	c->conn = calloc(count, sizeof *c->conn);
	if (c->epoll < 0 || c->conn == NULL)
		return MM_ERR_NOMEM;
	while (c->count < count) {
		struct conn *one = &c->conn[c->count++];
		struct epoll_event wanted = { .events = EPOLLIN,
					      .data = { .ptr = one } };
		TRY(conn_open(one, at));
		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, one->fd, &wanted) != 0)
			return MM_ERR_IO;
	}
	return MM_OK;
}

void crowd_close(struct crowd *c)
{
	for (size_t i = 0; c->conn != NULL && i < c->count; i++)
		conn_close(&c->conn[i]);
	free(c->conn);
	if (c->epoll > 0)
		close(c->epoll);
	*c = (struct crowd){ 0 };
}

enum mm_err crowd_wait(struct crowd *c, int ms,
		       enum mm_err (*answered)(void *ctx, struct conn *conn),
		       void *ctx)
{
	struct epoll_event ready[64];
	int n = epoll_wait(c->epoll, ready, 64, ms);
	if (n < 0 && errno != EINTR)
		return MM_ERR_IO;
	for (int i = 0; i < n; i++) {
		struct conn *one = ready[i].data.ptr;
		bool whole;
		TRY(conn_read(one, MSG_DONTWAIT, &whole));
		if (whole)
			TRY(answered(ctx, one));
	}
	return MM_OK;
}
