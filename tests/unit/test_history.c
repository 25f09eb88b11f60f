/* test_history.c - two histories of one epoch: the hash that tells one from the
 * other, and who stands in the one that was lost. */
#include "common/history.h"

#include "common/feed.h"
#include "tests/unit/unit.h"

#define ISS	     "https://pat.example.org"
#define EPOCH	     "00112233445566778899aabbccddeeff"
#define AUTO_REPLICA __attribute__((cleanup(replica_free)))

/* At event 10, with a list of 64. */
static struct replica small(void)
{
	struct replica r = { .iss = ISS, .epoch = EPOCH, .seq = 10 };
	struct list *l;
	assert_int_equal(
		replica_add_list(&r, 3, LIST_FIXED, 64, 1821536000, &l), MM_OK);
	return r;
}

static const struct feed_head at_10 = { .iss = ISS,
					.epoch = EPOCH,
					.iat = 1790000005,
					.ttl = 30,
					.after = 10,
					.seq = 10 };

static bool revoked(const struct replica *r, uint32_t idx)
{
	return status_get(replica_list(r, 3)->status, idx) == STATUS_REVOKED;
}

static struct jwk *key_of(const char *file)
{
	char name[64];
	AUTO_BUF struct buf b = buf_new(JWK_TEXT_MAX);
	struct jwk *k = NULL;
	snprintf(name, sizeof name, "%s.jwk", file);
	assert_int_equal(jwk_from_json(vector(name, &b), &k, NULL), MM_OK);
	return k;
}

/* The revocation of a token of list 3, and the history that it leads to from
 * `before`. */
static struct event revocation(uint64_t seq, uint32_t idx, const char *before)
{
	struct event e = { .seq = seq,
			   .type = EVENT_STATUS,
			   .list = 3,
			   .idx = idx,
			   .value = STATUS_REVOKED };
	char history[HISTORY_SIZE];
	(void)span_copy(history, sizeof history, span_str(before));
	assert_int_equal(history_add(history, &e), MM_OK);
	memcpy(e.history, history, sizeof history);
	return e;
}

static enum mm_err apply_event(struct replica *r, const struct event *e,
			       const char *history)
{
	AUTO_BUF struct buf json = buf_new(1024), b = buf_new(1024);
	struct feed_head h = at_10;
	h.after = e->seq - 1;
	h.seq = e->seq;
	(void)span_copy(h.history, sizeof h.history, span_str(history));
	assert_int_equal(event_write(e, &json), MM_OK);
	assert_int_equal(batch_write(&h, done(&json), &b), MM_OK);
	return batch_apply(r, done(&b), NULL, NULL);
}

static enum mm_err apply_heartbeat(struct replica *r, uint64_t seq,
				   const char *history)
{
	AUTO_BUF struct buf b = buf_new(1024);
	struct feed_head h = at_10;
	h.after = h.seq = seq;
	(void)span_copy(h.history, sizeof h.history, span_str(history));
	assert_int_equal(batch_write(&h, span_str(""), &b), MM_OK);
	return batch_apply(r, done(&b), NULL, NULL);
}

/* Known bytes: who writes an agent of his own can hold his against them. */
static void test_history_bytes(void **state)
{
	char history[HISTORY_SIZE] = "";
	const struct event first = { .seq = 1,
				     .type = EVENT_LIST_DEAD,
				     .list = 4 };
	const struct event second = { .seq = 2,
				      .type = EVENT_LIST_DEAD,
				      .list = 5 };
	(void)state;
	assert_int_equal(history_add(history, &first), MM_OK);
	assert_string_equal(history, "uErdSX4Bq1af5RQ4xXqrlQ");
	assert_int_equal(history_add(history, &second), MM_OK);
	assert_string_equal(history, "E_vJ8NjOgO1WE47kpQb9xA");
}

/* A host stands at event 11 of a history that was lost with the mint's disk:
 * whatever comes from the mint that has another 11, it is not gone on with. */
