/* client.h - speaking to the mint; client.c knows libcurl, and place.c
 * its reader of URLs.
 *
 * Where it is, in this order: --data DIR (its admin.sock), MINTMARK_SOCKET,
 * MINTMARK_URL with MINTMARK_TOKEN, MINTMARK_DATA, /var/lib/mintmark.
 */
#ifndef MM_CLI_CLIENT_H
#define MM_CLI_CLIENT_H

#include <jansson.h>

#include "common/buf.h"

#define DATA_STANDARD "/var/lib/mintmark"

struct client {
	void *curl;	  /* the library's handle */
	char socket[512]; /* "" when `url` says where */
	char url[512];	  /* "https://host", without a / at the end */
	int64_t patience; /* ms to wait for a mint that is starting */
	int64_t until;	  /* clock_ms() when calls are given up; 0: each
			   * takes a minute at most */
	char once[32];	  /* the Idempotency-Key of the next call, or "" */
};

/* `data` is --data, or NULL. */
MM_MUST_USE enum mm_err client_open(struct client *c, const char *data,
				    struct why *why);
/* As the owner of MINTMARK_TOKEN, at MINTMARK_URL, whatever else is said. */
MM_MUST_USE enum mm_err client_open_self(struct client *c, struct why *why);
/* DIR/admin.sock and nothing else, and no waiting. */
MM_MUST_USE enum mm_err client_open_data(struct client *c, const char *data,
					 struct why *why);
/* All calls from now on are given up after so many seconds. */
void client_hurry(struct client *c, int64_t seconds);
void client_close(struct client *c);

/* The next call is to be done once: it gets a key of its own, and is sent
 * again, once, if its answer is lost on the way. */
MM_MUST_USE enum mm_err client_once(struct client *c, struct why *why);
#define AUTO_CLIENT __attribute__((cleanup(client_close)))

/* One call; *reply is what came back, the caller's to free (NULL if the
 * answer was no).  `body` may be NULL.
 * MM_ERR_UNAVAILABLE: nobody listens there.  MM_ERR_IO: somebody does but
 * could not answer.  Else the mint refused, and why is its own sentence:
 * MM_ERR_NOT_FOUND, UNAUTHENTICATED, FORBIDDEN, or CONFLICT for the rest. */
MM_MUST_USE enum mm_err client_call(struct client *c, const char *method,
				    const char *path, const json_t *body,
				    json_t **reply, struct why *why);

/* GET what is no JSON: *out lies in *text, which is the caller's to free,
 * also after a failure.  Errors as client_call(). */
MM_MUST_USE enum mm_err client_text(struct client *c, const char *path,
				    struct buf *text, struct span *out,
				    struct why *why);

/* Append a path segment or a query value, percent-encoded (RFC 3986 s2). */
void client_escape(struct buf *path, const char *text);

#endif
