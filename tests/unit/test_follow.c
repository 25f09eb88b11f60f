/* Following the feed: what is refused, what is kept, and what survives a
 * restart.  (The attacks of The Update Framework, one by one.) */
#include "tests/unit/follow_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- batches ---- */

static void test_followed(void **state)
{
	(void)state;
	struct host h;
	host_begin(&h);
	assert_int_equal(shown(&h, 5), STATUS_VALID);
	assert_ok(take(&h, (struct batch){ .after = 7,
					   .count = 1,
					   .events = revoked(8, 5) }));
	assert_int_equal(shown(&h, 5), STATUS_REVOKED);
	assert_int_equal(shown_fresh(&h), T0 + 10);

	/* heartbeats move the time, and never back */
	assert_ok(take(&h, (struct batch){ .after = 8, .iat = T0 + 90 }));
	assert_int_equal(shown_fresh(&h), T0 + 90);
	assert_ok(take(&h, (struct batch){ .after = 8, .iat = T0 + 80 }));
	assert_int_equal(shown_fresh(&h), T0 + 90);

	struct event e = { .seq = 9,
			   .type = EVENT_RENEW,
			   .list = SLIDE,
			   .idx = 3,
			   .last_use = T0 + 77 };
	assert_ok(take(&h, (struct batch){ .after = 8,
					   .count = 1,
					   .events = event_json(&e) }));
	const struct state_list *l = state_find(h.k.live.head, SLIDE);
	assert_int_equal(state_last_use(h.k.live.head, l, 3), T0 + 77);
	host_end(&h);
}

/* A mint whose clock is ahead (T0 + 1000 is ours), or a feed of that time that
 * somebody kept. */
static void test_F6_news_from_ahead(void **state)
{
	(void)state;
	struct host h;
	host_begin(&h);
	assert_ok(take(&h, (struct batch){ .after = 7,
					   .count = 1,
					   .events = revoked(8, 5),
					   .iat = T0 + 90 }));
	/* it says nothing of now, or it could be shown again and again until
	 * then */
	assert_ok(take(&h, (struct batch){ .after = 8, .iat = T0 + 90000 }));
	assert_int_equal(shown_fresh(&h), T0 + 90);
	/* but what is in it counts, */
	assert_ok(take(&h, (struct batch){ .after = 8,
					   .count = 1,
					   .events = revoked(9, 6),
					   .iat = T0 + 90000 }));
	assert_int_equal(shown(&h, 6), STATUS_REVOKED);
	assert_int_equal(shown_fresh(&h), T0 + 90);
	/* and clocks differ a little */
	assert_ok(take(&h, (struct batch){ .after = 9, .iat = T0 + 1030 }));
	assert_int_equal(shown_fresh(&h), T0 + 1000);
	host_end(&h);
}

static enum mm_err hear_at(struct host *h, int64_t now, struct batch s)
{
	AUTO_BUF struct buf b;
	return keep_take_batch(&h->k, batch_make(&h->m, s, &b), NULL, now,
			       NULL);
}

static void restart_at(struct host *h, int64_t now)
{
	assert_ok(keep_checkpoint(&h->k, NULL)); /* as a clean stop does */
	keep_close(&h->k);
	assert_ok(keep_open(&h->k, h->m.path, ISS, DAY, NULL));
	assert_ok(keep_load(&h->k, now, NULL));
}

/* Started again under a clock that is behind what it has heard (T0 + 900):
 * nothing is believed, however often, until the issuer says something newer. */
static void test_F6_started_behind(void **state)
{
	(void)state;
	static const int64_t behind[] = { T0 + 900 - 61, T0 - 3600,
					  T0 - 3650 * DAY };
	for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
		struct host h;
		host_begin(&h);
		assert_ok(take(&h, (struct batch){ .after = 7,
						   .count = 1,
						   .events = revoked(8, 5),
						   .iat = T0 + 900 }));
		for (int n = 0; n < 2; n++) {
			restart_at(&h, behind[i]);
			assert_int_equal(shown_fresh(&h), 0);
			/* a cached one does not say what time it is, nor does
			 * the very last again */
			assert_ok(hear_at(
				&h, behind[i],
				(struct batch){ .after = 8, .iat = T0 + 700 }));
			assert_int_equal(shown_fresh(&h), 0);
			assert_ok(hear_at(
				&h, behind[i],
				(struct batch){ .after = 8, .iat = T0 + 900 }));
			assert_int_equal(shown_fresh(&h), 0);
		}
		assert_ok(hear_at(
			&h, behind[i],
			(struct batch){ .after = 8, .iat = T0 + 9000 }));
		assert_int_equal(shown_fresh(&h), T0 + 9000);
		restart_at(&h, T0 + 9000); /* the clock was set right */
		assert_int_equal(shown_fresh(&h), T0 + 9000);
		host_end(&h);
	}
}