static void test_F16_two_histories(void **state)
{
	AUTO_REPLICA struct replica r = small();
	(void)state;
	struct event lost = revocation(11, 1, ""), kept = revocation(11, 2, "");
	struct event next = revocation(12, 3, kept.history);
	assert_string_not_equal(lost.history, kept.history);
	assert_int_equal(apply_event(&r, &lost, lost.history), MM_OK);
	assert_string_equal(r.history, lost.history);

	static const int64_t before = 1790000005;
	r.iat = before - 1;
	expect("heartbeat", apply_heartbeat(&r, 11, kept.history),
	       MM_ERR_EPOCH);
	assert_true(r.astray);
	expect("the event that it has", apply_event(&r, &kept, kept.history),
	       MM_ERR_EPOCH);
	expect("the next", apply_event(&r, &next, next.history), MM_ERR_EPOCH);
	expect("none said", apply_heartbeat(&r, 11, ""), MM_ERR_EPOCH);
	assert_true(r.seq == 11 && r.iat == before - 1 && !revoked(&r, 3));

	expect("its own", apply_heartbeat(&r, 11, lost.history), MM_OK);
	assert_false(r.astray);
	assert_true(r.iat == before);
}

/* Of an issuer that did not say it, and of one that says it for the first
 * time, nothing is asked. */
static void test_history_unknown(void **state)
{
	AUTO_REPLICA struct replica r = small();
	(void)state;
	struct event e = revocation(11, 1, "0123456789abcdefghijkA");
	assert_int_equal(apply_heartbeat(&r, 10, ""), MM_OK);
	assert_string_equal(r.history, "");
	assert_int_equal(apply_event(&r, &e, e.history), MM_OK);
	assert_string_equal(r.history, e.history);
}

/* A key's event is hashed by who took it out of the JSON as by who wrote it,
 * or each rotation would look like another history. */
static void test_history_of_keys(void **state)
{
	static const char *const files[] = { "golden-es256", "golden-eddsa",
					     "golden-rs256" };
	(void)state;
	for (size_t i = 0; i < ROWS(files); i++) {
		AUTO_JWK struct jwk *k = key_of(files[i]);
		AUTO_BUF struct buf jwk = buf_new(JWK_TEXT_MAX);
		AUTO_BUF struct buf json = buf_new(2048);
		struct event e = { .seq = 1, .type = EVENT_KEY_NEW }, back;
		char mine[HISTORY_SIZE] = "", theirs[HISTORY_SIZE] = "";
		assert_int_equal(jwk_to_json(k, &jwk), MM_OK);
		(void)span_copy(e.jwk, sizeof e.jwk, done(&jwk));
		(void)span_copy(e.kid, sizeof e.kid, span_str(jwk_kid(k)));
		assert_int_equal(event_write(&e, &json), MM_OK);
		assert_int_equal(event_read(done(&json), &back), MM_OK);
		assert_int_equal(history_add(mine, &e), MM_OK);
		assert_int_equal(history_add(theirs, &back), MM_OK);
		assert_string_equal(mine, theirs);
	}
}

/* Where a batch breaks off, r is what the issuer was there, and its next true
 * word is believed. */
static void test_history_of_half_a_batch(void **state)
{
	static const char before[] = "0123456789abcdefghijkA";
	AUTO_REPLICA struct replica r = small();
	AUTO_BUF struct buf json = buf_new(1024), b = buf_new(1024);
	struct feed_head h = at_10;
	(void)state;
	memcpy(r.history, before, sizeof before);
	struct event fits = revocation(11, 1, before);
	struct event other = revocation(12, 1, fits.history);
	other.list = 99;
	h.seq = 12;
	memcpy(h.history, fits.history, sizeof h.history);
	assert_int_equal(history_add(h.history, &other), MM_OK);
	assert_int_equal(event_write(&fits, &json), MM_OK);
	buf_str(&json, ",");
	assert_int_equal(event_write(&other, &json), MM_OK);
	assert_int_equal(batch_write(&h, done(&json), &b), MM_OK);
	expect("no such list", batch_apply(&r, done(&b), NULL, NULL),
	       MM_ERR_MALFORMED);
	assert_true(r.seq == 11);
	assert_string_equal(r.history, fits.history);
	expect("the issuer's 11", apply_heartbeat(&r, 11, fits.history), MM_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_history_bytes),
		cmocka_unit_test(test_F16_two_histories),
		cmocka_unit_test(test_history_unknown),
		cmocka_unit_test(test_history_of_keys),
		cmocka_unit_test(test_history_of_half_a_batch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
