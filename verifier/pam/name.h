/* name.h - what strangers type at a login, made fit for the log. */
#ifndef MM_VERIFIER_PAM_NAME_H
#define MM_VERIFIER_PAM_NAME_H

#include "common/text.h"

#define PAM_FITS 511 /* PAM_MAX_RESP_SIZE - 1: more may come cut */

/* Does it begin as every token does? */
bool name_like_token(struct span s);
/* The name in quotes, unless it may be a token.  NULL is allowed. */
void name_quote(char out[QUOTE_SIZE], const char *name);

#endif
