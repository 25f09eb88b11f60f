/* warn_tries.h - warnings that were sent in vain, and when to try again.
 *
 * In memory only: after a restart each is due again at once, under the same
 * id.  One thread's.
 */
#ifndef MM_ISSUER_WARN_TRIES_H
#define MM_ISSUER_WARN_TRIES_H

#include "issuer/warn.h"

#define TRY_PAUSE_MAX 3600 /* seconds between two, at most */

struct warn_try {
	uint32_t list, idx;
	int64_t before, ends; /* which warning of that token */
	int64_t next_ms;      /* clock_ms(): not before */
	int64_t pause;	      /* seconds: it doubles */
	unsigned done;	      /* ways that have taken it: bits */
	bool due;	      /* found so in this look */
};

struct warn_tries {
	struct warn_try *at; /* by list and idx */
	size_t count, cap;
};

void tries_free(struct warn_tries *s);

/* NULL: this warning was not tried yet.  Else it is due. */
struct warn_try *tries_find(const struct warn_tries *s,
			    const struct token_row *t, int64_t before);
/* It failed at `now_ms`; `done` have taken it.  The first pause is `first`
 * seconds.  Where memory is short it is forgotten: it is tried too soon. */
void tries_failed(struct warn_tries *s, const struct warn_try *one,
		  int64_t first, int64_t now_ms);
/* It was delivered, and that is on the disk. */
void tries_drop(struct warn_tries *s, const struct token_row *t);
/* The look at all tokens is over, at `now`: forget the tries of those that are
 * not due any more.  What a way has taken is remembered to the token's end: who
 * has it is not sent it again, whatever happens meanwhile. */
void tries_clean(struct warn_tries *s, int64_t now);

#endif
