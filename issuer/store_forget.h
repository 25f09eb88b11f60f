/* store_forget.h - what the store does not keep: at most `max` rows at once;
 * *done says how many went, and if fewer, none is left. */
#ifndef MM_ISSUER_STORE_FORGET_H
#define MM_ISSUER_STORE_FORGET_H

#include "issuer/store.h"

/* Events older than `keep_since`, but never the newest. */
MM_MUST_USE enum mm_err store_forget_events(struct store *s, int64_t keep_since,
					    size_t max, size_t *done);
/* The requests that tokens issued before `keep_since` were for. */
MM_MUST_USE enum mm_err store_forget_repeats(struct store *s,
					     int64_t keep_since, size_t max,
					     size_t *done);

struct token_place {
	uint32_t list, idx;
};
/* From which addresses tokens were used: those behind this one ({0, 0}: all),
 * which is moved on. */
MM_MUST_USE enum mm_err store_forget_addresses(struct store *s,
					       struct token_place *behind,
					       size_t max, size_t *done);

#endif
