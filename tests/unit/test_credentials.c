/* The Authorization header: Bearer and Basic, and what is neither. */
#include "tests/unit/unit.h"
#include "verifier/agent/credentials.h"

static void test_rows(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum mm_err e;
		const char *user, *token;
	} rows[] = {
		{ NULL, MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ "", MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ "Bearer", MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ "a.b.c", MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ "Digest a.b.c", MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ "Bearers a.b.c", MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ " Bearer a.b.c", MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ "Bearer\ta.b.c", MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ "Bearer a.b.c", MM_OK, NULL, "a.b.c" },
		{ "bEARER   a.b.c", MM_OK, NULL, "a.b.c" },
		/* not one token: what it is is the verifier's to say */
		{ "Bearer a.b.c, Bearer d", MM_OK, NULL, "a.b.c, Bearer d" },
		{ "Bearer ", MM_OK, NULL, "" },
		/* alice:a.b.c */
		{ "Basic YWxpY2U6YS5iLmM=", MM_OK, "alice", "a.b.c" },
		{ "bAsIc  YWxpY2U6YS5iLmM=", MM_OK, "alice", "a.b.c" },
		/* alice:x:y */
		{ "Basic YWxpY2U6eDp5", MM_OK, "alice", "x:y" },
		/* :x  x:  and ":" alone */
		{ "Basic Ong=", MM_OK, "", "x" },
		{ "Basic eDo=", MM_OK, "x", "" },
		{ "Basic Og==", MM_OK, "", "" },
		/* "a>:b?", whose two alphabets differ */
		{ "Basic YT46Yj8=", MM_OK, "a>", "b?" },
		{ "Basic w786w78=", MM_OK, "\xC3\xBF", "\xC3\xBF" },
		{ "Basic w7_6w78=", MM_ERR_MALFORMED, NULL, NULL },
		{ "Basic /79_Oi8=", MM_ERR_MALFORMED, NULL, NULL },
		{ "Basic", MM_ERR_UNAUTHENTICATED, NULL, NULL },
		{ "Basic ", MM_ERR_MALFORMED, NULL, NULL },
		{ "Basic YWxpY2U=", MM_ERR_MALFORMED, NULL, NULL },
		/* no padding, too much of it, in the middle; spare bits */
		{ "Basic YWxpY2U6YS5iLmM", MM_ERR_MALFORMED, NULL, NULL },
		{ "Basic YWxpY2U6eDp5====", MM_ERR_MALFORMED, NULL, NULL },
		{ "Basic YWxp=Y2U6eDp5===", MM_ERR_MALFORMED, NULL, NULL },
		{ "Basic Oh==", MM_ERR_MALFORMED, NULL, NULL },
		{ "Basic YWxpY2U6eDp5 ", MM_ERR_MALFORMED, NULL, NULL },
		{ "Basic YWxp\nY2U6eDp5", MM_ERR_MALFORMED, NULL, NULL },
		/* "alice" NUL "bob:x" */
		{ "Basic YWxpY2UAYm9iOng=", MM_ERR_MALFORMED, NULL, NULL },
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_CREDENTIALS struct credentials c;
		const char *what = rows[i].header ? rows[i].header : "(none)";
		expect(what, credentials_read(rows[i].header, &c), rows[i].e);
		if (rows[i].e != MM_OK)
			continue;
		assert_true(span_is(c.token, rows[i].token));
		if (rows[i].user == NULL)
			assert_null(c.user);
		else
			assert_string_equal(c.user, rows[i].user);
	}
}

/* "Basic " and n times "AAAA", which is 3 n NULs, but for the colon that the
 * first four characters hold ("x:y"). */
static enum mm_err read_long(size_t n, struct credentials *c)
{
	AUTO_BUF struct buf b = buf_new(64 * 1024);
	buf_str(&b, "Basic eDp5");
	for (size_t i = 1; i < n; i++)
		buf_str(&b, "QUFB");
	return credentials_read((const char *)done(&b).at, c);
}

static void test_how_long(void **state)
{
	(void)state;
	AUTO_CREDENTIALS struct credentials c;
	size_t most = (CREDENTIALS_SIZE - 1) / 3;
	expect("the longest", read_long(most, &c), MM_OK);
	assert_int_equal(c.token.len, 3 * most - 2);
	expect("too long", read_long(most + 1, &c), MM_ERR_MALFORMED);
	expect("far too long", read_long(8000, &c), MM_ERR_MALFORMED);
}

/* What was decoded is gone, also when it broke off. */
static void test_wiped(void **state)
{
	(void)state;
	static const char *const rows[] = { "Basic YWxpY2U6c2VjcmV0",
					    "Basic YWxpY2U6c2VjcmV0!!!!" };
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct credentials c;
		memset(c.room, 0, sizeof c.room);
		(void)!credentials_read(rows[i], &c);
		credentials_wipe(&c);
		for (size_t j = 0; j < sizeof c.room; j++)
			assert_int_equal(c.room[j], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_how_long),
		cmocka_unit_test(test_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