/* The mint is away as the clock is set right: what was kept is good again, as
 * it is for an agent that starts then, for max_staleness by the steady clock
 * since it was resumed. */
static void test_F6_started_behind_and_set_right(void **state)
{
	(void)state;
	struct host h;
	host_begin(&h);
	assert_ok(take(&h, (struct batch){ .after = 7,
					   .count = 1,
					   .events = revoked(8, 5),
					   .iat = T0 + 900 }));
	restart_at(&h, T0 - 3600);
	keep_note_silence(&h.k, T0 - 3600 + 30);
	assert_int_equal(shown_fresh(&h), 0);
	keep_note_silence(&h.k, T0 + 900 - 61);
	assert_int_equal(shown_fresh(&h), 0);
	keep_note_silence(&h.k, T0 + 900 - 60);
	assert_int_equal(shown_fresh(&h), T0 + 900);
	assert_int_equal(shown(&h, 5), STATUS_REVOKED);
	/* nothing takes it back, and the clock forward */
	assert_ok(take(&h, (struct batch){ .after = 8, .iat = T0 + 700 }));
	assert_int_equal(shown_fresh(&h), T0 + 900);
	assert_int_equal(h.k.replica.iat, T0 + 900);
	h.k.fresh_ms -= (DAY + 10) * 1000;
	keep_note_silence(&h.k, T0 + 900);
	assert_int_equal(shown_fresh(&h), 0);
	host_end(&h);
}

/* It was the mint's clock and ours that were ahead, and both are right now. */
static void test_F6_started_after_both_were_ahead(void **state)
{
	(void)state;
	struct host h;
	host_begin(&h);
	assert_ok(hear_at(&h, T0 + 90 * DAY,
			  (struct batch){ .after = 7, .iat = T0 + 90 * DAY }));
	restart_at(&h, T0 + 1000);
	assert_int_equal(shown_fresh(&h), 0);
	assert_ok(take(&h, (struct batch){ .after = 7, .iat = T0 + 990 }));
	assert_int_equal(shown_fresh(&h), T0 + 990);
	restart_at(&h, T0 + 1000);
	assert_int_equal(shown_fresh(&h), T0 + 990);
	host_end(&h);
}

