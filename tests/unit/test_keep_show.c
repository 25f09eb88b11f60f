/* test_keep_show.c - values that the state file has no place for: a new one is
 * made, at once or as soon as that can be. */
#include "tests/unit/follow_fixture.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

#define LARGE	9u
#define FAR	500000u
#define FARTHER 900000u

static void begin(struct host *h)
{
	struct list *l;
	host_begin(h);
	assert_ok(replica_add_list(&h->m.r, LARGE, LIST_AUTO_REFRESH,
				   LIST_SIZE_MAX, T0 + 99 * DAY, &l));
	h->m.r.seq = 20;
	assert_ok(take_snapshot(h, h->m.key, NULL));
}

static void use(struct host *h, uint32_t idx)
{
	const struct use_datagram d = { .list = LARGE,
					.idx = idx,
					.auto_refresh = DAY,
					.iat = T0,
					.exp = T0 + 30 * DAY,
					.used_at = T0 + 500 };
	assert_ok(keep_use(&h->k, &d, T0 + 1000));
}

static void grow(struct host *h)
{
	pthread_mutex_lock(&h->k.lock);
	keep_grow(&h->k);
	pthread_mutex_unlock(&h->k.lock);
}

static int64_t shown_use(const struct host *h, uint32_t idx)
{
	AUTO_MAP struct state_map *s = NULL;
	assert_ok(state_map_open(h->m.path, &s, NULL));
	return state_last_use(s->head, state_find(s->head, LARGE), idx);
}

static unsigned shown_status(const struct host *h, uint32_t idx)
{
	AUTO_MAP struct state_map *s = NULL;
	assert_ok(state_map_open(h->m.path, &s, NULL));
	return state_status(s->head, state_find(s->head, LARGE), idx);
}

/* A folder where the next file would be written: none can be made. */
static void block(const struct host *h, bool blocked)
{
	char path[128];
	snprintf(path, sizeof path, "%s.new", h->m.path);
	assert_int_equal(blocked ? mkdir(path, 0700) : rmdir(path), 0);
}

static enum mm_err revoke_far(struct host *h, uint64_t seq, uint32_t idx)
{
	struct event e = { .seq = seq,
			   .type = EVENT_STATUS,
			   .list = LARGE,
			   .idx = idx,
			   .value = STATUS_REVOKED };
	return take(h, (struct batch){ .after = seq - 1,
				       .count = 1,
				       .iat = T0 + (int64_t)seq,
				       .events = event_json(&e) });
}

/* ---- a use ---- */

static void test_a_use(void **state)
{
	(void)state;
	struct host h;
	begin(&h);
	AUTO_MAP struct state_map *old = NULL;
	assert_ok(state_map_open(h.m.path, &old, NULL));
	use(&h, FAR);
	assert_int_equal(shown_use(&h, FAR), T0 + 500);
	assert_true(state_superseded(old));
	assert_int_not_equal(shown_fresh(&h), 0);

	use(&h, FAR - 1); /* there is room now */
	assert_int_equal(shown_use(&h, FAR - 1), T0 + 500);
	assert_false(h.k.wants_file);

	use(&h, FARTHER); /* not twice in a second */
	assert_int_equal(shown_use(&h, FARTHER), 0);
	grow(&h);
	assert_int_equal(shown_use(&h, FARTHER), 0);
	h.k.next_file_ms = 0; /* a second later */
	grow(&h);
	assert_int_equal(shown_use(&h, FARTHER), T0 + 500);
	assert_int_equal(shown_use(&h, FAR), T0 + 500);
	host_end(&h);
}

/* No token is worse off for it: what is there stays good. */
static void test_a_use_that_cannot_be_shown(void **state)
{
	(void)state;
	struct host h;
	begin(&h);
	int64_t fresh = shown_fresh(&h);
	block(&h, true);
	use(&h, FAR);
	assert_int_equal(shown_use(&h, FAR), 0);
	assert_int_equal(shown_fresh(&h), fresh);
	assert_int_equal(h.k.no_file, MM_ERR_IO);
	assert_false(keep_is_behind(&h.k));
	use(&h, 5); /* has its place */
	assert_int_equal(shown_use(&h, 5), T0 + 500);
	assert_ok(revoke_far(&h, 21, 6));
	assert_int_equal(shown_status(&h, 6), STATUS_REVOKED);

	block(&h, false);
	grow(&h); /* is not tried again at once */
	assert_int_equal(shown_use(&h, FAR), 0);
	h.k.next_file_ms = 0;
	grow(&h);
	assert_int_equal(shown_use(&h, FAR), T0 + 500);
	assert_int_equal(h.k.no_file, MM_OK);
	host_end(&h);
}

