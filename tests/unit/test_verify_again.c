/* Step 3 for a token seen before: nothing that can change is remembered. */
#include "tests/unit/verify_desk.h"

/* Is the token remembered?  (Whether its key still stands is not asked.) */
static bool remembered(struct desk *d, struct span token)
{
	struct cached k;
	struct cache_query q = cache_look(d->v->cache, token);
	AUTO_PIN struct pin p = reader_pin(&d->v->reader);
	return p.map != NULL && cache_find(d->v->cache, &q, &k);
}

static uint64_t key_number(struct desk *d, size_t i)
{
	AUTO_PIN struct pin p = reader_pin(&d->v->reader);
	return p.map->key_number[i];
}

static enum mm_err again(struct desk *d, struct span token)
{
	struct mm_token t;
	return mm_verify(d->v, (const char *)token.at, token.len, &t);
}

/* Everything but the signature is asked anew. */
static void test_seen_before(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token t;
	AUTO_BUF struct buf b, slides;
	desk_begin(&d, (struct mm_options){ .audience = "files" });
	struct span token = token_make(
		&d.m, (struct says){ .idx = 1, .aud = "\"files\"" }, &b);
	struct span other = token_make(
		&d.m, (struct says){ .list = SLIDE, .idx = 2, .window = 200 },
		&slides);
	assert_false(remembered(&d, token));
	assert_ok(again(&d, token));
	assert_ok(again(&d, other));
	assert_true(remembered(&d, token));
	assert_true(remembered(&d, other));

	assert_err(mm_verify_user(d.v, "bob", (const char *)token.at, token.len,
				  &t),
		   MM_ERR_WRONG_USER);
	assert_ok(state_put_status(&d.w, FIXED, 1, STATUS_SUSPENDED));
	assert_err(again(&d, token), MM_ERR_SUSPENDED);
	assert_ok(state_put_status(&d.w, FIXED, 1, STATUS_REVOKED));
	assert_err(again(&d, token), MM_ERR_REVOKED);
	assert_ok(state_put_status(&d.w, FIXED, 1, STATUS_VALID));
	assert_ok(again(&d, token));

	d.now = T0 + 200;
	assert_err(again(&d, other), MM_ERR_IDLE);
	assert_ok(state_raise_use(&d.w, SLIDE, 2, T0 + 150));
	assert_ok(again(&d, other));
	/* set back, to before the newest news: it is no sooner than those */
	d.now = T0 - 61;
	assert_ok(again(&d, token));
	state_put_head(&d.w, 7, T0 + 400);
	assert_err(again(&d, other), MM_ERR_IDLE);
	d.now = T0 + 2 * DAY;
	assert_err(again(&d, token), MM_ERR_STALE);
	state_put_head(&d.w, 7, T0 + 30 * DAY);
	d.now = T0 + 30 * DAY;
	assert_err(again(&d, token), MM_ERR_EXPIRED);
	assert_true(remembered(&d, token)); /* of all of these answers */
	desk_end(&d);
}

/* An access token is remembered by who takes it, and by nobody else. */
static void test_seen_before_access(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token t;
	AUTO_BUF struct buf b;
	desk_begin(&d, (struct mm_options){ .audience = "files",
					    .flags = MM_ACCESS_TOKENS });
	struct span token = token_make(&d.m,
				       (struct says){ .typ = TYP_ACCESS,
						      .own = ".k3_Z",
						      .client = "1.0",
						      .aud = "\"files\"" },
				       &b);
	for (int i = 0; i < 2; i++) {
		t.access_token = false;
		assert_ok(
			mm_verify(d.v, (const char *)token.at, token.len, &t));
		assert_true(t.access_token);
		assert_string_equal(t.id, "1.0.k3_Z");
		assert_true(remembered(&d, token));
	}
	assert_ok(state_put_status(&d.w, FIXED, 0, STATUS_REVOKED));
	assert_err(again(&d, token), MM_ERR_REVOKED);
	assert_ok(state_put_status(&d.w, FIXED, 0, STATUS_VALID));

	struct asked unnamed = { .audience = NULL };
	assert_err(verifier_ask(d.v, &unnamed, token, &t),
		   MM_ERR_WRONG_AUDIENCE);
	mm_close(d.v);
	desk_open(&d, (struct mm_options){ .flags = 0 });
	for (int i = 0; i < 2; i++) {
		assert_err(again(&d, token), MM_ERR_MALFORMED);
		assert_false(remembered(&d, token));
	}
	desk_end(&d);
}

