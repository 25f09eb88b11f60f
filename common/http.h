/* http.h - an HTTP server: a table of routes on top of libmicrohttpd.
 *
 * The http*.c files are the only ones that know the library.  They own the
 * three-phase callback, body limits, 400/404/405/413, the guard against
 * smuggled requests (RFC 9112 s11), suspension and problem+json; a handler
 * sees a whole request and answers it.
 *
 * Kinds of route:
 *  HTTP_NOW   the handler runs on a polling thread and must not block;
 *  HTTP_WORK  it runs on one of the worker threads and may block; when a
 *             few hundred wait for these, more are answered with 503 (who
 *             comes in over the Unix socket has threads of his own, if
 *             there is a TCP listener too, and waits behind nobody else);
 *  HTTP_CROWD it is soon done, and a crowd asks for it in one moment: none
 *             is turned away, and the others do not wait behind them, for
 *             it runs on threads of its own;
 *  any may call http_hold() and return: the request is then answered
 *  later, by any thread, with a reply and http_release().
 *
 * A HEAD is run as the GET of its path and answered without the body.
 * Every reply carries X-Request-Id, and Cache-Control: no-store unless the
 * handler set another; a 401 carries WWW-Authenticate: Bearer likewise.
 */
#ifndef MM_COMMON_HTTP_H
#define MM_COMMON_HTTP_H

#include "common/buf.h"
#include "common/cidr.h"

#define HTTP_ARGS_MAX 4 /* {} of a route */

struct form; /* common/form.h */
struct http_server;
struct http_request;
struct http_body; /* a prepared reply body, shared by many requests */

enum http_kind { HTTP_NOW, HTTP_WORK, HTTP_CROWD };

typedef enum mm_err http_handler(void *app, struct http_request *rq);

struct http_route {
	const char *method; /* "*": any */
	/* "/v1/tokens/{}": {} is one segment, an arg; "/auth/" and a star:
	 * whatever is behind, and then the query is not read. */
	const char *path;
	enum http_kind kind;
	size_t body_max; /* 0: the request must have no body */
	http_handler *run;
	unsigned need; /* the program's own: who may call */
};

struct http_options {
	const struct http_route *routes; /* ends with .method NULL; the first
					  * that fits is taken */
	void *app;
	/* Asked before each handler, on the same thread; answers the request
	 * itself when it returns anything but MM_OK (a problem+json is made
	 * of the error if it did not).  May be NULL. */
	enum mm_err (*allow)(void *app, struct http_request *rq,
			     const struct http_route *route);
	/* Told, on the same thread, of each request that allow() or a handler
	 * answers with a 401 or a 403 by returning so.  May be NULL. */
	void (*refused)(void *app, struct http_request *rq,
			const struct http_route *route, enum mm_err e);
	/* Asked for the sentence of an answer of 500 or more that has none.
	 * May be NULL. */
	void (*explain)(void *app, enum mm_err e, struct why *why);
	const char *host; /* TCP: an IP address or localhost; NULL: none */
	uint16_t port;	  /* 0: any free one, see http_port() */
	const char *socket_path;	/* Unix socket; NULL: none */
	unsigned socket_mode;		/* 0: 0600 */
	const char *tls_cert, *tls_key; /* PEM text; NULL: plain */
	unsigned workers, pollers;	/* threads; pollers 0: one */
	unsigned connections; /* at most, over both listeners; 0: 1024 */
	/* Milliseconds for a request to come in whole; 0: 15 seconds. */
	unsigned request_ms;
	/* Bytes of a request's line and headers; 0: 5800.  The target may be
	 * as long as that less 1800. */
	unsigned head_max;
	/* Bytes of the headers that handlers set, always; 0: 400.  What a
	 * request leaves of head_max is theirs, too: see http_room(). */
	unsigned reply_max;
	/* Who connects over TCP is a proxy: the client is the last address
	 * in X-Forwarded-For, which the proxy has put there itself. */
	bool behind_proxy;
};

/* Start serving.  The listeners are open when this returns.
 * MM_ERR_CONFLICT: the address or the socket is another's. */
MM_MUST_USE enum mm_err http_start(const struct http_options *opt,
				   struct http_server **out, struct why *why);
/* Could opt's TCP address be served now?  For a program that must not begin
 * anything lasting when it could not. */
MM_MUST_USE enum mm_err http_try_address(const struct http_options *opt,
					 struct why *why);
/* How busy a server's threads are: HTTP_WORK's, those that do this work for
 * who is on this host, and HTTP_CROWD's. */
