/* verifier_fixture.h - a mint in a few lines, for the verifier's tests: a
 * key, a replica with two lists, tokens, and a folder that goes away. */
#ifndef MM_TESTS_VERIFIER_FIXTURE_H
#define MM_TESTS_VERIFIER_FIXTURE_H

/* clang-format off */
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/jws.h"
#include "common/replica.h"

#define ISS   "https://pat.example.org"
#define EPOCH "0123456789abcdef0123456789abcdef"
#define T0    INT64_C(1790000000)
#define FIXED 1u /* the list of fixed tokens */
#define SLIDE 2u /* the list of auto_refresh tokens */
#define SIZE  1024u
#define DAY   INT64_C(86400)

#define assert_ok(e) assert_string_equal(mm_err_word(e), "ok")
#define assert_err(e, want)                                                    \
	assert_string_equal(mm_err_word(e), mm_err_word(want))

struct mint {
	char folder[64];
	char path[80]; /* of the state file */
	struct jwk *key;
	struct replica r;
};

static inline void mint_begin(struct mint *m)
{
	struct list *l;
	const char *tmp = getenv("MM_TEST_TMP"); /* who starts us cleans up */
	*m = (struct mint){ .key = NULL };
	snprintf(m->folder, sizeof m->folder, "%s/mintmark-test-XXXXXX",
		 tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(m->folder));
	snprintf(m->path, sizeof m->path, "%s/state", m->folder);
	assert_ok(jwk_generate(JWK_ES256, &m->key));

	snprintf(m->r.iss, sizeof m->r.iss, ISS);
	snprintf(m->r.epoch, sizeof m->r.epoch, EPOCH);
	m->r.seq = 7;
	m->r.iat = T0;
	assert_ok(jwk_set_add(&m->r.keys, m->key));
	assert_ok(replica_add_list(&m->r, FIXED, LIST_FIXED, SIZE,
				   T0 + 400 * DAY, &l));
	assert_ok(replica_add_list(&m->r, SLIDE, LIST_AUTO_REFRESH, SIZE,
				   T0 + 400 * DAY, &l));
}

static inline int remove_one(const char *path, const struct stat *st, int kind,
			     struct FTW *walk)
{
	(void)st, (void)kind, (void)walk;
	return remove(path);
}

static inline void mint_end(struct mint *m)
{
	replica_free(&m->r);
	jwk_drop(m->key);
	nftw(m->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What a token says; zeros are left out or defaulted. */
struct says {
	const char *iss, *sub, *aud, *scope, *cidr;
	const char *own, *client; /* of access tokens: ".k3_Z", client_id */
	int64_t iat, exp, nbf, window;
	uint32_t list, idx;
	const char *typ;
	const struct jwk *key;
};

static inline void token_claims(const struct says *s, struct buf *out)
{
	const char *iss = s->iss ? s->iss : ISS;
	uint32_t list = s->list ? s->list : FIXED;
	buf_fmt(out,
		"{\"iss\":\"%s\",\"sub\":\"%s\",\"iat\":%" PRId64
		",\"exp\":%" PRId64 ",\"jti\":\"%u.%u%s\"",
		iss, s->sub ? s->sub : "alice", s->iat ? s->iat : T0,
		s->exp ? s->exp : T0 + 30 * DAY, list, s->idx,
		s->own ? s->own : "");
	if (s->aud)
		buf_fmt(out, ",\"aud\":%s", s->aud);
	if (s->client)
		buf_fmt(out, ",\"client_id\":\"%s\"", s->client);
	if (s->scope)
		buf_fmt(out, ",\"scope\":\"%s\"", s->scope);
	if (s->cidr)
		buf_fmt(out, ",\"cidr\":\"%s\"", s->cidr);
	if (s->nbf)
		buf_fmt(out, ",\"nbf\":%" PRId64, s->nbf);
	if (s->window)
		buf_fmt(out, ",\"auto_refresh\":%" PRId64, s->window);
	buf_fmt(out,
		",\"status\":{\"status_list\":{\"idx\":%u,"
		"\"uri\":\"%s/s/%u\"}}}",
		s->idx, iss, list);
}

/* A signed token; b owns it. */
static inline struct span token_make(const struct mint *m, struct says s,
				     struct buf *b)
{
	AUTO_BUF struct buf json = buf_new(8192);
	struct span text, token;
	token_claims(&s, &json);
	assert_ok(buf_done(&json, &text));
	*b = buf_new(16384);
	assert_ok(jws_sign(s.key ? s.key : m->key, s.typ ? s.typ : TYP_PAT,
			   text, b));
	assert_ok(buf_done(b, &token));
	return token;
}

#endif
