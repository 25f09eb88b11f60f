/* test_feed.c - events, batches and snapshots: known bytes, round trips,
 * and the lies that a feed can tell. */
#include "common/feed.h"

#include "tests/unit/unit.h"

#define ISS	     "https://pat.example.org"
#define EPOCH	     "00112233445566778899aabbccddeeff"
#define OTHER	     "ffeeddccbbaa99887766554433221100"
#define EXPIRES	     1821536000
#define AUTO_REPLICA __attribute__((cleanup(replica_free)))

#define KID "kPrK_qmxVWa" /* RFC 8037 appendix A.3 */
#define JWK                                                                    \
	"{\"crv\":\"Ed25519\",\"kty\":\"OKP\","                                \
	"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","               \
	"\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"" KID "\"}"

/* ---- events ---- */

static const struct {
	const char *json;
	struct event e;
} events[] = {
	{ "{\"seq\":12,\"type\":\"status\",\"list\":3,\"idx\":4711,"
	  "\"value\":1}",
	  { .seq = 12,
	    .type = EVENT_STATUS,
	    .list = 3,
	    .idx = 4711,
	    .value = 1 } },
	{ "{\"seq\":1,\"type\":\"renew\",\"list\":4294967295,\"idx\":0,"
	  "\"last_use\":1790000000}",
	  { .seq = 1,
	    .type = EVENT_RENEW,
	    .list = UINT32_MAX,
	    .last_use = 1790000000 } },
	{ "{\"seq\":9223372036854775807,\"type\":\"list-new\",\"list\":4,"
	  "\"kind\":\"auto_refresh\",\"size\":1048576,"
	  "\"expires\":1821536000}",
	  { .seq = INT64_MAX,
	    .type = EVENT_LIST_NEW,
	    .list = 4,
	    .kind = LIST_AUTO_REFRESH,
	    .size = 1u << 20,
	    .expires = EXPIRES } },
	{ "{\"seq\":2,\"type\":\"list-new\",\"list\":0,\"kind\":\"fixed\","
	  "\"size\":4,\"expires\":1}",
	  { .seq = 2,
	    .type = EVENT_LIST_NEW,
	    .kind = LIST_FIXED,
	    .size = 4,
	    .expires = 1 } },
	{ "{\"seq\":13,\"type\":\"list-dead\",\"list\":4}",
	  { .seq = 13, .type = EVENT_LIST_DEAD, .list = 4 } },
	{ "{\"seq\":14,\"type\":\"key-new\",\"kid\":\"" KID "\",\"jwk\":" JWK
	  "}",
	  { .seq = 14, .type = EVENT_KEY_NEW, .kid = KID, .jwk = JWK } },
	{ "{\"seq\":15,\"type\":\"key-retired\",\"kid\":\"" KID "\"}",
	  { .seq = 15, .type = EVENT_KEY_RETIRED, .kid = KID } },
	{ "{\"seq\":16,\"type\":\"key-compromised\",\"kid\":\"" KID "\"}",
	  { .seq = 16, .type = EVENT_KEY_COMPROMISED, .kid = KID } },
};

static void test_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(events); i++) {
		AUTO_BUF struct buf b = buf_new(2048);
		struct event back;
		expect("write", event_write(&events[i].e, &b), MM_OK);
		assert_string_equal(done(&b).at, events[i].json);
		memset(&back, 0x5a, sizeof back);
		expect(events[i].json, event_read(done(&b), &back), MM_OK);
		assert_memory_equal(&back, &events[i].e, sizeof back);
	}
}

/* Order, white space and members that a later version may add. */
static void test_event_as_others_write(void **state)
{
	struct event e;
	(void)state;
	expect("free form",
	       event_read(span_str(" {\"value\" : 2, \"idx\":5, \"by\":\"x\",\n"
				   "\"type\":\"status\", \"seq\":7, "
				   "\"list\":3, \"kind\":9} "),
			  &e),
	       MM_OK);
	assert_true(e.seq == 7 && e.type == EVENT_STATUS && e.list == 3);
	assert_true(e.idx == 5 && e.value == 2 && e.kind == 0);
}

