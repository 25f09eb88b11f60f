/* belongs.h - keys and store belong together.
 *
 * A missing folder or file is a disk that is not there, or half of a backup:
 * new keys would retire the old ones, and with them every token, for good; a
 * new store would forget what was revoked, and give out the same ids again.
 */
#ifndef MM_ISSUER_BELONGS_H
#define MM_ISSUER_BELONGS_H

#include "issuer/store.h"

/* MM_ERR_NOT_FOUND: `file` is not there, and the folder is a mint's.  Before
 * the store is opened, which would make it. */
MM_MUST_USE enum mm_err belongs_check_file(const char *data, const char *file,
					   struct why *why);
/* MM_ERR_NOT_FOUND: one has signed for, or with, the other.  `dir` is that of
 * the keys. */
MM_MUST_USE enum mm_err belongs_check(struct store *store, const char *dir,
				      bool no_keys, struct why *why);
/* The store, which others share, has announced keys, and those that are here
 * are none of them (missing_has_none()).  So it is with another mint's; but
 * whoever makes all keys anew may begin so, too: it is said, and not refused.
 */
void belongs_warn(const char *dir);
/* That they signed for a store, for when the store is not there. */
MM_MUST_USE enum mm_err belongs_mark(const char *dir, const char *iss,
				     struct why *why);

#endif
