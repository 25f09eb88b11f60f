/* http_internal.h - what the http*.c files share.
 *
 *	http.c          start and stop
 *	http_listen.c   the listening sockets
 *	http_public.c   the one beyond this host, and its TLS
 *	http_accept.c   new connections, while there is room for them
 *	http_poll.c     the polling threads
 *	http_reaper.c   connections, and the end of those that dawdle
 *	http_request.c  the library's callbacks: a request from line to reply
 *	http_guard.c    what is refused before routing
 *	http_lines.c    among that, lines that are not what they look like
 *	http_uri.c      path and query, routes
 *	http_peer.c     who is at the other end
 *	http_stats.c    how often each route was asked, and how long it took
 *	http_work.c     the worker threads, holding and releasing
 *	http_reply.c    replies
 *	http_library.c  what the library says and answers by itself
 *	http_body.c     bodies that many replies share
 */
#ifndef MM_COMMON_HTTP_INTERNAL_H
#define MM_COMMON_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/form.h"
#include "common/http.h"
#include "common/metrics.h"

enum {
	/* What the library has for a connection: the request's line and
	 * headers, something more for each header, and the reply's headers.
	 * It writes over all of it between two requests, so that every
	 * connection costs the whole. */
	HEAD_BYTES = 5800,    /* unless told otherwise */
	REPLY_BYTES = 400,    /* of headers that a handler sets; likewise */
	OWN_BYTES = 200,      /* of the others in a reply */
	REFUSAL_BYTES = 1024, /* a refusal's, and some of the next request's */
	HEADERS_BYTES = 1800, /* are left for headers by the longest target */
	PER_HEADER_BYTES = 64,
	QUEUE_MAX = 256, /* HTTP_WORK requests that wait for a worker */
	POLLERS_MAX = 16,
	WORKERS_MAX = 64,
	CROWD_WORKERS = 4, /* threads for HTTP_CROWD */
	LOCAL_WORKERS = 8, /* and for who comes in over the Unix socket */
	REQUEST_MS = 15 * 1000,
	READ_BYTES_MS = 16, /* who reads a reply slower than this is cut */
	IDLE_SECONDS = 60,
	CONNECTIONS_MAX = 1024, /* unless told otherwise */
	LOCAL_CONNECTIONS = 64,
	HANDSHAKE_SAY_MS = 60 * 1000,
	PROBLEM_MAX = 4096, /* bytes of its JSON */
};

#define PROBLEM_TYPE "application/problem+json"

/* A polling thread, with the daemon that it runs.  Its callbacks get it. */
struct http_poller {
	struct http_server *server;
	bool local;
	struct MHD_Daemon *daemon;
	int fd;	  /* the listening socket, the listener's */
	int wake; /* an eventfd */
	atomic_bool woken, stop;
	/* The thread's alone: connections, how many there may be, and when it
	 * last had to refrain, for want of connections or of descriptors. */
	unsigned open, connections;
	bool starved, accepts;
	unsigned handshakes;  /* of TLS that failed since that was said */
	int64_t handshake_at; /* clock_ms() */
	bool answered; /* by us; the library's next line is of no interest */
	int64_t rest_until, said_at; /* clock_ms() */
	pthread_t thread;
	bool started;
};

/* One of the two listeners, with those that serve it. */
struct http_listener {
	int fd; /* -1: none */
	struct http_poller poller[POLLERS_MAX];
	size_t pollers;
	atomic_uint accepting; /* of these, for now */
};

/* A connection, from accept to close, in a list that the reaper reads. */
struct http_conn {
	struct http_conn *prev, *next;
	struct http_poller *poller;
	int fd;
	unsigned uid;
	_Atomic int64_t deadline;   /* clock_ms() when it is cut; 0: never */
	struct http_request *begun; /* until it is completed; its thread's */
};

struct http_reaper {
	pthread_t thread;
	bool started, stop;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct http_conn conns; /* the list's head; guarded by lock */
	int64_t request_ms;
};