static void test_refused(void **state)
{
	(void)state;
	AUTO_JWK struct jwk *stranger = NULL;
	struct host h;
	host_begin(&h);
	assert_ok(jwk_generate(JWK_ES256, &stranger));
	char good[4096], far[4096], beyond[4096];
	snprintf(good, sizeof good, "%s", revoked(8, 5));
	snprintf(far, sizeof far, "%s", revoked(9, 5));
	snprintf(beyond, sizeof beyond, "%s", revoked(8, SIZE));
	const struct {
		enum mm_err want;
		struct batch s;
	} cases[] = {
		{ MM_ERR_ROLLBACK, { .after = 6 } },
		{ MM_ERR_ROLLBACK, { .after = 0 } },
		{ MM_ERR_GAP, { .after = 8, .count = 1, .events = far } },
		{ MM_ERR_EPOCH,
		  { .after = 7, .epoch = "ffffffffffffffffffffffffffffffff" } },
		{ MM_ERR_WRONG_ISSUER, { .after = 7, .iss = ISS "/" } },
		{ MM_ERR_UNKNOWN_KEY, { .after = 7, .key = stranger } },
		{ MM_ERR_MALFORMED, { .after = 7, .typ = TYP_PAT } },
		{ MM_ERR_MALFORMED, { .after = 7, .typ = TYP_SNAPSHOT } },
		{ MM_ERR_MALFORMED,
		  { .after = 7, .count = 2, .events = good } },
		{ MM_ERR_MALFORMED, { .after = 7, .count = 1, .events = far } },
		{ MM_ERR_MALFORMED,
		  { .after = 7, .count = 1, .events = beyond } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum mm_err e = take(&h, cases[i].s);
		if (e != cases[i].want)
			fail_msg("case %zu: %s", i, mm_err_word(e));
		assert_int_equal(h.k.replica.seq, 7);
		assert_int_equal(shown(&h, 5), STATUS_VALID);
		assert_int_equal(shown_fresh(&h), T0);
	}
	/* and none of that was kept for later */
	host_restart(&h);
	assert_int_equal(h.k.replica.seq, 7);
	assert_ok(take(
		&h, (struct batch){ .after = 7, .count = 1, .events = good }));
	host_end(&h);
}

static void test_endless(void **state)
{
	(void)state;
	struct host h;
	static uint8_t large[FEED_BATCH_MAX + 1];
	host_begin(&h);
	memset(large, 'A', sizeof large);
	assert_err(keep_take_batch(&h.k, span_of(large, sizeof large), NULL, T0,
				   NULL),
		   MM_ERR_TOO_LARGE);
	host_end(&h);
}

typedef enum mm_err taker(struct keeper *, struct span, const struct jwk_set *,
			  int64_t, struct why *);

/* One bit turned, each in its turn: refused, and nothing has moved.  Then as it
 * was signed, which revokes 5. */
static void take_no_bit_else(struct host *h, taker *into, struct buf *b)
{
	struct span jws = span_of(b->at, b->len);
	for (size_t i = 0; i < 8 * b->len; i++) {
		uint8_t bit = (uint8_t)(1u << i % 8);
		b->at[i / 8] ^= bit;
		if (into(&h->k, jws, NULL, T0 + 1000, NULL) == MM_OK)
			fail_msg("taken with bit %zu of byte %zu turned", i % 8,
				 i / 8);
		b->at[i / 8] ^= bit;
		assert_int_equal(h->k.replica.seq, 7);
		assert_int_equal(shown(h, 5), STATUS_VALID);
	}
	assert_ok(into(&h->k, jws, NULL, T0 + 1000, NULL));
	assert_int_equal(shown(h, 5), STATUS_REVOKED);
}

static void test_F7_every_bit_of_a_batch(void **state)
{
	(void)state;
	struct host h;
	AUTO_BUF struct buf b;
	host_begin(&h);
	batch_make(&h.m,
		   (struct batch){
			   .after = 7, .count = 1, .events = revoked(8, 5) },
		   &b);
	take_no_bit_else(&h, keep_take_batch, &b);
	assert_int_equal(h.k.replica.seq, 8);
	host_end(&h);
}

static void test_F7_every_bit_of_a_snapshot(void **state)
{
	(void)state;
	struct host h;
	AUTO_BUF struct buf b;
	host_begin(&h);
	h.m.r.seq = 20;
	list_put_status(replica_list(&h.m.r, FIXED), 5, STATUS_REVOKED);
	snapshot_make(&h.m, h.m.key, &b);
	take_no_bit_else(&h, keep_take_snapshot, &b);
	assert_int_equal(h.k.replica.seq, 20);
	host_end(&h);
}

/* A key is trusted because one that we know announces it. */
static void test_new_key(void **state)
{
	(void)state;
	AUTO_JWK struct jwk *next = NULL;
	AUTO_BUF struct buf jwk = buf_new(JWK_TEXT_MAX - 1);
	struct host h;
	struct span text;
	struct event e = { .seq = 8, .type = EVENT_KEY_NEW };
	host_begin(&h);
	assert_ok(jwk_generate(JWK_EDDSA, &next));
	struct batch by_next = { .after = 8, .key = next };
	assert_err(take(&h, by_next), MM_ERR_UNKNOWN_KEY);

	assert_ok(jwk_to_json(next, &jwk));
	assert_ok(buf_done(&jwk, &text));
	assert_true(span_copy(e.jwk, sizeof e.jwk, text));
	snprintf(e.kid, sizeof e.kid, "%s", jwk_kid(next));
	assert_ok(take(&h, (struct batch){ .after = 7,
					   .count = 1,
					   .events = event_json(&e) }));
	assert_ok(take(&h, by_next));

	/* and no longer when it is compromised */
	e = (struct event){ .seq = 9, .type = EVENT_KEY_COMPROMISED };
	snprintf(e.kid, sizeof e.kid, "%s", jwk_kid(next));
	assert_ok(take(&h, (struct batch){ .after = 8,
					   .count = 1,
					   .events = event_json(&e) }));
	by_next.after = 9;
	assert_err(take(&h, by_next), MM_ERR_UNKNOWN_KEY);
	AUTO_MAP struct state_map *s = NULL;
	assert_ok(state_map_open(h.m.path, &s, NULL));
	assert_int_equal(s->keys.count, 1);
	host_end(&h);
}

/* ---- snapshots ---- */

static void test_snapshots(void **state)
{
	(void)state;
	AUTO_JWK struct jwk *stranger = NULL;
	struct host h;
	host_begin(&h);
	assert_ok(jwk_generate(JWK_ES256, &stranger));
	const struct event suspended = { .seq = 9,
					 .type = EVENT_STATUS,
					 .list = FIXED,
					 .idx = 6,
					 .value = STATUS_SUSPENDED };
	assert_ok(take(&h, (struct batch){ .after = 7,
					   .count = 1,
					   .events = revoked(8, 5) }));
	assert_ok(take(&h, (struct batch){ .after = 8,
					   .count = 1,
					   .events = event_json(&suspended) }));
	assert_err(take_snapshot(&h, h.m.key, NULL), MM_ERR_ROLLBACK); /* 7 */
	h.m.r.seq = 20;
	assert_err(take_snapshot(&h, stranger, NULL), MM_ERR_UNKNOWN_KEY);
	snprintf(h.m.r.iss, ISS_SIZE, "https://other.example.org");
	assert_err(take_snapshot(&h, h.m.key, NULL), MM_ERR_WRONG_ISSUER);
	snprintf(h.m.r.iss, ISS_SIZE, ISS);
	assert_int_equal(h.k.replica.seq, 9);
	assert_int_equal(shown(&h, 5), STATUS_REVOKED);

	assert_ok(take_snapshot(&h, h.m.key, NULL));
	assert_int_equal(h.k.replica.seq, 20);
	assert_int_equal(shown(&h, 6), STATUS_VALID); /* reinstated between */
	assert_int_equal(shown_fresh(&h), T0 + 10);
	host_end(&h);
}

/* The issuer lost its history: a new epoch.  No revocation is dropped, then or
 * by a later snapshot of that epoch. */
static void test_F16_new_epoch(void **state)
{
	(void)state;
	struct host h;
	host_begin(&h);
	assert_ok(take(&h, (struct batch){ .after = 7,
					   .count = 1,
					   .events = revoked(8, 5) }));
	memset(h.m.r.epoch, 'f', 32);
	h.m.r.seq = 3;
	h.m.r.iat = T0 + 10; /* not newer than what we heard */
	assert_err(take_snapshot(&h, h.m.key, NULL), MM_ERR_EPOCH);
	assert_int_equal(h.k.replica.seq, 8);

	h.m.r.iat = T0 + 11;
	assert_ok(take_snapshot(&h, h.m.key, NULL));
	assert_int_equal(h.k.replica.seq, 3);
	assert_int_equal(shown(&h, 5), STATUS_REVOKED);
	assert_int_equal(shown(&h, 6), STATUS_VALID);
	host_restart(&h);
	assert_int_equal(shown(&h, 5), STATUS_REVOKED);
	h.m.r.seq = 9; /* it was away for longer than events are kept */
	assert_ok(take_snapshot(&h, h.m.key, NULL));
	assert_int_equal(h.k.replica.seq, 9);
	assert_int_equal(shown(&h, 5), STATUS_REVOKED);
	host_end(&h);
}

/* The issuer's clock and ours were ahead, and then its history was lost: what
 * it has now is dated before what we hold, and a person is told the way out. */
static void test_F16_new_epoch_after_both_were_ahead(void **state)
{
	(void)state;
	struct host h;
	struct why why = { .text = "" };
	struct jwk_set first = { .count = 0 };
	AUTO_BUF struct buf b;
	char path[128];
	host_begin(&h);
	assert_ok(jwk_set_add(&first, h.m.key));
	assert_ok(hear_at(&h, T0 + 90 * DAY,
			  (struct batch){ .after = 7, .iat = T0 + 90 * DAY }));
	restart_at(&h, T0 + 1000);
	memset(h.m.r.epoch, 'f', 32);
	h.m.r.iat = T0 + 990;
	struct span jws = snapshot_make(&h.m, h.m.key, &b);
	assert_err(keep_take_snapshot(&h.k, jws, NULL, T0 + 1000, &why),
		   MM_ERR_EPOCH);
	assert_non_null(strstr(why.text, ".checkpoint and .journal"));
	assert_non_null(strstr(why.text, h.m.path));
	assert_non_null(strstr(why.text, "and start it"));

	keep_close(&h.k);
	snprintf(path, sizeof path, "%s.checkpoint", h.m.path);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "%s.journal", h.m.path);
	assert_int_equal(unlink(path), 0);
	assert_ok(keep_open(&h.k, h.m.path, ISS, DAY, NULL));
	assert_ok(keep_load(&h.k, T0 + 1000, NULL));
	assert_ok(keep_take_snapshot(&h.k, jws, &first, T0 + 1000, NULL));
	assert_int_equal(shown_fresh(&h), T0 + 990);
	jwk_set_clear(&first);
	host_end(&h);
}

