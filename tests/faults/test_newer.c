/* The feed of a mint that is newer than this host: what it may add is passed
 * over, what must not be misread is refused, and nothing is taken by halves. */
#include "tests/unit/follow_fixture.h"

#define HEAD                                                                   \
	"{\"iss\":\"" ISS                                                      \
	"\",\"iat\":1790000010,\"ttl\":30,\"epoch\":\"" EPOCH "\","
#define REVOKES                                                                \
	"{\"seq\":8,\"type\":\"status\",\"list\":1,\"idx\":5,\"value\":1"

static enum mm_err take_text(struct host *h, const char *typ, const char *json,
			     bool snapshot)
{
	AUTO_BUF struct buf b = buf_new(1 << 16);
	struct span jws;
	assert_ok(jws_sign(h->m.key, typ, span_str(json), &b));
	assert_ok(buf_done(&b, &jws));
	return snapshot ? keep_take_snapshot(&h->k, jws, NULL, T0 + 1000, NULL)
			: keep_take_batch(&h->k, jws, NULL, T0 + 1000, NULL);
}

static void test_F29_members_are_added(void **state)
{
	(void)state;
	struct host h;
	host_begin(&h);
	assert_ok(take_text(&h, TYP_FEED,
			    HEAD "\"after\":7,\"seq\":8,\"mood\":{\"x\":[1]},"
				 "\"events\":[" REVOKES ",\"why\":\"lost\"}]}",
			    false));
	assert_int_equal(shown(&h, 5), STATUS_REVOKED);
	assert_ok(take_text(
		&h, TYP_SNAPSHOT,
		HEAD "\"seq\":9,\"mood\":null,\"keys\":[],\"lists\":[{"
		     "\"list\":1,\"kind\":\"fixed\",\"size\":1024,\"expires\":"
		     "1824560000,\"colour\":\"red\",\"status\":"
		     "\"eNoDAAAAAAE\"}]}",
		true));
	assert_int_equal(h.k.replica.seq, 9);
	assert_int_equal(shown(&h, 5), STATUS_REVOKED);
	host_end(&h);
}

static void test_F29_what_must_not_be_misread(void **state)
{
	(void)state;
	static const struct {
		const char *typ, *json;
		bool snapshot;
	} cases[] = {
		/* an event of a new type, also behind one that is known */
		{ TYP_FEED,
		  HEAD "\"after\":7,\"seq\":9,\"events\":[" REVOKES
		       "},{\"seq\":9,\"type\":\"list-split\",\"list\":1}]}",
		  false },
		{ TYP_FEED,
		  HEAD
		  "\"after\":7,\"seq\":8,\"events\":[{\"seq\":8,"
		  "\"type\":\"status\",\"list\":1,\"idx\":5,\"value\":3}]}",
		  false },
		{ "mintmark-feed2+jwt",
		  HEAD "\"after\":7,\"seq\":8,\"events\":[" REVOKES "}]}",
		  false },
		{ TYP_SNAPSHOT,
		  HEAD "\"seq\":9,\"keys\":[],\"lists\":[{\"list\":1,\"kind\":"
		       "\"tree\",\"size\":1024,\"expires\":1824560000,"
		       "\"status\":\"eNoDAAAAAAE\"}]}",
		  true },
		{ "mintmark-snapshot2+jwt",
		  HEAD "\"seq\":9,\"keys\":[],\"lists\":[]}", true },
	};
	struct host h;
	host_begin(&h);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_err(take_text(&h, cases[i].typ, cases[i].json,
				     cases[i].snapshot),
			   MM_ERR_MALFORMED);
		assert_int_equal(h.k.replica.seq, 7);
		assert_int_equal(shown(&h, 5), STATUS_VALID);
	}
	host_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F29_members_are_added),
		cmocka_unit_test(test_F29_what_must_not_be_misread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
