/* test_state.c - the state file: what is written is read, changes are seen in
 * place, and a writer that fails leaves nothing behind. */
#include "tests/unit/state_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static void test_round_trip(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	AUTO_JWK struct jwk *rsa = NULL;
	mint_begin(&m);
	assert_ok(jwk_generate(JWK_RS256, &rsa));
	assert_ok(jwk_set_add(&m.r.keys, rsa));
	list_put_status(replica_list(&m.r, FIXED), 5, STATUS_REVOKED);
	list_put_status(replica_list(&m.r, SLIDE), 1023, STATUS_SUSPENDED);
	list_put_last_use(replica_list(&m.r, SLIDE), 1023, T0 + 9);
	publish(&m, &w);

	AUTO_MAP struct state_map *s = map(m.path);
	assert_string_equal(s->head->iss, ISS);
	assert_string_equal(s->head->epoch, EPOCH);
	assert_int_equal(s->head->max_staleness, DAY);
	assert_int_equal(s->head->seq, 7);
	assert_int_equal(state_fresh_at(s), T0);
	assert_false(state_superseded(s));
	assert_int_equal(s->keys.count, 2);
	assert_non_null(jwk_set_find(&s->keys, jwk_kid(m.key)));
	assert_non_null(jwk_set_find(&s->keys, jwk_kid(rsa)));

	const struct state_list *fixed = state_find(s->head, FIXED);
	const struct state_list *slide = state_find(s->head, SLIDE);
	assert_int_equal(fixed->kind, LIST_FIXED);
	assert_int_equal(slide->size, SIZE);
	assert_int_equal(slide->expires, T0 + 400 * DAY);
	assert_null(state_find(s->head, 0));
	assert_null(state_find(s->head, 3));
	for (uint32_t i = 0; i < SIZE; i++) {
		assert_int_equal(state_status(s->head, fixed, i),
				 i == 5 ? STATUS_REVOKED : STATUS_VALID);
		assert_int_equal(state_status(s->head, slide, i),
				 i == 1023 ? STATUS_SUSPENDED : STATUS_VALID);
		assert_int_equal(state_last_use(s->head, slide, i),
				 i == 1023 ? T0 + 9 : 0);
		assert_int_equal(state_last_use(s->head, fixed, i), 0);
	}
	state_writer_close(&w);
	mint_end(&m);
}

static void test_nothing_in_it(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	mint_begin(&m);
	replica_free(&m.r);
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	assert_null(state_find(s->head, 0));
	state_writer_close(&w);
	mint_end(&m);
}

static void test_in_place(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	mint_begin(&m);
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	const struct state_list *l = state_find(s->head, SLIDE);

	assert_ok(state_put_status(&w, SLIDE, 6, STATUS_SUSPENDED));
	assert_ok(state_put_status(&w, SLIDE, 7, STATUS_REVOKED));
	assert_ok(state_put_status(&w, SLIDE, 6, STATUS_VALID));
	assert_int_equal(state_status(s->head, l, 6), STATUS_VALID);
	assert_int_equal(state_status(s->head, l, 7), STATUS_REVOKED);

	assert_ok(state_raise_use(&w, SLIDE, 9, T0 + 50));
	assert_ok(state_raise_use(&w, SLIDE, 9, T0 + 40)); /* not back */
	assert_int_equal(state_last_use(s->head, l, 9), T0 + 50);

	state_put_head(&w, 99, T0 + 3);
	assert_int_equal(s->head->seq, 99);
	assert_int_equal(state_fresh_at(s), T0 + 3);

	assert_err(state_put_status(&w, 3, 0, 1), MM_ERR_NOT_FOUND);
	assert_err(state_put_status(&w, SLIDE, SIZE, 1), MM_ERR_NOT_FOUND);
	assert_err(state_raise_use(&w, FIXED, 0, T0), MM_ERR_NOT_FOUND);
	assert_err(state_raise_use(&w, SLIDE, SIZE, T0), MM_ERR_NOT_FOUND);
	assert_err(state_raise_use(&w, SLIDE, 0, INT64_C(1) << 33),
		   MM_ERR_NOT_FOUND);
	state_writer_close(&w);
	mint_end(&m);
}

