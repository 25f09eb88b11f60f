/* test_http.c - the HTTP server, spoken to over raw sockets: what is
 * refused, what is answered, and that stopping never loses a reply.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/http.h"
#include "common/log.h"

/* ---- a program: its handlers, and what they remember ---- */

enum { HELD_MAX = 1100 };

struct app {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_request *held[HELD_MAX];
	size_t held_count, blocked;
	bool let_go; /* handlers of /block may go on */
	struct http_body *shared, *prepared;
};

static enum mm_err say(struct http_request *rq, const char *text)
{
	return http_reply(rq, 200, "text/plain", span_str(text));
}

static enum mm_err hello(void *app, struct http_request *rq)
{
	(void)app;
	return say(rq, "hello");
}

static enum mm_err args(void *app, struct http_request *rq)
{
	char text[256];
	(void)app;
	snprintf(text, sizeof text, "%s|%s|%s", http_arg(rq, 0),
		 http_arg(rq, 1), http_path(rq));
	return say(rq, text);
}

static enum mm_err query(void *app, struct http_request *rq)
{
	const char *q = http_query(rq, "q");
	(void)app;
	return say(rq, q ? q : "(none)");
}

static enum mm_err body(void *app, struct http_request *rq)
{
	(void)app;
	return http_reply(rq, 200, "text/plain", http_body_bytes(rq));
}

static enum mm_err shared(void *app, struct http_request *rq)
{
	struct app *a = app;
	return http_reply_shared(rq, 200, a->shared);
}

static enum mm_err prepared(void *app, struct http_request *rq)
{
	struct app *a = app;
	return http_reply_prepared(rq, a->prepared);
}

static enum mm_err hold(void *app, struct http_request *rq)
{
	struct app *a = app;
	pthread_mutex_lock(&a->lock);
	http_hold(rq);
	a->held[a->held_count++] = rq;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	return MM_OK;
}

static enum mm_err block(void *app, struct http_request *rq)
{
	struct app *a = app;
	pthread_mutex_lock(&a->lock);
	a->blocked++;
	pthread_cond_broadcast(&a->changed);
	while (!a->let_go)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	return say(rq, "done");
}

static enum mm_err silent(void *app, struct http_request *rq)
{
	(void)app;
	(void)rq;
	return MM_OK;
}

static enum mm_err gone(void *app, struct http_request *rq)
{
	(void)app;
	return why_say(http_why(rq), MM_ERR_GONE, "after",
		       "take the \"snapshot\"\n\xFF");
}

static enum mm_err headers(void *app, struct http_request *rq)
{
	const char *ua = http_header(rq, "user-agent");
	(void)app;
	*http_data(rq) = strdup("freed by the server");
	http_set(rq, "ETag", "\"1\"");
	http_set(rq, "cache-control", "max-age=60");
	return say(rq, ua ? ua : "(none)");
}

static enum mm_err whole(void *app, struct http_request *rq)
{
	char text[256];
	(void)app;
	snprintf(text, sizeof text, "%s %s|%s", http_method(rq), http_path(rq),
		 http_query(rq, "q") ? "read" : "unread");
	return say(rq, text);
}

/* Of the headers, until there is a Stop. */
static bool list_one(void *ctx, const char *name, const char *value)
{
	buf_fmt(ctx, "%s=%s;", name, value);
	return strcmp(name, "Stop") != 0;
}

static enum mm_err list(void *app, struct http_request *rq)
{
	AUTO_BUF struct buf b = buf_new(1024);
	struct span text;
	(void)app;
	http_headers(rq, list_one, &b);
	enum mm_err e = buf_done(&b, &text);
	return e == MM_OK ? http_reply(rq, 200, "text/plain", text) : e;
}

static enum mm_err peer(void *app, struct http_request *rq)
{
	char text[64];
	unsigned uid;
	(void)app;
	bool local = http_is_local(rq, &uid);
	snprintf(text, sizeof text, "%s %d", local ? "local" : "far",
		 local ? (int)uid : -1);
	return say(rq, text);
}

enum { FREE, DENIED };

static enum mm_err allow(void *app, struct http_request *rq,
			 const struct http_route *route)
{
	(void)app;
	return route->need == DENIED
		       ? why_say(http_why(rq), MM_ERR_UNAUTHENTICATED, NULL,
				 "who are you?")
		       : MM_OK;
}

