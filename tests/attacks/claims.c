/* claims.c - what a token says, signed by us: said twice, with numbers that
 * are none, for others, or with scopes that look like more than they are. */
#include "tests/attacks/attack.h"

#define MALFORMED MM_ERR_MALFORMED

static void refuse_claims(const struct scene *s, const char *const *claims,
			  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf b;
		struct span t = with_claims(&b, s->key[0], span_str(claims[i]));
		expect(claims[i], answer(s, claims[i], t), MALFORMED);
	}
}

/* ---- A18: members twice ---- */

/* The good claims with another status. */
#define STATUS(text)                                                           \
	"{\"iss\":\"" ISS "\",\"sub\":\"alice\",\"iat\":1790000000,"           \
	"\"exp\":1792592000,\"jti\":\"1.0\",\"status\":" text "}"
#define URI "\"uri\":\"" ISS "/s/1\""

static void test_A18_claims_twice(void **state)
{
	static const char *const claims[] = {
		CLAIMS_WITH(",\"sub\":\"root\""),
		CLAIMS_WITH(",\"sub\":\"alice\""),
		CLAIMS_WITH(",\"\\u0073ub\":\"root\""),
		CLAIMS_WITH(",\"s\\u0075b\":\"root\""),
		CLAIMS_WITH(",\"exp\":9999999999"),
		CLAIMS_WITH(",\"\\u0065xp\":9999999999"),
		CLAIMS_WITH(",\"iss\":\"" ISS "\""),
		CLAIMS_WITH(",\"iat\":1"),
		CLAIMS_WITH(",\"jti\":\"1.1\""),
		CLAIMS_WITH(",\"aud\":\"a\",\"aud\":\"files\""),
		CLAIMS_WITH(",\"scope\":\"a\",\"scope\":\"a b\""),
		CLAIMS_WITH(",\"nbf\":1,\"nbf\":2"),
		CLAIMS_WITH(",\"x\":1,\"x\":1"),
		CLAIMS_WITH(",\"x\":1,\"\\u0078\":1"),
		CLAIMS_WITH(",\"x\":{\"a\":1,\"a\":1}"),
		CLAIMS_WITH(",\"x\":[{\"a\":1,\"\\u0061\":1}]"),
		CLAIMS_WITH(",\"\":1,\"\":1"),
		CLAIMS_WITH(",\"status\":{}"),
		STATUS("{\"status_list\":{\"idx\":0," URI "},"
		       "\"status_list\":{\"idx\":0," URI "}}"),
		STATUS("{\"status_list\":{\"idx\":0,\"idx\":7," URI "}}"),
		STATUS("{\"status_list\":{\"idx\":0,\"i\\u0064x\":7," URI "}}"),
		STATUS("{\"status_list\":{\"idx\":0," URI "," URI "}}"),
		STATUS("{\"status_list\":{\"idx\":0," URI "},\"x\":1,\"x\":1}"),
	};
	static const char good[] =
		STATUS("{\"status_list\":{\"idx\":0," URI "}}");
	const struct scene *s = *state;
	AUTO_BUF struct buf b;
	struct span t = with_claims(&b, s->key[0], span_str(good));
	expect("good", answer(s, "good", t), MM_OK);
	refuse_claims(s, claims, ROWS(claims));
}

static void test_A18_header_twice(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"@\",\"kid\":\"$\",\"typ\":\"JWT\",\"alg\":\"@\"}",
		"{\"alg\":\"none\",\"kid\":\"$\",\"typ\":\"JWT\",\"alg\":\"@"
		"\"}",
		"{\"alg\":\"@\",\"kid\":\"$\",\"typ\":\"JWT\",\"alg\":"
		"\"none\"}",
		"{\"alg\":\"@\",\"kid\":\"$\",\"typ\":\"JWT\",\"\\u0061lg\":\"@"
		"\"}",
		"{\"alg\":\"@\",\"kid\":\"x\",\"kid\":\"$\",\"typ\":\"JWT\"}",
		"{\"alg\":\"@\",\"kid\":\"$\",\"typ\":\"x\",\"typ\":\"JWT\"}",
	};
	const struct scene *s = *state;
	for (size_t i = 0; i < ROWS(headers); i++) {
		AUTO_BUF struct buf b;
		struct span t =
			under_header(&b, headers[i], s->key[0], s->key[0]);
		expect(headers[i], answer(s, headers[i], t), MALFORMED);
	}
}

