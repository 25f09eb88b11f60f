/* accused.h - the keys that were said to be stolen, until their ends are in
 * the log.
 *
 * Who said so has gone, or was never there: a mark beside the keys is enough.
 * Whatever fails in between, the mint knows what is still to be done.
 */
#ifndef MM_ISSUER_ACCUSED_H
#define MM_ISSUER_ACCUSED_H

#include "keys/keyring.h"

/* As it was said to us: besides what stands beside the keys. */
struct told {
	const char *const *kids;
	size_t n;
};

/* MM_ERR_INVALID: one is no kid, and which. */
MM_MUST_USE enum mm_err told_check(const struct told *told, struct why *why);

struct accused {
	char kids[KEYRING_MAX * 2][KID_SIZE];
	size_t n;
};

bool accused_has(const struct accused *a, const char *kid);
void accused_drop(struct accused *a, const char *kid);
/* Add those of whom we were told, and those that are marked and not in this
 * ring; one that is marked and in it is read_keys()'s, and not accused.
 * MM_ERR_INVALID: one that is accused is in it; but who is told of such a one
 * only now was told too early, and it is not added. */
MM_MUST_USE enum mm_err accused_hear(struct accused *a, struct keyring_at at,
				     const struct keyring *ring,
				     const struct told *told, struct why *why);

#endif