static const struct http_route routes[] = {
	{ "GET", "/", HTTP_NOW, 0, hello, FREE },
	{ "GET", "/hello", HTTP_NOW, 0, hello, FREE },
	{ "GET", "/tail/", HTTP_NOW, 0, hello, FREE },
	{ "GET", "/a/{}", HTTP_NOW, 0, args, FREE },
	{ "DELETE", "/a/{}", HTTP_NOW, 0, args, FREE },
	{ "GET", "/a/{}/b/{}", HTTP_NOW, 0, args, FREE },
	{ "GET", "/a/{}/c", HTTP_NOW, 0, args, FREE },
	{ "GET", "/query", HTTP_NOW, 0, query, FREE },
	{ "POST", "/body", HTTP_NOW, 64, body, FREE },
	{ "POST", "/work", HTTP_WORK, 64, body, FREE },
	{ "GET", "/shared", HTTP_NOW, 0, shared, FREE },
	{ "GET", "/prepared", HTTP_NOW, 0, prepared, FREE },
	{ "GET", "/hold", HTTP_NOW, 0, hold, FREE },
	{ "GET", "/hold-work", HTTP_WORK, 0, hold, FREE },
	{ "GET", "/hold-crowd", HTTP_CROWD, 0, hold, FREE },
	{ "GET", "/block", HTTP_WORK, 0, block, FREE },
	{ "GET", "/block-crowd", HTTP_CROWD, 0, block, FREE },
	{ "GET", "/block-now", HTTP_NOW, 0, block, FREE },
	{ "GET", "/silent", HTTP_NOW, 0, silent, FREE },
	{ "GET", "/silent-work", HTTP_WORK, 0, silent, FREE },
	{ "GET", "/gone", HTTP_NOW, 0, gone, FREE },
	{ "GET", "/gone-work", HTTP_WORK, 0, gone, FREE },
	{ "GET", "/headers", HTTP_NOW, 0, headers, FREE },
	{ "GET", "/peer", HTTP_NOW, 0, peer, FREE },
	{ "GET", "/denied", HTTP_NOW, 0, hello, DENIED },
	{ "GET", "/star", HTTP_NOW, 0, query, FREE },
	{ "*", "/star/*", HTTP_NOW, 0, whole, FREE },
	{ "GET", "/list", HTTP_NOW, 0, list, FREE },
	{ .method = NULL },
};

/* ---- a server for one test ---- */

struct fixture {
	struct app app;
	struct http_options opt;
	struct http_server *server;
};

static void prepare(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	pthread_mutex_init(&f->app.lock, NULL);
	pthread_cond_init(&f->app.changed, NULL);
	f->app.shared = http_body_new("text/x-shared", span_str("shared!"));
	assert_non_null(f->app.shared);
	f->opt = (struct http_options){ .routes = routes,
					.app = &f->app,
					.allow = allow,
					.host = "127.0.0.1",
					.workers = 2,
					.pollers = 2,
					.connections = 1500 };
}

static void start(struct fixture *f)
{
	struct why why = { .text = "" };
	enum mm_err e = http_start(&f->opt, &f->server, &why);
	if (e != MM_OK)
		fail_msg("%s", why.text);
}

static void finish(struct fixture *f)
{
	http_stop(f->server);
	http_body_drop(f->app.shared);
	http_body_drop(f->app.prepared);
	pthread_cond_destroy(&f->app.changed);
	pthread_mutex_destroy(&f->app.lock);
}