/* What is stale for want of news is not made fresh by a use. */
static void test_a_use_in_the_silence(void **state)
{
	(void)state;
	struct host h;
	begin(&h);
	h.k.fresh_ms -= (DAY + 10) * 1000;
	keep_note_silence(&h.k, T0 + 1000);
	use(&h, FAR);
	grow(&h);
	assert_int_equal(shown_fresh(&h), 0);
	assert_ok(take(&h, (struct batch){ .after = 20, .iat = T0 + 30 }));
	grow(&h);
	assert_int_equal(shown_fresh(&h), T0 + 30);
	assert_int_equal(shown_use(&h, FAR), T0 + 500);
	host_end(&h);
}

/* ---- a revocation ---- */

static void test_a_revocation(void **state)
{
	(void)state;
	struct host h;
	begin(&h);
	assert_ok(revoke_far(&h, 21, FAR));
	assert_int_equal(shown_status(&h, FAR), STATUS_REVOKED);
	assert_int_equal(shown_status(&h, FAR + 1), STATUS_VALID);
	assert_int_equal(shown_fresh(&h), T0 + 21);
	host_end(&h);
}

/* Nothing is believed until it shows; and a use does not make it show. */
static void test_a_revocation_that_cannot_be_shown(void **state)
{
	(void)state;
	struct host h;
	begin(&h);
	block(&h, true);
	assert_err(revoke_far(&h, 21, FAR), MM_ERR_IO);
	assert_int_equal(shown_fresh(&h), 0);
	assert_true(keep_is_behind(&h.k));
	block(&h, false);
	use(&h, FARTHER);
	grow(&h);
	assert_int_equal(shown_fresh(&h), 0);

	assert_ok(take(&h, (struct batch){ .after = 21, .iat = T0 + 30 }));
	assert_int_equal(shown_status(&h, FAR), STATUS_REVOKED);
	assert_int_equal(shown_use(&h, FARTHER), T0 + 500);
	assert_int_equal(shown_fresh(&h), T0 + 30);
	assert_false(keep_is_behind(&h.k));
	host_end(&h);
}

/* There is room again, and no news for too long: then it shows, as stale. */
static void test_a_revocation_in_the_silence(void **state)
{
	(void)state;
	struct host h;
	begin(&h);
	block(&h, true);
	assert_err(revoke_far(&h, 21, FAR), MM_ERR_IO);
	h.k.fresh_ms -= (DAY + 10) * 1000;
	block(&h, false);
	assert_ok(keep_show(&h.k, NULL));
	assert_int_equal(shown_status(&h, FAR), STATUS_REVOKED);
	assert_int_equal(shown_fresh(&h), 0);
	host_end(&h);
}

/* The clock was behind when it was resumed, and is set right; but what is held
 * cannot be shown just now. */
static void test_F6_set_right_and_behind(void **state)
{
	(void)state;
	struct host h;
	struct event e = { .seq = 21,
			   .type = EVENT_STATUS,
			   .list = LARGE,
			   .idx = FAR,
			   .value = STATUS_REVOKED };
	AUTO_BUF struct buf b;
	begin(&h);
	keep_close(&h.k);
	assert_ok(keep_open(&h.k, h.m.path, ISS, DAY, NULL));
	assert_ok(keep_load(&h.k, T0 - 3600, NULL));
	struct span jws = batch_make(&h.m,
				     (struct batch){ .after = 20,
						     .count = 1,
						     .iat = T0 - 1,
						     .events = event_json(&e) },
				     &b);
	block(&h, true);
	assert_err(keep_take_batch(&h.k, jws, NULL, T0 - 3600, NULL),
		   MM_ERR_IO);
	keep_note_silence(&h.k, T0 + 10);
	assert_int_equal(shown_fresh(&h), 0);
	block(&h, false);
	assert_ok(keep_show(&h.k, NULL));
	assert_int_equal(shown_status(&h, FAR), STATUS_REVOKED);
	assert_int_equal(shown_fresh(&h), T0);
	host_end(&h);
}

