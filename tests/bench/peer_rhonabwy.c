/* peer_rhonabwy.c - rhonabwy: the key parsed once, as a JWK. */
#include <rhonabwy.h>

#include "tests/bench/peer.h"

struct rhonabwy {
	jwk_t *key;
	struct peer peer;
};

/* rhonabwy takes the key without const, and does not change it. */
static bool rhonabwy_verify(const void *key, struct span token)
{
	union {
		const void *in;
		jwk_t *out;
	} jwk = { .in = key };
	jwt_t *jwt = NULL;
	bool good = r_jwt_init(&jwt) == RHN_OK &&
		    r_jwt_parsen(jwt, (const char *)token.at, token.len,
				 R_FLAG_IGNORE_REMOTE) == RHN_OK &&
		    r_jwt_verify_signature(jwt, jwk.out,
					   R_FLAG_IGNORE_REMOTE) == RHN_OK;
	r_jwt_free(jwt);
	return good;
}

static enum mm_err rhonabwy_open(struct bench *b, void **ctx)
{
	AUTO_BUF struct buf json = buf_new(JWK_TEXT_MAX);
	struct span text;
	struct rhonabwy *x = calloc(1, sizeof *x);
	if (x == NULL)
		return MM_ERR_NOMEM;
	*ctx = x;
	TRY(jwk_to_json(b->mint->key, &json));
	TRY(buf_done(&json, &text));
	if (r_global_init() != RHN_OK || r_jwk_init(&x->key) != RHN_OK ||
	    r_jwk_import_from_json_str(x->key, (const char *)text.at) != RHN_OK)
		return MM_ERR_CRYPTO;
	x->peer = (struct peer){ rhonabwy_verify, x->key };
	return peer_try(b, &x->peer);
}

static enum mm_err rhonabwy_run(struct bench *b, void *ctx, struct row *rows)
{
	struct rhonabwy *x = ctx;
	return peer_run(b, &x->peer, rows);
}

static void rhonabwy_close(void *ctx)
{
	struct rhonabwy *x = ctx;
	if (x == NULL)
		return;
	r_jwk_free(x->key);
	r_global_close();
	free(x);
}

const struct probe peer_rhonabwy = {
	.row = { "rhonabwy.es256" },
	.open = rhonabwy_open,
	.run = rhonabwy_run,
	.close = rhonabwy_close,
};
