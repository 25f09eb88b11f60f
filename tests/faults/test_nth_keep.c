/* What an agent holds, when the n-th call of anything fails: no revocation
 * that it held is lost, and the state file is true or stale. */
#include "common/json_heap.h"
#include "tests/faults/nth_fixture.h"
#include "tests/unit/follow_fixture.h"

#define DISK (NTH_WRITE | NTH_SYNC | NTH_RENAME | NTH_OPEN)

/* ---- what must be so ---- */

static void assert_holds(const struct host *h, uint32_t idx)
{
	struct list *l = replica_list(&h->k.replica, FIXED);
	if (l == NULL)
		fail_msg("nothing is held: %s", h->k.lost.text);
	assert_int_equal(status_get(l->status, idx), STATUS_REVOKED);
}

/* A reader is told of the revocation, or that it cannot know. */
static void assert_refused(const struct host *h, uint32_t idx)
{
	AUTO_MAP struct state_map *s = NULL;
	if (state_map_open(h->m.path, &s, NULL) != MM_OK)
		return;
	unsigned is = state_status(s->head, state_find(s->head, FIXED), idx);
	if (is != STATUS_REVOKED && state_fresh_at(s) != 0)
		fail_msg("%u would be let in", idx);
}

/* As the follower does between two objects, and then kill -9. */
static void crash(struct host *h)
{
	if (journal_is_long(&h->k.journal))
		assert_ok(keep_checkpoint(&h->k, NULL));
	host_restart(h);
}

/* A host that has heard of the revocation of 5, if only in its journal. */
static void begin(struct host *h)
{
	host_begin(h);
	assert_ok(take(h, (struct batch){ .after = 7,
					  .count = 1,
					  .events = revoked(8, 5) }));
}

/* ---- batches ---- */

/* What the issuer says next, in one batch: revocations, and between them a
 * list, for which a new state file has to be made. */
static enum mm_err take_rest(struct host *h, struct nth_round *r)
{
	char text[4][4096];
	const struct event list = { .seq = 10,
				    .type = EVENT_LIST_NEW,
				    .list = 9,
				    .kind = LIST_FIXED,
				    .size = SIZE,
				    .expires = T0 + DAY };
	AUTO_BUF struct buf b, all = buf_new(16384);
	struct span events;
	uint64_t from = h->k.replica.seq;
	snprintf(text[0], sizeof text[0], "%s", revoked(9, 6));
	snprintf(text[1], sizeof text[1], "%s", event_json(&list));
	snprintf(text[2], sizeof text[2], "%s", revoked(11, 7));
	snprintf(text[3], sizeof text[3], "%s", revoked(12, 8));
	for (uint64_t i = from; i < 12; i++)
		buf_fmt(&all, "%s%s", i > from ? "," : "", text[i - 8]);
	assert_ok(buf_done(&all, &events));
	struct batch s = { .after = from,
			   .count = (unsigned)(12 - from),
			   .events = (const char *)events.at };
	struct span jws = batch_make(&h->m, s, &b);
	if (r != NULL)
		nth_begin(r);
	enum mm_err e = keep_take_batch(&h->k, jws, NULL, T0 + 1000, NULL);
	if (r != NULL)
		nth_end(r);
	return e;
}

static void batch_round(struct nth_round *r)
{
	struct host h;
	begin(&h);
	if (take_rest(&h, r) == MM_OK) {
		assert_refused(&h, 6);
		assert_refused(&h, 8);
	}
	assert_refused(&h, 5);
	/* whatever it was, the issuer is asked from where we stand */
	assert_ok(take_rest(&h, NULL));
	crash(&h);
	for (uint32_t idx = 5; idx <= 8; idx++) {
		assert_holds(&h, idx);
		assert_int_equal(shown(&h, idx), STATUS_REVOKED);
	}
	host_end(&h);
}

static void test_F5_batch(void **state)
{
	unsigned spread = nth_spread;
	(void)state;
	nth_spread = 10000; /* each */
	assert_in_range(nth_each(NTH_MALLOC, batch_round), 20, 10000);
	nth_spread = spread;
}

static void test_F3_batch(void **state)
{
	(void)state;
	assert_in_range(nth_each(DISK, batch_round), 4, 1000);
}

/* ---- snapshots ---- */