static const char *const bad_events[] = {
	"",
	"[]",
	"1",
	"{}",
	"{\"seq\":1}",
	"{\"type\":\"list-dead\",\"list\":4}",
#define DEAD(seq) "{\"seq\":" seq ",\"type\":\"list-dead\",\"list\":4}"
	DEAD("0"),
	DEAD("-1"),
	DEAD("1.0"),
	DEAD("1e3"),
	DEAD("\"1\""),
	DEAD("null"),
	DEAD("9223372036854775808"),
	DEAD("1") " x",
	DEAD("1") DEAD("2"),
	DEAD("1,\"seq\":1"),
	DEAD("1,\"\\u0073eq\":1"),
#define TYPE(type) "{\"seq\":1,\"type\":" type ",\"list\":4}"
	TYPE("\"list-old\""),
	TYPE("\"LIST-DEAD\""),
	TYPE("\"list-dead \""),
	TYPE("\"list-deadlist-deadlist-dead\""),
	TYPE("\"\""),
	TYPE("4"),
	TYPE("null"),
	TYPE("\"status\""), /* no idx, no value */
#define STATUS(list, idx, value)                                               \
	"{\"seq\":1,\"type\":\"status\",\"list\":" list ",\"idx\":" idx        \
	",\"value\":" value "}"
	STATUS("-1", "0", "0"),
	STATUS("4294967296", "0", "0"),
	STATUS("1.5", "0", "0"),
	STATUS("\"3\"", "0", "0"),
	STATUS("3", "-1", "0"),
	STATUS("3", "1048576", "0"),
	STATUS("3", "4294967296", "0"),
	STATUS("3", "true", "0"),
	STATUS("3", "0", "3"),
	STATUS("3", "0", "-1"),
	STATUS("3", "0", "257"),
	STATUS("3", "0", "4294967297"),
	STATUS("3", "0", "1.0"),
	STATUS("3", "0", "\"revoked\""),
#define RENEW(at)                                                              \
	"{\"seq\":1,\"type\":\"renew\",\"list\":3,\"idx\":0,\"last_use\":" at  \
	"}"
	RENEW("0"),
	RENEW("-5"),
	RENEW("4294967296"),
	RENEW("1.79e9"),
	RENEW("null"),
#define LIST(kind, size, expires)                                              \
	"{\"seq\":1,\"type\":\"list-new\",\"list\":3,\"kind\":" kind           \
	",\"size\":" size ",\"expires\":" expires "}"
	LIST("\"other\"", "4", "9"),
	LIST("\"\"", "4", "9"),
	LIST("1", "4", "9"),
	LIST("\"fixed\"", "0", "9"),
	LIST("\"fixed\"", "-4", "9"),
	LIST("\"fixed\"", "1048577", "9"),
	LIST("\"fixed\"", "4294967300", "9"),
	LIST("\"fixed\"", "4", "0"),
	LIST("\"fixed\"", "4", "253402300800"),
#define KEY(kid, jwk)                                                          \
	"{\"seq\":1,\"type\":\"key-new\",\"kid\":" kid ",\"jwk\":" jwk "}"
	KEY("\"" KID "\"", "\"text\""),
	KEY("\"" KID "\"", "null"),
	KEY("\"" KID "\"", "[]"),
	KEY("\"\"", "{}"),
	KEY("\"short\"", "{}"),
	KEY("\"" KID "x\"", "{}"),
	KEY("\"kPrK_qmxVW\\\"\"", "{}"),
	KEY("\"kPrK qmxVWa\"", "{}"),
	KEY("\"kPrK_qmxVW\\u00e9\"", "{}"),
	KEY("\"kPrK_\\u0000xVWa\"", "{}"),
	KEY("7", "{}"),
	"{\"seq\":1,\"type\":\"key-retired\"}",
};

static void test_bad_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(bad_events); i++) {
		struct event e;
		expect(bad_events[i], event_read(span_str(bad_events[i]), &e),
		       MM_ERR_MALFORMED);
	}
}

static void test_large_events(void **state)
{
	struct event e;
	(void)state;
	for (int n = 900; n <= 2100; n += 100) {
		AUTO_BUF struct buf b = buf_new(4096);
		buf_fmt(&b,
			"{\"seq\":1,\"type\":\"key-new\",\"kid\":\"" KID
			"\",\"jwk\":{\"n\":\"%0*d\"}}",
			n, 0);
		expect("key", event_read(done(&b), &e),
		       n <= 1000   ? MM_OK
		       : n <= 1900 ? MM_ERR_MALFORMED
				   : MM_ERR_TOO_LARGE);
	}
}

