/* test_owed.c - the keys whose end an issuer owes, and the file of them. */
#include "tests/unit/keyring_fixture.h"

#include "common/buf.h"
#include "issuer/owed.h"

enum { ROOM = 4 * KEYRING_MAX };

static void load_ring(struct fixture *f, struct keyring *ring)
{
	assert_int_equal(keyring_init(f->at, JWK_ES256, NULL), MM_OK);
	assert_int_equal(keyring_load(f->at, ring, NULL), MM_OK);
	assert_int_equal(ring->count, 2);
}

static void put_others(struct owed *o, size_t count)
{
	*o = (struct owed){ .count = count };
	for (size_t i = 0; i < count; i++)
		snprintf(o->kid[i], KID_SIZE, "other%06u",
			 (unsigned)i % 1000000u);
}

static const char *owed_file(struct fixture *f)
{
	static char path[PATH + 8];
	snprintf(path, sizeof path, "%s/owed", f->dir);
	return path;
}

/* All that were there, each once; and the file has those that went. */
static void test_saved_and_settled(void **state)
{
	struct fixture *f = *state;
	AUTO_RING struct keyring ring = { .count = 0 };
	struct owed o, back = { .count = 0 };
	load_ring(f, &ring);
	put_others(&o, 3);
	for (int i = 0; i < 2; i++)
		assert_int_equal(owed_add(&o, &ring, NULL), MM_OK);
	assert_int_equal(o.count, 5);
	owed_save(&o, &ring, f->dir);
	assert_int_equal(owed_load(&back, f->dir, NULL), MM_OK);
	assert_int_equal(back.count, 3);
	assert_true(owed_has(&back, "other000002"));
	assert_false(owed_has(&back, "other000003"));

	owed_settle(&o, &ring, f->dir);
	assert_int_equal(o.count, 2);
	assert_true(owed_has(&o, jwk_kid(ring.at[0].key)));
	assert_int_equal(access(owed_file(f), F_OK), -1);
	owed_save(&o, &ring, f->dir); /* nothing went: no file */
	assert_int_equal(access(owed_file(f), F_OK), -1);
	assert_int_equal(owed_load(&o, f->dir, NULL), MM_OK);
}

static void test_full(void **state)
{
	struct fixture *f = *state;
	AUTO_RING struct keyring ring = { .count = 0 };
	struct owed o, back = { .count = 0 };
	load_ring(f, &ring);
	put_others(&o, ROOM - 1);
	assert_int_equal(owed_add(&o, &ring, &f->why), MM_ERR_TOO_LARGE);
	assert_non_null(strstr(f->why.text, "too many keys"));
	put_others(&o, ROOM);
	owed_save(&o, &ring, f->dir);
	assert_int_equal(owed_load(&back, f->dir, NULL), MM_OK);
	assert_int_equal(back.count, ROOM);
}

/* What it says is done for good. */
static void test_files_that_are_not_taken(void **state)
{
	struct fixture *f = *state;
	AUTO_RING struct keyring ring = { .count = 0 };
	static const char *const rows[] = { "short\n", "\n", "other0000000\n",
					    "other000000\n\n" };
	load_ring(f, &ring);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct owed o = { .count = 0 };
		assert_int_equal(file_replace(owed_file(f), span_str(rows[i]),
					      0600, NULL),
				 MM_OK);
		assert_int_equal(owed_load(&o, f->dir, &f->why),
				 MM_ERR_INVALID);
		assert_non_null(strstr(f->why.text, "is damaged"));
	}
	struct owed o = { .count = 0 };
	assert_int_equal(file_replace(owed_file(f), span_str("other000000\n"),
				      0606, NULL),
			 MM_OK);
	assert_int_equal(owed_load(&o, f->dir, &f->why), MM_ERR_INVALID);
	assert_non_null(strstr(f->why.text, "others can write"));
	assert_int_equal(o.count, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_saved_and_settled),
		T(test_full),
		T(test_files_that_are_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