/* Threads, and the requests that wait for one of them. */
struct http_pool {
	struct http_work *work;
	pthread_t threads[WORKERS_MAX];
	size_t started, busy;
	pthread_cond_t more;
	struct http_request *first, **last;
	size_t count, max;
};

struct http_work {
	pthread_mutex_t lock; /* guards the pools too */
	pthread_cond_t idle;
	struct http_pool ordinary, crowd;
	struct http_pool local; /* not started: ordinary serves it too */
	bool stop;
	size_t held; /* suspended requests, queued ones included */
};

enum { STATUS_CLASSES = 6 }; /* "2xx" is 2; 0 is not used */

/* What was asked of one route and answered. */
struct http_stats {
	struct counter status[STATUS_CLASSES];
	struct histogram took;
};

struct http_server {
	struct http_options opt;
	/* One for each of opt.routes, and behind them one for requests that
	 * are for none of them. */
	struct http_stats *stats;
	size_t routes;
	struct http_listener tcp, local;
	char socket_path[108];
	uint16_t port;
	uint32_t id_prefix;
	atomic_uint id_next;
	/* Handlers on polling threads run holding the gate for reading; who
	 * has it for writing knows that none does. */
	pthread_rwlock_t gate;
	atomic_bool closed;
	atomic_uint open; /* whole requests whose reply is not yet out */
	struct http_reaper reaper;
	struct http_work work;
};

enum http_stage {
	STAGE_LINE, /* the request line is here */
	STAGE_BODY, /* the headers too */
	STAGE_RUN,  /* whole, and handed on */
};

/* Thousands of these are held at a time: what few requests need is not in
 * here. */
struct http_request {
	struct http_server *server;
	struct MHD_Connection *connection;
	struct http_conn *conn;
	const struct http_route *route;
	enum http_stage stage;
	bool chunked;
	uint64_t body_length; /* as announced */
	int64_t whole_at;     /* clock_ns(); 0: it never was */
	enum mm_err refused;  /* before any handler; why says the rest */
	struct why *why;      /* made when there is something to say */
	char id[17];
	const char *method, *path;
	/* As the library keeps it; see http_lines.c. */
	const char *sent_uri, *sent_version;
	size_t sent_length;
	const char *args[HTTP_ARGS_MAX];
	struct form query;
	struct buf body;

	/* the reply */
	struct buf headers; /* name NUL value NUL ... */
	bool has_cache, has_challenge, replied;
	size_t reply_bytes; /* of its body */
	unsigned status;    /* set before the reply: instead of the error's */
	struct MHD_Response *response; /* NULL though replied: no memory */

	bool suspended;
	struct http_request *next; /* in a pool's queue */
	bool *held;		   /* on the stack of who runs the handler */
	void *data;
	char *text; /* where the next decoded piece of the URI goes */
	char uri[]; /* as received, then room for the decoded pieces */
};

enum { ETAG_BYTES = 16 }; /* of a digest */

struct http_body {
	atomic_uint owners;
	size_t len;
	char *type;
	/* http_body_prepare()d: */
	char etag[32];		  /* with its quotes */
	struct http_body *packed; /* gzip; NULL: it would not be shorter */
	uint8_t at[];
};

/* http_listen.c */
MM_MUST_USE enum mm_err http_listen_tcp(struct http_server *s, struct why *why);
MM_MUST_USE enum mm_err http_listen_local(struct http_server *s,
					  struct why *why);

/* http_accept.c: for the thread of p. */
/* May a connection be taken now?  If not, the listening socket must not be
 * waited for. */
bool accept_may(struct http_poller *p);
/* How long to wait at most, instead of ms (negative: for ever). */
int accept_wait_ms(const struct http_poller *p, int ms);
/* Take those that wait (ready: there are some); the library begins with them
 * when it is run next. */
void accept_some(struct http_poller *p, bool ready);

