/* missing.h - the keys of the store that are not in our folders, and what
 * became of each.
 *
 * One that a command has ended is marked (keys/key_mark.c), and its end is
 * announced.  One whose tokens are all dead is needed no more, whoever took
 * its file away; but of a store that others share it stays: they may sign with
 * it.  Any other is lost: nobody meant to end it, and an end that was
 * announced is for good.
 */
#ifndef MM_ISSUER_MISSING_H
#define MM_ISSUER_MISSING_H

#include "issuer/accused.h"
#include "issuer/store.h"
#include "keys/keyring.h"

enum fate {
	FATE_LOST,
	FATE_UNNEEDED, /* none of its tokens lives */
	FATE_RETIRED,
	FATE_STOLEN,
	FATE_ELSEWHERE /* another issuer on this store may have it */
};

struct missing {
	struct missing_key {
		char kid[KID_SIZE];
		enum fate fate;
		int64_t live_tokens; /* of a lost one */
	} at[STORE_KEYS_MAX];
	size_t count, published;
	bool stolen; /* one was, and is published or in force */
};

/* Borrows everything. */
struct missing_from {
	struct keyring_at at;
	const struct keyring *ring; /* as it was read from there */
	struct store *store;
	const struct keyring *before; /* in force; empty at a start */
	const struct accused *accused;
	int64_t now;
};

MM_MUST_USE enum mm_err missing_find(const struct missing_from *from,
				     struct missing *out, struct why *why);
/* MM_ERR_CONFLICT: one is lost, and what to do.  But not where another was
 * stolen: that one goes, whatever else is wrong. */
MM_MUST_USE enum mm_err missing_check(const struct missing *m,
				      const struct missing_from *from,
				      struct why *why);
/* Both, for a start: before anything in the folders is changed. */
MM_MUST_USE enum mm_err
missing_check_start(struct keyring_at at, const struct keyring *ring,
		    struct store *store, struct missing *out, struct why *why);
/* Are all that are published elsewhere, as far as is known? */
bool missing_has_none(const struct missing *m);

/* Was it retired, unneeded or stolen?  Then its end is announced. */
bool missing_ended(const struct missing_key *key);
/* Is any such end to be announced? */
bool missing_ends(const struct missing *m);
/* Announce those; the others go to the log, but for those that *said has of
 * before.  Whether one is unneeded is counted once more: nothing signs with it
 * any more. */
MM_MUST_USE enum mm_err missing_announce(struct missing *m, struct store *store,
					 const char *dir,
					 const struct stamp *stamp,
					 struct missing *said);
/* And then the marks of those go. */
void missing_unmark(const struct missing *m, struct keyring_at at,
		    const struct keyring *in_force);
/* Those of whom we were told are done with: is each a key that is gone?
 * MM_ERR_NOT_FOUND: one is none, and never was.  MM_ERR_CONFLICT: one is
 * published still. */
MM_MUST_USE enum mm_err missing_check_told(const struct told *told,
					   struct store *store,
					   struct why *why);
/* Accuse none any more that is neither published nor in force: nothing is left
 * to be said of it. */
void missing_forget(const struct missing *m, const struct keyring *in_force,
		    struct accused *accused);

#endif
