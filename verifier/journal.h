/* journal.h - the signed batches taken since the last checkpoint.
 *
 *	"mintmark-journal 1\n", then for each batch its length (4 bytes,
 *	big-endian) and its bytes as they came, signature and all.
 *
 * Appended before a batch is acted on; a torn end (the machine stopped in the
 * middle of a write) reads as if it were not there. */
#ifndef MM_VERIFIER_JOURNAL_H
#define MM_VERIFIER_JOURNAL_H

#include "common/buf.h"

struct journal {
	int fd; /* -1: not open */
	uint64_t size;
	bool broken; /* a write failed: nothing more until it is emptied */
};
#define JOURNAL_NONE ((struct journal){ .fd = -1 })

/* Open, and make if there is none.  Something else at this path is an
 * empty journal. */
MM_MUST_USE enum mm_err journal_open(struct journal *j, const char *path,
				     struct why *why);
void journal_close(struct journal *j);

/* Call take(ctx, batch) for each until one fails; what stands behind that
 * one, or is torn, is cut off.  MM_ERR_NOMEM, MM_ERR_IO (take's, too): it
 * cannot be read now, and nothing was cut off. */
MM_MUST_USE enum mm_err journal_replay(struct journal *j,
				       enum mm_err (*take)(void *, struct span),
				       void *ctx);

MM_MUST_USE enum mm_err journal_append(struct journal *j, struct span batch);
MM_MUST_USE enum mm_err journal_sync(struct journal *j);
/* A batch was taken in part: no other may stand behind it. */
void journal_break(struct journal *j);
/* After a checkpoint. */
MM_MUST_USE enum mm_err journal_empty(struct journal *j);
/* Worth a checkpoint? */
bool journal_is_long(const struct journal *j);

#endif
