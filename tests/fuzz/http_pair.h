/* http_pair.h - a running HTTP server, asked over pairs of sockets: whatever
 * bytes a client may send on one connection, and all that comes back.
 *
 * The polling thread is the caller's, so that nothing happens between two
 * inputs; HTTP_WORK runs on the server's own workers.
 */
#ifndef MM_TESTS_FUZZ_HTTP_PAIR_H
#define MM_TESTS_FUZZ_HTTP_PAIR_H

#include "common/http_internal.h"

struct pair {
	struct http_poller poller;
};

/* `local`: as if over the Unix socket. */
void pair_begin(struct pair *p, const struct http_server *server, bool local);
void pair_end(struct pair *p);

/* Send `request`, wait until all of it is answered, close our side, and take
 * what comes until the server closes its own, which it does soon. */
void pair_ask(struct pair *p, struct span request, struct buf *answer);

/* One of the answers in a stream of them. */
struct reply {
	unsigned status;
	struct span head; /* with its line; without the empty line */
	struct span body;
};
/* Take it off the front.  False: there is none. */
bool reply_next(struct span *stream, struct reply *out);
/* A header's value; "" if it is not there. */
struct span reply_header(const struct reply *r, const char *name);

/* What holds for every answer: it is one, and the last if the library gave it
 * by itself; headers are those that we set, and without
 * control characters; an error is JSON that jansson reads, a problem says its
 * status; and `secret` (if not empty) stands in none, but where the scope is
 * said that was asked for (403).  How many are there? */
size_t replies_check(struct span stream, struct span secret);

#endif
