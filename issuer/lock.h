/* lock.h - one daemon at a time. */
#ifndef MM_ISSUER_LOCK_H
#define MM_ISSUER_LOCK_H

#include "common/error.h"

/* Hold `what` (a path) by the lock file beside it, WHAT.lock, until *fd is
 * closed or the process ends.  MM_ERR_CONFLICT: another one holds it. */
MM_MUST_USE enum mm_err lock_take(const char *what, int *fd, struct why *why);

#endif