/* A list of a million tokens takes next to nothing until it is used, and what
 * it takes has its place on the disk: no hole is left to be read. */
static void test_small_and_without_holes(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct list *l;
	struct stat st;
	mint_begin(&m);
	assert_ok(replica_add_list(&m.r, 9, LIST_AUTO_REFRESH, LIST_SIZE_MAX,
				   T0 + DAY, &l));
	publish(&m, &w);
	assert_int_equal(stat(m.path, &st), 0);
	assert_true(st.st_blocks * 512 >= st.st_size);
	assert_true(st.st_size < 64 << 10);
	state_writer_close(&w);

	list_put_status(l, LIST_SIZE_MAX / 2, STATUS_REVOKED);
	publish(&m, &w);
	assert_int_equal(stat(m.path, &st), 0);
	assert_true(st.st_blocks * 512 >= st.st_size);
	assert_in_range(st.st_size, 2 << 20, 3 << 20);
	state_writer_close(&w);
	mint_end(&m);
}

/* Tokens behind those that a file holds are valid and were never used; any
 * other word on them wants a new file. */
static void test_behind_what_is_held(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct list *l;
	mint_begin(&m);
	assert_ok(replica_add_list(&m.r, 9, LIST_AUTO_REFRESH, LIST_SIZE_MAX,
				   T0 + DAY, &l));
	list_put_status(l, 5000, STATUS_REVOKED);
	list_put_last_use(l, 7000, T0);
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	const struct state_list *row = state_find(s->head, 9);
	assert_in_range(row->held, 7001, 2 * 7001);
	assert_int_equal(row->size, LIST_SIZE_MAX);
	assert_int_equal(state_status(s->head, row, 5000), STATUS_REVOKED);
	assert_int_equal(state_last_use(s->head, row, 7000), T0);
	for (uint32_t i = row->held; i < row->size; i += row->held / 2) {
		state_fetch(s->head, row, i);
		assert_int_equal(state_status(s->head, row, i), STATUS_VALID);
		assert_int_equal(state_last_use(s->head, row, i), 0);
	}

	uint32_t last = row->held - 1, behind = row->held;
	assert_ok(state_put_status(&w, 9, last, STATUS_REVOKED));
	assert_ok(state_raise_use(&w, 9, last, T0 + 5));
	assert_int_equal(state_status(s->head, row, last), STATUS_REVOKED);
	assert_int_equal(state_last_use(s->head, row, last), T0 + 5);
	assert_ok(state_put_status(&w, 9, behind, STATUS_VALID));
	assert_err(state_put_status(&w, 9, behind, STATUS_SUSPENDED),
		   MM_ERR_TOO_LARGE);
	assert_err(state_raise_use(&w, 9, behind, T0), MM_ERR_TOO_LARGE);
	state_writer_close(&w);
	mint_end(&m);
}

static void test_room_that_was_asked_for(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct list *l;
	uint32_t room[] = { 0, 0, 100000 }; /* as the lists are numbered */
	mint_begin(&m);
	assert_ok(replica_add_list(&m.r, 9, LIST_AUTO_REFRESH, LIST_SIZE_MAX,
				   T0 + DAY, &l));
	assert_ok(state_create(&w, m.path, &m.r, room, DAY, NULL));
	const struct state_list *row = state_find(w.head, 9);
	assert_in_range(row->held, 100000, 2 * 100000);
	assert_ok(state_raise_use(&w, 9, 99999, T0));
	state_writer_close(&w);

	room[2] = LIST_SIZE_MAX;
	assert_ok(state_create(&w, m.path, &m.r, room, DAY, NULL));
	assert_int_equal(state_find(w.head, 9)->held, LIST_SIZE_MAX);
	assert_int_equal(state_find(w.head, FIXED)->held, SIZE);
	state_writer_close(&w);
	mint_end(&m);
}