/* A state that knows no such list, another issuer's, one without the key. */
static void test_seen_before_another_state(void **state)
{
	(void)state;
	AUTO_JWK struct jwk *new = NULL;
	AUTO_BUF struct buf b;
	struct desk d;
	desk_begin(&d, (struct mm_options){ 0 });
	struct span token = token_make(&d.m, (struct says){ .idx = 1 }, &b);
	assert_ok(again(&d, token));

	assert_ok(
		replica_apply(&d.m.r, &(struct event){ .seq = d.m.r.seq + 1,
						       .type = EVENT_LIST_DEAD,
						       .list = FIXED }));
	desk_publish(&d);
	assert_err(again(&d, token), MM_ERR_STALE);
	struct list *l;
	assert_ok(replica_add_list(&d.m.r, FIXED, LIST_FIXED, SIZE,
				   T0 + 400 * DAY, &l));
	desk_publish(&d);
	assert_ok(again(&d, token));

	snprintf(d.m.r.iss, sizeof d.m.r.iss, ISS ".evil.org");
	desk_publish(&d);
	assert_err(again(&d, token), MM_ERR_WRONG_ISSUER);
	snprintf(d.m.r.iss, sizeof d.m.r.iss, ISS);

	assert_ok(jwk_generate(JWK_ES256, &new));
	jwk_set_clear(&d.m.r.keys);
	assert_ok(jwk_set_add(&d.m.r.keys, new));
	desk_publish(&d);
	assert_true(remembered(&d, token));
	assert_err(again(&d, token), MM_ERR_UNKNOWN_KEY);
	desk_end(&d);
}

/* What a key's tokens left behind ends with the key, and a key that stays
 * keeps its tokens known when others come and go. */
static void test_keys_come_and_go(void **state)
{
	(void)state;
	AUTO_JWK struct jwk *other = NULL;
	AUTO_BUF struct buf b;
	struct desk d;
	desk_begin(&d, (struct mm_options){ 0 });
	struct span token = token_make(&d.m, (struct says){ .idx = 1 }, &b);
	assert_ok(again(&d, token));
	uint64_t first = key_number(&d, 0);

	assert_ok(jwk_generate(JWK_ES256, &other));
	jwk_set_clear(&d.m.r.keys);
	assert_ok(jwk_set_add(&d.m.r.keys, other));
	assert_ok(jwk_set_add(&d.m.r.keys, d.m.key));
	desk_publish(&d);
	assert_ok(again(&d, token));
	assert_int_equal(key_number(&d, 1), first);

	jwk_set_clear(&d.m.r.keys);
	assert_ok(jwk_set_add(&d.m.r.keys, other));
	desk_publish(&d);
	assert_err(again(&d, token), MM_ERR_UNKNOWN_KEY);
	assert_ok(jwk_set_add(&d.m.r.keys, d.m.key)); /* back again */
	desk_publish(&d);
	assert_ok(again(&d, token));
	assert_int_not_equal(key_number(&d, 1), first);
	desk_end(&d);
}

