/* samples.h - a mint of our own: a key, a live state file, any number of
 * tokens; half of them of fixed expiry, half refreshing themselves. */
#ifndef MM_TESTS_BENCH_SAMPLES_H
#define MM_TESTS_BENCH_SAMPLES_H

#include "common/jws.h"
#include "tests/bench/bench.h"
#include "verifier/state.h"

#define SAMPLE_ISSUER "https://pat.example.org"
#define LIST_OF_FIXED 3u
#define LIST_OF_AUTO  4u
#define DAY	      INT64_C(86400)

/* Tokens, packed in one piece of memory, each with a NUL behind it. */
struct tokens {
	char *text;
	struct span *at;
	size_t count;
};
void tokens_free(struct tokens *t);
#define AUTO_TOKENS __attribute__((cleanup(tokens_free)))

struct mint {
	char state[80];
	struct jwk *key;
	struct replica replica;
	struct state_writer writer;
	struct tokens first; /* what most rows are about */
};

MM_MUST_USE enum mm_err mint_open(struct bench *b, struct mint **out);
void mint_close(struct mint *m);
static inline void mint_close_at(struct mint **m)
{
	mint_close(*m);
}
#define AUTO_MINT __attribute__((cleanup(mint_close_at)))

/* `count` tokens, the first of them being number `from`. */
MM_MUST_USE enum mm_err mint_tokens(const struct mint *m, size_t from,
				    size_t count, struct tokens *out);
/* The same tokens (count of them) in another order, and in memory in that
 * order: a service has just read the token that it asks about, so it is the
 * nearest thing in its cache. */
MM_MUST_USE enum mm_err tokens_shuffled(const struct tokens *t, size_t count,
					uint64_t seed, struct tokens *out);
/* The public key as PEM, NUL-ended. */
MM_MUST_USE enum mm_err mint_pem(const struct mint *m, struct buf *out);
/* key.pem and tokens.txt, a line each, for programs in other languages. */
MM_MUST_USE enum mm_err mint_write(const struct mint *m, size_t count,
				   const char *folder, struct why *why);

#endif