static void wait_for(struct app *a, const size_t *counter, size_t n)
{
	pthread_mutex_lock(&a->lock);
	while (*counter < n)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

static void let_go(struct app *a)
{
	pthread_mutex_lock(&a->lock);
	a->let_go = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

/* ---- a client ---- */

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

static int dial(uint16_t port)
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

static void open_client(struct client *c, const struct fixture *f)
{
	c->fd = dial(http_port(f->server));
	c->len = 0;
}

/* The server may have refused and closed in the middle: not our failure. */
static void send_text(int fd, const char *text)
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

static bool more(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->len, sizeof c->in - 1 - c->len, 0);
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	return true;
}

static bool closed(struct client *c)
{
	return c->len == 0 && !more(c);
}

/* To the end of the stream; the library's own 400s count their bytes
 * wrongly, so that some may be left. */
static void drain(struct client *c)
{
	do
		c->len = 0;
	while (more(c));
}

static size_t content_length(const char *head)
{
	const char *at = strcasestr(head, "\r\nContent-Length: ");
	return at ? strtoul(at + 18, NULL, 10) : 0;
}

/* One reply off the stream; false at its end. */
static bool next_reply(struct client *c, struct reply *r, bool no_body)
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

static void expect(struct client *c, unsigned status, const char *body_text)
{
	struct reply r;
	assert_true(next_reply(c, &r, false));
	if (r.status != status)
		fail_msg("%u, not %u: %s%s", r.status, status, r.head, r.body);
	if (body_text != NULL)
		assert_string_equal(r.body, body_text);
}

static void fetch(const struct fixture *f, const char *request, struct reply *r,
		  bool *stays_open)
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

#define H   "Host: h\r\n"
#define END "\r\n"

/* ---- routes, arguments, queries, bodies ---- */

static const struct {
	const char *request;
	unsigned status;
	const char *body; /* NULL: anything */
	bool open;	  /* afterwards */
} exchanges[] = {
	{ "GET / HTTP/1.1\r\n" H END, 200, "hello", true },
	{ "GET /hello HTTP/1.1\r\n" H END, 200, "hello", true },
	{ "GET /hello/ HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /tail/ HTTP/1.1\r\n" H END, 200, "hello", true },
	{ "GET /tail HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /Hello HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /%68ello HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /nothing HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /a/ HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /a/x HTTP/1.1\r\n" H END, 200, "x||/a/x", true },
	{ "GET /a/x?q=1 HTTP/1.1\r\n" H END, 200, "x||/a/x", true },
	{ "GET /a/%7Ex%2Fy HTTP/1.1\r\n" H END, 200, "~x/y||/a/%7Ex%2Fy",
	  true },
	{ "GET /a/1/b/2 HTTP/1.1\r\n" H END, 200, "1|2|/a/1/b/2", true },
	{ "GET /a/1/c HTTP/1.1\r\n" H END, 200, "1||/a/1/c", true },
	{ "GET /a/1/d HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /a/a..b HTTP/1.1\r\n" H END, 200, "a..b||/a/a..b", true },
	{ "GET /a/%c3%a9 HTTP/1.1\r\n" H END, 200, "\xC3\xA9||/a/%c3%a9",
	  true },
	{ "GET /a/%c3 HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/%0a HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/%7f HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/%zz HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/%4 HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /a/% HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "PUT /a/x HTTP/1.1\r\n" H END, 405, NULL, true },
	{ "BREW /hello HTTP/1.1\r\n" H END, 405, NULL, true },
	{ "get /hello HTTP/1.1\r\n" H END, 405, NULL, true },
	/* behind a star all is somebody else's */
	{ "GET /star HTTP/1.1\r\n" H END, 200, "(none)", true },
	{ "PUT /star HTTP/1.1\r\n" H END, 405, NULL, true },
	{ "GET /star?q=1 HTTP/1.1\r\n" H END, 200, "1", true },
	{ "GET /star/ HTTP/1.1\r\n" H END, 200, "GET /star/|unread", true },
	{ "BREW /star/a/%zz/c?q=%zz&q HTTP/1.1\r\n" H END, 200,
	  "BREW /star/a/%zz/c|unread", true },
	{ "GET /starry/ HTTP/1.1\r\n" H END, 404, NULL, true },
	{ "GET /star/../a/x HTTP/1.1\r\n" H END, 400, NULL, false },
	{ "POST /star/a HTTP/1.1\r\nContent-Length: 1\r\n" H END "x", 400, NULL,
	  false },
	{ "GET /list HTTP/1.1\r\n" H "A: 1\r\nA: 2\r\nB:\r\n" END, 200,
	  "Host=h;A=1;A=2;B=;", true },
	{ "GET /list HTTP/1.1\r\n" H "Stop: 1\r\nA: 2\r\n" END, 200,
	  "Host=h;Stop=1;", true },
	{ "GET /query HTTP/1.1\r\n" H END, 200, "(none)", true },
	{ "GET /query? HTTP/1.1\r\n" H END, 200, "(none)", true },
	{ "GET /query?q HTTP/1.1\r\n" H END, 200, "", true },
	{ "GET /query?a&b&c&q=z HTTP/1.1\r\n" H END, 200, "z", true },
	{ "GET /query?q=a+b%20c%2B HTTP/1.1\r\n" H END, 200, "a b c+", true },
	{ "GET /query?x=1&&q=http://h//y/../z HTTP/1.1\r\n" H END, 200,
	  "http://h//y/../z", true },
	{ "GET /query?%71=1 HTTP/1.1\r\n" H END, 200, "1", true },
	{ "GET /query?q=a=b HTTP/1.1\r\n" H END, 200, "a=b", true },
	{ "GET /query?q=1&q=2 HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?q=1&%71=2 HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?q=%0d HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?q=%f HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?q=%ff HTTP/1.1\r\n" H END, 400, NULL, true },
	{ "GET /query?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&q=16"
	  " HTTP/1.1\r\n" H END,
	  200, "16", true },
	{ "GET /query?1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&q HTTP/1.1\r\n" H END, 200,
	  "", true },
	{ "GET /query?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&q=17"
	  " HTTP/1.1\r\n" H END,
	  400, NULL, true },
	{ "POST /body HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "abc", 200,
	  "abc", true },
	{ "POST /body HTTP/1.1\r\n" H "Content-Length: 0\r\n" END, 200, "",
	  true },
	{ "POST /body HTTP/1.1\r\n" H END, 200, "", true },
	{ "POST /work HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "abc", 200,
	  "abc", true },
	{ "POST /body HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
	  200, "abcde", true },
	{ "POST /body HTTP/1.1\r\n" H "Content-Length: 64\r\n" END
	  "0123456789012345678901234567890123456789012345678901234567890123",
	  200, NULL, true },
	{ "POST /body HTTP/1.1\r\n" H "Content-Length: 65\r\n" END, 413, NULL,
	  false },
	{ "POST /body HTTP/1.1\r\n" H
	  "Content-Length: 18446744073709551615\r\n" END,
	  413, NULL, false },
	{ "POST /body HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	  "40\r\n012345678901234567890123456789012345678901234567890123456789"
	  "0123\r\n1\r\nx\r\n0\r\n\r\n",
	  413, NULL, true },
	{ "GET /hello HTTP/1.1\r\n" H "Content-Length: 0\r\n" END, 200, "hello",
	  true },
	{ "GET /hello HTTP/1.1\r\n" H "Content-Length: 1\r\n" END "x", 400,
	  NULL, false },
	{ "GET /hello HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	  "0\r\n\r\n",
	  200, "hello", true },
	{ "GET /hello HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	  "1\r\nx\r\n0\r\n\r\n",
	  400, NULL, true },
	{ "POST /nothing HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "abc", 404,
	  NULL, false },
	{ "GET /shared HTTP/1.1\r\n" H END, 200, "shared!", true },
	{ "GET /silent HTTP/1.1\r\n" H END, 503, NULL, true },
	{ "GET /silent-work HTTP/1.1\r\n" H END, 503, NULL, true },
	{ "GET /gone-work HTTP/1.1\r\n" H END, 410, NULL, true },
	{ "GET /denied HTTP/1.1\r\n" H END, 401, NULL, true },
	{ "GET /headers HTTP/1.1\r\n" H "User-Agent: t\r\n" END, 200, "t",
	  true },
	{ "GET /peer HTTP/1.1\r\n" H END, 200, "far -1", true },
	{ "HEAD /hello HTTP/1.1\r\n" H END, 200, "", true },
};

static void test_exchanges(void **state)
{
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
		fetch(&f, exchanges[i].request, &r, &open);
		if (r.status != exchanges[i].status ||
		    open != exchanges[i].open)
			fail_msg("%u, %s: %s%s%s", r.status,
				 open ? "open" : "closed", exchanges[i].request,
				 r.head, r.body);
		if (exchanges[i].body != NULL)
			assert_string_equal(r.body, exchanges[i].body);
	}
	finish(&f);
}

/* ---- the guard: 400, and the connection ends ---- */

static const char *const smuggled[] = {
	"GET /hello HTTP/1.1\r\n" H H END,
	"POST /body HTTP/1.1\r\n" H
	"Content-Length: 1\r\nContent-Length: 1\r\n" END "x",
	"POST /body HTTP/1.1\r\n" H
	"Content-Length: 1\r\ncontent-length: 2\r\n" END "xy",
	"POST /body HTTP/1.1\r\n" H
	"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n",
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
	"Transfer-Encoding: chunked\r\n" END "0\r\n\r\n",
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Content-Length : 1\r\n" END "x",
	"POST /body HTTP/1.1\r\n" H "Content-Length: -1\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Content-Length: +1\r\n" END "x",
	"POST /body HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n" END "x",
	"GET /hello HTTP/1.1\r\n" H
	"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n" END,
	"POST /body HTTP/1.1\r\n" H "Content-Type: a/b\r\nContent-Type: a/c"
	"\r\n" END,
	"GET /hello HTTP/1.1\r\n" H "X Y: 1\r\n" END,
	"GET /hello HTTP/1.1\r\n" H "X\x01: 1\r\n" END,
	"GET /hello HTTP/1.1\r\n" H "X(: 1\r\n" END,
	"GET /hello HTTP/1.1\r\n" H "X: \x01\r\n" END,
	"GET /a%00b HTTP/1.1\r\n" H END,
	"GET /query?q=%00 HTTP/1.1\r\n" H END,
	"GET //hello HTTP/1.1\r\n" H END,
	"GET /a//b HTTP/1.1\r\n" H END,
	"GET /../hello HTTP/1.1\r\n" H END,
	"GET /a/.. HTTP/1.1\r\n" H END,
	"GET /a/./b HTTP/1.1\r\n" H END,
	"GET /a/%2e%2E HTTP/1.1\r\n" H END,
	"GET /a/.%2e HTTP/1.1\r\n" H END,
	"GET /a\\b HTTP/1.1\r\n" H END,
	"GET /a#b HTTP/1.1\r\n" H END,
	"GET /a\x01 HTTP/1.1\r\n" H END,
	"GET /a\xC3\xA9 HTTP/1.1\r\n" H END,
	"GET hello HTTP/1.1\r\n" H END,
	"GET http://h/hello HTTP/1.1\r\n" H END,
	"OPTIONS * HTTP/1.1\r\n" H END,
	("GET /hello HTTP/1.1\r\n" END), /* no Host */
};

static void test_guard(void **state)
{
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	for (size_t i = 0; i < sizeof smuggled / sizeof *smuggled; i++) {
		fetch(&f, smuggled[i], &r, &open);
		if (r.status != 400 || open)
			fail_msg("%u, %s: %s", r.status,
				 open ? "open" : "closed", smuggled[i]);
	}
	finish(&f);
}

static void test_long_target(void **state)
{
	static char request[9000];
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	memset(request, 'a', sizeof request);
	memcpy(request, "GET /a/", 7);
	snprintf(request + 4 + 4000, 100, " HTTP/1.1\r\n" H END);
	fetch(&f, request, &r, &open);
	assert_int_equal(r.status, 200);
	for (size_t over = 4001; over < 8500; over += 4400) {
		memset(request + 4, 'a', sizeof request - 4);
		snprintf(request + 4 + over, 100, " HTTP/1.1\r\n" H END);
		request[4] = '/';
		fetch(&f, request, &r, &open);
		assert_int_equal(r.status, 414);
	}
	finish(&f);
}

/* What is promised: 4500 bytes in 20 headers, the longest token among them.
 * Then there is still room for the reply. */
static void test_large_head(void **state)
{
	enum { HEAD = 4500, TOKEN = 4096, HEADERS = 20 };
	static char text[20000];
	struct fixture f;
	struct client c;
	struct reply r;
	bool open;
	size_t n;
	(void)state;
	prepare(&f);
	start(&f);
	n = (size_t)snprintf(text, sizeof text,
			     "GET /gone-work HTTP/1.1\r\n" H
			     "Authorization: Bearer %0*d\r\n",
			     TOKEN, 0);
	for (int i = 3; i < HEADERS; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "X: 0\r\n");
	int rest = HEAD - (int)n - (int)strlen("X: \r\n\r\n");
	n += (size_t)snprintf(text + n, sizeof text - n, "X: %0*d\r\n", rest,
			      0);
	memcpy(text + n, END, sizeof END);
	open_client(&c, &f);
	for (int i = 0; i < 3; i++) {
		send_text(c.fd, text);
		expect(&c, 410, NULL);
	}
	close(c.fd);

	snprintf(text, sizeof text,
		 "GET /hello HTTP/1.1\r\n" H "X: %0*d\r\n" END, 16000, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 431);
	assert_false(open);
	finish(&f);
}

/* As much as the program asked for, in the headers or in the target. */
static void test_a_larger_head(void **state)
{
	static char text[20000];
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	f.opt.head_max = 16384;
	start(&f);
	snprintf(text, sizeof text,
		 "GET /hello HTTP/1.1\r\n" H "X: %0*d\r\n" END, 16000, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 200);
	snprintf(text, sizeof text,
		 "GET /hello HTTP/1.1\r\n" H "X: %0*d\r\n" END, 16384, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 431);
	snprintf(text, sizeof text, "GET /star/%0*d HTTP/1.1\r\n" H END,
		 16384 - 1800 - 6, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 200);
	snprintf(text, sizeof text, "GET /star/%0*d HTTP/1.1\r\n" H END,
		 16384 - 1800 - 5, 0);
	fetch(&f, text, &r, &open);
	assert_int_equal(r.status, 414);
	finish(&f);
}

/* ---- what replies carry ---- */

static void test_problem(void **state)
{
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	fetch(&f, "GET /gone HTTP/1.1\r\n" H END, &r, &open);
	assert_string_equal(
		r.body,
		"{\"type\":\"about:blank\",\"title\":\"Gone\",\"status\":410,"
		"\"detail\":\"take the \\\"snapshot\\\"\\u000a\xEF\xBF\xBD\","
		"\"field\":\"after\",\"reason\":\"gone\"}");
	assert_non_null(strstr(r.head, "application/problem+json"));
	assert_non_null(strstr(r.head, "Cache-Control: no-store\r\n"));

	fetch(&f, "PUT /a/x HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.head, "Allow: GET, HEAD, DELETE\r\n"));
	assert_non_null(strstr(r.body, "\"status\":405"));

	fetch(&f, "GET /denied HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.head, "WWW-Authenticate: Bearer "
				       "realm=\"mintmark\"\r\n"));
	assert_non_null(strstr(r.body, "\"reason\":\"unauthenticated\""));
	finish(&f);
}

static void test_headers(void **state)
{
	struct fixture f;
	struct reply r, again;
	bool open;
	(void)state;
	prepare(&f);
	start(&f);
	fetch(&f, "GET /headers HTTP/1.1\r\n" H END, &r, &open);
	assert_non_null(strstr(r.head, "ETag: \"1\"\r\n"));
	assert_non_null(strstr(r.head, "cache-control: max-age=60\r\n"));
	assert_null(strstr(r.head, "no-store"));
	assert_non_null(strstr(r.head, "Content-Type: text/plain\r\n"));

	fetch(&f, "GET /headers HTTP/1.1\r\n" H END, &again, &open);
	const char *id = strstr(r.head, "X-Request-Id: ");
	const char *id2 = strstr(again.head, "X-Request-Id: ");
	assert_non_null(id);
	assert_non_null(id2);
	assert_int_equal(strspn(id + 14, "0123456789abcdef"), 16);
	assert_memory_equal(id, id2, 14 + 8);
	assert_memory_not_equal(id, id2, 14 + 16);

	fetch(&f, "HEAD /hello HTTP/1.1\r\n" H END, &r, &open);
	assert_int_equal(content_length(r.head), 5);
	finish(&f);
}

/* One of its headers, to the end of the line. */
static struct span header_of(const struct reply *r, const char *name)
{
	const char *at = strstr(r->head, name);
	assert_non_null(at);
	at += strlen(name);
	return span_of(at, strcspn(at, "\r"));
}

/* The same bytes, plain and packed, and not again for who has them. */
static void test_prepared(void **state)
{
	static const char text[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char *const forms[] = { "", "Accept-Encoding: gzip\r\n" };
	struct fixture f;
	struct reply r;
	bool open;
	char tags[2][64], request[256];
	(void)state;
	prepare(&f);
	f.app.prepared = http_body_new("text/x-text", span_str(text));
	assert_int_equal(http_body_prepare(f.app.prepared), MM_OK);
	start(&f);
	for (int packed = 0; packed < 2; packed++) {
		snprintf(request, sizeof request,
			 "GET /prepared HTTP/1.1\r\n" H "%s" END,
			 forms[packed]);
		fetch(&f, request, &r, &open);
		assert_int_equal(r.status, 200);
		assert_true(open);
		assert_true(span_copy(tags[packed], sizeof tags[packed],
				      header_of(&r, "ETag: ")));
		assert_true(
			span_is(header_of(&r, "Vary: "), "Accept-Encoding"));
		assert_true(span_is(header_of(&r, "Content-Type: "),
				    "text/x-text"));
		assert_int_equal(strstr(r.head, "Content-Encoding: gzip") !=
					 NULL,
				 packed);
		if (packed)
			assert_true(content_length(r.head) <
				    (int)sizeof text - 1);
		else
			assert_string_equal(r.body, text);
		for (int has = 0; has < 2; has++) {
			snprintf(request, sizeof request,
				 "GET /prepared HTTP/1.1\r\n" H
				 "%sIf-None-Match: \"x\", W/%s\r\n" END,
				 forms[packed], tags[has % (packed + 1)]);
			fetch(&f, request, &r, &open);
			assert_int_equal(r.status, has % (packed + 1) == packed
							   ? 304
							   : 200);
			assert_true(
				span_is(header_of(&r, "ETag: "), tags[packed]));
		}
	}
	assert_string_not_equal(tags[0], tags[1]);
	finish(&f);
}

/* What does not get shorter is sent as it is. */
static void test_prepared_short(void **state)
{
	struct fixture f;
	struct reply r;
	bool open;
	(void)state;
	prepare(&f);
	f.app.prepared = http_body_new("text/x-text", span_str("a"));
	assert_int_equal(http_body_prepare(f.app.prepared), MM_OK);
	start(&f);
	fetch(&f,
	      "GET /prepared HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n" END,
	      &r, &open);
	assert_string_equal(r.body, "a");
	assert_null(strstr(r.head, "Content-Encoding"));
	finish(&f);
}

/* ---- connections ---- */

static void test_keep_alive_and_pipelining(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	prepare(&f);
	start(&f);
	open_client(&c, &f);
	for (int i = 0; i < 100; i++) {
		send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
		expect(&c, 200, "hello");
	}
	send_text(c.fd,
		  "GET /a/1 HTTP/1.1\r\n" H END "POST /work HTTP/1.1\r\n" H
		  "Content-Length: 3\r\n" END "two"
		  "GET /nothing HTTP/1.1\r\n" H END
		  "GET /a/4 HTTP/1.1\r\n" H END);
	expect(&c, 200, "1||/a/1");
	expect(&c, 200, "two");
	expect(&c, 404, NULL);
	expect(&c, 200, "4||/a/4");
	close(c.fd);
	finish(&f);
}

static void test_byte_by_byte(void **state)
{
	const char *request =
		"POST /body HTTP/1.1\r\n" H "Content-Length: 5\r\n" END "bytes";
	struct fixture f;
	struct client c;
	(void)state;
	prepare(&f);
	start(&f);
	open_client(&c, &f);
	for (const char *at = request; *at != '\0'; at++)
		send_text(c.fd, (const char[]){ *at, '\0' });
	expect(&c, 200, "bytes");
	close(c.fd);
	finish(&f);
}

/* A request that is not whole in time is cut, however it trickles; one that
 * is held, or a connection at rest, is not. */
static void test_reaper(void **state)
{
	struct fixture f;
	struct client slow, mute, held, resting;
	(void)state;
	prepare(&f);
	f.opt.request_ms = 300;
	start(&f);
	open_client(&mute, &f);
	open_client(&held, &f);
	send_text(held.fd, "GET /hold HTTP/1.1\r\n" H END);
	open_client(&resting, &f);
	send_text(resting.fd, "GET /hello HTTP/1.1\r\n" H END);
	expect(&resting, 200, "hello");
	open_client(&slow, &f);
	send_text(slow.fd, "GET /hello HTTP/1.1\r\n" H "X: ");
	struct pollfd p = { .fd = slow.fd, .events = POLLIN };
	int drips = 0;
	while (poll(&p, 1, 50) == 0 && drips++ < 100)
		send_text(slow.fd, "x");
	assert_in_range(drips, 3, 40);
	assert_true(closed(&slow));
	assert_true(closed(&mute));

	wait_for(&f.app, &f.app.held_count, 1);
	say(f.app.held[0], "late");
	http_release(f.app.held[0]);
	expect(&held, 200, "late");
	send_text(resting.fd, "GET /hello HTTP/1.1\r\n" H END);
	expect(&resting, 200, "hello");
	close(slow.fd);
	close(mute.fd);
	close(held.fd);
	close(resting.fd);
	finish(&f);
}

/* ---- holding ---- */

static void *release_all(void *app)
{
	struct app *a = app;
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->held_count; i++) {
		http_reply_shared(a->held[i], 200, a->shared);
		http_release(a->held[i]);
	}
	a->held_count = 0;
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static void release_from_another_thread(struct app *a)
{
	pthread_t t;
	assert_int_equal(pthread_create(&t, NULL, release_all, a), 0);
	pthread_join(t, NULL);
}

static void test_hold_and_release(void **state)
{
	static const char *const requests[] = {
		"GET /hold HTTP/1.1\r\n" H END,
		"GET /hold-work HTTP/1.1\r\n" H END,
	};
	struct fixture f;
	struct client c;
	(void)state;
	prepare(&f);
	start(&f);
	open_client(&c, &f);
	for (size_t i = 0; i < 50; i++) {
		send_text(c.fd, requests[i % 2]);
		wait_for(&f.app, &f.app.held_count, 1);
		release_from_another_thread(&f.app);
		expect(&c, 200, "shared!");
	}
	/* released without a reply: an error, but never silence */
	send_text(c.fd, requests[0]);
	wait_for(&f.app, &f.app.held_count, 1);
	f.app.held_count = 0;
	http_release(f.app.held[0]);
	expect(&c, 503, NULL);
	close(c.fd);
	finish(&f);
}

static void test_thousand_held_then_stop(void **state)
{
	enum { N = 1000 };
	static int fds[N];
	struct fixture f;
	struct client c = { .fd = -1 };
	(void)state;
	prepare(&f);
	start(&f);
	for (size_t i = 0; i < N; i++) {
		fds[i] = dial(http_port(f.server));
		send_text(fds[i], i % 2 ? "GET /hold HTTP/1.1\r\n" H END
					: "GET /hold-work HTTP/1.1\r\n" H END);
		if (i % 100 == 99) /* no more than the queue takes */
			wait_for(&f.app, &f.app.held_count, i + 1);
	}
	http_quiesce(f.server);
	release_from_another_thread(&f.app);
	finish(&f);
	for (size_t i = 0; i < N; i++) {
		c.fd = fds[i];
		c.len = 0;
		expect(&c, 200, "shared!");
		assert_true(closed(&c));
		close(c.fd);
	}
}

/* Resident memory of this process. */
static size_t resident_bytes(void)
{
	size_t all = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &all, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Over connections that have had an answer before, as those of agents. */
static void test_a_held_request_is_small(void **state)
{
	enum { N = 1000, MOST = 8 * 1024 };
	static int fds[N];
	struct fixture f;
	struct client c;
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* they keep more of each piece of memory */
#endif
	prepare(&f);
	start(&f);
	size_t before = resident_bytes();
	for (size_t i = 0; i < N; i++) {
		open_client(&c, &f);
		send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
		expect(&c, 200, "hello");
		send_text(c.fd, "GET /hold-crowd HTTP/1.1\r\n" H END);
		fds[i] = c.fd;
	}
	wait_for(&f.app, &f.app.held_count, N);
	size_t after = resident_bytes();
	if (after > before + N * MOST)
		fail_msg("%zu bytes each", (after - before) / N);
	release_from_another_thread(&f.app);
	for (size_t i = 0; i < N; i++)
		close(fds[i]);
	finish(&f);
}

/* ---- workers and the end ---- */

static void *stop(void *server)
{
	http_stop(server);
	return NULL;
}

static void test_stop_with_work_in_flight(void **state)
{
	struct fixture f;
	struct client running, queued;
	pthread_t t;
	(void)state;
	prepare(&f);
	f.opt.workers = 1;
	start(&f);
	open_client(&running, &f);
	send_text(running.fd, "GET /block HTTP/1.1\r\n" H END);
	wait_for(&f.app, &f.app.blocked, 1);
	open_client(&queued, &f);
	send_text(queued.fd, "GET /hello HTTP/1.1\r\n" H END);
	expect(&queued, 200, "hello"); /* so the next is not left behind */
	send_text(queued.fd, "POST /work HTTP/1.1\r\n" H
			     "Content-Length: 3\r\n" END "abc");
	assert_int_equal(pthread_create(&t, NULL, stop, f.server), 0);
	let_go(&f.app);
	pthread_join(t, NULL);
	f.server = NULL;
	expect(&running, 200, "done");
	struct reply r; /* whichever came first, the stop or the request */
	if (next_reply(&queued, &r, false))
		assert_true(r.status == 200 || r.status == 503);
	close(running.fd);
	close(queued.fd);
	finish(&f);
}

enum { IN_WORK = 1, QUEUED = 256, TOO_MANY = 8 };
enum { CALLERS = IN_WORK + QUEUED + TOO_MANY };

/* Wait until n of them have something to read. */
static void wait_readable(struct pollfd callers[static CALLERS], int n)
{
	int ready = 0;
	while ((ready = poll(callers, CALLERS, 20000)) < n && ready > 0)
		continue;
	assert_int_equal(ready, n);
}

static void test_queue_is_bounded(void **state)
{
	static struct pollfd callers[CALLERS];
	struct fixture f;
	struct reply r;
	(void)state;
	prepare(&f);
	f.opt.workers = IN_WORK;
	start(&f);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i].fd = dial(http_port(f.server));
		callers[i].events = POLLIN;
		send_text(callers[i].fd, "GET /block HTTP/1.1\r\n" H END);
		if (i == 0)
			wait_for(&f.app, &f.app.blocked, IN_WORK);
	}
	wait_readable(callers, TOO_MANY);
	for (size_t i = 0; i < CALLERS; i++) {
		struct client c = { .fd = callers[i].fd };
		if (callers[i].revents == 0)
			continue;
		assert_true(next_reply(&c, &r, false));
		assert_int_equal(r.status, 503);
		assert_non_null(strstr(r.head, "Retry-After: 1\r\n"));
		assert_non_null(strstr(r.body, "\"reason\":\"busy\""));
	}
	let_go(&f.app);
	for (size_t i = 0; i < CALLERS; i++) {
		struct client c = { .fd = callers[i].fd };
		if (callers[i].revents == 0)
			expect(&c, 200, "done");
		close(c.fd);
	}
	finish(&f);
}

/* A crowd that comes in one moment is served whole, and nobody else has to
 * wait because it is. */
static void test_crowd(void **state)
{
	enum { N = 1000, MAY_BLOCK = 4 };
	static int fds[N + MAY_BLOCK];
	struct fixture f;
	struct client worker, other;
	(void)state;
	prepare(&f);
	f.opt.workers = 2;
	start(&f);
	open_client(&worker, &f);
	send_text(worker.fd, "GET /block HTTP/1.1\r\n" H END);
	wait_for(&f.app, &f.app.blocked, 1);
	for (size_t i = 0; i < N + MAY_BLOCK; i++)
		fds[i] = dial(http_port(f.server));
	for (size_t i = 0; i < MAY_BLOCK; i++)
		send_text(fds[N + i], "GET /block-crowd HTTP/1.1\r\n" H END);
	wait_for(&f.app, &f.app.blocked, 1 + MAY_BLOCK);
	for (size_t i = 0; i < N; i++)
		send_text(fds[i], "GET /hold-crowd HTTP/1.1\r\n" H END);

	open_client(&other, &f);
	send_text(other.fd, "POST /work HTTP/1.1\r\n" H
			    "Content-Length: 3\r\n" END "abc");
	expect(&other, 200, "abc");
	let_go(&f.app);
	wait_for(&f.app, &f.app.held_count, N);
	release_from_another_thread(&f.app);
	expect(&worker, 200, "done");
	for (size_t i = 0; i < N + MAY_BLOCK; i++) {
		struct client c = { .fd = fds[i] };
		expect(&c, 200, i < N ? "shared!" : "done");
		close(c.fd);
	}
	close(worker.fd);
	close(other.fd);
	finish(&f);
}

/* However many requests have come in while the polling thread was away, none
 * is left lying. */
static void test_a_burst(void **state)
{
	enum { FROM = 120, TO = 136 };
	static int fds[TO];
	struct fixture f;
	struct client first;
	(void)state;
	prepare(&f);
	f.opt.pollers = 1;
	start(&f);
	open_client(&first, &f);
	for (size_t i = 0; i < TO; i++) {
		struct client c = { .fd = fds[i] = dial(http_port(f.server)) };
		send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
		expect(&c, 200, "hello");
	}
	for (size_t n = FROM; n < TO; n++) {
		f.app.blocked = 0;
		f.app.let_go = false;
		send_text(first.fd, "GET /block-now HTTP/1.1\r\n" H END);
		wait_for(&f.app, &f.app.blocked, 1);
		for (size_t i = 0; i < n; i++)
			send_text(fds[i], "GET /hello HTTP/1.1\r\n" H END);
		let_go(&f.app);
		expect(&first, 200, "done");
		for (size_t i = 0; i < n; i++) {
			struct client c = { .fd = fds[i] };
			expect(&c, 200, "hello");
		}
	}
	for (size_t i = 0; i < TO; i++)
		close(fds[i]);
	close(first.fd);
	finish(&f);
}

static void test_quiesced_refuses(void **state)
{
	struct fixture f;
	struct client c;
	struct reply r;
	(void)state;
	prepare(&f);
	start(&f);
	open_client(&c, &f);
	send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
	expect(&c, 200, "hello");
	http_quiesce(f.server);
	send_text(c.fd, "GET /hello HTTP/1.1\r\n" H END);
	assert_true(next_reply(&c, &r, false));
	assert_int_equal(r.status, 503);
	assert_true(closed(&c));
	close(c.fd);
	finish(&f);
}

/* ---- listeners ---- */

static void test_address_in_use(void **state)
{
	struct fixture f;
	struct http_server *second;
	struct why why;
	char want[128];
	(void)state;
	prepare(&f);
	start(&f);
	f.opt.port = http_port(f.server);
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_CONFLICT);
	assert_null(second);
	snprintf(want, sizeof want,
		 "127.0.0.1:%u is already in use: stop the other program or "
		 "choose another --listen",
		 f.opt.port);
	assert_string_equal(why.text, want);
	f.opt.port = 0;
	f.opt.host = "example.org";
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_INVALID);
	f.opt.host = "192.0.2.1";
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_IO);
	finish(&f);
}

