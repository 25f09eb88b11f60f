/* The keyring, when the n-th call of anything fails: always somebody to sign,
 * no key in two states, and the verb called again does the rest. */
#include "tests/unit/keyring_fixture.h"

#include "common/json_heap.h"
#include "tests/faults/nth_fixture.h"

#define ALL (NTH_MALLOC | NTH_WRITE | NTH_SYNC | NTH_RENAME | NTH_OPEN)

static bool is_anywhere(const struct fixture *f, const char *kid)
{
	return exists(f, "next", kid) || exists(f, "active", kid) ||
	       exists(f, "retiring", kid);
}

static struct fixture *fresh(void)
{
	void *state;
	assert_int_equal(set_up(&state), 0);
	return made(&state);
}

static void done_with(struct fixture *f)
{
	void *state = f;
	tear_down(&state);
}

static void rotate_round(struct nth_round *r)
{
	struct fixture *f = fresh();
	struct keyring_rotation did;
	char first[KID_SIZE], second[KID_SIZE], now[KID_SIZE];
	signer_of(f, first);
	successor_of(f, second);
	f->why.text[0] = '\0';
	nth_begin(r);
	enum mm_err e = keyring_rotate(f->at, JWK_EDDSA, &did, &f->why);
	nth_end(r);
	signer_of(f, now);
	assert_true(!strcmp(now, first) || !strcmp(now, second));
	if (e == MM_OK)
		assert_string_equal(now, second);
	else
		assert_string_not_equal(f->why.text, "");

	if (e != MM_OK && exists(f, "active", first))
		assert_int_equal(
			keyring_rotate(f->at, JWK_EDDSA, &did, &f->why), MM_OK);
	assert_int_equal(keyring_init(f->at, JWK_EDDSA, &f->why), MM_OK);
	signer_of(f, now);
	assert_string_equal(now, second);
	assert_true(exists(f, "retiring", first));
	assert_counts(f, 1, 1, 1);
	done_with(f);
}

static void test_F5_rotate(void **state)
{
	(void)state;
	assert_in_range(nth_each(ALL, rotate_round), 100, 20000);
}

/* Thrown out is thrown out; and refused, it is as it was or half done. */
static void compromise_round(struct nth_round *r)
{
	struct fixture *f = fresh();
	struct keyring_thrown did;
	char first[KID_SIZE], now[KID_SIZE];
	signer_of(f, first);
	f->why.text[0] = '\0';
	nth_begin(r);
	enum mm_err e =
		keyring_compromise(f->at, first, JWK_EDDSA, &did, &f->why);
	nth_end(r);
	signer_of(f, now);
	if (e == MM_OK)
		assert_string_not_equal(now, first);
	else
		assert_string_not_equal(f->why.text, "");

	if (is_anywhere(f, first))
		assert_int_equal(keyring_compromise(f->at, first, JWK_EDDSA,
						    &did, &f->why),
				 MM_OK);
	assert_false(is_anywhere(f, first));
	assert_int_equal(keyring_init(f->at, JWK_EDDSA, &f->why), MM_OK);
	assert_counts(f, 1, 1, 0);
	done_with(f);
}

static void test_F5_compromise(void **state)
{
	(void)state;
	assert_in_range(nth_each(ALL, compromise_round), 100, 20000);
}

/* What a daemon does when it starts: all keys, or none and a reason. */
static void load_round(struct nth_round *r)
{
	struct fixture *f = fresh();
	struct keyring k;
	f->why.text[0] = '\0';
	nth_begin(r);
	enum mm_err e = keyring_load(f->at, &k, &f->why);
	nth_end(r);
	if (e == MM_OK)
		assert_int_equal(k.count, 2);
	else
		assert_string_not_equal(f->why.text, "");
	if (e == MM_OK)
		keyring_free(&k);
	done_with(f);
}

static void test_F5_load(void **state)
{
	(void)state;
	assert_in_range(nth_each(ALL, load_round), 30, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F5_rotate),
		cmocka_unit_test(test_F5_compromise),
		cmocka_unit_test(test_F5_load),
	};
	json_heap_watch(free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