/* Revoked is final, but a token that was taken for idle comes back, with a
 * newer use: also for who hears of both by a snapshot. */
static void test_an_idle_token_comes_back(void **state)
{
	(void)state;
	struct host h;
	struct event e = { .seq = 8,
			   .type = EVENT_STATUS,
			   .list = SLIDE,
			   .value = STATUS_REVOKED };
	host_begin(&h);
	for (e.idx = 1; e.idx <= 2; e.idx++, e.seq++)
		assert_ok(take(&h, (struct batch){ .after = e.seq - 1,
						   .count = 1,
						   .events = event_json(&e) }));
	h.m.r.seq = 12;
	list_put_last_use(replica_list(&h.m.r, SLIDE), 2, (uint32_t)T0 + 5);
	assert_ok(take_snapshot(&h, h.m.key, NULL));
	const struct list *l = replica_list(&h.k.replica, SLIDE);
	assert_int_equal(status_get(l->status, 1), STATUS_REVOKED);
	assert_int_equal(status_get(l->status, 2), STATUS_VALID);
	host_end(&h);
}

/* ---- restarts ---- */

static void follow_three(struct host *h)
{
	for (unsigned i = 0; i < 3; i++)
		assert_ok(take(
			h, (struct batch){ .after = 7 + i,
					   .count = 1,
					   .events = revoked(8 + i, 5 + i) }));
}