static void test_unwritable_events(void **state)
{
	static const struct event rows[] = {
		{ .type = 0 },
		{ .type = (enum event_type)(EVENT_KEY_COMPROMISED + 1) },
		{ .type = EVENT_LIST_NEW },
		{ .type = EVENT_LIST_NEW, .kind = (enum list_kind)3 },
	};
	AUTO_BUF struct buf b = buf_new(1024), tight = buf_new(20);
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect("write", event_write(&rows[i], &b), MM_ERR_INVALID);
	expect("room", event_write(&events[0].e, &tight), MM_ERR_TOO_LARGE);
}

/* ---- batches ---- */

/* A replica at event 10 that has heard of list 3 and nothing else. */
static struct replica small(void)
{
	struct replica r = {
		.iss = ISS, .epoch = EPOCH, .seq = 10, .iat = 1790000000
	};
	struct list *l;
	assert_int_equal(replica_add_list(&r, 3, LIST_FIXED, 64, EXPIRES, &l),
			 MM_OK);
	return r;
}

static const struct feed_head at_10 = { .iss = ISS,
					.epoch = EPOCH,
					.iat = 1790000005,
					.ttl = 30,
					.after = 10,
					.seq = 10 };

static void add_status(struct buf *b, uint64_t seq, uint32_t list, uint32_t idx)
{
	const struct event e = { .seq = seq,
				 .type = EVENT_STATUS,
				 .list = list,
				 .idx = idx,
				 .value = STATUS_REVOKED };
	buf_str(b, b->len ? "," : "");
	assert_int_equal(event_write(&e, b), MM_OK);
}

struct heard {
	size_t count;
	uint64_t seq[16];
};

static void hear(void *ctx, const struct event *e)
{
	struct heard *h = ctx;
	h->seq[h->count++ % 16] = e->seq;
}

/* A batch of revocations after+1..seq: event n is token n of list 3. */
static enum mm_err apply_run(struct replica *r, uint64_t after, uint64_t seq,
			     struct heard *heard)
{
	AUTO_BUF struct buf json = buf_new(FEED_BATCH_MAX);
	AUTO_BUF struct buf b = buf_new(FEED_BATCH_MAX);
	struct feed_head h = at_10;
	h.after = after;
	h.seq = seq;
	for (uint64_t n = after + 1; n <= seq; n++)
		add_status(&json, n, 3, (uint32_t)n % 64);
	assert_int_equal(batch_write(&h, done(&json), &b), MM_OK);
	*heard = (struct heard){ .count = 0 };
	return batch_apply(r, done(&b), hear, heard);
}

static bool revoked(const struct replica *r, uint32_t idx)
{
	return status_get(replica_list(r, 3)->status, idx) == STATUS_REVOKED;
}

static void test_heartbeat(void **state)
{
	AUTO_BUF struct buf b = buf_new(1024);
	AUTO_REPLICA struct replica r = small();
	(void)state;
	assert_int_equal(batch_write(&at_10, span_str(""), &b), MM_OK);
	assert_string_equal(done(&b).at,
			    "{\"iss\":\"" ISS "\",\"iat\":1790000005,"
			    "\"ttl\":30,\"epoch\":\"" EPOCH
			    "\",\"after\":10,\"seq\":10,\"events\":[]}");
	assert_int_equal(batch_apply(&r, done(&b), NULL, NULL), MM_OK);
	assert_true(r.seq == 10 && r.iat == 1790000005);

	/* an older one changes nothing, and time does not go back */
	AUTO_BUF struct buf old = buf_new(1024);
	struct feed_head h = at_10;
	h.iat = 1789999999;
	assert_int_equal(batch_write(&h, span_str(""), &old), MM_OK);
	assert_int_equal(batch_apply(&r, done(&old), NULL, NULL), MM_OK);
	assert_true(r.seq == 10 && r.iat == 1790000005);
}

/* A batch that was cut short is taken, and its date is not: what its issuer
 * knew by then may be behind it.  (F9, fresh but short.) */