/* ---- A21: times ---- */

enum { IAT, EXP, NBF, WINDOW, TIMES };

/* `value` as one of the times; NULL leaves it out. */
static struct span with_time(const struct scene *s, struct buf *b, int which,
			     const char *value)
{
	static const char *const names[] = { "iat", "exp", "nbf",
					     "auto_refresh" };
	static const char *const good[] = { "1790000000", "1792592000",
					    "1790000000", "86400" };
	AUTO_BUF struct buf claims = buf_new(4096);
	buf_str(&claims, "{\"iss\":\"" ISS "\",\"sub\":\"alice\",\"jti\":"
			 "\"2.0\",\"status\":{\"status_list\":{\"idx\":0,"
			 "\"uri\":\"" ISS "/s/2\"}}");
	for (int i = 0; i < TIMES; i++)
		if (i != which)
			buf_fmt(&claims, ",\"%s\":%s", names[i], good[i]);
		else if (value != NULL)
			buf_fmt(&claims, ",\"%s\":%s", names[i], value);
	buf_str(&claims, "}");
	return with_claims(b, s->key[0], done(&claims));
}

static void test_A21_no_dates(void **state)
{
	static const char *const values[] = {
		"\"9999999999\"",
		"\"1790000000\"",
		"1e300",
		"1.7e9",
		"1790000000.0",
		"1790000000e0",
		"179E7",
		"-1",
		"-0",
		"0",
		"NaN",
		"Infinity",
		"-Infinity",
		"9223372036854775807", /* 2^63 - 1, and on */
		"9223372036854775808",
		"-9223372036854775808",
		"18446744073709551616",
		"99999999999999999999999999999999999999999",
		"253402300800", /* year 10000 */
		"null",
		"true",
		"[]",
		"[1790000000]",
		"{}",
		"\"\"",
		"0x6AB13B80",
		"01790000000",
		"+1790000000",
		"1_790_000_000",
		"1790000000 0",
		"",
	};
	const struct scene *s = *state;
	for (int which = 0; which < TIMES; which++)
		for (size_t i = 0; i < ROWS(values); i++) {
			AUTO_BUF struct buf b;
			struct span t = with_time(s, &b, which, values[i]);
			if (answer(s, values[i], t) != MALFORMED)
				fail_msg("time %d is %s", which, values[i]);
		}
}

static void test_A21_dates(void **state)
{
	static const struct {
		int which;
		const char *value;
		enum mm_err want;
	} rows[] = {
		{ IAT, NULL, MALFORMED }, /* required */
		{ EXP, NULL, MALFORMED },
		{ NBF, NULL, MM_OK },
		{ WINDOW, NULL, MM_OK },
		{ EXP, "1790000101", MM_OK }, /* it is 1790000100 */
		{ EXP, "1790000100", MM_ERR_EXPIRED },
		{ EXP, "1", MM_ERR_EXPIRED },
		{ EXP, "253402300799", MM_OK },
		{ IAT, "1790000160", MM_OK },
		{ IAT, "1790000161", MM_ERR_NOT_YET_VALID },
		{ IAT, "253402300799", MM_ERR_NOT_YET_VALID },
		{ IAT, "1792592001", MM_ERR_NOT_YET_VALID }, /* behind exp */
		{ NBF, "1792592001", MM_ERR_NOT_YET_VALID },
		{ NBF, "253402300799", MM_ERR_NOT_YET_VALID },
		{ WINDOW, "101", MM_OK },
		{ WINDOW, "100", MM_ERR_IDLE },
		{ WINDOW, "3162240000", MM_OK }, /* a hundred years */
		{ WINDOW, "3162240001", MALFORMED },
	};
	const struct scene *s = *state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b;
		const char *what = rows[i].value ? rows[i].value : "left out";
		struct span t = with_time(s, &b, rows[i].which, rows[i].value);
		expect(what, answer(s, what, t), rows[i].want);
	}
}

/* ---- A22: whose, and for whom ---- */

