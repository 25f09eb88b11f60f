/* newest.h - how far the history had come that was published from here.
 *
 * A store that came back from a backup looks as good as any: it would give the
 * numbers of lost events, and the ids of lost tokens, a second time, and hosts
 * that stand at the lost ones would take the new for those that follow.  So
 * DATA/newest says from beside the store what the store must know: its epoch,
 * an event's number, a few seconds old at most, and when that epoch began
 * (docs/decisions/0029).
 */
#ifndef MM_ISSUER_NEWEST_H
#define MM_ISSUER_NEWEST_H

#include "issuer/store_events.h"

/* MM_ERR_CONFLICT: the store is of this epoch, and ends before; or of another
 * that did not begin later.  Nothing is said of a folder without the file. */
MM_MUST_USE enum mm_err newest_check(const char *data, struct store *store,
				     struct why *why);
/* When it began; 0: that is not known. */
int64_t newest_began(const char *data);
/* Of *now, unless *said is the same; what cannot be written is tried again the
 * next time.  (A disk that is full is said by others.) */
void newest_save(const char *data, const struct newest *now,
		 struct newest *said);

#endif