static void test_more(void **state)
{
	AUTO_REPLICA struct replica r = small();
	AUTO_BUF struct buf json = buf_new(1024), cut = buf_new(1024);
	struct feed_head h = at_10;
	(void)state;
	h.seq = 11;
	h.more = true;
	add_status(&json, 11, 3, 11);
	assert_int_equal(batch_write(&h, done(&json), &cut), MM_OK);
	assert_non_null(strstr((const char *)done(&cut).at,
			       ",\"seq\":11,\"more\":true,"));
	for (int i = 0; i < 2; i++) { /* and the same again */
		assert_int_equal(batch_apply(&r, done(&cut), NULL, NULL),
				 MM_OK);
		assert_true(r.seq == 11 && revoked(&r, 11));
		assert_true(r.iat == 1790000000);
	}

	AUTO_BUF struct buf whole = buf_new(1024);
	h.after = 11;
	h.more = false;
	assert_int_equal(batch_write(&h, span_str(""), &whole), MM_OK);
	assert_null(strstr((const char *)done(&whole).at, "more"));
	assert_int_equal(batch_apply(&r, done(&whole), NULL, NULL), MM_OK);
	assert_true(r.iat == 1790000005);
}

/* What is behind, ahead, known already or half known. */
static void test_runs(void **state)
{
	static const struct {
		uint64_t after, seq;
		enum mm_err want;
		size_t heard;
		uint64_t first;
	} rows[] = {
		{ 10, 12, MM_OK, 2, 11 },
		{ 8, 12, MM_OK, 2, 11 }, /* starts before: passed over */
		{ 0, 11, MM_OK, 1, 11 },
		{ 8, 10, MM_OK, 0, 0 }, /* nothing new */
		{ 8, 9, MM_ERR_ROLLBACK, 0, 0 },
		{ 0, 0, MM_ERR_ROLLBACK, 0, 0 },
		{ 11, 12, MM_ERR_GAP, 0, 0 },
		{ 11, 11, MM_ERR_GAP, 0, 0 },
		{ 10, 10 + FEED_EVENTS_MAX, MM_OK, FEED_EVENTS_MAX, 0 },
		{ 10, 11 + FEED_EVENTS_MAX, MM_ERR_MALFORMED, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_REPLICA struct replica r = small();
		struct heard heard;
		bool good = rows[i].want == MM_OK;
		expect("run", apply_run(&r, rows[i].after, rows[i].seq, &heard),
		       rows[i].want);
		assert_true(r.seq ==
			    (good && rows[i].seq > 10 ? rows[i].seq : 10));
		assert_int_equal(heard.count, rows[i].heard);
		if (rows[i].first)
			assert_true(heard.seq[0] == rows[i].first);
		assert_true(r.iat == (good ? 1790000005 : 1790000000));
		assert_true(revoked(&r, 11) == (rows[i].heard != 0));
	}
}

#define BATCH(iss, iat, epoch, after, seq, events)                             \
	"{\"iss\":" iss ",\"iat\":" iat ",\"ttl\":30,\"epoch\":" epoch         \
	",\"after\":" after ",\"seq\":" seq ",\"events\":" events "}"
#define I "\"" ISS "\""
#define E "\"" EPOCH "\""
#define REVOKE(seq, idx)                                                       \
	"{\"seq\":" seq ",\"type\":\"status\",\"list\":3,\"idx\":" idx         \
	",\"value\":1}"
static const struct {
	const char *text;
	enum mm_err want;
} bad_batches[] = {
	{ "", MM_ERR_MALFORMED },
	{ "{}", MM_ERR_MALFORMED },
	{ "[]", MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10", "[]"), MM_OK },
	{ BATCH(I, "1", E, "10", "10", "[]") "x", MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10,\"next\":{}", "[]"), MM_OK },
	{ BATCH(I, "1", E, "10", "10,\"seq\":10", "[]"), MM_ERR_MALFORMED },
	{ BATCH("\"https://evil.example\"", "1", E, "10", "10", "[]"),
	  MM_ERR_WRONG_ISSUER },
	{ BATCH("\"" ISS "/\"", "1", E, "10", "10", "[]"),
	  MM_ERR_WRONG_ISSUER },
	{ BATCH("\"\"", "1", E, "10", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH("null", "1", E, "10", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", "\"" OTHER "\"", "10", "10", "[]"), MM_ERR_EPOCH },
	{ BATCH(I, "1", "\"" EPOCH "0\"", "10", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", "0", "10", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "-1", E, "10", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1.5", E, "10", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "253402300800", E, "10", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "-1", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "11", "10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "-10", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "9223372036854775808", "[]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10", "{}"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10", "null"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10,\"more\":1", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10,\"more\":null", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10,\"history\":1", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10,\"history\":\"\"", "[]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10,\"history\":\"0123456789abcdefghijk\"",
		"[]"),
	  MM_ERR_MALFORMED },
	/* the events are not those that the head promises */
	{ BATCH(I, "1", E, "10", "11", "[]"), MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "9223372036854775807", "[]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "10", "[" REVOKE("11", "1") "]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "11", "[" REVOKE("12", "1") "]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "12",
		"[" REVOKE("11", "1") "," REVOKE("11", "1") "]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "12",
		"[" REVOKE("12", "1") "," REVOKE("11", "1") "]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "13",
		"[" REVOKE("11", "1") "," REVOKE("13", "1") "]"),
	  MM_ERR_MALFORMED },
	/* all are read before the first is applied */
	{ BATCH(I, "1", E, "10", "12",
		"[" REVOKE("11", "1") "," REVOKE("12", "-1") "]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "12",
		"[" REVOKE("11", "1") ",{\"seq\":12,\"type\":\"new\"}]"),
	  MM_ERR_MALFORMED },
	{ BATCH(I, "1", E, "10", "12", "[" REVOKE("11", "1") ",7]"),
	  MM_ERR_MALFORMED },
};

static void test_bad_batches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(bad_batches); i++) {
		AUTO_REPLICA struct replica r = small();
		struct heard heard = { .count = 0 };
		expect(bad_batches[i].text,
		       batch_apply(&r, span_str(bad_batches[i].text), hear,
				   &heard),
		       bad_batches[i].want);
		assert_true(r.seq == 10 && r.iat == 1790000000);
		assert_false(revoked(&r, 1));
		assert_int_equal(heard.count, 0);
	}
}