static void test_A22_issuers(void **state)
{
	static const struct {
		const char *iss;
		enum mm_err want;
	} rows[] = {
		{ ISS, MM_OK },
		{ ISS "/", MM_ERR_WRONG_ISSUER },
		{ ISS "//", MM_ERR_WRONG_ISSUER },
		{ ISS ".evil.org", MM_ERR_WRONG_ISSUER },
		{ ISS "@evil.org", MM_ERR_WRONG_ISSUER },
		{ ISS ":443", MM_ERR_WRONG_ISSUER },
		{ ISS "#", MM_ERR_WRONG_ISSUER },
		{ ISS "?", MM_ERR_WRONG_ISSUER },
		{ ISS " ", MM_ERR_WRONG_ISSUER },
		{ "https://pat.example.or", MM_ERR_WRONG_ISSUER },
		{ "https://pat.example.org.", MM_ERR_WRONG_ISSUER },
		{ "HTTPS://pat.example.org", MM_ERR_WRONG_ISSUER },
		{ "https://PAT.example.org", MM_ERR_WRONG_ISSUER },
		{ "http://pat.example.org", MM_ERR_WRONG_ISSUER },
		{ "pat.example.org", MM_ERR_WRONG_ISSUER },
		{ "https://evil.org/" ISS, MM_ERR_WRONG_ISSUER },
		{ ISS "\\u0000", MALFORMED },
	};
	const struct scene *s = *state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b;
		struct span t = token_make(
			&s->d.m, (struct says){ .iss = rows[i].iss }, &b);
		expect(rows[i].iss, answer(s, rows[i].iss, t), rows[i].want);
	}
}

static void test_A22_audiences(void **state)
{
	(void)state;
	static const struct {
		const char *aud;
		enum mm_err want;
	} rows[] = {
		{ "\"files.example.org\"", MM_OK },
		{ "[\"files.example.org\"]", MM_OK },
		{ "[\"mail\",\"files.example.org\"]", MM_OK },
		{ "[\"mail\",\"web\"]", MM_ERR_WRONG_AUDIENCE },
		{ "\"files.example.org.evil\"", MM_ERR_WRONG_AUDIENCE },
		{ "\"evil.files.example.org\"", MM_ERR_WRONG_AUDIENCE },
		{ "\"files.example.or\"", MM_ERR_WRONG_AUDIENCE },
		{ "\"Files.example.org\"", MM_ERR_WRONG_AUDIENCE },
		{ "\"files.example.org \"", MM_ERR_WRONG_AUDIENCE },
		{ "\"files.example.org,mail\"", MM_ERR_WRONG_AUDIENCE },
		{ "\"mail files.example.org\"", MM_ERR_WRONG_AUDIENCE },
		{ "\"*\"", MM_ERR_WRONG_AUDIENCE },
		{ "\"\"", MM_ERR_WRONG_AUDIENCE },
		{ "[\"\"]", MM_ERR_WRONG_AUDIENCE },
		{ "\"files.example.org\\u0000.evil\"", MALFORMED },
		{ "[]", MALFORMED },
		{ "null", MALFORMED },
		{ "true", MALFORMED },
		{ "1", MALFORMED },
		{ "{\"files.example.org\":1}", MALFORMED },
		{ "[[\"files.example.org\"]]", MALFORMED },
		{ "[\"files.example.org\",1]", MALFORMED },
		{ "[\"files.example.org\",null]", MALFORMED },
	};
	struct scene s;
	scene_begin(&s, (struct mm_options){ .audience = "files.example.org" });
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b;
		struct span t = token_make(
			&s.d.m, (struct says){ .aud = rows[i].aud }, &b);
		expect(rows[i].aud, answer(&s, rows[i].aud, t), rows[i].want);
	}
	scene_end(&s);
}

/* ---- A24: scopes ---- */