/* Tokens are remembered as far as the caller wants it. */
static void test_cache_options(void **state)
{
	(void)state;
	static const struct {
		struct mm_options opt;
		bool remembers;
	} cases[] = {
		{ { 0 }, true },
		{ { .cache_size = 256 << 10 }, true },
		{ { .cache_size = 1 }, false },
		{ { .flags = MM_NO_CACHE }, false },
		{ { .flags = MM_NO_CACHE | MM_NO_USE, .cache_size = 1 << 20 },
		  false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct desk d;
		AUTO_BUF struct buf b;
		desk_begin(&d, cases[i].opt);
		struct span token = token_make(
			&d.m, (struct says){ .idx = (uint32_t)i }, &b);
		for (int n = 0; n < 3; n++)
			assert_ok(again(&d, token));
		assert_int_equal(remembered(&d, token), cases[i].remembers);
		desk_end(&d);
	}
}

/* What was refused for its form or its signature is not remembered. */
static void test_forged_is_forgotten(void **state)
{
	(void)state;
	AUTO_JWK struct jwk *stranger = NULL;
	AUTO_BUF struct buf forged, bad_scope, twisted;
	struct desk d;
	desk_begin(&d, (struct mm_options){ 0 });
	assert_ok(jwk_generate(JWK_ES256, &stranger));
	struct span tokens[] = {
		token_make(&d.m, (struct says){ .key = stranger }, &forged),
		token_make(&d.m, (struct says){ .scope = "node:1:rwx" },
			   &bad_scope),
		token_make(&d.m, (struct says){ .idx = 1 }, &twisted),
	};
	twisted.at[twisted.len - 30] ^= 1;
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		assert_int_not_equal(again(&d, tokens[i]), MM_OK);
		assert_false(remembered(&d, tokens[i]));
	}
	desk_end(&d);
}

/* ---- threads ---- */

enum { THREADS = 3, TOKENS = 64, GENERATIONS = 30 };

struct crowd {
	struct desk d;
	struct buf token[TOKENS];
	atomic_bool revoking[TOKENS], revoked[TOKENS], done;
	atomic_uint wrong, good;
};

/* Each in turn: good until it is revoked, and never after. */
static void *verify_on(void *arg)
{
	struct crowd *c = arg;
	struct mm_token t;
	for (size_t i = 0; !atomic_load(&c->done); i = (i + 1) % TOKENS) {
		bool before = atomic_load(&c->revoked[i]);
		enum mm_err e = mm_verify(c->d.v, (const char *)c->token[i].at,
					  c->token[i].len, &t);
		bool after = atomic_load(&c->revoking[i]);
		if ((e != MM_OK && e != MM_ERR_REVOKED) ||
		    (e == MM_OK && (before || t.index != i)) ||
		    (e == MM_ERR_REVOKED && !after))
			atomic_fetch_add(&c->wrong, 1);
		atomic_fetch_add(&c->good, e == MM_OK);
	}
	return NULL;
}

/* The list's values live in the replica, too, for the next file. */
static void revoke_one(struct crowd *c, uint32_t idx)
{
	atomic_store(&c->revoking[idx], true);
	list_put_status(replica_list(&c->d.m.r, FIXED), idx, STATUS_REVOKED);
	assert_ok(state_put_status(&c->d.w, FIXED, idx, STATUS_REVOKED));
	atomic_store(&c->revoked[idx], true);
}

/* Until the verifier has the newest file. */
static void wait_taken_up(struct desk *d)
{
	for (uint64_t seq = 0; seq != d->m.r.seq;) {
		AUTO_PIN struct pin p = reader_pin(&d->v->reader);
		seq = p.map->head->seq;
	}
}

/* Other keys come and go in new files, tokens are revoked in place, and
 * there is room for a third of the tokens. */
static void test_threads(void **state)
{
	(void)state;
	static struct crowd c;
	pthread_t t[THREADS];
	desk_begin(&c.d, (struct mm_options){ .cache_size = 64 << 10 });
	for (uint32_t i = 0; i < TOKENS; i++)
		token_make(&c.d.m, (struct says){ .idx = i }, &c.token[i]);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, verify_on, &c), 0);
	for (uint32_t g = 0; g < GENERATIONS; g++) {
		AUTO_JWK struct jwk *other = NULL;
		assert_ok(jwk_generate(JWK_ES256, &other));
		jwk_set_clear(&c.d.m.r.keys);
		assert_ok(jwk_set_add(&c.d.m.r.keys, other));
		assert_ok(jwk_set_add(&c.d.m.r.keys, c.d.m.key));
		desk_publish(&c.d);
		wait_taken_up(&c.d);
		revoke_one(&c, 2 * g);
	}
	atomic_store(&c.done, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(c.wrong, 0);
	assert_in_range(c.good, 100, UINT_MAX);
	for (uint32_t i = 0; i < TOKENS; i++) {
		assert_err(again(&c.d, span_of(c.token[i].at, c.token[i].len)),
			   c.revoked[i] ? MM_ERR_REVOKED : MM_OK);
		buf_free(&c.token[i]);
	}
	desk_end(&c.d);
}

