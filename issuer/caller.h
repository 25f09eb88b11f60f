/* caller.h - who is asking, and what they may do here. */
#ifndef MM_ISSUER_CALLER_H
#define MM_ISSUER_CALLER_H

#include "issuer/issuer.h"

/* What a route needs (http_route.need). */
enum {
	NEED_NOTHING = 0, /* public */
	NEED_ADMIN = 1,	  /* admin.sock, or a PAT with mintmark:admin */
	NEED_AGENT = 2,	  /* a PAT with mintmark:agent, or an admin */
	NEED_SELF = 3,	  /* a user with his own tokens, or an admin */
	NEED_FEED = 4,	  /* as NEED_AGENT; a key that is gone will do */
	NEED_LOOK = 5,	  /* an agent, an admin, or a user with his own */
	NEED_ROTATE = 6,  /* as NEED_SELF; see struct caller: dead */
	NEED_SIGN_IN = 7  /* public; refusals are for the audit */
};

struct caller {
	bool admin, agent;
	/* His token was revoked.  Let in where NEED_ROTATE is, with an
	 * Idempotency-Key, to ask for an answer again: for nothing else. */
	bool dead;
	uint32_t list, idx;	    /* of his token; list 0 over admin.sock */
	int64_t session;	    /* of the console, until then; 0: none */
	const char *user;	    /* "" over admin.sock; at most USER_SIZE */
	const char *actor;	    /* for created_by and the log; ACTOR_SIZE */
	char address[ADDRESS_SIZE]; /* of http_peer() */
	char text[];		    /* user and actor */
};

/* Whoever issuer_allow() let in. */
const struct caller *caller_of(struct http_request *rq);

/* What he does now, for the store.  Its texts are the request's. */
struct stamp caller_stamp(struct http_request *rq);

/* Whoever shows this token signs in to the console: it is checked as any
 * caller's, has to be `user`'s ("": anybody's), and is used by it.  Fills *out
 * and caller_of(); what is refused is in the log as console.refused. */
MM_MUST_USE enum mm_err caller_sign_in(struct issuer *is,
				       struct http_request *rq,
				       struct span token, const char *user,
				       struct claims *out);
/* Is he who asks signed in?  Then caller_of() is filled. */
bool caller_is_signed_in(struct issuer *is, struct http_request *rq);

/* Refuse the caller after all, as if his token were not valid. */
MM_MUST_USE enum mm_err caller_refuse(struct http_request *rq);

/* May the caller touch this user's tokens?  MM_ERR_NOT_FOUND if not: what
 * is not his does not exist for him. */
MM_MUST_USE enum mm_err caller_owns(struct http_request *rq, const char *user);

#endif