/* Batches that say nothing new are no news, for a clock that was set back
 * neither. */
static void test_F6_a_frozen_feed(void **state)
{
	(void)state;
	struct host h;
	begin(&h);
	h.k.fresh_ms -= (DAY + 10) * 1000;
	assert_ok(take(&h, (struct batch){ .after = 20, .iat = T0 }));
	assert_int_equal(shown_fresh(&h), 0);
	host_end(&h);
}

/* A snapshot that could not be shown is behind all that the journal has. */
static void test_a_snapshot_that_cannot_be_shown(void **state)
{
	(void)state;
	struct host h;
	begin(&h);
	h.m.r.seq = 30;
	block(&h, true);
	assert_err(take_snapshot(&h, h.m.key, NULL), MM_ERR_IO);
	assert_true(journal_is_long(&h.k.journal));
	block(&h, false);
	assert_ok(revoke_far(&h, 31, 6));
	assert_ok(keep_checkpoint(&h.k, NULL));
	host_restart(&h);
	assert_int_equal(shown_status(&h, 6), STATUS_REVOKED);
	host_end(&h);
}

/* ---- cut short, or damaged ---- */

static void grow_it(struct host *h)
{
	grow(h);
	assert_int_equal(shown_status(h, 6), STATUS_REVOKED);
}

static void use_it(struct host *h)
{
	use(h, 5);
	assert_int_equal(shown_use(h, 5), T0 + 500);
}

static void revoke_it(struct host *h)
{
	assert_ok(revoke_far(h, 22, 7));
	assert_int_equal(shown_status(h, 7), STATUS_REVOKED);
}

static void silence_it(struct host *h)
{
	h->k.fresh_ms -= (DAY + 10) * 1000;
	keep_note_silence(&h->k, T0 + 1000);
}

/* Whatever touches it first, nobody dies of it who has it mapped, or is let in
 * by the zeros; also where it was cut behind its header. */
static void test_F2_cut_short(void **state)
{
	void (*const first[])(struct host *) = { grow_it, use_it, revoke_it,
						 silence_it };
	size_t ways = sizeof first / sizeof first[0];
	(void)state;
	for (size_t i = 0; i < 2 * ways; i++) {
		struct host h;
		begin(&h);
		assert_ok(revoke_far(&h, 21, 6));
		AUTO_MAP struct state_map *old = NULL;
		assert_ok(state_map_open(h.m.path, &old, NULL));
		off_t left = i < ways ? 0 : (off_t)old->head->head_size;
		assert_int_equal(truncate(h.m.path, left), 0);
		first[i % ways](&h);
		grow(&h);
		assert_int_equal(h.k.harm, STATE_CUT);
		assert_true(state_superseded(old));
		assert_int_equal(state_fresh_at(old), 0);
		assert_int_equal(shown_status(&h, 6), STATUS_REVOKED);
		host_end(&h);
	}
}

