/* mint.h - step 1: a grant becomes a signed token (RFC 7519).
 *
 * The index comes first (so that jti and status can be signed), from a pool
 * of indexes that the store has given this issuer for good; the row is
 * written by the caller, before anybody sees the token.
 */
#ifndef MM_ISSUER_MINT_H
#define MM_ISSUER_MINT_H

#include "common/jws.h"
#include "issuer/store.h"

struct mint;

MM_MUST_USE enum mm_err mint_open(struct store *store, const char *iss,
				  struct mint **out);
void mint_close(struct mint *m);

/* Give t its list and idx (t->exp and t->auto_refresh choose the list) and
 * kid, and sign it: the compact token is appended to *token.
 * MM_ERR_INVALID with a sentence when it is longer than TOKEN_PORTABLE and
 * !allow_long, or than TOKEN_MAX. */
MM_MUST_USE enum mm_err mint_token(struct mint *m, const struct jwk *key,
				   bool allow_long, struct token_row *t,
				   struct buf *token, struct why *why);

#endif
