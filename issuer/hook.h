/* hook.h - a program of the administrator's, run for one line of text.
 *
 * No shell, no arguments, an environment of PATH alone, no file but the line
 * on standard input and our standard error; a process group of its own, which
 * is killed when its time is over.
 */
#ifndef MM_ISSUER_HOOK_H
#define MM_ISSUER_HOOK_H

#include "common/error.h"
#include "common/span.h"

#define HOOK_SECONDS 30

/* MM_ERR_INVALID: not the whole path of a program, or others could write to
 * it or to a folder above it: only root and our own user may. */
MM_MUST_USE enum mm_err hook_check(const char *path, struct why *why);

/* Run it with `line` (at most 32 KiB) and wait.  stopped(ctx, ms) waits so
 * long, and says whether to give up.  MM_OK: it ended with 0.
 * MM_ERR_CONFLICT: with something else.  MM_ERR_UNAVAILABLE: it was killed, or
 * cannot be run. */
MM_MUST_USE enum mm_err hook_run(const char *path, struct span line,
				 bool (*stopped)(void *ctx, int64_t ms),
				 void *ctx, struct why *why);

#endif
