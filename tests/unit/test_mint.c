/* test_mint.c - libjwt and common/jws.c write the same token: who signs makes
 * no difference to what is signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "issuer/mint.h"

#define T0  INT64_C(1790000000)
#define DAY INT64_C(86400)
#define ISS "https://pat.example.org"

/* A mint with a store of its own, so that two of them give the same ids. */
struct desk {
	char dir[64];
	struct store *store;
	struct mint *mint;
};

static void no_wake(void *ctx)
{
	(void)ctx;
}

static struct desk desk_open(bool with_jws)
{
	struct desk d = { .dir = "/tmp/mintmark-mint-XXXXXX" };
	struct why why = { .text = "" };
	char path[96];
	assert_non_null(mkdtemp(d.dir));
	snprintf(path, sizeof path, "%s/s.db", d.dir);
	assert_int_equal(store_open(path, ISS, no_wake, NULL, &d.store, &why),
			 MM_OK);
	assert_int_equal(mint_open(d.store, ISS, with_jws, &d.mint), MM_OK);
	return d;
}

static void desk_close(struct desk *d)
{
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	mint_close(d->mint);
	store_close(d->store);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/s.db%s", d->dir, ends[i]);
		unlink(path);
	}
	rmdir(d->dir);
}
#define AUTO_DESK __attribute__((cleanup(desk_close)))

static const struct token_row rows[] = {
	{ .user = "alice" },
	{ .user = "alice", .auto_refresh = 30 * DAY },
	{ .user = "alice", .audience = "files" },
	{ .user = "alice", .audience = "files photos mail" },
	{ .user = "alice", .cidr = "10.0.0.0/8 2001:db8::/32" },
	{ .user = "alice", .has_scope = true, .scope = "photos:read" },
	{ .user = "b\xc3\xa9"
		  "a \xe2\x82\xac \xf0\x9f\x94\x91",
	  .has_scope = true,
	  .scope = "node:1b9d:rw a/b" },
	{ .user = "q\"uo\\te / <&> \x7f",
	  .audience = "https://a.example/x y",
	  .auto_refresh = 1,
	  .has_scope = true,
	  .scope = "a b c" },
};

/* Mint rows[i] at a desk; the token has to verify. */
static void mint_row(const struct desk *d, const struct jwk *key, size_t i,
		     struct buf *token)
{
	struct token_row t = rows[i];
	struct why why = { .text = "" };
	struct span text;
	struct jws parts;
	t.iat = T0;
	t.exp = T0 + DAY;
	assert_int_equal(mint_token(d->mint, key, true, &t, token, &why),
			 MM_OK);
	assert_int_equal(buf_done(token, &text), MM_OK);
	assert_int_equal(jws_split(text, &parts), MM_OK);
	assert_int_equal(jws_verify(&parts, TYP_PAT, key), MM_OK);
}

static struct span signed_part(const struct buf *token)
{
	const uint8_t *dot = memrchr(token->at, '.', token->len);
	assert_non_null(dot);
	return span_of(token->at, (size_t)(dot - token->at));
}

static void same_bytes(enum jwk_alg alg)
{
	AUTO_DESK struct desk by_libjwt = desk_open(false);
	AUTO_DESK struct desk by_jws = desk_open(true);
	AUTO_JWK struct jwk *key = NULL;
	assert_int_equal(jwk_generate(alg, &key), MM_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO_BUF struct buf a = buf_new(TOKEN_MAX);
		AUTO_BUF struct buf b = buf_new(TOKEN_MAX);
		mint_row(&by_libjwt, key, i, &a);
		mint_row(&by_jws, key, i, &b);
		assert_true(span_eq(signed_part(&a), signed_part(&b)));
	}
}

static void test_es256(void **state)
{
	(void)state;
	same_bytes(JWK_ES256);
}

static void test_rs256(void **state)
{
	(void)state;
	same_bytes(JWK_RS256);
}

/* libjwt cannot: it goes the other way by itself. */
static void test_eddsa(void **state)
{
	(void)state;
	same_bytes(JWK_EDDSA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_es256),
		cmocka_unit_test(test_rs256),
		cmocka_unit_test(test_eddsa),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