/* http_poll.c */
/* The library's part of a poller, to which connections are brought. */
struct MHD_Daemon *poll_daemon(struct http_poller *p);
MM_MUST_USE enum mm_err poll_start(struct http_server *s,
				   struct http_listener *l, unsigned pollers,
				   unsigned connections, struct why *why);
/* What the library has for a connection. */
size_t http_pool_bytes(const struct http_options *opt);
/* A request of p's was resumed. */
void poll_wake(struct http_poller *p);
void poll_refuse(struct http_listener *l); /* no new connections */
void poll_stop(struct http_listener *l);

/* http_reaper.c */
MM_MUST_USE enum mm_err reaper_start(struct http_server *s);
void reaper_stop(struct http_server *s);
void reaper_notify(void *poller, struct MHD_Connection *c, void **socket,
		   enum MHD_ConnectionNotificationCode what);
struct http_conn *reaper_conn(struct MHD_Connection *c);
/* A connection of p's, for its thread, of which `is` says yes; NULL: none. */
struct http_conn *reaper_find(struct http_poller *p,
			      bool (*is)(const struct http_conn *conn));
/* A request has begun, is whole, has its reply, or has been answered. */
void reaper_begun(struct http_request *rq);
void reaper_whole(struct http_request *rq);
void reaper_replies(struct http_request *rq);
void reaper_idle(struct http_request *rq);

/* http_request.c */
void *http_on_uri(void *poller, const char *uri, struct MHD_Connection *c);
/* The connection is closed, and the library has not said of this one that it
 * is completed: its line was none (HTTP/9, say).  NULL is allowed. */
void http_on_lost(struct http_request *rq);
enum MHD_Result http_on_request(void *poller, struct MHD_Connection *c,
				const char *url, const char *method,
				const char *version, const char *upload,
				size_t *upload_size, void **request);
void http_on_completed(void *poller, struct MHD_Connection *c, void **request,
		       enum MHD_RequestTerminationCode why);
/* Run the handler.  False: the request is held, and rq may be gone. */
bool http_run(struct http_request *rq);

/* http_guard.c */
MM_MUST_USE enum mm_err guard_uri(const struct http_request *rq,
				  struct why *why);
MM_MUST_USE enum mm_err guard_headers(struct http_request *rq, struct why *why);

/* http_lines.c: where the first header has to begin; where the one behind
 * this has to; did the head end with the last one?  NULL and false: no
 * plain lines.  A NULL is handed on. */
const char *lines_begin(const struct http_request *rq);
const char *lines_next(const char *at, struct span name, const char *value,
		       size_t value_len);
bool lines_end(const struct http_request *rq, const char *at);

/* http_reply.c: the body of a problem (RFC 9457), on `b`; why may be NULL. */
void problem_write(struct buf *b, unsigned status, enum mm_err e,
		   const struct why *why);

/* http_library.c: what the library calls with each line for its log. */
void library_says(void *poller, const char *fmt, va_list args) MM_PRINTF(2, 0);
/* Before its body: is there perhaps no room for this refusal?  Then it is
 * answered, and the connection to be closed. */
bool library_cannot(struct http_request *rq, enum mm_err e);

/* http_uri.c */
MM_MUST_USE enum mm_err uri_route(struct http_request *rq, struct why *why);

/* http_stats.c */
MM_MUST_USE enum mm_err stats_init(struct http_server *s);
/* rq is answered: its reply is about to be sent. */
void stats_note(const struct http_request *rq);

/* http_work.c */
void work_init(struct http_work *w);
void work_destroy(struct http_work *w);
MM_MUST_USE enum mm_err work_start(struct http_server *s);
/* Suspend rq and hand it to a worker, or answer that all are busy. */
void work_give(struct http_request *rq);
void work_drain(struct http_server *s);	    /* until no worker has anything */
void work_wait_held(struct http_server *s); /* until nothing is held */
void work_stop(struct http_server *s);

#endif