static int dial_local(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	assert_true(span_copy(a.sun_path, sizeof a.sun_path, span_str(path)));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void leave_stale_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	assert_true(span_copy(a.sun_path, sizeof a.sun_path, span_str(path)));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	close(fd);
}

static void test_local_socket(void **state)
{
	char dir[] = "/tmp/mm-http-XXXXXX", path[64], want[64];
	struct fixture f;
	struct http_server *second;
	struct client c = { .len = 0 };
	struct stat st;
	struct why why;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/admin.sock", dir);
	leave_stale_socket(path);
	prepare(&f);
	f.opt.socket_path = path;
	start(&f);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	c.fd = dial_local(path);
	send_text(c.fd, "GET /peer HTTP/1.1\r\n" H END);
	snprintf(want, sizeof want, "local %u", (unsigned)getuid());
	expect(&c, 200, want);
	close(c.fd);

	f.opt.host = NULL; /* the socket alone, while another answers on it */
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, "another program answers"));
	assert_int_equal(stat(path, &st), 0);
	http_stop(f.server);
	assert_int_equal(stat(path, &st), -1);

	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(http_start(&f.opt, &second, &why), MM_ERR_CONFLICT);
	assert_non_null(strstr(why.text, "is no socket"));
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
	start(&f);
	finish(&f);
	rmdir(dir);
}

