/* verifier.h - what is behind a struct mm_verifier.
 *
 * verify.c, cache.c, epoch.c, reader.c, state_read.c and use_send.c
 * stand alone: what links
 * only them (a PAM module) carries no HTTP client and starts no thread, and
 * opens with verifier_open_state().  open.c adds the follower. */
#ifndef MM_VERIFIER_VERIFIER_H
#define MM_VERIFIER_VERIFIER_H

#include "common/error.h"
#include "verifier/cache.h"
#include "verifier/include/mintmark/verify.h"
#include "verifier/reader.h"
#include "verifier/use.h"

struct follower;

struct mm_verifier {
	struct reader reader;
	struct cache *cache; /* NULL: nothing is remembered */
	struct use_sender uses;
	char *audience; /* NULL: do not ask */
	int64_t max_staleness;
	bool access_tokens;	   /* at+jwt are taken, too */
	int64_t (*now)(void *ctx); /* NULL: the system's clock */
	void *now_ctx;
	/* open.c: a URL was given, and we follow it ourselves */
	struct follower *follower;
	char *folder; /* the private file's */
};

/* A verifier on a state file.  With MM_OK *why may have a warning. */
MM_MUST_USE enum mm_err verifier_open_state(const struct mm_options *opt,
					    const char *path,
					    struct mm_verifier **out,
					    struct why *why);
/* What is asked of a token besides that it is good. */
struct asked {
	const char *user;     /* whose it must be; NULL: anybody's */
	const char *audience; /* that it must be for; NULL: any */
	struct span from;     /* where it comes from, as text; none: not
			       * known */
	char *id; /* JTI_SIZE; or NULL.  Which token it is, said as soon as
		   * its signature is good, for the log of who refuses it */
};

/* mm_verify() for who asks for another user or audience each time. */
MM_MUST_USE enum mm_err verifier_ask(struct mm_verifier *v,
				     const struct asked *ask, struct span token,
				     struct mm_token *out);

/* Is what is known here fresh enough to answer by?  MM_ERR_STALE. */
MM_MUST_USE enum mm_err verifier_fresh(struct mm_verifier *v);

/* Is a token that was verified before still alive, by what the lists say now?
 * Of the token only what is in *t is asked: not its key, not its issuer.  No
 * use is reported.  For who has not the token itself any more. */
MM_MUST_USE enum mm_err verifier_check_again(struct mm_verifier *v,
					     const struct mm_token *t);
/* NULL is allowed.  Not the follower's parts: open.c's are gone before. */
void verifier_close(struct mm_verifier *v);

#endif
