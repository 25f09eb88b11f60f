/* verify_jws.h - the part of mintmark verify that is about any JWS. */
#ifndef MM_CLI_VERIFY_JWS_H
#define MM_CLI_VERIFY_JWS_H

#include "cli/args.h"

/* The JWS that is the operand or on standard input, by the key set
 * a->jwks: its payload to standard output, or why it is refused. */
MM_MUST_USE enum mm_err verify_jws(const struct args *a, struct why *why);

#endif