/* Well-formed, but not about what we hold: what came before it stays, as it
 * was at that number. */
static void test_misfit(void **state)
{
	AUTO_BUF struct buf json = buf_new(4096), b = buf_new(4096);
	AUTO_REPLICA struct replica r = small();
	struct heard heard = { .count = 0 };
	struct feed_head h = at_10;
	(void)state;
	h.seq = 13;
	add_status(&json, 11, 3, 5);
	add_status(&json, 12, 4, 5); /* no such list */
	add_status(&json, 13, 3, 6);
	assert_int_equal(batch_write(&h, done(&json), &b), MM_OK);
	assert_int_equal(batch_apply(&r, done(&b), hear, &heard),
			 MM_ERR_MALFORMED);
	assert_true(r.seq == 11 && heard.count == 1);
	assert_true(revoked(&r, 5));
	assert_false(revoked(&r, 6));
	assert_true(r.iat == 1790000000);
}

/* A list is announced and used in one batch, and a key with it. */
static void test_announced_and_used(void **state)
{
	static const char text[] =
		BATCH(I, "1790000009", E, "10", "13",
		      "[{\"seq\":11,\"type\":\"list-new\",\"list\":4,\"kind\":"
		      "\"auto_refresh\",\"size\":64,\"expires\":1821536000},"
		      "{\"seq\":12,\"type\":\"renew\",\"list\":4,\"idx\":9,"
		      "\"last_use\":1790000001},"
		      "{\"seq\":13,\"type\":\"key-new\",\"kid\":\"" KID
		      "\",\"jwk\":" JWK "}]");
	AUTO_REPLICA struct replica r = small();
	(void)state;
	expect("batch", batch_apply(&r, span_str(text), NULL, NULL), MM_OK);
	assert_int_equal(replica_list(&r, 4)->last_use[9], 1790000001);
	assert_non_null(jwk_set_find(&r.keys, KID));
	assert_true(r.iat == 1790000009);
}

