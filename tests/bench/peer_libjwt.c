/* peer_libjwt.c - libjwt: it takes a PEM, and parses it at each call. */
#include <jwt.h>

#include "tests/bench/peer.h"

struct libjwt {
	struct buf pem;
	struct peer peer;
};

static bool libjwt_verify(const void *key, struct span token)
{
	const struct buf *pem = key;
	jwt_t *jwt = NULL;
	bool good = jwt_decode(&jwt, (const char *)token.at, pem->at,
			       (int)pem->len) == 0 &&
		    jwt_get_alg(jwt) == JWT_ALG_ES256;
	jwt_free(jwt);
	return good;
}

static enum mm_err libjwt_open(struct bench *b, void **ctx)
{
	struct libjwt *x = calloc(1, sizeof *x);
	if (x == NULL)
		return MM_ERR_NOMEM;
	*ctx = x;
	x->pem = buf_new(4096);
	x->peer = (struct peer){ libjwt_verify, &x->pem };
	TRY(mint_pem(b->mint, &x->pem));
	return peer_try(b, &x->peer);
}

static enum mm_err libjwt_run(struct bench *b, void *ctx, struct row *rows)
{
	struct libjwt *x = ctx;
	return peer_run(b, &x->peer, rows);
}

static void libjwt_close(void *ctx)
{
	struct libjwt *x = ctx;
	if (x == NULL)
		return;
	buf_free(&x->pem);
	free(x);
}

const struct probe peer_libjwt = {
	.row = { "libjwt.es256" },
	.open = libjwt_open,
	.run = libjwt_run,
	.close = libjwt_close,
};
