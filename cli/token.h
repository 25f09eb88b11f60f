/* token.h - what the token commands share. */
#ifndef MM_CLI_TOKEN_H
#define MM_CLI_TOKEN_H

#include "cli/args.h"

/* Is it the public id of a token ("3.4711")?  The text never gets into the
 * sentence: people paste the token itself. */
MM_MUST_USE enum mm_err token_id_check(const char *text, struct why *why);

#endif
