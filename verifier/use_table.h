/* use_table.h - uses seen on this host that the issuer does not know yet.
 *
 * For each token a chain of times: enough of its uses to show the issuer
 * that no window passed without one, and not many more.  Each gap, from `base`
 * (the last use that the issuer knows of, or iat) to the first and from one
 * to the next, is shorter than half the window, or there was no use in
 * between.  Pure: no clock, no disk.
 *
 * Who says that a token was used says its numbers, too, and nobody here can
 * look whether they are the token's.  So a chain is one of a token *and* its
 * numbers: no number would be safe to take over from somebody else.  A larger
 * window or a smaller exp has the rest told too late or not at all, a smaller
 * window has uses told so soon that an issuer whose clock is behind refuses
 * them.  Who lies makes another chain; the true one stays as it was, and the
 * issuer judges all. */
#ifndef MM_VERIFIER_USE_TABLE_H
#define MM_VERIFIER_USE_TABLE_H

#include "common/replica.h"
#include "common/use_format.h"

#define USE_LOOKS 1024 /* chains looked at without a pause */

struct use_entry {
	uint32_t list, idx;
	int64_t iat, exp, window;
	int64_t sent;	/* the newest that the issuer has taken; 0: none */
	int64_t latest; /* the newest use of all */
	int64_t *at;	/* the chain, rising: not taken by the issuer yet */
	uint32_t count, cap;

	/* the table's own: */
	int64_t one;  /* where `at` is while one is enough */
	int64_t look; /* not before this time is there anything to be done */
	uint32_t place, turn; /* in `all`; in `next`, or USE_BEING_TOLD */
};
#define USE_BEING_TOLD UINT32_MAX

struct use_table {
	void *tree;		/* of struct use_entry: tsearch(3) */
	struct use_entry **all; /* the same, in no order */
	struct use_entry *
		*next; /* and those not being told, a heap by `look` */
	size_t count, waiting, room;
	size_t times;	  /* uses that the issuer has not taken yet */
	size_t brisk;	  /* chains with a window of less than 8 s */
	uint64_t refused; /* uses for which there was no room */
	bool changed;	  /* since it was last saved */
};

void use_table_free(struct use_table *t);

/* A use at `at` of the token that `e` describes (its numbers; the rest is
 * not looked at), of which the issuer knows `issuer_last`.  MM_ERR_FULL: not
 * noted, there is no room. */
MM_MUST_USE enum mm_err use_table_add(struct use_table *t,
				      const struct use_entry *e,
				      int64_t issuer_last, int64_t at);
/* Put a whole entry in, as it was saved.  The chain is copied. */
MM_MUST_USE enum mm_err use_table_put(struct use_table *t,
				      const struct use_entry *e);
/* One of a token's, whatever its numbers. */
const struct use_entry *use_table_find(const struct use_table *t, uint32_t list,
				       uint32_t idx);
void use_table_each(const struct use_table *t,
		    void (*each)(void *, const struct use_entry *), void *ctx);

/* How much of the room is taken, 0 to 1. */
double use_table_full(const struct use_table *t);
/* Three quarters of the room are taken.  Then uses are told as soon as they
 * can be, and a chain is forgotten when all of it was taken. */
bool use_table_is_pressed(const struct use_table *t);

/* ---- telling the issuer: use_due.c ---- */

struct use_due {
	uint32_t list, idx;
	int64_t at;
	struct use_entry *of; /* the table's, until use_table_told() */
};
/* Which uses the issuer should now hear of, in rising order of time, at most
 * `max`: those of tokens that have gone through half their window since its
 * last word (`all`: whether they have or not).  Uses of the last few seconds
 * wait, so that clocks need not agree to the second.  Chains whose time is
 * over, and those of which the issuer, by what it publishes itself, knows all,
 * are forgotten.  USE_LOOKS of those whose turn it is are looked at: 0 is an
 * answer to all only if use_table_is_behind() does not say that there are
 * more.  All given out are to be given to use_table_told(). */
size_t use_table_due(struct use_table *t, const struct replica *r, int64_t now,
		     bool all, struct use_due *out, size_t max);
bool use_table_is_behind(const struct use_table *t, int64_t now);
/* Has the issuer taken (or for good refused) them, and those before? */
void use_table_told(struct use_table *t, const struct use_due *due, size_t n,
		    bool taken, int64_t now);
/* Let it be every chain's turn. */
void use_table_hasten(struct use_table *t);

/* ---- for both files ---- */

/* The last use that the issuer knows of. */
int64_t use_entry_base(const struct use_entry *e, int64_t issuer_last);
/* When to tell it what is in the chain. */
int64_t use_entry_due(const struct use_table *t, const struct use_entry *e,
		      int64_t base);
void use_entry_drop(struct use_table *t, struct use_entry *e, int64_t until);
/* Uses that lie less far back are not told: ahead of its clock, the issuer
 * would refuse them. */
int64_t use_entry_margin(const struct use_entry *e);
/* The one whose turn is next leaves the order; and comes back. */
struct use_entry *use_table_pop(struct use_table *t);
void use_table_push(struct use_table *t, struct use_entry *e, int64_t look);
/* Forget one that is not in the order. */
void use_table_forget(struct use_table *t, struct use_entry *e);

#endif