static void test_restart(void **state)
{
	(void)state;
	struct host h;
	host_begin(&h);
	follow_three(&h);
	unlink(h.m.path); /* the live file is not what is resumed from */
	host_restart(&h);
	assert_int_equal(h.k.replica.seq, 10);
	for (uint32_t i = 5; i < 8; i++)
		assert_int_equal(shown(&h, i), STATUS_REVOKED);
	/* a checkpoint, then a batch that it already has in the journal */
	assert_ok(keep_checkpoint(&h.k, NULL));
	host_restart(&h);
	assert_int_equal(h.k.replica.seq, 10);
	host_end(&h);
}

static void test_crash_before_emptying(void **state)
{
	(void)state;
	struct host h;
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span journal;
	char path[100];
	host_begin(&h);
	follow_three(&h);
	snprintf(path, sizeof path, "%s.journal", h.m.path);
	assert_ok(buf_read_file(&b, path, NULL));
	assert_ok(buf_done(&b, &journal));
	assert_ok(keep_checkpoint(&h.k, NULL));
	assert_ok(file_replace(path, journal, 0600, NULL));
	host_restart(&h);
	assert_int_equal(h.k.replica.seq, 10);
	assert_int_equal(shown(&h, 7), STATUS_REVOKED);
	host_end(&h);
}

/* However short the journal was cut: a whole number of batches, at most
 * those that were there, and the feed goes on behind them. */
