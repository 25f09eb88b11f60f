/* subrequest.h - what a proxy asks: the client's credentials, and what is
 * needed here. */
#ifndef MM_VERIFIER_AGENT_SUBREQUEST_H
#define MM_VERIFIER_AGENT_SUBREQUEST_H

#include "common/http.h"
#include "verifier/agent/need.h"

#define NEED_HEADER_MAX (4 * NEED_TEXT)

struct subrequest {
	const char *authorization; /* NULL: none */
	struct span from;	   /* the client's address; none: not said */
	struct need need;
	char room[FORM_ROOM(NEED_HEADER_MAX)]; /* of its texts */
};

/* `prefixed`: the path behind the route, the query and the method are the
 * client's.  MM_ERR_INVALID: the client sent what only proxies may say.
 * MM_ERR_SETUP: the proxy is configured wrongly.  rq has the sentence. */
MM_MUST_USE enum mm_err subrequest_read(struct http_request *rq, bool prefixed,
					struct subrequest *out);

#endif
