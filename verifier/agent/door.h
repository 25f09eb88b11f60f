/* door.h - answers the auth subrequests of this host's proxies.
 *
 * For each request of its client a proxy asks GET /auth, and lets pass what
 * gets a 200: PROTOCOL.md section 11.  GET /health/live and /health/ready are
 * for who starts and stops us.  Tokens are checked as in any other
 * process, against the state file. */
#ifndef MM_VERIFIER_AGENT_DOOR_H
#define MM_VERIFIER_AGENT_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metrics.h"

struct door;
struct follower;
struct http_server;

/* What came of the questions, by the word: of GET /auth, and of those behind
 * a prefix. */
struct door_counts {
	struct counter plain[MM_ERR_COUNT], prefixed[MM_ERR_COUNT];
};

/* listen: "127.0.0.1:9080" (loopback only) or "unix:/run/mintmark/auth.sock".
 * MM_ERR_INVALID: it is neither. */
MM_MUST_USE enum mm_err door_check(const char *listen, struct why *why);
struct door_options {
	const char *listen;
	const char *state;   /* path of the state file */
	bool access_tokens;  /* taken, too, where the proxy names an audience */
	int64_t warn_before; /* seconds before a token's limit from which on the
			      * client is to hear of it */
	struct follower *follower; /* for its health; NULL: nobody follows */
};

/* Begin to answer; until there is a state file, with 503. */
MM_MUST_USE enum mm_err door_start(const struct door_options *opt,
				   struct door **out, struct why *why);
/* For metrics; both belong to the door. */
const struct door_counts *door_counts(const struct door *d);
const struct http_server *door_http(const struct door *d);
/* Finish what is being answered.  NULL is allowed. */
void door_stop(struct door *d);

#endif
