/* http.h - a client for load: one connection, or thousands in one thread.
 *
 * It costs a few microseconds a request, so that what is measured is the
 * server; and it knows only what our servers' answers need: a status, a
 * Content-Length, a body.  Anything else is an error. */
#ifndef MM_TESTS_BENCH_HTTP_H
#define MM_TESTS_BENCH_HTTP_H

#include <netinet/in.h>

#include "common/buf.h"

struct conn {
	int fd;
	struct buf in;	 /* the answer, as far as it is here */
	unsigned status; /* of the last answer */
	struct span body;
	double asked_at; /* ns_now() */
	uint64_t seq;	 /* a follower's: followers.c */
	double again_at; /* likewise; 0: now */
	unsigned failures;
	uint64_t sent, got; /* bytes, in all */
};

/* The whole request, bearer and body NULL: none. */
void http_request(struct buf *out, const char *method, const char *path,
		  const char *bearer, const char *body);

/* Where a server listens. */
struct place {
	uint16_t port;	     /* of 127.0.0.1, or */
	const char *path;    /* a Unix socket instead; NULL: none */
	struct in_addr host; /* another than 127.0.0.1; 0: none */
};

MM_MUST_USE enum mm_err conn_open(struct conn *c, struct place at);
/* Without waiting: it is open, or has failed, when it can be written to. */
MM_MUST_USE enum mm_err conn_begin(struct conn *c, struct place at);
void conn_close(struct conn *c);
#define AUTO_CONN __attribute__((cleanup(conn_close)))

MM_MUST_USE enum mm_err conn_send(struct conn *c, struct span request);
/* Send, and wait for the answer. */
MM_MUST_USE enum mm_err conn_ask(struct conn *c, struct span request);

/* What is there of the answer; with MSG_DONTWAIT in flags that may be nothing.
 * Is it whole?  Then its parts are told. */
MM_MUST_USE enum mm_err conn_read(struct conn *c, int flags, bool *whole);

/* ---- many ---- */

struct crowd {
	int epoll;
	struct conn *conn;
	size_t count;
};

MM_MUST_USE enum mm_err crowd_open(struct crowd *c, size_t count,
				   struct place at);
void crowd_close(struct crowd *c);
#define AUTO_CROWD __attribute__((cleanup(crowd_close)))

/* Wait at most that long for answers; answered() is called for each that is
 * whole, and may send the next request. */
MM_MUST_USE enum mm_err
crowd_wait(struct crowd *c, int ms,
	   enum mm_err (*answered)(void *ctx, struct conn *conn), void *ctx);

#endif
