/* test_store_repeat.c - requests that come again are done once; and stores
 * of older versions, that knew nothing of this, are brought up to it. */
#include <pthread.h>

#include "issuer/store_forget.h"
#include "tests/unit/store_fixture.h"

static void a_request_is_done_once(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct token_row first = unminted(f, &r), again = unminted(f, &r), got;
	assert_int_equal(store_repeat(f->s, &r), MM_ERR_NOT_FOUND);
	assert_int_equal(store_mint(f->s, &first), MM_OK);
	assert_false(r.before);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_mint(f->s, &again), MM_OK);
		assert_true(r.before);
		assert_int_equal(r.made.idx, first.idx);
		assert_string_equal(r.made.label, "once");
		assert_int_equal(store_get(f->s, again.list, again.idx, &got),
				 MM_ERR_NOT_FOUND);
		open_again(f); /* it is known for good */
	}
	r.made.idx = 99;
	assert_int_equal(store_repeat(f->s, &r), MM_OK);
	assert_int_equal(r.made.idx, first.idx);
}

static void a_name_is_of_one_request(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct repeat other = { .name = "alice, K", .request = "mint more" };
	struct repeat bob = { .name = "bob, K", .request = "mint" };
	struct token_row a = unminted(f, &r), b = unminted(f, &other);
	struct token_row c = unminted(f, &bob), got;
	assert_int_equal(store_mint(f->s, &a), MM_OK);
	assert_int_equal(store_mint(f->s, &b), MM_ERR_REUSED);
	assert_int_equal(store_repeat(f->s, &other), MM_ERR_REUSED);
	assert_int_equal(store_get(f->s, b.list, b.idx, &got),
			 MM_ERR_NOT_FOUND);
	assert_int_equal(store_mint(f->s, &c), MM_OK);
	assert_false(bob.before);
}

static void what_was_refused_may_be_asked_again(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct token_row t = unminted(f, &r);
	snprintf(t.kid, sizeof t.kid, "nobody");
	assert_int_equal(store_mint(f->s, &t), MM_ERR_CONFLICT);
	assert_int_equal(store_repeat(f->s, &r), MM_ERR_NOT_FOUND);
	snprintf(t.kid, sizeof t.kid, "kid00000001");
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	assert_false(r.before);
}

static void a_rotation_is_done_once(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "rotate" };
	struct repeat other = { .name = "alice, L", .request = "rotate" };
	struct token_row old = mint(f, DAY, 0), got;
	struct token_row next = unminted(f, &r), again = unminted(f, &r);
	struct token_row more = unminted(f, &other);
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 0, &next),
			 MM_OK);
	assert_false(r.before);
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 0, &again),
			 MM_OK);
	assert_true(r.before);
	assert_int_equal(r.made.idx, next.idx);
	assert_int_equal(store_get(f->s, next.list, next.idx, &got), MM_OK);
	assert_int_equal(got.status, TOKEN_VALID);
	/* by another key it is another rotation, of a token that is gone */
	assert_int_equal(store_rotate(f->s, old.list, old.idx, 0, &more),
			 MM_ERR_CONFLICT);
	assert_int_equal(store_repeat(f->s, &other), MM_ERR_NOT_FOUND);
}

struct asker {
	struct fixture *f;
	struct repeat r;
	struct token_row t;
	enum mm_err e;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	a->e = store_mint(a->f->s, &a->t);
	return NULL;
}

static void of_many_at_once_one_is_done(void **state)
{
	struct fixture *f = *state;
	static struct asker a[16];
	pthread_t thread[16];
	const struct asker *first = NULL;
	for (size_t i = 0; i < 16; i++) {
		a[i] = (struct asker){ .f = f };
		a[i].r = (struct repeat){ .name = "K", .request = "mint" };
		a[i].t = unminted(f, &a[i].r);
	}
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ask, &a[i]),
				 0);
	for (size_t i = 0; i < 16; i++)
		pthread_join(thread[i], NULL);
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(a[i].e, MM_OK);
		assert_true(a[i].r.before || first == NULL);
		if (!a[i].r.before)
			first = &a[i];
	}
	assert_non_null(first);
	for (size_t i = 0; i < 16; i++)
		if (a[i].r.before)
			assert_int_equal(a[i].r.made.idx, first->t.idx);
}

static void repeats_are_forgotten_in_their_time(void **state)
{
	struct fixture *f = *state;
	struct repeat r = { .name = "alice, K", .request = "mint" };
	struct token_row t = unminted(f, &r);
	size_t done;
	assert_int_equal(store_mint(f->s, &t), MM_OK);
	assert_int_equal(store_forget_repeats(f->s, T0, 9, &done), MM_OK);
	assert_int_equal(done, 0);
	assert_int_equal(store_repeat(f->s, &r), MM_OK);
	assert_int_equal(store_forget_repeats(f->s, T0 + 1, 9, &done), MM_OK);
	assert_int_equal(done, 1);
	assert_int_equal(store_repeat(f->s, &r), MM_ERR_NOT_FOUND);
}

static void repeats_are_forgotten_some_at_once(void **state)
{
	static const size_t want[] = { 2, 1, 0 };
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		struct repeat r = { .name = "K0", .request = "mint" };
		r.name[1] = (char)('0' + i);
		struct token_row t = unminted(f, &r);
		assert_int_equal(store_mint(f->s, &t), MM_OK);
	}
	for (size_t i = 0; i < 3; i++) {
		size_t done;
		assert_int_equal(store_forget_repeats(f->s, T0 + 1, 2, &done),
				 MM_OK);
		assert_int_equal(done, want[i]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_done_once),
		TEST(a_name_is_of_one_request),
		TEST(what_was_refused_may_be_asked_again),
		TEST(a_rotation_is_done_once),
		TEST(of_many_at_once_one_is_done),
		TEST(repeats_are_forgotten_in_their_time),
		TEST(repeats_are_forgotten_some_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
