/* cache.h - tokens that were seen before, so that a signature is checked
 * once and not at every call.
 *
 * It remembers that this exact string of bytes was signed by this key, and
 * what it says (struct claims).  Nothing that can change is remembered:
 * time, issuer, audience, whether the key still stands, status and renewal
 * are asked at every call, for these claims as for any others (verify.c).
 *
 * What one token takes is some 700 bytes; when the memory is full the oldest
 * go.  Only tokens whose signature was good come in, so who has none cannot
 * push others out.  One that is refused for another reason comes in, too:
 * refusing it again is as cheap.
 */
#ifndef MM_VERIFIER_CACHE_H
#define MM_VERIFIER_CACHE_H

#include "common/claims.h"
#include "verifier/epoch.h"

/* What is known of a token.  Good until the reader leaves the epoch. */
struct cached {
	uint64_t key; /* the number of the key that signed it */
	const struct claims *claims;
	/* The turn in which its use was told last (use.h); its memory, not
	 * what is known of it, so it may be changed.  NULL: none. */
	_Atomic uint32_t *told;
};

struct cache;

/* At most `size` bytes, and 1 GiB; the structure itself aside.  Too small
 * for a few tokens: MM_OK, and *out is NULL. */
MM_MUST_USE enum mm_err cache_open(size_t size, struct epoch *e,
				   struct cache **out);
/* NULL is allowed.  Nobody may be inside the epoch. */
void cache_close(struct cache *c);

/* A token, and where it may be found; place NULL: nowhere. */
struct cache_query {
	struct span token;
	const _Atomic uint64_t *place;
	uint64_t word;
};

/* Look early, best before entering the epoch: what is found comes nearer
 * in the meantime.  c may be NULL. */
struct cache_query cache_look(const struct cache *c, struct span token);
/* Inside the epoch.  False: the token is not known. */
bool cache_find(const struct cache *c, const struct cache_query *q,
		struct cached *out);
/* Inside the epoch or not.  Remember it, if that can be done at once: while
 * another thread puts something, or the oldest are still being read, it is
 * left for the next time.  Returns its `told`, for who is inside; or NULL. */
_Atomic uint32_t *cache_put(struct cache *c, struct span token,
			    const struct cached *what);

#endif