struct http_load {
	struct http_pool_load {
		size_t threads, busy, queued;
	} work, local, crowd;
};
void http_load(struct http_server *s, struct http_load *out);
/* Is there room for another connection (over TCP, if it listens there)?  If
 * not, who connects waits until there is. */
bool http_accepts(const struct http_server *s);
uint16_t http_port(const struct http_server *s);
/* Take no new requests, and wait for the handlers that run.  When this
 * returns none runs any more and none will: what is held now is all that
 * will be, and has to be released before http_stop() can end. */
void http_quiesce(struct http_server *s);
/* Quiesce, wait until every held request is released, give the replies two
 * seconds to leave, free.  NULL is allowed. */
void http_stop(struct http_server *s);

/* ---- the request ---- */

const struct http_server *http_server_of(const struct http_request *rq);
const char *http_method(const struct http_request *rq);
/* As it was sent (not decoded), without the query. */
const char *http_path(const struct http_request *rq);
/* The i-th {} of the route, percent-decoded; "" if there is none. */
const char *http_arg(const struct http_request *rq, unsigned i);
/* A query parameter, percent-decoded, or NULL.  Bad escapes, control
 * characters, invalid UTF-8 and doubled parameters never get here. */
const char *http_query(const struct http_request *rq, const char *name);
const struct form *http_query_form(const struct http_request *rq);
/* A header, or NULL.  A doubled Host, Authorization, Content-Type,
 * Content-Length, Transfer-Encoding or Idempotency-Key never gets here. */
const char *http_header(const struct http_request *rq, const char *name);
/* All headers, in order, until visit() returns false. */
void http_headers(const struct http_request *rq,
		  bool (*visit)(void *ctx, const char *name, const char *value),
		  void *ctx);
struct span http_body_bytes(const struct http_request *rq);
/* Came in over the Unix socket?  Then *uid is the peer's. */
bool http_is_local(const struct http_request *rq, unsigned *uid);
/* The client's address, as inet_ntop(3) writes it, and an IPv4 one that came
 * in over IPv6 as what it is; "" over the Unix socket, and where a proxy
 * does not say it. */
void http_peer(const struct http_request *rq, char out[ADDRESS_SIZE]);
/* The last element of an X-Forwarded-For, which the proxy in front has
 * written itself: what stands before it was said by whoever asked that proxy,
 * and may be anything.  Of several such headers the last one counts. */
struct span http_forwarded(const char *value);
/* A word that joins the log lines of one request. */
const char *http_request_id(const struct http_request *rq);
/* A place for the program: who the caller is, for instance.  Freed with
 * free(3) at the end. */
void **http_data(struct http_request *rq);

/* ---- the reply: exactly one ---- */

/* A header of the reply, before it is given. */
void http_set(struct http_request *rq, const char *name, const char *value);
/* How many bytes of headers can still be set: each takes those of its name and
 * its value, and 2.  With one more than that there is no reply. */
size_t http_room(const struct http_request *rq);
/* The body is copied; type NULL: no Content-Type.  Always MM_OK, so that a
 * handler ends with return http_reply(...). */
enum mm_err http_reply(struct http_request *rq, unsigned status,
		       const char *type, struct span body);
enum mm_err http_reply_shared(struct http_request *rq, unsigned status,
			      struct http_body *body);
/* A 200 with a body that was http_body_prepare()d, packed for who takes gzip;
 * or a 304 for who has it already (RFC 9110 s13.1.2). */
enum mm_err http_reply_prepared(struct http_request *rq,
				struct http_body *body);
/* application/problem+json (RFC 9457) from an error and its sentence.
 * Handlers may also just return the error with http_why() filled.  An error
 * that comes after a reply changes nothing: it is a way out. */
enum mm_err http_problem(struct http_request *rq, enum mm_err e,
			 const struct why *why);
struct why *http_why(struct http_request *rq); /* NULL: no memory */

/* Answer later.  The handler returns MM_OK at once and touches rq no more;
 * any thread then calls one reply function and http_release(), after which
 * rq is gone. */
void http_hold(struct http_request *rq);
void http_release(struct http_request *rq);

/* A prepared body: the bytes and their type.  Counted: each use holds it.
 * NULL when there is no memory. */
struct http_body *http_body_new(const char *type, struct span bytes);
struct http_body *http_body_hold(struct http_body *b);
void http_body_drop(struct http_body *b); /* NULL is allowed */
/* Make it one that clients may keep and ask for again: give it an ETag, and
 * pack it.  Before anybody else has it. */
MM_MUST_USE enum mm_err http_body_prepare(struct http_body *b);
static inline void http_body_drop_at(struct http_body **b)
{
	http_body_drop(*b);
}
#define AUTO_BODY __attribute__((cleanup(http_body_drop_at)))

#endif
