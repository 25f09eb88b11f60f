/* Checks of one key by many threads: the contexts that it keeps ready, and
 * those that are made when all of these are taken; and nothing is left in
 * OpenSSL's queue of errors, which is the program's. */
#include "common/signature.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/jwk_internal.h"
#include "tests/unit/unit.h"

enum { THREADS = JWK_CONTEXTS + 4, CHECKS = 50 };

static const enum jwk_alg algs[] = { JWK_ES256, JWK_EDDSA, JWK_RS256 };

struct sample {
	struct jwk *key;
	uint8_t sig[SIGNATURE_MAX];
	size_t len;
	atomic_uint wrong;
};

static struct span text(void)
{
	return span_str("header.payload");
}

static void sample_make(struct sample *s, enum jwk_alg alg)
{
	atomic_init(&s->wrong, 0);
	expect("key", jwk_generate(alg, &s->key), MM_OK);
	expect("sign", signature_make(s->key, text(), s->sig, &s->len), MM_OK);
}

static enum mm_err check(const struct sample *s, bool spoil)
{
	uint8_t sig[SIGNATURE_MAX];
	memcpy(sig, s->sig, s->len);
	sig[s->len / 2] ^= spoil;
	return signature_check(s->key, text(), span_of(sig, s->len));
}

/* A bad one in between must not spoil the next. */
static void *check_on(void *arg)
{
	struct sample *s = arg;
	for (int i = 0; i < CHECKS; i++)
		if (check(s, false) != MM_OK ||
		    check(s, true) != MM_ERR_BAD_SIGNATURE)
			atomic_fetch_add(&s->wrong, 1);
	return NULL;
}

static void test_many_threads(void **state)
{
	(void)state;
	for (size_t a = 0; a < ROWS(algs); a++) {
		struct sample s;
		pthread_t t[THREADS];
		sample_make(&s, algs[a]);
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(
				pthread_create(&t[i], NULL, check_on, &s), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		assert_int_equal(s.wrong, 0);
		jwk_drop(s.key);
	}
}

/* All that a key keeps are taken: it goes on without. */
static void test_none_ready(void **state)
{
	(void)state;
	for (size_t a = 0; a < ROWS(algs); a++) {
		struct sample s;
		sample_make(&s, algs[a]);
		for (size_t i = 0; i < JWK_CONTEXTS; i++)
			atomic_store(&s.key->ready[i].taken, true);
		expect("good", check(&s, false), MM_OK);
		expect("bad", check(&s, true), MM_ERR_BAD_SIGNATURE);
		jwk_drop(s.key);
	}
}

static void test_no_errors_left(void **state)
{
	(void)state;
	for (size_t a = 0; a < ROWS(algs); a++) {
		struct sample s;
		sample_make(&s, algs[a]);
		ERR_clear_error();
		expect("bad", check(&s, true), MM_ERR_BAD_SIGNATURE);
		memset(s.sig, 0xFF, s.len);
		expect("none", check(&s, false), MM_ERR_BAD_SIGNATURE);
		assert_int_equal(ERR_peek_error(), 0);

		ERR_raise(ERR_LIB_USER, 1); /* the program's own stays */
		expect("bad", check(&s, true), MM_ERR_BAD_SIGNATURE);
		assert_int_equal(ERR_GET_REASON(ERR_get_error()), 1);
		assert_int_equal(ERR_get_error(), 0);
		jwk_drop(s.key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_none_ready),
		cmocka_unit_test(test_no_errors_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
