/* probe_evp.c - the floor: what OpenSSL alone takes for the signatures,
 * with everything that can be prepared prepared. */
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "tests/bench/samples.h"

#define SIGNATURE_MAX 80 /* of P-256 in DER: 72 */

struct evp {
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	EVP_PKEY *key; /* the mint's */
	EVP_PKEY_CTX *verify;
	size_t count;
	struct signed_text {
		struct span text;
		uint8_t der[SIGNATURE_MAX];
		size_t der_len;
	} * at;
};

/* ---- preparing ---- */

static void free_sig(ECDSA_SIG **s)
{
	ECDSA_SIG_free(*s);
}

/* RFC 7518 s3.4: r and s, 32 bytes each; OpenSSL wants DER. */
static enum mm_err make_der(struct span signature, struct signed_text *out)
{
	uint8_t raw[64], *at = out->der;
	size_t n;
	__attribute__((cleanup(free_sig))) ECDSA_SIG *sig = ECDSA_SIG_new();
	TRY(base64url_decode(signature, raw, sizeof raw, &n));
	if (sig == NULL || !ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL),
					   BN_bin2bn(raw + 32, 32, NULL)))
		return MM_ERR_CRYPTO;
	int len = i2d_ECDSA_SIG(sig, NULL);
	if (len <= 0 || len > SIGNATURE_MAX)
		return MM_ERR_CRYPTO;
	out->der_len = (size_t)i2d_ECDSA_SIG(sig, &at);
	return MM_OK;
}

static enum mm_err read_tokens(struct evp *x, const struct tokens *t)
{
	x->at = calloc(t->count, sizeof *x->at);
	if (x->at == NULL)
		return MM_ERR_NOMEM;
	for (; x->count < t->count; x->count++) {
		struct jws jws;
		struct signed_text *to = &x->at[x->count];
		TRY(jws_split(t->at[x->count], &jws));
		to->text = jws.signing_input;
		TRY(make_der(jws.signature, to));
	}
	return MM_OK;
}

static enum mm_err evp_open(struct bench *b, void **ctx)
{
	struct evp *x = calloc(1, sizeof *x);
	if (x == NULL)
		return MM_ERR_NOMEM;
	*ctx = x;
	x->key = jwk_evp(b->mint->key);
	x->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	x->digest = EVP_MD_CTX_new();
	x->verify = EVP_PKEY_CTX_new_from_pkey(NULL, x->key, NULL);
	if (x->sha256 == NULL || x->digest == NULL || x->verify == NULL ||
	    EVP_PKEY_verify_init(x->verify) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(x->verify, x->sha256) != 1)
		return MM_ERR_CRYPTO;
	return read_tokens(x, &b->mint->first);
}

static void evp_close(void *ctx)
{
	struct evp *x = ctx;
	if (x == NULL)
		return;
	EVP_PKEY_CTX_free(x->verify);
	EVP_MD_CTX_free(x->digest);
	EVP_MD_free(x->sha256);
	free(x->at);
	free(x);
}

/* ---- the least ---- */

static bool check(const struct evp *x, const struct signed_text *s)
{
	uint8_t hash[32];
	return EVP_DigestInit_ex2(x->digest, x->sha256, NULL) == 1 &&
	       EVP_DigestUpdate(x->digest, s->text.at, s->text.len) == 1 &&
	       EVP_DigestFinal_ex(x->digest, hash, NULL) == 1 &&
	       EVP_PKEY_verify(x->verify, s->der, s->der_len, hash,
			       sizeof hash) == 1;
}

/* As most would write it. */
static bool check_digest(const struct evp *x, const struct signed_text *s)
{
	return EVP_DigestVerifyInit(x->digest, NULL, x->sha256, NULL, x->key) ==
		       1 &&
	       EVP_DigestVerify(x->digest, s->der, s->der_len, s->text.at,
				s->text.len) == 1;
}

struct work {
	_Alignas(128) const struct evp *x;
	bool (*one)(const struct evp *, const struct signed_text *);
	bool good;
};

static void work_run(void *arg)
{
	struct work *w = arg;
	for (size_t i = 0; w->good && i < w->x->count; i++)
		w->good = w->one(w->x, &w->x->at[i]);
}

static enum mm_err run(struct evp *const *x, size_t threads, struct row *row,
		       bool (*one)(const struct evp *,
				   const struct signed_text *))
{
	struct work w[PARALLEL_MAX];
	void *arg[PARALLEL_MAX] = { NULL };
	bool good = true;
	for (size_t i = 0; i < threads; i++) {
		w[i] = (struct work){ x[i], one, true };
		arg[i] = &w[i];
	}
	double took = parallel_run(threads, work_run, arg);
	for (size_t i = 0; i < threads; i++)
		good &= w[i].good;
	took /= (double)(x[0]->count * threads);
	return good ? times_add(&row->rounds, took) : MM_ERR_CRYPTO;
}

static enum mm_err evp_run(struct bench *b, void *ctx, struct row *rows)
{
	struct evp *x = ctx;
	(void)b;
	return run(&x, 1, rows, check);
}

static enum mm_err evp_run_digest(struct bench *b, void *ctx, struct row *rows)
{
	struct evp *x = ctx;
	(void)b;
	return run(&x, 1, rows, check_digest);
}

/* ---- on two processors: what this machine can give ---- */

struct evp_pair {
	struct evp *x[2];
};

static enum mm_err pair_open(struct bench *b, void **ctx)
{
	struct evp_pair *p = calloc(1, sizeof *p);
	*ctx = p;
	for (size_t i = 0; p != NULL && i < 2; i++) {
		void *one = NULL;
		enum mm_err e = evp_open(b, &one);
		p->x[i] = one;
		TRY(e);
	}
	return p != NULL ? MM_OK : MM_ERR_NOMEM;
}

static void pair_close(void *ctx)
{
	struct evp_pair *p = ctx;
	for (size_t i = 0; p != NULL && i < 2; i++)
		evp_close(p->x[i]);
	free(p);
}

static enum mm_err pair_run(struct bench *b, void *ctx, struct row *rows)
{
	struct evp_pair *p = ctx;
	(void)b;
	return run(p->x, 2, rows, check);
}

const struct probe probe_evp_2 = {
	.row = { "evp.es256.2threads" },
	.open = pair_open,
	.run = pair_run,
	.close = pair_close,
};
const struct probe probe_evp = {
	.row = { "evp.es256" },
	.open = evp_open,
	.run = evp_run,
	.close = evp_close,
};
const struct probe probe_evp_digest = {
	.row = { "evp.es256_digest_verify" },
	.open = evp_open,
	.run = evp_run_digest,
	.close = evp_close,
};
