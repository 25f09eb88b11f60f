/* history.h - the hash of all events up to one: which history it is that has
 * this number.
 *
 * Two histories have the same numbers where a store came back from a backup
 * and went on.  Who stands at a number of the lost one cannot tell by it that
 * the events which follow are not those that followed there; by the hash he
 * can.  PROTOCOL.md section 5.
 */
#ifndef MM_COMMON_HISTORY_H
#define MM_COMMON_HISTORY_H

#include "common/audit.h"
#include "common/replica.h"

/* From that before the event to that with it; "" is before the first.
 * MM_ERR_NOMEM, or what event_write() says: unchanged. */
MM_MUST_USE enum mm_err history_add(char history[HISTORY_SIZE],
				    const struct event *e);
/* 22 characters of base64url? */
bool history_is_one(const char *text);

/* How far a history has come, and when it began: by the clock, but later than
 * the one that it followed.  0: with the store. */
struct newest {
	char epoch[EPOCH_SIZE];
	int64_t began;
	uint64_t seq;
	char history[HISTORY_SIZE]; /* that ends with seq */
	struct audit_chain audit;   /* its last line: mints are no events */
};

#define NEWEST_LINE_MAX 256
/* The line of DATA/newest, "EPOCH SEQ BEGAN HISTORY LINE DIGEST\n"; is it one?
 * (Of before the audit stood there, the last two are missing.) */
bool newest_line_read(struct span text, struct newest *out);

#endif
