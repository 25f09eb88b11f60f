/* announce.h - the keys of a ring, announced before one of them signs. */
#ifndef MM_ISSUER_ANNOUNCE_H
#define MM_ISSUER_ANNOUNCE_H

#include "issuer/store.h"
#include "keys/keyring.h"

/* key-new for each that the store has not.  Where a stolen key waits for it
 * (`stolen`), what can be done without leaves the ring instead of stopping it:
 * a next key that there is no room to announce, and one that went before and
 * whose file is back; *left says so, and the log which. */
MM_MUST_USE enum mm_err announce_ring(struct store *store, struct keyring *ring,
				      bool stolen, const struct stamp *stamp,
				      bool *left, struct why *why);
/* Which event announced each: beside ring->at. */
MM_MUST_USE enum mm_err announce_numbers(struct store *store,
					 const struct keyring *ring,
					 uint64_t numbers[KEYRING_MAX]);

#endif
