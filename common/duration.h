/* duration.h - "20d", "1h30m", "45": times as people write them. */
#ifndef MM_COMMON_DURATION_H
#define MM_COMMON_DURATION_H

#include "common/error.h"
#include "common/span.h"

#define DURATION_MAX (100LL * 366 * 86400) /* a hundred years */
#define DATE_MAX     253402300799LL	   /* 9999-12-31T23:59:59Z */

/* s m h d w, compounds in falling order (1h30m), a bare integer is
 * seconds.  Zero, signs, fractions, other units, overflow: MM_ERR_INVALID
 * with a sentence. */
MM_MUST_USE enum mm_err duration_read(struct span text, int64_t *seconds,
				      struct why *why);
/* The same where no time is an answer, too: 0, also 0s. */
MM_MUST_USE enum mm_err
duration_or_none_read(struct span text, int64_t *seconds, struct why *why);
/* The customary spelling, which reads back as the same: 5400 -> "1h30m",
 * 1209600 -> "2w", 2592000 -> "30d" (weeks only when they are whole).  Zero
 * and less: "0s". */
void duration_write(char out[32], int64_t seconds);

/* RFC 3339 ("2026-11-24T10:00:00Z", offsets allowed, a fraction of a second
 * is dropped) or a plain date ("2026-11-24" = its first second, UTC), from
 * 1970 to 9999. */
MM_MUST_USE enum mm_err date_read(struct span text, int64_t *unix_seconds,
				  struct why *why);
/* "2026-11-24T10:00:00Z".  A time outside 0..DATE_MAX is written as the
 * nearer end. */
void date_write(char out[32], int64_t unix_seconds);
/* "Tue, 24 Nov 2026 10:00:00 GMT": an HTTP-date (RFC 9110 s5.6.7).  The
 * same. */
void date_write_http(char out[32], int64_t unix_seconds);

#endif