/* ---- without the token ---- */

/* What PAM's account step asks, when the token is no longer at hand. */
static void test_check_again(void **state)
{
	(void)state;
	struct desk d;
	struct mm_token fixed, slides;
	desk_begin(&d, (struct mm_options){ .max_staleness = 1000 });
	assert_ok(ask(&d, (struct says){ .idx = 1, .exp = T0 + 500 }, &fixed));
	assert_ok(ask(&d,
		      (struct says){ .list = SLIDE, .idx = 2, .window = 200 },
		      &slides));
	const struct mm_token known = fixed;
	assert_ok(verifier_check_again(d.v, &fixed));
	assert_ok(verifier_check_again(d.v, &slides));
	assert_memory_equal(&fixed, &known, sizeof known);

	assert_ok(state_put_status(&d.w, FIXED, 1, STATUS_SUSPENDED));
	assert_err(verifier_check_again(d.v, &fixed), MM_ERR_SUSPENDED);
	assert_ok(verifier_check_again(d.v, &slides));
	assert_ok(state_put_status(&d.w, FIXED, 1, STATUS_REVOKED));
	assert_err(verifier_check_again(d.v, &fixed), MM_ERR_REVOKED);
	assert_ok(state_put_status(&d.w, FIXED, 1, STATUS_VALID));
	fixed.list = 99;
	assert_err(verifier_check_again(d.v, &fixed), MM_ERR_STALE);
	fixed = known;
	fixed.index = SIZE;
	assert_err(verifier_check_again(d.v, &fixed), MM_ERR_REVOKED);

	d.now = T0 + 200;
	assert_ok(verifier_check_again(d.v, &known));
	assert_err(verifier_check_again(d.v, &slides), MM_ERR_IDLE);
	assert_ok(state_raise_use(&d.w, SLIDE, 2, T0 + 150));
	assert_ok(verifier_check_again(d.v, &slides));
	d.now = T0 + 499;
	assert_ok(verifier_check_again(d.v, &known));
	d.now = T0 + 500;
	assert_err(verifier_check_again(d.v, &known), MM_ERR_EXPIRED);
	d.now = T0 + 1001;
	assert_err(verifier_check_again(d.v, &known), MM_ERR_STALE);
	desk_end(&d);
}

/* The file was removed, and an agent made another, which could not mark the
 * old one: once that has been without news for a minute, it is found. */
static void test_a_removed_file(void **state)
{
	(void)state;
	AUTO_BUF struct buf b;
	struct desk d;
	desk_begin(&d, (struct mm_options){ 0 });
	struct span token = token_make(&d.m, (struct says){ .idx = 1 }, &b);
	d.now = T0 + 60;
	assert_ok(again(&d, token));
	assert_int_equal(unlink(d.m.path), 0);
	list_put_status(replica_list(&d.m.r, FIXED), 1, STATUS_REVOKED);
	desk_publish(&d);
	assert_ok(again(&d, token)); /* news may still come to the old one */
	d.now = T0 + 61;
	assert_err(again(&d, token), MM_ERR_REVOKED);
	desk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_again),
		cmocka_unit_test(test_seen_before),
		cmocka_unit_test(test_seen_before_access),
		cmocka_unit_test(test_seen_before_another_state),
		cmocka_unit_test(test_keys_come_and_go),
		cmocka_unit_test(test_cache_options),
		cmocka_unit_test(test_forged_is_forgotten),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_a_removed_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
