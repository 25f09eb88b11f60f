/* need.h - what a door asks of a token, as the proxy's configuration says it.
 * PROTOCOL.md section 11. */
#ifndef MM_VERIFIER_AGENT_NEED_H
#define MM_VERIFIER_AGENT_NEED_H

#include "common/form.h"
#include "common/scope.h"
#include "verifier/include/mintmark/verify.h"

#define NEED_IDS  32   /* a folder's depth */
#define NEED_TEXT 2048 /* of the ids together, with their spaces */
/* What was missing: a scope, as a token could have it. */
#define NEED_MISSING (SCOPE_ID_SIZE + 64)

struct need_ids {
	bool given;
	size_t count;
	const char *at[NEED_IDS];
	char text[NEED_TEXT];
};

/* The texts are the form's. */
struct need {
	const char *scope;    /* words; NULL: none */
	const char *audience; /* NULL: any */
	const char *from;     /* the client's address; NULL: not said here */
	const char *type;     /* of the resource; NULL: none */
	unsigned perm;	      /* on ids */
	bool moves;	      /* COPY or MOVE: w on `to`, too */
	struct need_ids ids, to;
};

/* The methods of the client's request, from all who say one. */
struct need_methods {
	unsigned perm; /* 0: nobody said one */
	bool moves;
};
void need_add_method(struct need_methods *m, const char *method);

/* MM_ERR_SETUP: the configuration is wrong, and *why says what. */
MM_MUST_USE enum mm_err need_read(const struct form *f, struct need_methods m,
				  struct need *out, struct why *why);
/* MM_OK, or MM_ERR_INSUFFICIENT_SCOPE and what was missing: "" if that
 * cannot be said as a scope. */
MM_MUST_USE enum mm_err need_check(const struct need *n,
				   const struct mm_token *t,
				   char missing[NEED_MISSING]);

#endif
