/* announce.h - the keys of a ring, announced before one of them signs. */
#ifndef MM_ISSUER_ANNOUNCE_H
#define MM_ISSUER_ANNOUNCE_H

#include "issuer/missing.h"

/* key-new for each that the store has not.  Where a stolen key waits for it,
 * what can be done without leaves the ring instead of stopping it: a next key,
 * whatever keeps the store from taking it, and one that went before and whose
 * file is back.  So does a next key that is one too many where others are about
 * to end.  *left says so, and the log which. */
MM_MUST_USE enum mm_err announce_ring(struct store *store, struct keyring *ring,
				      const struct missing *missing,
				      const struct stamp *stamp, bool *left,
				      struct why *why);
/* Which event announced each: beside ring->at. */
MM_MUST_USE enum mm_err announce_numbers(struct store *store,
					 const struct keyring *ring,
					 uint64_t numbers[KEYRING_MAX]);

#endif