static void test_A24_no_scopes(void **state)
{
	static const char *const claims[] = {
		CLAIMS_WITH(",\"scope\":[\"node:1:rw\"]"),
		CLAIMS_WITH(",\"scope\":null"),
		CLAIMS_WITH(",\"scope\":true"),
		CLAIMS_WITH(",\"scope\":{\"node:1\":\"rw\"}"),
		CLAIMS_WITH(",\"scope\":\"\""),
		CLAIMS_WITH(",\"scope\":\" \""),
		CLAIMS_WITH(",\"scope\":\"node:1:r \""),
		CLAIMS_WITH(",\"scope\":\" node:1:r\""),
		CLAIMS_WITH(",\"scope\":\"node:1:r  node:2:r\""),
		CLAIMS_WITH(",\"scope\":\"node:1:r\\tnode:2:r\""),
		CLAIMS_WITH(",\"scope\":\"node:1:r\\nnode:2:r\""),
		CLAIMS_WITH(",\"scope\":\"node:1:r\\u0000\""),
		CLAIMS_WITH(",\"scope\":\"node:1:rwx\""),
		CLAIMS_WITH(",\"scope\":\"node:1:wr\""),
		CLAIMS_WITH(",\"scope\":\"node:1:R\""),
		CLAIMS_WITH(",\"scope\":\"node:1:RW\""),
		CLAIMS_WITH(",\"scope\":\"node:1:rr\""),
		CLAIMS_WITH(",\"scope\":\"node:1:\""),
		CLAIMS_WITH(",\"scope\":\"node::rw\""),
		CLAIMS_WITH(",\"scope\":\":1:rw\""),
		CLAIMS_WITH(",\"scope\":\"::\""),
		CLAIMS_WITH(",\"scope\":\"node:1:r\\\\w\""),
		CLAIMS_WITH(",\"scope\":\"node:\\u00e9:r\""),
	};
	refuse_claims(*state, claims, ROWS(claims));
}

/* The scope is that of a good token; it gives nothing on `id`, which lies in
 * "top", nor the named scope `name`. */
static void test_A24_less_than_it_looks(void **state)
{
	static const struct {
		const char *scope, *id, *name;
	} rows[] = {
		{ "node:*:rw", "secret", "secret" },
		{ "*", "secret", "secret" },
		{ "*:*:rw", "secret", "node" },
		{ "node:/a:rw", "/ab", "/a" },
		{ "node:/a:rw", "/a/b", "node:/a" },
		{ "node:/a:rw", "/", "node" },
		{ "node:/a:rw", "/a/", "node:/a:r" },
		{ "node:/a:rw", "/A", "node:/a:w" },
		{ "node:%2Fa:rw", "/a", "/a" },
		{ "node:a%2Fb:rw", "a/b", "a/b" },
		{ "node:a%00:rw", "a", "a" },
		{ "node:../b:rw", "b", "b" },
		{ "Node:1:rw", "1", "node:1:rw" },
		{ "nodes:1:rw", "1", "node:1:rw" },
		{ "nod:1:rw", "1", "node:1:rw" },
		{ "node:1:read", "1", "node:1" },
		{ "node:1:r:w", "1", "node:1:r" },
		{ "node:1", "1", "node" },
		{ "node:10:rw", "1", "node:1" },
		{ "node:1:rw", "10", "node:10:rw" },
		{ "photos:read", "photos", "photos" },
		{ "photos:read", "read", "photos:readwrite" },
		{ "photos:*", "photos", "photos:read" },
		{ "photos:readwrite", "read", "photos:read" },
		{ "photos:read,photos:write", "read", "photos:write" },
		{ "PHOTOS:READ", "read", "photos:read" },
	};
	const struct scene *s = *state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b;
		struct mm_token t;
		const char *ids[] = { rows[i].id, "top" };
		struct span token = token_make(
			&s->d.m, (struct says){ .scope = rows[i].scope }, &b);
		expect(rows[i].scope, answer_with(s, rows[i].scope, token, &t),
		       MM_OK);
		for (unsigned perm = 0; perm < 8; perm++)
			if (mm_allow(&t, "node", ids, 2, perm) == MM_OK)
				fail_msg("%s allows %s", rows[i].scope,
					 rows[i].id);
		if (mm_has_scope(&t, rows[i].name))
			fail_msg("%s is taken for %s", rows[i].scope,
				 rows[i].name);
	}
}

/* ---- the program ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A18_claims_twice),
		cmocka_unit_test(test_A18_header_twice),
		cmocka_unit_test(test_A21_no_dates),
		cmocka_unit_test(test_A21_dates),
		cmocka_unit_test(test_A22_issuers),
		cmocka_unit_test(test_A22_audiences),
		cmocka_unit_test(test_A24_no_scopes),
		cmocka_unit_test(test_A24_less_than_it_looks),
	};
	return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
