/* answer.h - what a proxy is told: PROTOCOL.md section 11, "Answers".
 *
 * The reason is for the proxy's log, in a header; the client, who may be
 * anybody, gets one text for all of them.  Each gives the reply and returns
 * MM_OK. */
#ifndef MM_VERIFIER_AGENT_ANSWER_H
#define MM_VERIFIER_AGENT_ANSWER_H

#include "common/claims.h"
#include "common/http.h"
#include "verifier/agent/need.h"

/* Who does not pass, and why. */
struct refused {
	enum mm_err e;
	char id[JTI_SIZE]; /* of the token; "": its signature is not good */
	char missing[NEED_MISSING]; /* answer_lacks() only; "": it cannot be
				     * said as a scope */
};

/* 200.  `near`: its hard limit is, so the client is to hear of it. */
enum mm_err answer_pass(struct http_request *rq, const struct mm_token *t,
			bool near);
/* 401: no token (MM_ERR_UNAUTHENTICATED), or one that is not good; 503: the
 * state is not. */
enum mm_err answer_refuse(struct http_request *rq, const struct refused *no);
/* 403: it lacks a scope. */
enum mm_err answer_lacks(struct http_request *rq, const struct refused *no);
/* 400 or 500, with the sentence that rq has. */
enum mm_err answer_wrong(struct http_request *rq, enum mm_err e);

#endif