static void test_F2_torn_journal(void **state)
{
	(void)state;
	struct host h;
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span whole;
	char path[100];
	host_begin(&h);
	follow_three(&h);
	snprintf(path, sizeof path, "%s.journal", h.m.path);
	assert_ok(buf_read_file(&b, path, NULL));
	assert_ok(buf_done(&b, &whole));
	uint64_t last = 10;
	for (size_t n = whole.len; n-- > 0;) {
		if (n > 100 && n % 17 != 0)
			continue;
		assert_int_equal(truncate(path, (off_t)n), 0);
		host_restart(&h);
		assert_true(h.k.replica.seq >= 7 && h.k.replica.seq <= last);
		last = h.k.replica.seq;
		uint32_t next = (uint32_t)(last - 7) + 5;
		for (uint32_t i = 5; i < 8; i++)
			assert_int_equal(shown(&h, i), i < next ? STATUS_REVOKED
								: STATUS_VALID);
	}
	assert_int_equal(last, 7);
	follow_three(&h);
	host_restart(&h);
	assert_int_equal(h.k.replica.seq, 10);
	host_end(&h);
}

static void test_F2_flipped_journal(void **state)
{
	(void)state;
	struct host h;
	char path[100];
	struct stat st;
	host_begin(&h);
	follow_three(&h);
	snprintf(path, sizeof path, "%s.journal", h.m.path);
	assert_int_equal(stat(path, &st), 0);
	int fd = open(path, O_RDWR);
	uint8_t byte;
	off_t at = st.st_size / 2; /* in the second of three */
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
	host_restart(&h);
	assert_int_equal(h.k.replica.seq, 8);
	host_end(&h);
}

static void test_F2_bad_checkpoint(void **state)
{
	(void)state;
	struct host h;
	AUTO_BUF struct buf b = buf_new(1 << 20);
	struct span whole;
	char path[100];
	host_begin(&h);
	snprintf(path, sizeof path, "%s.checkpoint", h.m.path);
	assert_ok(buf_read_file(&b, path, NULL));
	assert_ok(buf_done(&b, &whole));
	for (size_t i = 0; i < whole.len; i += i < 120 ? 1 : 7) {
		b.at[i] ^= 4;
		assert_ok(file_replace(path, whole, 0600, NULL));
		b.at[i] ^= 4;
		host_restart(&h);
		if (h.k.holds)
			fail_msg("resumes with byte %zu changed", i);
	}
	for (size_t n = 0; n < whole.len; n += 41) {
		assert_ok(file_replace(path, span_of(whole.at, n), 0600, NULL));
		host_restart(&h);
		assert_false(h.k.holds);
	}
	/* another issuer's: this agent was pointed elsewhere */
	assert_ok(file_replace(path, whole, 0600, NULL));
	keep_close(&h.k);
	assert_ok(keep_open(&h.k, h.m.path, "https://new.example.org", DAY,
			    NULL));
	assert_ok(keep_load(&h.k, T0, NULL));
	assert_false(h.k.holds);
	host_end(&h);
}

static void test_one_agent(void **state)
{
	(void)state;
	struct host h;
	struct keeper second;
	struct why why = { .text = "" };
	host_begin(&h);
	assert_err(keep_open(&second, h.m.path, ISS, DAY, &why), MM_ERR_BUSY);
	assert_non_null(strstr(why.text, "another mintmark-agent"));
	keep_close(&second);
	host_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_F6_news_from_ahead),
		cmocka_unit_test(test_F6_started_behind),
		cmocka_unit_test(test_F6_started_behind_and_set_right),
		cmocka_unit_test(test_F6_started_after_both_were_ahead),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_F7_every_bit_of_a_batch),
		cmocka_unit_test(test_F7_every_bit_of_a_snapshot),
		cmocka_unit_test(test_new_key),
		cmocka_unit_test(test_snapshots),
		cmocka_unit_test(test_F16_new_epoch),
		cmocka_unit_test(test_F16_new_epoch_after_both_were_ahead),
		cmocka_unit_test(test_an_idle_token_comes_back),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_crash_before_emptying),
		cmocka_unit_test(test_F2_torn_journal),
		cmocka_unit_test(test_F2_flipped_journal),
		cmocka_unit_test(test_F2_bad_checkpoint),
		cmocka_unit_test(test_one_agent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
