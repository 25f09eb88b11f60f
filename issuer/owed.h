/* owed.h - the keys whose end is ours to announce.
 *
 * Each that lay in our folders since all that had gone from them was last
 * announced.  Of a store that others share an issuer ends no other key: they
 * may have been given one that it has not yet.  What could not be announced
 * stands in KEYS/owed, a kid a line, for the next start.
 */
#ifndef MM_ISSUER_OWED_H
#define MM_ISSUER_OWED_H

#include "keys/keyring.h"

struct owed {
	char kid[4 * KEYRING_MAX][KID_SIZE];
	size_t count;
};

bool owed_has(const struct owed *o, const char *kid);
/* All of this ring.  MM_ERR_TOO_LARGE: there is no room for them. */
MM_MUST_USE enum mm_err owed_add(struct owed *o, const struct keyring *ring,
				 struct why *why);

/* Write down those that are not in `ring`, if there are any: before they are
 * announced, for that may be cut off.  A failure goes to the log. */
void owed_save(const struct owed *o, const struct keyring *ring,
	       const char *dir);
/* Add what was written down. */
MM_MUST_USE enum mm_err owed_load(struct owed *o, const char *dir,
				  struct why *why);
/* All is announced: from here on it is the keys of `ring`. */
void owed_settle(struct owed *o, const struct keyring *ring, const char *dir);

#endif
