/* tokens.h - a token of alice that is good, for the harnesses that show that
 * nothing else is: they put it where an input says %T, and where it says %L
 * the length of the body behind the headers. */
#ifndef MM_TESTS_FUZZ_TOKENS_H
#define MM_TESTS_FUZZ_TOKENS_H

#include <inttypes.h>

#include "common/jws.h"
#include "tests/fuzz/model.h"
#include "verifier/state.h"

/* A key that signs, and that *r has too; the caller's to drop. */
static inline struct jwk *tokens_key(struct replica *r)
{
	struct jwk *k;
	MM_ASSERT(jwk_generate(JWK_ES256, &k) == MM_OK);
	MM_ASSERT(jwk_set_add(&r->keys, k) == MM_OK);
	return k;
}

/* alice's token 1.idx of the model's base, for a year. */
static inline void tokens_sign(const struct jwk *key, unsigned idx, int64_t now,
			       const char *scope, struct buf *out)
{
	AUTO_BUF struct buf claims = buf_new(4096);
	struct span text;
	buf_fmt(&claims,
		"{\"iss\":\"" MODEL_ISS "\",\"sub\":\"alice\",\"iat\":%" PRId64
		",\"exp\":%" PRId64 ",\"jti\":\"1.%u\",\"scope\":\"%s\","
		"\"status\":{\"status_list\":{\"idx\":%u,\"uri\":\"" MODEL_ISS
		"/s/1\"}}}",
		now, now + 365 * INT64_C(86400), idx, scope, idx);
	MM_ASSERT(buf_done(&claims, &text) == MM_OK);
	*out = buf_new(TOKEN_MAX);
	MM_ASSERT(jws_sign(key, TYP_PAT, text, out) == MM_OK);
	MM_ASSERT(buf_done(out, &text) == MM_OK); /* ends in NUL */
}

static inline bool tokens_at(struct span s, size_t i, const char *mark)
{
	return s.len - i >= 2 && memcmp(s.at + i, mark, 2) == 0;
}

/* Bytes from the next empty line to the end, with its tokens. */
static inline size_t tokens_behind(struct span s, struct span token)
{
	const uint8_t *head = memmem(s.at, s.len, "\r\n\r\n", 4);
	size_t n = 0, i = head ? (size_t)(head - s.at) + 4 : s.len;
	while (i < s.len) {
		bool one = tokens_at(s, i, "%T");
		n += one ? token.len : 1;
		i += one ? 2 : 1;
	}
	return n;
}

/* The input, filled in.  Was there a token? */
static inline bool tokens_fill(struct span input, struct span token,
			       struct buf *out)
{
	bool any = false;
	for (size_t i = 0; i < input.len; i++) {
		struct span rest = span_of(input.at + i, input.len - i);
		if (tokens_at(input, i, "%T"))
			buf_add(out, token);
		else if (tokens_at(input, i, "%L"))
			buf_fmt(out, "%zu", tokens_behind(rest, token));
		else {
			buf_add(out, span_of(input.at + i, 1));
			continue;
		}
		any |= input.at[i + 1] == 'T';
		i++;
	}
	return any;
}

#endif
