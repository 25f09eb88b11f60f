/* peer.h - other libraries of Debian, which check the same tokens the way
 * their users have them do it.  They check the signature and read the JSON;
 * what else mm_verify() looks at, they leave to the caller.
 *
 * One file a library, for their names clash. */
#ifndef MM_TESTS_BENCH_PEER_H
#define MM_TESTS_BENCH_PEER_H

#include "tests/bench/samples.h"

#define PEER_TOKENS 256u /* a round */

/* Is the token (NUL-ended, too) good?  `key` is the library's own. */
struct peer {
	bool (*verify)(const void *key, struct span token);
	const void *key;
};

/* Once: it takes a good token, and refuses one with another signature. */
MM_MUST_USE enum mm_err peer_try(const struct bench *b, const struct peer *p);
MM_MUST_USE enum mm_err peer_run(const struct bench *b, const struct peer *p,
				 struct row *row);

#endif