static void snapshot_round(struct nth_round *r)
{
	struct host h;
	AUTO_BUF struct buf b;
	begin(&h);
	list_put_status(replica_list(&h.m.r, FIXED), 5, STATUS_REVOKED);
	list_put_status(replica_list(&h.m.r, FIXED), 6, STATUS_REVOKED);
	h.m.r.seq = 20;
	struct span jws = snapshot_make(&h.m, h.m.key, &b);

	nth_begin(r);
	enum mm_err e = keep_take_snapshot(&h.k, jws, NULL, T0 + 1000, NULL);
	nth_end(r);
	assert_refused(&h, 5);
	if (h.k.replica.seq == 20)
		assert_refused(&h, 6);
	host_restart(&h); /* killed: of one age or of the other */
	assert_holds(&h, 5);
	if (e == MM_OK)
		assert_holds(&h, 6);
	assert_ok(keep_take_snapshot(&h.k, jws, NULL, T0 + 1000, NULL));
	assert_int_equal(shown(&h, 6), STATUS_REVOKED);
	host_end(&h);
}

static void test_F5_snapshot(void **state)
{
	(void)state;
	assert_in_range(nth_each(NTH_MALLOC, snapshot_round), 50, 10000);
}

static void test_F3_snapshot(void **state)
{
	(void)state;
	assert_in_range(nth_each(DISK, snapshot_round), 8, 1000);
}

/* ---- a restart ---- */

/* It may fail, and the next one finds all; but it may not go on with less. */
static void restart_round(struct nth_round *r)
{
	struct host h;
	struct why why = { .text = "" };
	struct use_datagram d = { .list = SLIDE,
				  .idx = 3,
				  .auto_refresh = DAY,
				  .iat = T0,
				  .exp = T0 + 30 * DAY,
				  .used_at = T0 + 500 };
	begin(&h);
	assert_ok(keep_use(&h.k, &d, T0 + 1000));
	assert_ok(keep_save_uses(&h.k, NULL));
	keep_close(&h.k);

	nth_begin(r);
	enum mm_err e = keep_open(&h.k, h.m.path, ISS, DAY, &why);
	if (e == MM_OK)
		e = keep_load(&h.k, T0 + 1000, &why);
	nth_end(r);
	if (e == MM_OK)
		assert_holds(&h, 5);
	else
		assert_string_not_equal(why.text, "");
	assert_refused(&h, 5);
	host_restart(&h);
	assert_holds(&h, 5);
	assert_int_equal(h.k.replica.seq, 8);
	assert_non_null(use_table_find(&h.k.uses, SLIDE, 3));
	host_end(&h);
}

static void test_F5_restart(void **state)
{
	(void)state;
	assert_in_range(nth_each(NTH_MALLOC, restart_round), 50, 10000);
}

static void test_F3_restart(void **state)
{
	(void)state;
	assert_in_range(nth_each(DISK, restart_round), 4, 1000);
}

/* ---- what is saved ---- */

static void save_round(struct nth_round *r)
{
	struct host h;
	struct use_datagram d = { .list = SLIDE,
				  .idx = 3,
				  .auto_refresh = DAY,
				  .iat = T0,
				  .exp = T0 + 30 * DAY,
				  .used_at = T0 + 500 };
	begin(&h);
	nth_begin(r);
	enum mm_err use = keep_use(&h.k, &d, T0 + 1000);
	enum mm_err saved = keep_save_uses(&h.k, NULL);
	enum mm_err kept = keep_checkpoint(&h.k, NULL);
	nth_end(r);
	if (use != MM_OK)
		assert_ok(keep_use(&h.k, &d, T0 + 1000));
	if (use != MM_OK || saved != MM_OK) /* a second later, it is tried */
		assert_ok(keep_save_uses(&h.k, NULL));
	if (kept != MM_OK)
		assert_true(h.k.holds);
	host_restart(&h);
	assert_holds(&h, 5);
	assert_non_null(use_table_find(&h.k.uses, SLIDE, 3));
	host_end(&h);
}

static void test_F5_saving(void **state)
{
	(void)state;
	assert_in_range(nth_each(NTH_MALLOC, save_round), 20, 10000);
}

static void test_F4_saving(void **state)
{
	(void)state;
	assert_in_range(nth_each(DISK, save_round), 8, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F5_batch),
		cmocka_unit_test(test_F3_batch),
		cmocka_unit_test(test_F5_snapshot),
		cmocka_unit_test(test_F3_snapshot),
		cmocka_unit_test(test_F5_restart),
		cmocka_unit_test(test_F3_restart),
		cmocka_unit_test(test_F5_saving),
		cmocka_unit_test(test_F4_saving),
	};
	json_heap_watch(free); /* as the agent does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
