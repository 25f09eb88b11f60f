/* counts.h - what this mintmarkd has done since it began, for metrics.c.
 *
 * Like the log, one for the process: whatever does something counts it where
 * it says so in the log. */
#ifndef MM_ISSUER_COUNTS_H
#define MM_ISSUER_COUNTS_H

#include "common/metrics.h"

/* clang-format off */
/* What was minted. */
#define COUNT_MINTED(X)                          \
	X(MINTED_FIXED,        "fixed")          \
	X(MINTED_AUTO_REFRESH, "auto_refresh")   \
	X(MINTED_ACCESS_TOKEN, "access_token")   /* exchanged for one */

/* What has happened to tokens later. */
#define COUNT_CHANGED(X)                         \
	X(CHANGED_REVOKED,     "revoked")        \
	X(CHANGED_SUSPENDED,   "suspended")      \
	X(CHANGED_REINSTATED,  "reinstated")     \
	X(CHANGED_ROTATED,     "rotated")        \
	X(CHANGED_SWEPT,       "swept")          /* idle, or its overlap over */
/* clang-format on */

#define X(name, word) name,
enum count_minted { COUNT_MINTED(X) MINTED_COUNT };
enum count_changed { COUNT_CHANGED(X) CHANGED_COUNT };
#undef X

/* The types of signed objects; what has none of these typs is not counted. */
enum { SIGNED_TYPS = 6 };
extern const char *const count_typ[SIGNED_TYPS];

struct issuer_counts {
	struct counter minted[MINTED_COUNT];
	struct counter changed[CHANGED_COUNT];
	struct counter refused[MM_ERR_COUNT]; /* tokens, by the reason */
	struct counter sign_failed[SIGNED_TYPS];
	struct counter uses_taken, uses_refused; /* of agents' reports */
};
extern struct issuer_counts issuer_counts;

/* A signature with this typ failed. */
void count_sign_failed(const char *typ);

static inline void count_minted(int64_t auto_refresh)
{
	counter_add(&issuer_counts.minted[auto_refresh ? MINTED_AUTO_REFRESH
						       : MINTED_FIXED],
		    1);
}

static inline void count_changed(enum count_changed how, uint64_t n)
{
	counter_add(&issuer_counts.changed[how], n);
}

static inline void count_refused(enum mm_err reason)
{
	counter_add(&issuer_counts.refused[reason], 1);
}

#endif
