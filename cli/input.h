/* input.h - the token that a command is about. */
#ifndef MM_CLI_INPUT_H
#define MM_CLI_INPUT_H

#include "cli/args.h"
#include "common/buf.h"

#define INPUT_MAX 8192 /* twice the longest token */

/* From the command line (which is then wiped: others can see it there), or
 * from standard input, without the line's end.  The bytes stay in `b`. */
MM_MUST_USE enum mm_err input_token(const struct args *a, struct buf *b,
				    struct span *token, struct why *why);

/* The same of something else, called `what`: at most as much of it as `b`
 * was made for. */
MM_MUST_USE enum mm_err input_bytes(const struct args *a, const char *what,
				    struct buf *b, struct span *out,
				    struct why *why);

#endif
