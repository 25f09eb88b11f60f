/* proven.h - tokens whose signature was found good not long ago.
 *
 * An agent shows the same token with every poll, and its signature costs
 * more than all the rest of the poll.  Only that is remembered: this very
 * token is signed by this very key.  Whether the key stands, and everything
 * that the token says, is for the caller to ask each time.
 *
 * Threads: any.
 */
#ifndef MM_ISSUER_PROVEN_H
#define MM_ISSUER_PROVEN_H

#include "common/jwk.h"

#define PROVEN_MAX 16384 /* tokens; one that is pushed out is checked again */

struct proven;

struct proven *proven_new(void);    /* NULL: no memory */
void proven_free(struct proven *p); /* NULL is allowed */

/* Is `token` signed by `key`, the same object? */
bool proven_has(struct proven *p, struct span token, const struct jwk *key);
/* It is: jws_verify() said so. */
void proven_add(struct proven *p, struct span token, struct jwk *key);

#endif
