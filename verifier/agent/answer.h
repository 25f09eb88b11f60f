/* answer.h - what a proxy is told: PROTOCOL.md section 11, "Answers".
 *
 * The reason is for the proxy's log, in a header; the client, who may be
 * anybody, gets one text for all of them.  Each gives the reply and returns
 * MM_OK. */
#ifndef MM_VERIFIER_AGENT_ANSWER_H
#define MM_VERIFIER_AGENT_ANSWER_H

#include "common/http.h"
#include "verifier/include/mintmark/verify.h"

/* 200. */
enum mm_err answer_pass(struct http_request *rq, const struct mm_token *t);
/* 401: no token (MM_ERR_UNAUTHENTICATED), or one that is not good; 503: the
 * state is not. */
enum mm_err answer_refuse(struct http_request *rq, enum mm_err e);
/* 403: it lacks a scope; "": one that cannot be said. */
enum mm_err answer_lacks(struct http_request *rq, const char *missing);
/* 400 or 500, with the sentence that rq has. */
enum mm_err answer_wrong(struct http_request *rq, enum mm_err e);

#endif
