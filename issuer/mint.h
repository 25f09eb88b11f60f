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

/* with_jws: sign through common/jws.c also what libjwt could. */
MM_MUST_USE enum mm_err mint_open(struct store *store, const char *iss,
				  bool with_jws, struct mint **out);
void mint_close(struct mint *m);

/* Has a token been issued at a later time than this host's clock says it is?
 * Then that clock is wrong, or was: MM_ERR_UNAVAILABLE with both times, and
 * a line in the log.  A second is let pass, for clocks that are corrected. */
MM_MUST_USE enum mm_err mint_check_clock(struct mint *m, int64_t now,
					 struct why *why);

/* The same, without a word.  Where the store cannot say, nothing speaks against
 * the clock. */
bool mint_clock_is_right(struct store *store, int64_t now);

/* Give t its list and idx (t->exp and t->auto_refresh choose the list) and
 * kid, and sign it: the compact token is appended to *token.  t->iat is
 * now, and mint_check_clock() has its say.  MM_ERR_UNAVAILABLE also where the
 * store is damaged.
 * MM_ERR_INVALID with a sentence when it is longer than TOKEN_PORTABLE and
 * !allow_long, or than TOKEN_MAX. */
MM_MUST_USE enum mm_err mint_token(struct mint *m, const struct jwk *key,
				   bool allow_long, struct token_row *t,
				   struct buf *token, struct why *why);

/* The store has said MM_ERR_GONE of an index: what was taken from it before is
 * not ours any more. */
void mint_forget(struct mint *m);

/* How long the token of that row is, when `key` (its public half will do)
 * signs it. */
MM_MUST_USE enum mm_err mint_length(struct mint *m, const struct jwk *key,
				    const struct token_row *t, size_t *out);

/* Sign the claims of a token that was minted before once more, with the key
 * that signed it then (ES256 signatures differ each time, and are all good). */
MM_MUST_USE enum mm_err mint_again(struct mint *m, const struct jwk *key,
				   const struct token_row *t, struct buf *token,
				   struct why *why);

#endif
