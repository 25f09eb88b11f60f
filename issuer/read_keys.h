/* read_keys.h - the keyring as the mint takes it in: read, and with what was
 * cut off finished.
 */
#ifndef MM_ISSUER_READ_KEYS_H
#define MM_ISSUER_READ_KEYS_H

#include "keys/keyring.h"

/* keyring_load(), and no key that is marked as stolen is in it.  But one that
 * cannot be thrown out stays: *stays says which, and why.  Marks of retired
 * keys that are there go. */
MM_MUST_USE enum mm_err read_keys(struct keyring_at at, struct keyring *ring,
				  struct why *stays, struct why *why);
/* Say in the log which of these keys should not be as they are. */
void read_keys_warn(const char *dir, const struct keyring *ring);

#endif
