/* A verifier, when the n-th malloc or mmap fails: it opens or says why not; a
 * bad token is never good; and what failed once is not remembered. */
#include "tests/faults/nth_fixture.h"
#include "tests/unit/verify_desk.h"

#define MEMORY (NTH_MALLOC | NTH_MAP)

/* The forged one first: to it happens what fails. */
enum { FORGED, GOOD, REVOKED, TOKENS };
static const enum mm_err want[TOKENS] = {
	[FORGED] = MM_ERR_BAD_SIGNATURE,
	[GOOD] = MM_OK,
	[REVOKED] = MM_ERR_REVOKED,
};

static struct desk d;
static struct buf token[TOKENS];

static enum mm_err ask_for(struct mm_verifier *v, size_t i)
{
	struct mm_token t;
	return mm_verify(v, (const char *)token[i].at, token[i].len, &t);
}

static void assert_answers(struct mm_verifier *v)
{
	for (size_t i = 0; i < TOKENS; i++)
		assert_err(ask_for(v, i), want[i]);
}

/* A mint whose tokens are signed by `alg`. */
static void begin(enum jwk_alg alg)
{
	struct jwk *key = NULL;
	assert_ok(jwk_generate(alg, &key));
	desk_begin(&d, (struct mm_options){ .flags = MM_NO_CACHE });
	list_put_status(replica_list(&d.m.r, FIXED), REVOKED, STATUS_REVOKED);
	assert_ok(jwk_set_add(&d.m.r.keys, key));
	desk_publish(&d);
	for (size_t i = 0; i < TOKENS; i++)
		token_make(&d.m,
			   (struct says){ .idx = (uint32_t)i,
					  .key = key,
					  .aud = "\"files\"" },
			   &token[i]);
	uint8_t *spoilt = &token[FORGED].at[token[FORGED].len - 9];
	*spoilt = *spoilt == 'A' ? 'B' : 'A';
	jwk_drop(key);
	assert_answers(d.v);
}

static void end(void)
{
	for (size_t i = 0; i < TOKENS; i++)
		buf_free(&token[i]);
	desk_end(&d);
}

/* ---- opening ---- */

static void open_round(struct nth_round *r)
{
	char why[300] = "";
	struct mm_verifier *v = d.v;
	const struct mm_options opt = { .state = d.m.path,
					.audience = "files",
					.now = desk_now,
					.now_ctx = &d,
					.why = why,
					.why_size = sizeof why };
	nth_begin(r);
	enum mm_err e = mm_open(&opt, &v);
	nth_end(r);
	if (e == MM_OK) {
		assert_answers(v);
	} else {
		assert_err(e, MM_ERR_UNAVAILABLE);
		assert_null(v);
		assert_string_not_equal(why, "");
	}
	mm_close(v);
}

static void test_F5_open(void **state)
{
	(void)state;
	begin(JWK_EDDSA);
	assert_in_range(nth_each(MEMORY, open_round), 50, 10000);
	end();
}

/* ---- asking ---- */

/* The key's contexts are made at the first signature. */
static void ask_round(struct nth_round *r)
{
	enum mm_err e[TOKENS];
	mm_close(d.v);
	desk_open(&d, (struct mm_options){ .flags = MM_NO_CACHE });
	nth_begin(r);
	for (size_t i = 0; i < TOKENS; i++)
		e[i] = ask_for(d.v, i);
	nth_end(r);
	/* OpenSSL does not always tell its own trouble from a bad signature */
	for (size_t i = 0; i < TOKENS; i++)
		assert_true(e[i] == want[i] || e[i] == MM_ERR_UNAVAILABLE ||
			    e[i] == MM_ERR_BAD_SIGNATURE);
	assert_answers(d.v);
}

static void test_F5_ask(void **state)
{
	static const enum jwk_alg algs[] = { JWK_ES256, JWK_EDDSA, JWK_RS256 };
	(void)state;
	for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
		begin(algs[i]);
		assert_in_range(nth_each(MEMORY, ask_round), 3, 10000);
		end();
	}
}

/* ---- another state ---- */

/* With what it had until then, or with the new one; and then with that. */
static void replace_round(struct nth_round *r)
{
	struct list *l = replica_list(&d.m.r, FIXED);
	list_put_status(l, GOOD, STATUS_VALID);
	desk_publish(&d);
	assert_err(ask_for(d.v, GOOD), MM_OK);
	list_put_status(l, GOOD, STATUS_REVOKED);
	desk_publish(&d);

	nth_begin(r);
	enum mm_err good = ask_for(d.v, GOOD), bad = ask_for(d.v, REVOKED);
	nth_end(r);
	assert_true(good == MM_OK || good == MM_ERR_REVOKED ||
		    good == MM_ERR_UNAVAILABLE || good == MM_ERR_BAD_SIGNATURE);
	assert_int_not_equal(bad, MM_OK);
	usleep(2000); /* beyond the pause between two looks at the path */
	assert_err(ask_for(d.v, GOOD), MM_ERR_REVOKED);
}

static void test_F5_replaced(void **state)
{
	(void)state;
	begin(JWK_EDDSA);
	assert_in_range(nth_each(MEMORY, replace_round), 50, 10000);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F5_open),
		cmocka_unit_test(test_F5_ask),
		cmocka_unit_test(test_F5_replaced),
	};
	nth_spread = 10000;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