static void test_cannot_write(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct why why = { .text = "" };
	mint_begin(&m);
	assert_err(
		state_create(&w, "/nonexistent/state", &m.r, NULL, DAY, &why),
		MM_ERR_IO);
	assert_non_null(strstr(why.text, "/nonexistent/state"));
	assert_ok(state_create(&w, m.path, &m.r, NULL, DAY, &why));
	state_writer_close(&w); /* never installed: leaves nothing behind */
	assert_int_equal(rmdir(m.folder), 0);
	mint_end(&m);
}

static void test_disowned(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	mint_begin(&m);
	state_disown(m.path, ISS); /* nothing there */
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	state_disown(m.path, ISS);
	assert_int_equal(state_fresh_at(s), T0);
	state_disown(m.path, ISS "/other");
	assert_int_equal(state_fresh_at(s), 0);
	assert_false(state_superseded(s));
	state_writer_supersede(&w);
	assert_true(state_superseded(s));
	state_writer_close(&w);
	mint_end(&m);
}

/* ---- the file that is there ---- */

static enum mm_err take_up(const struct mint *m, struct state_writer *w)
{
	return state_take_up(w, m->path, &m->r, NULL, DAY);
}

/* Whatever it says, it says what the replica does then; but a use was one. */
static void test_taken_up(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct list *fixed, *slide;
	mint_begin(&m);
	fixed = replica_list(&m.r, FIXED);
	slide = replica_list(&m.r, SLIDE);
	list_put_last_use(slide, 1, T0 + 1);
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	assert_ok(state_raise_use(&w, SLIDE, 2, T0 + 2));
	assert_ok(state_put_status(&w, FIXED, 3, STATUS_SUSPENDED));
	state_writer_close(&w);

	list_put_status(fixed, 4, STATUS_REVOKED);
	list_put_last_use(slide, 5, T0 + 5);
	assert_ok(take_up(&m, &w));
	assert_int_equal(state_harm(&w), STATE_WHOLE);
	assert_false(state_superseded(s));
	const struct state_list *l = state_find(s->head, FIXED);
	assert_int_equal(state_status(s->head, l, 3), STATUS_VALID);
	assert_int_equal(state_status(s->head, l, 4), STATUS_REVOKED);
	l = state_find(s->head, SLIDE);
	assert_int_equal(state_last_use(s->head, l, 1), T0 + 1);
	assert_int_equal(state_last_use(s->head, l, 2), T0 + 2);
	assert_int_equal(state_last_use(s->head, l, 5), T0 + 5);

	assert_ok(state_put_status(&w, FIXED, 6, STATUS_REVOKED));
	l = state_find(s->head, FIXED);
	assert_int_equal(state_status(s->head, l, 6), STATUS_REVOKED);
	state_writer_close(&w);
	assert_int_equal(access(m.path, F_OK), 0);
	mint_end(&m);
}

/* A file that has heard more refuses what it has refused. */
static void test_taken_up_ahead(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	mint_begin(&m);
	struct list *fixed = replica_list(&m.r, FIXED);
	list_put_status(fixed, 4, STATUS_REVOKED);
	list_put_status(fixed, 6, STATUS_SUSPENDED);
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	assert_ok(state_put_status(&w, FIXED, 3, STATUS_SUSPENDED));
	assert_ok(state_put_status(&w, FIXED, 4, STATUS_VALID)); /* torn */
	assert_ok(state_put_status(&w, FIXED, 5, STATUS_REVOKED));
	assert_ok(state_put_status(&w, FIXED, 6, STATUS_REVOKED));
	state_put_head(&w, m.r.seq + 1, T0);
	state_writer_close(&w);

	assert_ok(take_up(&m, &w));
	const struct state_list *l = state_find(s->head, FIXED);
	assert_int_equal(state_status(s->head, l, 3), STATUS_SUSPENDED);
	for (uint32_t i = 4; i <= 6; i++)
		assert_int_equal(state_status(s->head, l, i), STATUS_REVOKED);
	assert_int_equal(state_status(s->head, l, 7), STATUS_VALID);
	state_writer_close(&w);
	mint_end(&m);
}