static void spoil(const struct host *h, off_t at)
{
	uint8_t byte;
	AUTO_FD int fd = open(h->m.path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* At its magic, version, length or checksum nobody would open it any more; its
 * lists the agent itself would look for in the wrong place.  (Where values
 * change in place it changes them.) */
static void test_F2_damaged_while_it_is_kept(void **state)
{
	void (*const first[])(struct host *) = { grow_it, use_it, revoke_it };
	const off_t at[] = { 0,	  7,   8,  12,
			     16,  24,  55, offsetof(struct state_header, iss),
			     140, 148, 447 };
	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		struct host h;
		begin(&h);
		assert_ok(revoke_far(&h, 21, 6));
		AUTO_MAP struct state_map *old = NULL;
		assert_ok(state_map_open(h.m.path, &old, NULL));
		spoil(&h, at[i]);
		first[i % 3](&h);
		assert_int_equal(h.k.harm, STATE_DAMAGED);
		assert_true(state_superseded(old));
		assert_int_equal(shown_status(&h, 6), STATUS_REVOKED);
		assert_true(shown_fresh(&h) != 0);
		host_end(&h);
	}
}

/* Its first page is gone, and there is no room for another file. */
static void test_F2_damaged_and_no_room(void **state)
{
	struct host h;
	(void)state;
	begin(&h);
	AUTO_MAP struct state_map *old = NULL;
	assert_ok(state_map_open(h.m.path, &old, NULL));
	spoil(&h, 0);
	block(&h, true);
	grow(&h);
	assert_int_equal(state_fresh_at(old), 0);
	assert_true(keep_is_behind(&h.k));
	block(&h, false);
	h.k.next_file_ms = 0;
	grow(&h);
	assert_false(keep_is_behind(&h.k));
	assert_true(shown_fresh(&h) != 0);
	host_end(&h);
}

/* Behind its header, and there is no room for another: what came back as zeros
 * lets nobody in. */
static void test_F2_cut_and_no_room(void **state)
{
	struct host h;
	(void)state;
	begin(&h);
	assert_ok(revoke_far(&h, 21, 6));
	AUTO_MAP struct state_map *old = NULL;
	assert_ok(state_map_open(h.m.path, &old, NULL));
	assert_true(state_fresh_at(old) != 0);
	assert_int_equal(truncate(h.m.path, (off_t)old->head->head_size), 0);
	block(&h, true);
	grow(&h);
	assert_int_equal(state_fresh_at(old), 0);
	assert_true(keep_is_behind(&h.k));
	assert_non_null(strstr(h.k.why_none.text, "every token is refused"));

	block(&h, false);
	h.k.next_file_ms = 0;
	grow(&h);
	assert_false(keep_is_behind(&h.k));
	assert_int_equal(shown_status(&h, 6), STATUS_REVOKED);
	assert_true(shown_fresh(&h) != 0);
	host_end(&h);
}

/* Signed by a key of the JWKS that the replica does not hold: who begins with
 * the journal would not know it, and what came behind would be lost, too. */
static void test_a_key_of_the_jwks_and_no_room(void **state)
{
	struct host h;
	struct event e = { .seq = 21,
			   .type = EVENT_STATUS,
			   .list = LARGE,
			   .idx = FAR,
			   .value = STATUS_REVOKED };
	struct jwk *other = NULL;
	struct jwk_set also = { .count = 0 };
	AUTO_BUF struct buf b;
	(void)state;
	begin(&h);
	assert_ok(jwk_generate(JWK_ES256, &other));
	assert_ok(jwk_set_add(&also, other));
	struct span jws = batch_make(&h.m,
				     (struct batch){ .after = 20,
						     .count = 1,
						     .key = other,
						     .events = event_json(&e) },
				     &b);
	block(&h, true);
	assert_err(keep_take_batch(&h.k, jws, &also, T0 + 1000, NULL),
		   MM_ERR_IO);
	block(&h, false);
	assert_ok(revoke_far(&h, 22, FARTHER));
	h.k.checkpoint_ms -= 1001; /* a second later */
	assert_ok(keep_maybe_checkpoint(&h.k, NULL));
	host_restart(&h);
	assert_int_equal(h.k.replica.seq, 22);
	assert_int_equal(shown_status(&h, FAR), STATUS_REVOKED);
	assert_int_equal(shown_status(&h, FARTHER), STATUS_REVOKED);
	jwk_set_clear(&also);
	jwk_drop(other);
	host_end(&h);
}

/* ---- removed ---- */

static void remove_it(const struct host *h)
{
	assert_int_equal(unlink(h->m.path), 0);
}

static void replace_it(const struct host *h)
{
	char other[128];
	snprintf(other, sizeof other, "%s.other", h->m.path);
	assert_int_equal(rename(h->m.path, other), 0);
	AUTO_FD int fd = open(h->m.path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	assert_true(fd >= 0);
}

/* Nobody need ask for it: whoever looks next finds another, and who has the
 * old one mapped goes on with it until then. */
static void test_removed(void **state)
{
	void (*const gone[])(const struct host *) = { remove_it, replace_it };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct host h;
		const char *event = "";
		begin(&h);
		assert_ok(revoke_far(&h, 21, 6));
		AUTO_MAP struct state_map *old = NULL;
		assert_ok(state_map_open(h.m.path, &old, NULL));
		int64_t fresh = state_fresh_at(old);
		gone[i](&h);
		grow(&h);
		assert_int_equal(shown_status(&h, 6), STATUS_REVOKED);
		assert_true(state_superseded(old));
		assert_int_equal(state_fresh_at(old), fresh);
		assert_err(keep_tell_harm(&h.k, &event, NULL),
			   MM_ERR_NOT_FOUND);
		assert_string_equal(event, "state.gone");
		assert_ok(keep_tell_harm(&h.k, &event, NULL));
		host_end(&h);
	}
}

/* It is tried once a second, and said once. */
static void test_removed_and_no_room(void **state)
{
	struct host h;
	struct why why = { .text = "" };
	const char *event = "";
	(void)state;
	begin(&h);
	AUTO_MAP struct state_map *old = NULL;
	assert_ok(state_map_open(h.m.path, &old, NULL));
	remove_it(&h);
	block(&h, true);
	grow(&h);
	assert_err(keep_tell_harm(&h.k, &event, &why), MM_ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "cannot be made anew now"));
	assert_null(strstr(why.text, ".lock")); /* that is there still */
	assert_int_not_equal(state_fresh_at(old), 0);
	h.k.next_file_ms = INT64_MAX; /* not yet */
	grow(&h);
	assert_true(h.k.next_file_ms == INT64_MAX);
	assert_ok(keep_tell_harm(&h.k, &event, &why));
	block(&h, false);
	h.k.next_file_ms = 0;
	grow(&h);
	assert_true(state_superseded(old));
	assert_true(shown_fresh(&h) != 0);
	host_end(&h);
}