static void test_batch_too_large(void **state)
{
	AUTO_BUF struct buf b = buf_new(FEED_BATCH_MAX + 1);
	AUTO_REPLICA struct replica r = small();
	(void)state;
	assert_int_equal(batch_write(&at_10, span_str(""), &b), MM_OK);
	while (b.len <= FEED_BATCH_MAX)
		buf_str(&b, " ");
	struct span s = done(&b);
	assert_int_equal(batch_apply(&r, s, NULL, NULL), MM_ERR_TOO_LARGE);
	s.len--;
	assert_int_equal(batch_apply(&r, s, NULL, NULL), MM_OK);
}

/* An issuer's name is written as JSON, whatever is in it. */
static void test_names_are_quoted(void **state)
{
	AUTO_BUF struct buf b = buf_new(1024);
	AUTO_REPLICA struct replica r = small();
	struct feed_head h = at_10;
	(void)state;
	snprintf(h.iss, sizeof h.iss, "https://x/\",\"iss\":\"" ISS);
	assert_int_equal(batch_write(&h, span_str(""), &b), MM_OK);
	assert_int_equal(batch_apply(&r, done(&b), NULL, NULL),
			 MM_ERR_WRONG_ISSUER);
	memcpy(r.iss, h.iss, sizeof r.iss);
	assert_int_equal(batch_apply(&r, done(&b), NULL, NULL), MM_OK);

	AUTO_BUF struct buf bad = buf_new(1024), tight = buf_new(20);
	snprintf(h.iss, sizeof h.iss, "https://\xff/");
	assert_int_equal(batch_write(&h, span_str(""), &bad), MM_ERR_INVALID);
	assert_int_equal(batch_write(&at_10, span_str(""), &tight),
			 MM_ERR_TOO_LARGE);
}

/* ---- snapshots ---- */

static void fill(struct replica *r)
{
	AUTO_JWK struct jwk *k = NULL, *other = NULL;
	struct list *l;
	assert_int_equal(jwk_from_json(span_str(JWK), &k, NULL), MM_OK);
	assert_int_equal(jwk_set_add(&r->keys, k), MM_OK);
	assert_int_equal(jwk_generate(JWK_ES256, &other), MM_OK);
	assert_int_equal(jwk_set_add(&r->keys, other), MM_OK);
	assert_int_equal(replica_add_list(r, 9, LIST_AUTO_REFRESH,
					  LIST_SIZE_MAX, EXPIRES + 5, &l),
			 MM_OK);
	for (uint32_t i = 0; i < l->size; i += 997) {
		list_put_status(l, i, 1 + i % 2);
		list_put_last_use(l, i, 1790000000 + i);
	}
	list_put_status(replica_list(r, 3), 63, STATUS_SUSPENDED);
}

static void same_lists(const struct replica *a, const struct replica *b)
{
	assert_int_equal(a->list_count, b->list_count);
	for (size_t i = 0; i < a->list_count; i++) {
		const struct list *x = &a->lists[i], *y = &b->lists[i];
		assert_true(x->list == y->list && x->kind == y->kind &&
			    x->size == y->size && x->expires == y->expires);
		assert_memory_equal(x->status, y->status, x->size / 4);
		assert_int_equal(x->last_use == NULL, y->last_use == NULL);
		if (x->last_use != NULL)
			assert_memory_equal(x->last_use, y->last_use,
					    x->size * sizeof *x->last_use);
	}
}

static void test_snapshot_round_trip(void **state)
{
	AUTO_BUF struct buf b = buf_new(SNAPSHOT_MAX),
			    c = buf_new(SNAPSHOT_MAX);
	AUTO_REPLICA struct replica r = small(), back = { .seq = 0 };
	(void)state;
	fill(&r);
	assert_int_equal(snapshot_write(&r, 1790000007, 30, &b), MM_OK);
	assert_int_equal(snapshot_read(done(&b), &back), MM_OK);
	assert_string_equal(back.iss, ISS);
	assert_string_equal(back.epoch, EPOCH);
	assert_true(back.seq == 10 && back.iat == 1790000007);
	assert_int_equal(back.keys.count, 2);
	assert_string_equal(jwk_kid(back.keys.key[0]), KID);
	assert_false(jwk_is_private(back.keys.key[1]));
	same_lists(&r, &back);
	/* the same state, the same bytes */
	assert_int_equal(snapshot_write(&back, 1790000007, 30, &c), MM_OK);
	assert_true(span_eq(done(&b), done(&c)));
}

