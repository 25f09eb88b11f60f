/* relay.h - pass the feed on: GET /v1/feed, GET /v1/snapshot, POST /v1/uses and
 * the JWKS, for agents that follow us instead of the issuer.
 *
 * A relay signs nothing.  What it has taken in itself it hands on as it came,
 * byte for byte, to all who wait for it; what it has not it asks for upstream,
 * once for all who ask.  Who follows a relay checks everything itself, and
 * can be made to believe no more by a relay than by a cable: that it is cut.
 * PROTOCOL.md section 5, "Relays"; docs/decisions/0024. */
#ifndef MM_VERIFIER_AGENT_RELAY_H
#define MM_VERIFIER_AGENT_RELAY_H

#include "common/http_public.h"
#include "common/metrics.h"
#include "verifier/follow.h"

struct relay;

/* All of it has to stay until relay_free(). */
struct relay_options {
	struct http_public at; /* at.listen: unix:/PATH, too */
	const char *state;     /* path of the state file */
	const struct link_target *issuer;
};

/* MM_ERR_INVALID: they do not go together. */
MM_MUST_USE enum mm_err relay_check(const struct relay_options *opt,
				    struct why *why);
/* And its files, those of TLS.  Errors as http_public_fill(). */
MM_MUST_USE enum mm_err relay_try_files(const struct relay_options *opt,
					struct why *why);
/* Made before its follower is started, which is given relay_pass() and the
 * relay as `pass` and `pass_ctx`, and relay_id(); serving begins with
 * relay_start(). */
MM_MUST_USE enum mm_err relay_new(const struct relay_options *opt,
				  struct relay **out, struct why *why);
follower_pass relay_pass;
const char *relay_id(const struct relay *r); /* and this one */
MM_MUST_USE enum mm_err relay_start(struct relay *r, struct follower *f,
				    struct why *why);
/* Answer all who wait, and no more; then stop the follower, then free.  NULL is
 * allowed, and so is a relay that was not started. */
void relay_stop(struct relay *r);
void relay_free(struct relay *r);

/* For metrics.  From any thread, between start and stop. */
struct relay_stats {
	size_t waiting;		   /* agents that wait for news */
	uint64_t handed_on, asked; /* answers of our own, and from upstream */
};
void relay_stats(struct relay *r, struct relay_stats *out);
const struct http_server *relay_http(const struct relay *r);

#endif
