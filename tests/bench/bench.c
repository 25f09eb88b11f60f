/* bench.c - what a check of a token costs in this process, beside what
 * OpenSSL alone takes for the signature.
 *
 *	bench [-r ROUNDS] [-o json]
 *
 * Every round measures every row once, one after the other, so that a busy
 * moment of the machine falls on all of them alike; a row's figure is the
 * median of its rounds, in nanoseconds an operation.  Each round opens the
 * state anew and checks each token once: nothing can be remembered. */
#include <inttypes.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jws.h"
#include "verifier/include/mintmark/verify.h"
#include "verifier/state.h"

#define ISSUER	   "https://pat.example.org"
#define LIST	   3u
#define TOKENS	   2048u
#define STRIDE	   509u /* the tokens lie all over their list */
#define DAY	   INT64_C(86400)
#define ROUNDS	   15u
#define ROUNDS_MAX 1000u

struct sample {
	struct buf token;
	struct span text, signing_input;
	uint8_t der[80]; /* the signature, as OpenSSL wants it */
	size_t der_len;
};

struct desk {
	char folder[64], state[80];
	struct jwk *key;
	struct replica replica;
	struct state_writer writer;
	struct sample *sample;
};

/* ---- a mint of our own ---- */

/* About as long as tokens may be everywhere. */
static enum mm_err make_token(struct desk *d, uint32_t i, struct buf *out)
{
	AUTO_BUF struct buf json = buf_new(TOKEN_MAX);
	struct span text;
	int64_t now = clock_now();
	uint32_t idx = i * STRIDE;
	buf_fmt(&json,
		"{\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"aud\":\"files\","
		"\"iat\":%" PRId64 ",\"exp\":%" PRId64 ",\"jti\":\"%u.%u\","
		"\"scope\":\"node:1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed:rw "
		"photos:read\",\"status\":{\"status_list\":{\"idx\":%u,"
		"\"uri\":\"" ISSUER "/s/%u\"}}}",
		now, now + 365 * DAY, LIST, idx, idx, LIST);
	TRY(buf_done(&json, &text));
	return jws_sign(d->key, TYP_PAT, text, out);
}

/* RFC 7518 s3.4: r and s, 32 bytes each; OpenSSL wants DER. */
static enum mm_err make_der(struct sample *s, struct span signature)
{
	uint8_t raw[64], *at = s->der;
	size_t n;
	TRY(base64url_decode(signature, raw, sizeof raw, &n));
	ECDSA_SIG *sig = ECDSA_SIG_new();
	if (sig == NULL || !ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL),
					   BN_bin2bn(raw + 32, 32, NULL))) {
		ECDSA_SIG_free(sig);
		return MM_ERR_CRYPTO;
	}
	int len = i2d_ECDSA_SIG(sig, &at);
	ECDSA_SIG_free(sig);
	s->der_len = len > 0 ? (size_t)len : 0;
	return len > 0 ? MM_OK : MM_ERR_CRYPTO;
}

static enum mm_err make_samples(struct desk *d)
{
	d->sample = calloc(TOKENS, sizeof *d->sample);
	if (d->sample == NULL)
		return MM_ERR_NOMEM;
	for (uint32_t i = 0; i < TOKENS; i++) {
		struct sample *s = &d->sample[i];
		struct jws t;
		s->token = buf_new(TOKEN_MAX);
		TRY(make_token(d, i, &s->token));
		TRY(buf_done(&s->token, &s->text));
		TRY(jws_split(s->text, &t));
		s->signing_input = t.signing_input;
		TRY(make_der(s, t.signature));
	}
	return MM_OK;
}

static enum mm_err make_state(struct desk *d, struct why *why)
{
	struct replica *r = &d->replica;
	struct list *l;
	(void)span_copy(r->iss, sizeof r->iss, span_str(ISSUER));
	memset(r->epoch, '0', sizeof r->epoch - 1);
	r->seq = 1;
	r->iat = clock_now();
	TRY(jwk_set_add(&r->keys, d->key));
	TRY(replica_add_list(r, LIST, LIST_FIXED, LIST_SIZE_MAX,
			     r->iat + 400 * DAY, &l));
	TRY(state_create(&d->writer, d->state, r, DAY, why));
	state_put_head(&d->writer, r->seq, r->iat);
	return state_install(&d->writer, why);
}

static enum mm_err desk_open(struct desk *d, struct why *why)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(d->folder, sizeof d->folder,
			 "%s/mintmark-bench-XXXXXX", tmp ? tmp : "/tmp");
	if (n < 0 || (size_t)n >= sizeof d->folder ||
	    mkdtemp(d->folder) == NULL) {
		d->folder[0] = '\0';
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot make a folder: set TMPDIR");
	}
	snprintf(d->state, sizeof d->state, "%s/state", d->folder);
	TRY(jwk_generate(JWK_ES256, &d->key));
	TRY(make_state(d, why));
	return make_samples(d);
}

static void desk_close(struct desk *d)
{
	for (size_t i = 0; d->sample != NULL && i < TOKENS; i++)
		buf_free(&d->sample[i].token);
	free(d->sample);
	state_writer_close(&d->writer);
	replica_free(&d->replica);
	jwk_drop(d->key);
	if (d->folder[0] == '\0')
		return;
	(void)unlink(d->state);
	(void)rmdir(d->folder);
}
#define AUTO_DESK __attribute__((cleanup(desk_close)))