static void test_snapshot_bytes(void **state)
{
	AUTO_BUF struct buf b = buf_new(4096);
	AUTO_REPLICA struct replica r = small();
	struct list *l;
	(void)state;
	assert_int_equal(
		replica_add_list(&r, 4, LIST_AUTO_REFRESH, 4, EXPIRES, &l),
		MM_OK);
	assert_int_equal(snapshot_write(&r, 1790000005, 30, &b), MM_OK);
	assert_string_equal(
		done(&b).at,
		"{\"iss\":\"" ISS "\",\"iat\":1790000005,\"ttl\":30,"
		"\"epoch\":\"" EPOCH "\",\"seq\":10,\"keys\":[],\"lists\":["
		"{\"list\":3,\"kind\":\"fixed\",\"size\":64,"
		"\"expires\":1821536000,\"status\":\"eNoDAAAAAAE\"},"
		"{\"list\":4,\"kind\":\"auto_refresh\",\"size\":4,"
		"\"expires\":1821536000,\"status\":\"eNoDAAAAAAE\","
		"\"renewals\":\"eAEDAAAAAAE\"}]}");
}

/* Ten million tokens that nothing happened to are next to nothing. */
static void test_snapshot_is_small(void **state)
{
	AUTO_BUF struct buf b = buf_new(4096);
	AUTO_REPLICA struct replica r = small(), back = { .seq = 0 };
	struct list *l;
	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(replica_add_list(&r, 100 + i,
						  LIST_AUTO_REFRESH,
						  LIST_SIZE_MAX, EXPIRES, &l),
				 MM_OK);
	assert_int_equal(snapshot_write(&r, 1, 30, &b), MM_OK);
	assert_int_equal(snapshot_read(done(&b), &back), MM_OK);
	assert_int_equal(back.list_count, 11);
}

static void test_which_snapshot_replaces(void **state)
{
	static const struct {
		const char *what, *iss, *epoch;
		uint64_t seq;
		int64_t iat;
		enum mm_err want;
	} rows[] = {
		{ "newer", ISS, EPOCH, 11, 1790000009, MM_OK },
		{ "the same", ISS, EPOCH, 10, 1790000000, MM_OK },
		{ "made earlier", ISS, EPOCH, 11, 1789999999, MM_OK },
		{ "older", ISS, EPOCH, 9, 1790000009, MM_ERR_ROLLBACK },
		{ "zero", ISS, EPOCH, 0, 1790000009, MM_ERR_ROLLBACK },
		{ "a new epoch", ISS, OTHER, 2, 1790000009, MM_OK },
		{ "an old epoch", ISS, OTHER, 99, 1789999999, MM_ERR_ROLLBACK },
		{ "another's", "https://evil.example", EPOCH, 11, 1790000009,
		  MM_ERR_WRONG_ISSUER },
		{ "another's", "https://pat.example.or", OTHER, 11, 1790000009,
		  MM_ERR_WRONG_ISSUER },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b = buf_new(4096);
		AUTO_REPLICA struct replica r = small();
		AUTO_REPLICA struct replica from = { .seq = rows[i].seq };
		snprintf(from.iss, sizeof from.iss, "%s", rows[i].iss);
		snprintf(from.epoch, sizeof from.epoch, "%s", rows[i].epoch);
		assert_int_equal(snapshot_write(&from, rows[i].iat, 30, &b),
				 MM_OK);
		expect(rows[i].what, snapshot_read(done(&b), &r), rows[i].want);
		assert_int_equal(r.list_count, rows[i].want == MM_OK ? 0 : 1);
		assert_true(r.seq ==
			    (rows[i].want == MM_OK ? rows[i].seq : 10));
		assert_true(r.iat >= 1790000000);
	}
}

#define SNAPSHOT(keys, lists)                                                  \
	"{\"iss\":" I ",\"iat\":1790000005,\"ttl\":30,\"epoch\":" E            \
	",\"seq\":12,\"keys\":" keys ",\"lists\":" lists "}"
#define LIST_3(kind, size, expires, rest)                                      \
	"{\"list\":3,\"kind\":\"" kind "\",\"size\":" size                     \
	",\"expires\":" expires rest "}"
#define ZERO  ",\"status\":\"eNoDAAAAAAE\""
#define NEVER ",\"renewals\":\"eNoDAAAAAAE\""

