/* health.h - can this agent's host check tokens, and will uses count?
 *
 * Seen as any reader sees it: from the state file and its socket. */
#ifndef MM_VERIFIER_AGENT_HEALTH_H
#define MM_VERIFIER_AGENT_HEALTH_H

#include "common/http.h"
#include "verifier/follow.h"
#include "verifier/verifier.h"

/* Does anybody hear of uses, at the socket of the state file `state`? */
bool health_uses_heard(const char *state);

/* Answer with JSON: {"status":"ok","checks":{...}}, 503 when something is
 * failing; when that is the feed alone, "degraded" and 200, for what is held is
 * still good.  v NULL: there is no state yet; f NULL: nobody follows. */
enum mm_err health_reply_live(struct http_request *rq);
enum mm_err health_reply_ready(struct http_request *rq, struct mm_verifier *v,
			       const char *state, struct follower *f);

#endif