/* ---- both at once ---- */

#define ROUNDS 40u
#define APART  2000u

struct user {
	struct host *h;
	atomic_bool enough;
};

/* New files, as fast as they can be made. */
static void *use_far(void *arg)
{
	struct user *u = arg;
	struct keeper *k = &u->h->k;
	struct use_datagram d = { .list = LARGE,
				  .auto_refresh = DAY,
				  .iat = T0,
				  .exp = T0 + 30 * DAY,
				  .used_at = T0 + 500 };
	for (uint32_t i = 0; i < ROUNDS || !u->enough; i++) {
		d.idx = i % ROUNDS * APART;
		(void)!keep_use(k, &d, T0 + 1000);
		pthread_mutex_lock(&k->lock);
		k->wants_file = true;
		k->next_file_ms = 0;
		keep_grow(k);
		pthread_mutex_unlock(&k->lock);
	}
	return NULL;
}

static void test_both_at_once(void **state)
{
	(void)state;
	struct host h;
	struct user u = { .h = &h };
	pthread_t other;
	begin(&h);
	assert_int_equal(pthread_create(&other, NULL, use_far, &u), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		assert_ok(revoke_far(&h, 21 + i, i * APART + 7));
		for (unsigned n = 0; n < 5; n++) /* nothing is new */
			assert_ok(take(&h, (struct batch){ .after = 21 + i }));
	}
	u.enough = true;
	assert_int_equal(pthread_join(other, NULL), 0);
	grow(&h);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		assert_int_equal(shown_use(&h, i * APART), T0 + 500);
		assert_int_equal(shown_status(&h, i * APART + 7),
				 STATUS_REVOKED);
	}
	host_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_use),
		cmocka_unit_test(test_a_use_that_cannot_be_shown),
		cmocka_unit_test(test_a_use_in_the_silence),
		cmocka_unit_test(test_a_revocation),
		cmocka_unit_test(test_a_revocation_that_cannot_be_shown),
		cmocka_unit_test(test_a_revocation_in_the_silence),
		cmocka_unit_test(test_F6_set_right_and_behind),
		cmocka_unit_test(test_F6_a_frozen_feed),
		cmocka_unit_test(test_a_snapshot_that_cannot_be_shown),
		cmocka_unit_test(test_F2_cut_short),
		cmocka_unit_test(test_F2_cut_and_no_room),
		cmocka_unit_test(test_F2_damaged_while_it_is_kept),
		cmocka_unit_test(test_F2_damaged_and_no_room),
		cmocka_unit_test(test_a_key_of_the_jwks_and_no_room),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_removed_and_no_room),
		cmocka_unit_test(test_both_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