static const struct {
	const char *text;
	enum mm_err want;
} bad_snapshots[] = {
	{ SNAPSHOT("[]", "[]"), MM_OK },
	{ SNAPSHOT("[" JWK "]", "[" LIST_3("fixed", "4", "9", ZERO) "]"),
	  MM_OK },
	{ "", MM_ERR_MALFORMED },
	{ "{}", MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[]") "{}", MM_ERR_MALFORMED },
	{ SNAPSHOT("{}", "[]"), MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "null"), MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[],\"lists\":[]"), MM_ERR_MALFORMED },
	{ SNAPSHOT("[1]", "[]"), MM_ERR_MALFORMED },
	{ SNAPSHOT("[{}]", "[]"), MM_ERR_MALFORMED },
	{ SNAPSHOT("[{\"kty\":\"oct\",\"k\":\"AAAA\"}]", "[]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[" JWK "," JWK "]", "[]"), MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[1]"), MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[{}]"), MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "4", "9", "") "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("auto_refresh", "4", "9", ZERO) "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("auto_refresh", "4", "9", ZERO NEVER) "]"),
	  MM_OK },
	{ SNAPSHOT("[]", "[" LIST_3("odd", "4", "9", ZERO NEVER) "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "0", "9", ZERO) "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "5", "9", ZERO) "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "1048580", "9", ZERO) "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "9e15", "9", ZERO) "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "4", "0", ZERO) "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "4", "9", ",\"status\":\"\"") "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "4", "9",
				    ",\"status\":\"eNoDAAAAAAE=\"") "]"),
	  MM_ERR_MALFORMED },
	/* two bytes of status for four tokens, three renewal bytes */
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "4", "9",
				    ",\"status\":\"eNrbuRgAAhcBXQ\"") "]"),
	  MM_ERR_TOO_LARGE },
	{ SNAPSHOT("[]", "[" LIST_3("auto_refresh", "4", "9",
				    ZERO ",\"renewals\":"
					 "\"eNo76fITAAPfAgc\"") "]"),
	  MM_ERR_MALFORMED },
	{ SNAPSHOT("[]", "[" LIST_3("fixed", "4", "9", ZERO) "," LIST_3(
				 "fixed", "4", "9", ZERO) "]"),
	  MM_ERR_MALFORMED },
};

static void test_bad_snapshots(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(bad_snapshots); i++) {
		AUTO_REPLICA struct replica r = small();
		expect(bad_snapshots[i].text,
		       snapshot_read(span_str(bad_snapshots[i].text), &r),
		       bad_snapshots[i].want);
		if (bad_snapshots[i].want == MM_OK)
			continue;
		/* and what we had is what we have */
		assert_true(r.seq == 10 && r.iat == 1790000000);
		assert_int_equal(replica_list(&r, 3)->size, 64);
		assert_int_equal(r.keys.count, 0);
	}
}

static void test_too_many_lists(void **state)
{
	AUTO_BUF struct buf b = buf_new(1u << 20);
	AUTO_REPLICA struct replica r = small();
	(void)state;
	buf_str(&b, "{\"iss\":" I ",\"iat\":1,\"ttl\":1,\"epoch\":" E
		    ",\"seq\":12,\"keys\":[],\"lists\":[");
	for (int i = 0; i <= 4096; i++)
		buf_fmt(&b,
			"%s{\"list\":%d,\"kind\":\"fixed\",\"size\":4,"
			"\"expires\":9" ZERO "}",
			i ? "," : "", i);
	buf_str(&b, "]}");
	expect("4097 lists", snapshot_read(done(&b), &r), MM_ERR_TOO_LARGE);
	assert_int_equal(r.list_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_event_as_others_write),
		cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_large_events),
		cmocka_unit_test(test_unwritable_events),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_bad_batches),
		cmocka_unit_test(test_misfit),
		cmocka_unit_test(test_announced_and_used),
		cmocka_unit_test(test_batch_too_large),
		cmocka_unit_test(test_names_are_quoted),
		cmocka_unit_test(test_snapshot_round_trip),
		cmocka_unit_test(test_snapshot_bytes),
		cmocka_unit_test(test_snapshot_is_small),
		cmocka_unit_test(test_which_snapshot_replaces),
		cmocka_unit_test(test_bad_snapshots),
		cmocka_unit_test(test_too_many_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
