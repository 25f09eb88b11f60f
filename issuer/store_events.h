/* store_events.h - the log of events, read. */
#ifndef MM_ISSUER_STORE_EVENTS_H
#define MM_ISSUER_STORE_EVENTS_H

#include "common/history.h"
#include "issuer/store.h"

/* Behind which event, and of which log. */
struct log_place {
	const char *epoch; /* NULL: of any */
	uint64_t seq;
	const char *history; /* that ends with it; NULL or "": any does */
};

/* Up to max events behind that place, in order.  MM_ERR_GONE: no longer
 * retained.  MM_ERR_EPOCH: another history has begun.  MM_ERR_ROLLBACK: the
 * store has lost the event that stood there, and nobody has said so
 * (store_begin_history). */
MM_MUST_USE enum mm_err store_events(struct store *s,
				     const struct log_place *at, size_t max,
				     struct event *out, size_t *count);

/* Has it, of whatever epoch, the event that stood there, or forgotten it in its
 * time?  MM_ERR_ROLLBACK: it has not. */
MM_MUST_USE enum mm_err store_has_event(struct store *s,
					const struct log_place *at);

/* When the newest event was written; 0: never. */
MM_MUST_USE enum mm_err store_last_time(struct store *s, int64_t *at);
MM_MUST_USE enum mm_err store_newest(struct store *s, struct newest *out);
/* Has the store still what was seen in it by this mint, in any of its
 * transactions?  The end of its audit, and of which history it is (without seq
 * and history).  MM_ERR_ROLLBACK: it went back; then, what it had before. */
MM_MUST_USE enum mm_err store_look(struct store *s, struct newest *end);
/* MM_ERR_ROLLBACK: the audit has not that line (seq 0: none is meant). */
MM_MUST_USE enum mm_err store_has_line(struct store *s,
				       const struct audit_chain *line);
/* The number of the oldest event that is kept; 0: none is. */
MM_MUST_USE enum mm_err store_first_event(struct store *s, int64_t *seq);

#endif
