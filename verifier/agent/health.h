/* health.h - can this agent's host check tokens, and will uses count?
 *
 * Seen as any reader sees it: from the state file and its socket. */
#ifndef MM_VERIFIER_AGENT_HEALTH_H
#define MM_VERIFIER_AGENT_HEALTH_H

#include "common/http.h"
#include "verifier/verifier.h"

/* Does anybody hear of uses, at the socket of the state file `state`? */
bool health_uses_heard(const char *state);

/* Answer with JSON: {"status":"ok","checks":{...}}, 503 when something is
 * failing.  v NULL: there is no state yet. */
enum mm_err health_reply_live(struct http_request *rq);
enum mm_err health_reply_ready(struct http_request *rq, struct mm_verifier *v,
			       const char *state);

#endif
