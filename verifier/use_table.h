/* use_table.h - uses seen on this host that the issuer does not know yet.
 *
 * For each token a chain of times: enough of its uses to show the issuer
 * that no window passed without one, and no more.  Each gap, from `base`
 * (the last use that the issuer knows of, or iat) to the first and from one
 * to the next, is shorter than the window.  Pure: no clock, no disk. */
#ifndef MM_VERIFIER_USE_TABLE_H
#define MM_VERIFIER_USE_TABLE_H

#include "common/replica.h"

#define USE_CHAIN_MAX 8192 /* more uses of a token are not kept apart */

struct use_entry {
	uint32_t list, idx;
	int64_t iat, exp, window;
	int64_t sent;	/* the newest that the issuer has taken; 0: none */
	int64_t latest; /* the newest use of all */
	int64_t *at;	/* the chain, rising: not taken by the issuer yet */
	uint32_t count, cap;
};

struct use_table {
	void *tree; /* of struct use_entry: tsearch(3) */
	size_t count;
	bool changed; /* since it was last saved */
};

void use_table_free(struct use_table *t);

/* A use at `at` of the token that `e` describes (its numbers; the rest is
 * not looked at), of which the issuer knows `issuer_last`. */
MM_MUST_USE enum mm_err use_table_add(struct use_table *t,
				      const struct use_entry *e,
				      int64_t issuer_last, int64_t at);
/* Put a whole entry in, as it was saved.  The chain is copied. */
MM_MUST_USE enum mm_err use_table_put(struct use_table *t,
				      const struct use_entry *e);
const struct use_entry *use_table_find(const struct use_table *t, uint32_t list,
				       uint32_t idx);
void use_table_each(const struct use_table *t,
		    void (*each)(void *, const struct use_entry *), void *ctx);

struct use_due {
	uint32_t list, idx;
	int64_t at;
};
/* Which uses the issuer should now hear of, in rising order of time, at most
 * `max`: those of tokens that have gone through half their window since its
 * last word (`all`: of every token).  Uses of the last few seconds wait, so
 * that clocks need not agree to the second. */
size_t use_table_due(const struct use_table *t, const struct replica *r,
		     int64_t now, bool all, struct use_due *out, size_t max);
/* The issuer has taken (or for good refused) this one and those before. */
void use_table_taken(struct use_table *t, const struct use_due *d);
/* Forget tokens whose time is over and those of which the issuer, by what it
 * publishes itself, knows all. */
void use_table_prune(struct use_table *t, const struct replica *r, int64_t now);
/* How many uses the issuer has not taken yet. */
size_t use_table_waiting(const struct use_table *t);
/* The shortest window of any token in it; INT64_MAX if there is none. */
int64_t use_table_shortest(const struct use_table *t);

#endif
