/* http_pair.c - see http_pair.h. */
#include "tests/fuzz/http_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Milliseconds in all: the workers' share, under a sanitizer, on a busy
 * machine. */
enum { PATIENCE = 60000, ANSWER_MAX = 16 << 20 };

void pair_begin(struct pair *p, const struct http_server *server, bool local)
{
	p->poller = (struct http_poller){
		.server = (struct http_server *)(uintptr_t)server,
		.local = local,
		.fd = -1,
		.connections = 16,
		.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	MM_ASSERT(p->poller.wake >= 0);
	p->poller.daemon = poll_daemon(&p->poller);
	MM_ASSERT(p->poller.daemon != NULL);
}

void pair_end(struct pair *p)
{
	MHD_stop_daemon(p->poller.daemon);
	close(p->poller.wake);
}

/* ---- asking ---- */

static int connect_pair(struct pair *p)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
				       .sin_port = htons(4711),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd[2];
	MM_ASSERT(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			     fd) == 0);
	MM_ASSERT(MHD_add_connection(p->poller.daemon, fd[1],
				     (const struct sockaddr *)&a,
				     sizeof a) == MHD_YES);
	return fd[0];
}

/* What has come so far; true at the end of the stream. */
static bool take(int fd, struct buf *answer)
{
	for (;;) {
		uint8_t *to = buf_room(answer, 65536);
		MM_ASSERT(to != NULL);
		ssize_t n = recv(fd, to, 65536, 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
		if (n < 0)
			return false;
		buf_grew(answer, (size_t)n);
	}
}

/* Has the library nothing to do, and no worker anything for it? */
static bool is_quiet(struct pair *p, int wait_ms)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(p->poller.daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[] = { { .fd = info->epoll_fd, .events = POLLIN },
				{ .fd = p->poller.wake, .events = POLLIN } };
	unsigned long long ms;
	uint64_t times;
	bool now = MHD_get_timeout(p->poller.daemon, &ms) == MHD_YES && !ms;
	int n = poll(fds, 2, now ? 0 : wait_ms);
	if (fds[1].revents != 0)
		(void)!read(p->poller.wake, &times, sizeof times);
	return n == 0 && !now && atomic_load(&p->poller.server->open) == 0;
}

/* One step; false when there was none to take. */
static bool step(struct pair *p, int wait_ms)
{
	bool quiet = is_quiet(p, wait_ms);
	atomic_store(&p->poller.woken, false);
	MHD_run(p->poller.daemon);
	return !quiet;
}

static void send_all(struct pair *p, int fd, struct span request,
		     struct buf *answer)
{
	while (request.len != 0) {
		ssize_t n = send(fd, request.at, request.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return; /* it has closed, and answers no more */
		if (n > 0)
			request = span_of(request.at + n,
					  request.len - (size_t)n);
		step(p, 0);
		if (take(fd, answer))
			return;
	}
}

void pair_ask(struct pair *p, struct span request, struct buf *answer)
{
	int fd = connect_pair(p), patience = PATIENCE;
	*answer = buf_new(ANSWER_MAX);
	send_all(p, fd, request, answer);
	while (step(p, 0) || atomic_load(&p->poller.server->open) != 0) {
		(void)take(fd, answer);
		if (atomic_load(&p->poller.server->open) != 0)
			(void)is_quiet(p, 1);
		MM_ASSERT(patience-- != 0);
	}
	shutdown(fd, SHUT_WR);
	while (!take(fd, answer)) {
		step(p, 1);
		MM_ASSERT(patience-- != 0);
	}
	close(fd);
	while (step(p, 0)) /* until the library has let go of it */
		MM_ASSERT(patience-- != 0);
}

/* ---- answers ---- */

struct span reply_header(const struct reply *r, const char *name)
{
	struct span rest = r->head, line, key;
	while (span_cut(&rest, '\n', &line))
		if (span_cut(&line, ':', &key) && key.len == strlen(name) &&
		    !strncasecmp((const char *)key.at, name, key.len))
			return span_of(line.at + 1, line.len - 2);
	return span_of("", 0);
}

static bool begins(struct span s, const char *with)
{
	return s.len >= strlen(with) && !memcmp(s.at, with, strlen(with));
}

/* Of an answer to HEAD, or a 304, only the length is there. */
static size_t body_length(const struct reply *r, struct span behind)
{
	char text[24];
	MM_ASSERT(span_copy(text, sizeof text,
			    reply_header(r, "Content-Length")));
	size_t n = strtoul(text, NULL, 10);
	if (behind.len == 0 || begins(behind, "HTTP/1."))
		return 0;
	return n < behind.len ? n : behind.len;
}

bool reply_next(struct span *stream, struct reply *out)
{
	if (stream->len == 0)
		return false;
	const uint8_t *end = memmem(stream->at, stream->len, "\r\n\r\n", 4);
	MM_ASSERT(begins(*stream, "HTTP/1.") && end != NULL);
	size_t head = (size_t)(end - stream->at) + 2;
	out->head = span_of(stream->at, head);
	out->status = (unsigned)strtoul((const char *)stream->at + 9, NULL, 10);
	MM_ASSERT(out->status >= 100 && out->status < 600);
	struct span behind = span_of(end + 4, stream->len - head - 2);
	size_t body = out->status == 100 ? 0 : body_length(out, behind);
	out->body = span_of(behind.at, body);
	*stream = span_of(behind.at + body, behind.len - body);
	return true;
}

/* ---- what holds for all of them ---- */

static void check_line(struct span line)
{
	static const char *const names[] = {
		"Access-Control-Allow-Origin",
		"Allow",
		"Cache-Control",
		"Connection",
		"Content-Encoding",
		"Content-Length",
		"Content-Security-Policy",
		"Content-Type",
		"Cross-Origin-Opener-Policy",
		"Date",
		"ETag",
		"Location",
		"Pragma",
		"Referrer-Policy",
		"Retry-After",
		"Set-Cookie",
		"Sunset",
		"Vary",
		"WWW-Authenticate",
		"X-Content-Type-Options",
		"X-Mintmark-Expires",
		"X-Mintmark-Id",
		"X-Mintmark-Reason",
		"X-Mintmark-Scopes",
		"X-Mintmark-User",
		"X-Request-Id",
	};
	struct span name;
	bool known = false;
	MM_ASSERT(line.len != 0 && line.at[line.len - 1] == '\r');
	for (size_t i = 0; i + 1 < line.len; i++)
		MM_ASSERT(line.at[i] >= 0x20 && line.at[i] != 0x7F);
	MM_ASSERT(span_cut(&line, ':', &name));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		known |= span_is(name, names[i]);
	MM_ASSERT(known);
}

static void check_headers(const struct reply *r)
{
	struct span rest = r->head, line;
	MM_ASSERT(span_cut(&rest, '\n', &line)); /* the status */
	while (span_cut(&rest, '\n', &line))
		check_line(line);
	MM_ASSERT(rest.len == 0);
}

static bool holds(struct span s, struct span secret)
{
	return s.len != 0 && secret.len != 0 &&
	       memmem(s.at, s.len, secret.at, secret.len) != NULL;
}

/* RFC 9457 s3; health and OAuth (RFC 6749 s5.2) have bodies of their own. */
static void check_error(const struct reply *r, struct span secret)
{
	bool told = holds(r->head, secret) || holds(r->body, secret);
	MM_ASSERT(!told || r->status == 403);
	struct span type = reply_header(r, "Content-Type");
	bool problem = span_is(type, "application/problem+json");
	MM_ASSERT(problem || span_is(type, "application/json"));
	if (r->body.len == 0)
		return; /* a HEAD's */
	json_t *o = json_loadb((const char *)r->body.at, r->body.len,
			       JSON_REJECT_DUPLICATES, NULL);
	MM_ASSERT(json_is_object(o));
	MM_ASSERT(!problem || json_integer_value(json_object_get(
				      o, "status")) == (json_int_t)r->status);
	json_decref(o);
}

/* What the library answers by itself is not as ours, but one answer: all of
 * its page, and nothing behind it. */
static void check_page(const struct reply *r, struct span behind)
{
	char length[24], is[24];
	MM_ASSERT(r->status >= 400 && behind.len == 0);
	MM_ASSERT(span_is(reply_header(r, "Connection"), "close"));
	MM_ASSERT(span_copy(length, sizeof length,
			    reply_header(r, "Content-Length")));
	snprintf(is, sizeof is, "%zu", r->body.len);
	MM_ASSERT(r->body.len == 0 || strcmp(length, is) == 0); /* a HEAD's */
}

size_t replies_check(struct span stream, struct span secret)
{
	struct reply r;
	size_t n = 0;
	for (; reply_next(&stream, &r); n++) {
		if (r.status == 100)
			continue;
		if (reply_header(&r, "X-Request-Id").len == 0) {
			check_page(&r, stream);
			return n + 1;
		}
		check_headers(&r);
		if (r.status >= 400)
			check_error(&r, secret);
	}
	return n;
}
