/* relay_allow.c - who may read the feed here: whom the issuer would let, as far
 * as this host knows. */
#include "common/log.h"
#include "common/scope.h"
#include "verifier/agent/credentials.h"
#include "verifier/agent/relay_internal.h"

#define REALM "Bearer realm=\"mintmark\""

/* A token without a scope claim has its user's rights, and no user is an agent
 * by being one: the scope must be written out. */
static bool scope_says(const struct mm_token *t, const char *name)
{
	return t->has_scope && scope_has(span_str(t->scope), span_str(name));
}

/* MM_OK, or why not; `id` is the token's, as far as it is proven. */
static enum mm_err look(struct relay *r, struct http_request *rq, char *id)
{
	AUTO_CREDENTIALS struct credentials c;
	char from[ADDRESS_SIZE];
	struct mm_token t;
	enum mm_err e = credentials_read(http_header(rq, "Authorization"), &c);
	if (e == MM_OK && c.user != NULL)
		e = MM_ERR_UNAUTHENTICATED; /* Bearer only, as there */
	TRY(e);
	http_peer(rq, from);
	struct mm_verifier *v = late_get(&r->late);
	struct asked ask = { NULL, r->opt.issuer->url[0], span_str(from), id };
	if (v == NULL)
		return MM_ERR_UNAVAILABLE;
	TRY(verifier_ask(v, &ask, c.token, &t));
	return scope_says(&t, "mintmark:agent") ||
			       scope_says(&t, "mintmark:admin")
		       ? MM_OK
		       : MM_ERR_INSUFFICIENT_SCOPE;
}

/* One answer for every token that is not good (no oracle). */
static enum mm_err refuse(struct http_request *rq, enum mm_err e)
{
	switch (e) {
	case MM_ERR_UNAUTHENTICATED:
		http_set(rq, "WWW-Authenticate", REALM);
		return why_say(http_why(rq), e, NULL,
			       "this needs a token: Authorization: Bearer ...");
	case MM_ERR_INSUFFICIENT_SCOPE: /* RFC 6750 s3.1 */
		http_set(rq, "WWW-Authenticate",
			 REALM ", error=\"insufficient_scope\", "
			       "scope=\"mintmark:agent\"");
		return why_say(http_why(rq), e, NULL,
			       "this needs a token with scope mintmark:agent");
	default:
		http_set(rq, "WWW-Authenticate",
			 REALM ", error=\"invalid_token\"");
		return why_say(http_why(rq), MM_ERR_UNAUTHENTICATED, NULL,
			       "the token is not valid here");
	}
}

enum mm_err relay_allow(void *relay, struct http_request *rq,
			const struct http_route *route)
{
	char id[JTI_SIZE] = "";
	if (route->need == RELAY_PUBLIC)
		return MM_OK;
	enum mm_err e = look(relay, rq, id);
	if (e == MM_OK)
		return MM_OK;
	if (e != MM_ERR_UNAUTHENTICATED)
		log_event(LOG_NOTICE, "relay.refused",
			  "request=%s id=%s reason=%s", http_request_id(rq), id,
			  mm_err_word(e));
	if (mm_err_http(e) == 401 || e == MM_ERR_INSUFFICIENT_SCOPE)
		return refuse(rq, e);
	return relay_nothing(rq, "nobody can tell now whether the token is "
				 "good: try again");
}
