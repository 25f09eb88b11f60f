/* warn.h - which tokens are to be warned of, and in which words.
 *
 * Pure: no clock, no disk, no thread.  warn_send.h does it.
 */
#ifndef MM_ISSUER_WARN_H
#define MM_ISSUER_WARN_H

#include "issuer/store.h"

#define WARN_THRESHOLDS 8

struct warn_before {
	int64_t at[WARN_THRESHOLDS]; /* seconds, the smallest first */
	size_t count;		     /* 0: off */
};

/* "14d 7d 1d", in any order, each once; "": off.  MM_ERR_INVALID with a
 * sentence. */
MM_MUST_USE enum mm_err warn_read(const char *text, struct warn_before *out,
				  struct why *why);

/* The threshold that is to be warned of now: of those that its end (common/
 * ending.h) has come within, the smallest, if nothing as near was said of it
 * yet and its life was longer than that from the beginning.  0: none is. */
int64_t warn_due(const struct warn_before *before, const struct token_row *t,
		 int64_t now);

/* The end that a threshold is about: common/ending.h. */
int64_t warn_end(const struct token_row *t, int64_t before);

/* Names a warning, whoever sends it however often: the token, the threshold
 * and the end that is spoken of. */
#define WARN_ID_SIZE 72
void warn_id(const struct token_row *t, int64_t before, char out[WARN_ID_SIZE]);

/* The JSON of PROTOCOL.md section 7, without a newline, appended to *out. */
MM_MUST_USE enum mm_err warn_write(const struct token_row *t, int64_t before,
				   const char *iss, int64_t now,
				   struct buf *out);

#endif
