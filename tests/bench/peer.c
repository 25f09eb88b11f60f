/* peer.c - what the peers have in common: see peer.h. */
#include "tests/bench/peer.h"

/* Another character in the middle of the signature. */
static void spoil(char *token, size_t len)
{
	char *at = token + len - 40;
	*at = *at == 'A' ? 'B' : 'A';
}

enum mm_err peer_try(const struct bench *b, const struct peer *p)
{
	char text[TOKEN_PORTABLE + 1];
	struct span token = b->mint->first.at[0];
	if (!p->verify(p->key, token))
		return MM_ERR_BAD_SIGNATURE;
	memcpy(text, token.at, token.len + 1);
	spoil(text, token.len);
	return p->verify(p->key, span_of(text, token.len)) ? MM_ERR_CRYPTO
							   : MM_OK;
}

enum mm_err peer_run(const struct bench *b, const struct peer *p,
		     struct row *row)
{
	const struct tokens *t = &b->mint->first;
	size_t n = t->count < PEER_TOKENS ? t->count : PEER_TOKENS;
	bool good = true;
	double from = ns_now();
	for (size_t i = 0; good && i < n; i++)
		good = p->verify(p->key, t->at[i]);
	double took = ns_now() - from;
	return good ? times_add(&row->rounds, took / (double)n)
		    : MM_ERR_BAD_SIGNATURE;
}

/* What was not found when this was built is still in the list. */
#ifdef BENCH_NO_CJOSE
const struct probe peer_cjose = { .row = { "cjose.es256" } };
#endif
#ifdef BENCH_NO_RHONABWY
const struct probe peer_rhonabwy = { .row = { "rhonabwy.es256" } };
#endif
