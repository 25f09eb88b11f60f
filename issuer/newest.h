/* newest.h - how far the history had come that was published from here.
 *
 * A store that came back from a backup looks as good as any: it would give the
 * numbers of lost events, and the ids of lost tokens, a second time, and hosts
 * that stand at the lost ones would take the new for those that follow.  So
 * DATA/newest says from beside the store what the store must know: its epoch,
 * when that began, an event, and a line of the audit, a few seconds old at most
 * (docs/decisions/0029, 0030).
 */
#ifndef MM_ISSUER_NEWEST_H
#define MM_ISSUER_NEWEST_H

#include "issuer/store_events.h"

/* MM_ERR_CONFLICT: the store is of this epoch, and has not that event, or that
 * line; or of another that did not begin later.  Nothing is said of a folder
 * without the file. */
MM_MUST_USE enum mm_err newest_check(const char *data, struct store *store,
				     struct why *why);
/* What it says.  seq 0: there is none, or a damaged one. */
MM_MUST_USE enum mm_err newest_read(const char *data, struct newest *out,
				    struct why *why);
/* Of *now, if it is newer than *said (seq 0: nothing was said yet): what a
 * store has lost while it was published stays known. */
MM_MUST_USE enum mm_err newest_save(const char *data, const struct newest *now,
				    struct newest *said, struct why *why);

#endif