static void refuse_and_put_back(const struct mint *m, const char *what)
{
	struct state_writer w;
	if (take_up(m, &w) != MM_ERR_NOT_FOUND)
		fail_msg("taken up with %s", what);
	publish(m, &w);
	state_writer_close(&w);
	assert_ok(take_up(m, &w));
	state_writer_close(&w);
}

static void test_not_taken_up(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	struct list *l;
	AUTO_JWK struct jwk *rsa = NULL;
	uint32_t room[] = { 0, 0, LIST_SIZE_MAX };
	mint_begin(&m);
	assert_err(take_up(&m, &w), MM_ERR_NOT_FOUND);
	publish(&m, &w);
	state_writer_close(&w);

	assert_err(state_take_up(&w, m.path, &m.r, NULL, DAY + 1),
		   MM_ERR_NOT_FOUND);
	assert_ok(jwk_generate(JWK_RS256, &rsa));
	assert_ok(jwk_set_add(&m.r.keys, rsa));
	refuse_and_put_back(&m, "another key");
	assert_ok(replica_add_list(&m.r, 9, LIST_AUTO_REFRESH, LIST_SIZE_MAX,
				   T0 + DAY, &l));
	refuse_and_put_back(&m, "another list");
	l->expires++;
	refuse_and_put_back(&m, "another end");
	list_put_last_use(l, 9999, T0);
	refuse_and_put_back(&m, "no room for a use");
	assert_err(state_take_up(&w, m.path, &m.r, room, DAY),
		   MM_ERR_NOT_FOUND);
	m.r.epoch[0] ^= 1;
	refuse_and_put_back(&m, "another history");
	m.r.iss[9] ^= 1;
	refuse_and_put_back(&m, "another issuer");

	publish(&m, &w);
	state_writer_supersede(&w);
	state_writer_close(&w);
	assert_err(take_up(&m, &w), MM_ERR_NOT_FOUND);
	mint_end(&m);
}

/* Who has it mapped cannot read the next one: it must not go on with this. */
static void test_F29_a_file_of_another_version(void **state)
{
	(void)state;
	struct mint m;
	struct state_writer w;
	uint32_t older = STATE_VERSION - 1;
	mint_begin(&m);
	publish(&m, &w);
	AUTO_MAP struct state_map *s = map(m.path);
	assert_int_equal(pwrite(w.fd, &older, sizeof older, 8), sizeof older);
	state_writer_close(&w);
	assert_err(take_up(&m, &w), MM_ERR_NOT_FOUND);
	assert_int_equal(state_fresh_at(s), T0);
	publish(&m, &w);
	assert_true(state_superseded(s));
	assert_int_equal(state_fresh_at(s), 0);

	AUTO_MAP struct state_map *ours = map(m.path);
	state_writer_close(&w);
	publish(&m, &w);
	assert_true(state_superseded(ours));
	assert_int_equal(state_fresh_at(ours), T0);
	state_writer_close(&w);
	mint_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_small_and_without_holes),
		cmocka_unit_test(test_behind_what_is_held),
		cmocka_unit_test(test_room_that_was_asked_for),
		cmocka_unit_test(test_taken_up),
		cmocka_unit_test(test_taken_up_ahead),
		cmocka_unit_test(test_not_taken_up),
		cmocka_unit_test(test_F29_a_file_of_another_version),
		cmocka_unit_test(test_cannot_write),
		cmocka_unit_test(test_disowned),
		cmocka_unit_test(test_round_trip), /* takes longest */
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
