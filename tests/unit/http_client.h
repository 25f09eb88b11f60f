/* http_client.h - a client over raw sockets, for the tests of the HTTP server:
 * it sends whatever it is told to, and reads replies one by one. */
#ifndef MM_TESTS_HTTP_CLIENT_H
#define MM_TESTS_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/http_fixture.h"

#define H   "Host: h\r\n"
#define END "\r\n"

struct client {
	int fd;
	size_t len;
	char in[16384];
};

struct reply {
	unsigned status;
	char head[4096];
	char body[8192];
	size_t body_len;
};

static inline int dial(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return fd;
}

static inline void open_client(struct client *c, const struct fixture *f)
{
	c->fd = dial(http_port(f->server));
	c->len = 0;
}

/* The server may have refused and closed in the middle: not our failure. */
static inline void send_text(int fd, const char *text)
{
	size_t len = strlen(text);
	while (len != 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static inline bool more(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->len, sizeof c->in - 1 - c->len, 0);
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	return true;
}

static inline bool closed(struct client *c)
{
	return c->len == 0 && !more(c);
}

/* To the end of the stream; the library's own 400s count their bytes
 * wrongly, so that some may be left. */
static inline void drain(struct client *c)
{
	do
		c->len = 0;
	while (more(c));
}

static inline size_t content_length(const char *head)
{
	const char *at = strcasestr(head, "\r\nContent-Length: ");
	return at ? strtoul(at + 18, NULL, 10) : 0;
}

/* One reply off the stream; false at its end. */
static inline bool next_reply(struct client *c, struct reply *r, bool no_body)
{
	char *end;
	c->in[c->len] = '\0';
	while ((end = strstr(c->in, "\r\n\r\n")) == NULL) {
		if (!more(c))
			return false;
		c->in[c->len] = '\0';
	}
	size_t head = (size_t)(end - c->in) + 4;
	assert_true(head < sizeof r->head);
	memcpy(r->head, c->in, head);
	r->head[head] = '\0';
	assert_int_equal(strncmp(r->head, "HTTP/1.1 ", 9), 0);
	r->status = (unsigned)strtoul(r->head + 9, NULL, 10);

	no_body |= strncmp(r->head, "HTTP/1.1 304", 12) == 0;
	r->body_len = no_body ? 0 : content_length(r->head);
	assert_true(r->body_len < sizeof r->body);
	while (c->len < head + r->body_len)
		assert_true(more(c));
	memcpy(r->body, c->in + head, r->body_len);
	r->body[r->body_len] = '\0';
	c->len -= head + r->body_len;
	memmove(c->in, c->in + head + r->body_len, c->len);
	return true;
}

static inline void expect(struct client *c, unsigned status,
			  const char *body_text)
{
	struct reply r;
	assert_true(next_reply(c, &r, false));
	if (r.status != status)
		fail_msg("%u, not %u: %s%s", r.status, status, r.head, r.body);
	if (body_text != NULL)
		assert_string_equal(r.body, body_text);
}

static inline void fetch(const struct fixture *f, const char *request,
			 struct reply *r, bool *stays_open)
{
	struct client c;
	open_client(&c, f);
	send_text(c.fd, request);
	if (!next_reply(&c, r, strncmp(request, "HEAD", 4) == 0))
		fail_msg("no reply to: %s", request);
	struct pollfd p = { .fd = c.fd, .events = POLLIN };
	*stays_open = strcasestr(r->head, "\r\nConnection: close") == NULL;
	if (!*stays_open)
		drain(&c);
	else
		assert_int_equal(poll(&p, 1, 0), 0);
	close(c.fd);
}

#endif