static void test_bad_certificate(void **state)
{
	struct fixture f;
	struct why why;
	(void)state;
	prepare(&f);
	f.opt.tls_cert = f.opt.tls_key = "no PEM";
	assert_int_equal(http_start(&f.opt, &f.server, &why),
			 MM_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "are certificate and key PEM?"));
	finish(&f);
}

static void test_ipv6(void **state)
{
	struct fixture f;
	struct why why;
	(void)state;
	prepare(&f);
	f.opt.host = "::1";
	if (http_start(&f.opt, &f.server, &why) == MM_OK)
		assert_int_not_equal(http_port(f.server), 0);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_long_target),
		cmocka_unit_test(test_large_head),
		cmocka_unit_test(test_a_larger_head),
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_prepared),
		cmocka_unit_test(test_prepared_short),
		cmocka_unit_test(test_keep_alive_and_pipelining),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_reaper),
		cmocka_unit_test(test_hold_and_release),
		cmocka_unit_test(test_thousand_held_then_stop),
		cmocka_unit_test(test_a_held_request_is_small),
		cmocka_unit_test(test_stop_with_work_in_flight),
		cmocka_unit_test(test_queue_is_bounded),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_a_burst),
		cmocka_unit_test(test_quiesced_refuses),
		cmocka_unit_test(test_address_in_use),
		cmocka_unit_test(test_local_socket),
		cmocka_unit_test(test_bad_certificate),
		cmocka_unit_test(test_ipv6),
	};
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max; /* both ends are in this process */
	setrlimit(RLIMIT_NOFILE, &files);
	log_set_level(LOG_CRIT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
