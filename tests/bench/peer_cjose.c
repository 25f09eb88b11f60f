/* peer_cjose.c - cjose: the key parsed once, as a JWK. */
#include <cjose/cjose.h>

#include "tests/bench/peer.h"

struct cjose {
	cjose_jwk_t *key;
	struct peer peer;
};

static bool cjose_verify(const void *key, struct span token)
{
	cjose_err err;
	uint8_t *payload;
	size_t len;
	cjose_jws_t *jws =
		cjose_jws_import((const char *)token.at, token.len, &err);
	bool good = jws != NULL && cjose_jws_verify(jws, key, &err) &&
		    cjose_jws_get_plaintext(jws, &payload, &len, &err);
	cjose_jws_release(jws);
	return good;
}

static enum mm_err cjose_open(struct bench *b, void **ctx)
{
	AUTO_BUF struct buf json = buf_new(JWK_TEXT_MAX);
	struct span text;
	cjose_err err;
	struct cjose *x = calloc(1, sizeof *x);
	if (x == NULL)
		return MM_ERR_NOMEM;
	*ctx = x;
	TRY(jwk_to_json(b->mint->key, &json));
	TRY(buf_done(&json, &text));
	x->key = cjose_jwk_import((const char *)text.at, text.len, &err);
	if (x->key == NULL)
		return MM_ERR_CRYPTO;
	x->peer = (struct peer){ cjose_verify, x->key };
	return peer_try(b, &x->peer);
}

static enum mm_err cjose_run(struct bench *b, void *ctx, struct row *rows)
{
	struct cjose *x = ctx;
	return peer_run(b, &x->peer, rows);
}

static void cjose_close(void *ctx)
{
	struct cjose *x = ctx;
	if (x == NULL)
		return;
	cjose_jwk_release(x->key);
	free(x);
}

const struct probe peer_cjose = {
	.row = { "cjose.es256" },
	.open = cjose_open,
	.run = cjose_run,
	.close = cjose_close,
};