/* ---- the rows ---- */

static double ns_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The key parsed once, one context for all: as little as OpenSSL can do. */
static enum mm_err run_evp(const struct desk *d, double *ns)
{
	EVP_PKEY *key = jwk_evp(d->key);
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = sha256 != NULL && ctx != NULL;
	double from = ns_now();
	for (size_t i = 0; good && i < TOKENS; i++) {
		const struct sample *s = &d->sample[i];
		good = EVP_DigestVerifyInit(ctx, NULL, sha256, NULL, key) ==
			       1 &&
		       EVP_DigestVerify(ctx, s->der, s->der_len,
					s->signing_input.at,
					s->signing_input.len) == 1;
	}
	*ns = (ns_now() - from) / TOKENS;
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(sha256);
	return good ? MM_OK : MM_ERR_CRYPTO;
}

struct part {
	const struct desk *desk;
	struct mm_verifier *v;
	size_t from, to;
	enum mm_err failed;
};

static void *verify_part(void *arg)
{
	struct part *p = arg;
	struct mm_token t;
	for (size_t i = p->from; p->failed == MM_OK && i < p->to; i++) {
		struct span text = p->desk->sample[i].text;
		p->failed =
			mm_verify(p->v, (const char *)text.at, text.len, &t);
	}
	return NULL;
}

static enum mm_err open_fresh(const struct desk *d, struct mm_verifier **v)
{
	struct mm_options opt = { .state = d->state, .audience = "files" };
	return mm_open(&opt, v);
}

static enum mm_err run_first_sight(const struct desk *d, double *ns)
{
	struct part all = { .desk = d, .to = TOKENS };
	TRY(open_fresh(d, &all.v));
	double from = ns_now();
	verify_part(&all);
	*ns = (ns_now() - from) / TOKENS;
	mm_close(all.v);
	return all.failed;
}

/* Elapsed time for each token, both threads together. */
static enum mm_err run_2threads(const struct desk *d, double *ns)
{
	struct part here = { .desk = d, .to = TOKENS / 2 };
	TRY(open_fresh(d, &here.v));
	struct part there = { d, here.v, TOKENS / 2, TOKENS, MM_OK };
	pthread_t other;
	double from = ns_now();
	if (pthread_create(&other, NULL, verify_part, &there) != 0) {
		mm_close(here.v);
		return MM_ERR_NOMEM;
	}
	verify_part(&here);
	pthread_join(other, NULL);
	*ns = (ns_now() - from) / TOKENS;
	mm_close(here.v);
	return here.failed != MM_OK ? here.failed : there.failed;
}

struct row {
	const char *name;
	enum mm_err (*run)(const struct desk *d, double *ns);
};

static const struct row rows[] = {
	{ "evp.es256", run_evp },
	{ "verify.first_sight", run_first_sight },
	{ "verify.2threads", run_2threads },
};
#define ROWS (sizeof rows / sizeof rows[0])

struct figures {
	double at[ROWS][ROUNDS_MAX];
};

static enum mm_err measure(const struct desk *d, struct figures *f, size_t n)
{
	double warm;
	for (size_t i = 0; i < ROWS; i++)
		TRY(rows[i].run(d, &warm));
	for (size_t round = 0; round < n; round++)
		for (size_t i = 0; i < ROWS; i++)
			TRY(rows[i].run(d, &f->at[i][round]));
	return MM_OK;
}

/* ---- telling ---- */

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void print(struct figures *f, size_t n, bool json)
{
	if (json)
		printf("{\"rows\":[");
	else
		printf("%-20s %8s %8s %8s\n", "", "ns", "min", "max");
	for (size_t i = 0; i < ROWS; i++) {
		double *at = f->at[i], min, median, max;
		qsort(at, n, sizeof *at, by_size);
		min = at[0], median = at[n / 2], max = at[n - 1];
		if (json)
			printf("%s{\"name\":\"%s\",\"ns\":%.0f,"
			       "\"min\":%.0f,\"max\":%.0f}",
			       i ? "," : "", rows[i].name, median, min, max);
		else
			printf("%-20s %8.0f %8.0f %8.0f\n", rows[i].name,
			       median, min, max);
	}
	if (json)
		printf("]}\n");
}

static int usage(void)
{
	fprintf(stderr,
		"bench: usage: bench [-r ROUNDS] [-o json], rounds "
		"from 1 to %u\n",
		ROUNDS_MAX);
	return 2;
}

int main(int argc, char **argv)
{
	static struct figures f; /* too large for a stack */
	AUTO_DESK struct desk d = { .writer = STATE_WRITER_NONE };
	struct why why = { .text = "" };
	unsigned long rounds = ROUNDS;
	char *end = "";
	bool json = false;
	for (int c; (c = getopt(argc, argv, "r:o:")) != -1;) {
		if (c == 'r')
			rounds = strtoul(optarg, &end, 10);
		else if (c == 'o' && strcmp(optarg, "json") == 0)
			json = true;
		else
			return usage();
	}
	if (optind != argc || *end != '\0' || rounds == 0 ||
	    rounds > ROUNDS_MAX)
		return usage();

	enum mm_err e = desk_open(&d, &why);
	if (e == MM_OK)
		e = measure(&d, &f, rounds);
	if (e != MM_OK) {
		fprintf(stderr, "bench: %s %s\n", mm_err_word(e), why.text);
		return 1;
	}
	print(&f, rounds, json);
	return 0;
}
