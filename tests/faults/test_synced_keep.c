/* What an agent holds would be there after a power cut: the batches that it
 * has taken, the checkpoint that they stand behind, and the uses that it has
 * still to tell. */
#include "tests/faults/synced_fixture.h"
#include "tests/unit/follow_fixture.h"

/* A journal that is emptied may come back: its batches are older than the
 * checkpoint, which is on the disk by then. */
#define assert_synced_but_journal()                                            \
	assert_string_equal(synced_lost(), "bytes of state.journal\n")

/* The state file is made anew at each start, and nothing is resumed from it. */
static void watch(const struct mint *m)
{
	synced_watch(m->folder);
	synced_let("state");
	synced_let("state.new");
	synced_let("state.lock");
}

/* The first start, as host_begin() does it. */
static int set_up(void **state)
{
	static struct host h;
	struct jwk_set first = { .count = 0 };
	mint_begin(&h.m);
	watch(&h.m);
	assert_ok(jwk_set_add(&first, h.m.key));
	assert_ok(keep_open(&h.k, h.m.path, ISS, DAY, NULL));
	assert_ok(take_snapshot(&h, h.m.key, &first));
	jwk_set_clear(&first);
	*state = &h;
	return 0;
}

static int tear_down(void **state)
{
	host_end(*state);
	return 0;
}

static void take_one(struct host *h)
{
	assert_ok(take(h, (struct batch){ .after = 7,
					  .count = 1,
					  .events = revoked(8, 5) }));
}

static void test_F2_snapshot(void **state)
{
	(void)state;
	assert_synced_but_journal();
}

static void test_F2_batch(void **state)
{
	take_one(*state);
	assert_synced();
}

static void test_F2_checkpoint(void **state)
{
	struct host *h = *state;
	take_one(h);
	assert_ok(keep_checkpoint(&h->k, NULL));
	assert_synced_but_journal();
}

static void test_F2_a_journal_made_anew(void **state)
{
	struct host *h = *state;
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s.journal", h->m.path);
	assert_int_equal(unlink(path), 0);
	host_restart(h);
	take_one(h);
	assert_synced();
}

static void test_F2_uses(void **state)
{
	struct host *h = *state;
	struct use_datagram d = { .list = SLIDE,
				  .idx = 3,
				  .auto_refresh = DAY,
				  .iat = T0,
				  .exp = T0 + 30 * DAY,
				  .used_at = T0 + 500 };
	take_one(h);
	assert_ok(keep_use(&h->k, &d, T0 + 1000));
	assert_ok(keep_save_uses(&h->k, NULL));
	assert_true(h->k.uses.count == 1);
	assert_synced();
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_F2_snapshot),   T(test_F2_batch),
		T(test_F2_checkpoint), T(test_F2_a_journal_made_anew),
		T(test_F2_uses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
