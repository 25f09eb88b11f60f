/* test_claims.c - the payload's form, claim by claim, and the rules of time
 * with nothing but integers. */
#include "common/claims.h"

#include "tests/unit/unit.h"

#define ISS  "https://pat.example.org"
#define IAT  1790000000
#define EXP  1821536000
#define WEEK (7 * 86400)

/* ---- the form ---- */

enum { C_ISS, C_SUB, C_IAT, C_EXP, C_JTI, C_STATUS, CLAIMS };

static const char *const good[CLAIMS] = {
	[C_ISS] = "\"iss\":\"" ISS "\"",
	[C_SUB] = "\"sub\":\"alice\"",
	[C_IAT] = "\"iat\":1790000000",
	[C_EXP] = "\"exp\":1821536000",
	[C_JTI] = "\"jti\":\"3.4711\"",
	[C_STATUS] = "\"status\":{\"status_list\":{\"idx\":4711,\"uri\":\"" ISS
		     "/s/3\"}}",
};

/* The good payload with one claim left out or said otherwise, and more
 * behind it. */
static enum mm_err read_with(int claim, const char *instead, const char *more,
			     struct claims *out)
{
	AUTO_BUF struct buf b = buf_new(JSON_TEXT_MAX);
	const char *comma = "";
	buf_str(&b, "{");
	for (int i = 0; i < CLAIMS; i++) {
		const char *c = i == claim ? instead : good[i];
		if (c == NULL)
			continue;
		buf_fmt(&b, "%s%s", comma, c);
		comma = ",";
	}
	buf_fmt(&b, "%s%s}", *more ? "," : "", more);
	return claims_read(done(&b), TOKEN_PAT, out);
}

static void test_good(void **state)
{
	struct claims c;
	(void)state;
	expect("least", read_with(-1, NULL, "", &c), MM_OK);
	assert_string_equal(claims_text(&c, c.iss), ISS);
	assert_string_equal(claims_text(&c, c.sub), "alice");
	assert_string_equal(claims_text(&c, c.jti), "3.4711");
	assert_true(c.iat == IAT && c.exp == EXP && c.nbf == 0);
	assert_true(c.list == 3 && c.idx == 4711);
	assert_false(c.has_scope);
	assert_string_equal(claims_text(&c, c.scope), "");
	assert_true(c.auto_refresh == 0 && c.aud.count == 0);

	expect("most",
	       read_with(-1, NULL,
			 "\"aud\":[\"files\",\"mail\"],\"nbf\":1790000005,"
			 "\"scope\":\"node:1:rw photos:read\","
			 "\"auto_refresh\":2592000,\"other\":{\"a\":[1.5]}",
			 &c),
	       MM_OK);
	assert_true(c.has_scope && c.nbf == 1790000005);
	assert_string_equal(claims_text(&c, c.scope), "node:1:rw photos:read");
	assert_true(c.auto_refresh == 2592000 && c.aud.count == 2);
}

static void test_missing(void **state)
{
	(void)state;
	for (int i = 0; i < CLAIMS; i++) {
		struct claims c;
		expect(good[i], read_with(i, NULL, "", &c), MM_ERR_MALFORMED);
	}
}

#define STATUS(inside) "\"status\":{\"status_list\":" inside "}"

static const struct {
	int claim;
	const char *instead;
} wrong[] = {
	{ C_ISS, "\"iss\":\"\"" },
	{ C_ISS, "\"iss\":1" },
	{ C_ISS, "\"iss\":null" },
	{ C_ISS, "\"iss\":[\"" ISS "\"]" },
	{ C_ISS, "\"iss\":\"" ISS "/\"" }, /* then the uri is not its own */
	{ C_ISS, "\"iss\":\"" ISS "\",\"iss\":\"x\"" },
	{ C_SUB, "\"sub\":\"\"" },
	{ C_SUB, "\"sub\":7" },
	{ C_SUB, "\"sub\":null" },
	{ C_SUB, "\"sub\":\"a\\u0000b\"" },
	{ C_SUB, "\"sub\":\"alice\",\"sub\":\"admin\"" },
	{ C_SUB, "\"sub\":\"alice\",\"\\u0073ub\":\"admin\"" },
	{ C_IAT, "\"iat\":0" },
	{ C_IAT, "\"iat\":-1" },
	{ C_IAT, "\"iat\":1.79e9" },
	{ C_IAT, "\"iat\":1790000000.0" },
	{ C_IAT, "\"iat\":\"1790000000\"" },
	{ C_IAT, "\"iat\":253402300800" },
	{ C_IAT, "\"iat\":null" },
	{ C_IAT, "\"iat\":1e300" },
	{ C_IAT, "\"iat\":9223372036854775808" },
	{ C_EXP, "\"exp\":0" },
	{ C_EXP, "\"exp\":-1821536000" },
	{ C_EXP, "\"exp\":1e300" },
	{ C_EXP, "\"exp\":1821536000.5" },
	{ C_EXP, "\"exp\":\"never\"" },
	{ C_EXP, "\"exp\":253402300800" },
	{ C_EXP, "\"exp\":9223372036854775807" },
	{ C_EXP, "\"exp\":9223372036854775808" },
	{ C_EXP, "\"exp\":true" },
	{ C_JTI, "\"jti\":\"\"" },
	{ C_JTI, "\"jti\":3.4711" },
	{ C_JTI, "\"jti\":\"3\"" },
	{ C_JTI, "\"jti\":\"3.4712\"" }, /* not what status says */
	{ C_JTI, "\"jti\":\"4.4711\"" },
	{ C_JTI, "\"jti\":\"3.04711\"" },
	{ C_JTI, "\"jti\":\"3.4711 \"" },
	{ C_JTI, "\"jti\":\"3.4711.0\"" },
	{ C_STATUS, "\"status\":{}" },
	{ C_STATUS, "\"status\":1" },
	{ C_STATUS, "\"status\":null" },
	{ C_STATUS, STATUS("{}") },
	{ C_STATUS, STATUS("[]") },
	{ C_STATUS, STATUS("{\"idx\":4711}") },
	{ C_STATUS, STATUS("{\"uri\":\"" ISS "/s/3\"}") },
	{ C_STATUS, STATUS("{\"idx\":4712,\"uri\":\"" ISS "/s/3\"}") },
	{ C_STATUS, STATUS("{\"idx\":-1,\"uri\":\"" ISS "/s/3\"}") },
	{ C_STATUS, STATUS("{\"idx\":4294972007,\"uri\":\"" ISS "/s/3\"}") },
	{ C_STATUS, STATUS("{\"idx\":\"4711\",\"uri\":\"" ISS "/s/3\"}") },
	{ C_STATUS, STATUS("{\"idx\":4711,\"uri\":\"" ISS "/s/4\"}") },
	{ C_STATUS, STATUS("{\"idx\":4711,\"uri\":\"" ISS "/s/03\"}") },
	{ C_STATUS, STATUS("{\"idx\":4711,\"uri\":\"" ISS "/s/3x\"}") },
	{ C_STATUS, STATUS("{\"idx\":4711,\"uri\":\"" ISS "/s/\"}") },
	{ C_STATUS, STATUS("{\"idx\":4711,\"uri\":\"" ISS "/t/3\"}") },
	{ C_STATUS, STATUS("{\"idx\":4711,\"uri\":\"" ISS "3\"}") },
	{ C_STATUS,
	  STATUS("{\"idx\":4711,\"uri\":\"https://pat.example.com/s/3\"}") },
	{ C_STATUS, STATUS("{\"idx\":4711,\"uri\":\"/s/3\"}") },
	{ C_STATUS,
	  STATUS("{\"idx\":4711,\"uri\":\"https://evil.example/s/3\"}") },
	{ C_STATUS,
	  STATUS("{\"idx\":4711,\"idx\":1,\"uri\":\"" ISS "/s/3\"}") },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(wrong); i++) {
		struct claims c;
		expect(wrong[i].instead,
		       read_with(wrong[i].claim, wrong[i].instead, "", &c),
		       MM_ERR_MALFORMED);
	}
}

static void test_optional(void **state)
{
	static const struct {
		const char *more;
		enum mm_err want;
	} rows[] = {
		{ "\"aud\":\"files\"", MM_OK },
		{ "\"aud\":[\"files\"]", MM_OK },
		{ "\"aud\":[]", MM_ERR_MALFORMED },
		{ "\"aud\":7", MM_ERR_MALFORMED },
		{ "\"aud\":[\"files\",7]", MM_ERR_MALFORMED },
		{ "\"aud\":{\"files\":1}", MM_ERR_MALFORMED },
		{ "\"aud\":null", MM_ERR_MALFORMED },
		{ "\"nbf\":1", MM_OK },
		{ "\"nbf\":0", MM_ERR_MALFORMED },
		{ "\"nbf\":-1", MM_ERR_MALFORMED },
		{ "\"nbf\":1.0", MM_ERR_MALFORMED },
		{ "\"nbf\":\"1\"", MM_ERR_MALFORMED },
		{ "\"nbf\":253402300800", MM_ERR_MALFORMED },
		{ "\"auto_refresh\":1", MM_OK },
		{ "\"auto_refresh\":3162240000", MM_OK },
		{ "\"auto_refresh\":3162240001", MM_ERR_MALFORMED },
		{ "\"auto_refresh\":0", MM_ERR_MALFORMED },
		{ "\"auto_refresh\":-1", MM_ERR_MALFORMED },
		{ "\"auto_refresh\":true", MM_ERR_MALFORMED },
		{ "\"auto_refresh\":\"30d\"", MM_ERR_MALFORMED },
		{ "\"scope\":\"photos:read\"", MM_OK },
		{ "\"scope\":\"\"", MM_ERR_MALFORMED },
		{ "\"scope\":\"a  b\"", MM_ERR_MALFORMED },
		{ "\"scope\":\" a\"", MM_ERR_MALFORMED },
		{ "\"scope\":\"node:1:rwx\"", MM_ERR_MALFORMED },
		{ "\"scope\":\"node::r\"", MM_ERR_MALFORMED },
		{ "\"scope\":[\"a\"]", MM_ERR_MALFORMED },
		{ "\"cidr\":\"10.0.0.0/8 2001:db8::/32\"", MM_OK },
		{ "\"cidr\":\"\"", MM_ERR_MALFORMED },
		{ "\"cidr\":\"10.0.0.1\"", MM_ERR_MALFORMED },
		{ "\"cidr\":\"10.0.0.1/8\"", MM_ERR_MALFORMED },
		{ "\"cidr\":\"10.0.0.0/8 \"", MM_ERR_MALFORMED },
		{ "\"cidr\":\"::ffff:10.0.0.0/104\"", MM_ERR_MALFORMED },
		{ "\"cidr\":[\"10.0.0.0/8\"]", MM_ERR_MALFORMED },
		{ "\"cidr\":null", MM_ERR_MALFORMED },
		{ "\"scope\":null", MM_ERR_MALFORMED },
		{ "\"sub\":\"admin\"", MM_ERR_MALFORMED }, /* twice */
		{ "\"unknown\":[1,{\"deep\":true}]", MM_OK },
		{ "\"unknown\":{\"a\":1,\"a\":1}", MM_ERR_MALFORMED },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct claims c;
		expect(rows[i].more, read_with(-1, NULL, rows[i].more, &c),
		       rows[i].want);
	}
}

/* Wrong in one way only, where a second claim says the same. */
static void test_wrong_alone(void **state)
{
	static const struct {
		const char *what, *iss, *jti, *list;
		enum mm_err want;
	} rows[] = {
		{ "good", ISS, "0.0", "\"idx\":0,\"uri\":\"" ISS "/s/0\"",
		  MM_OK },
		{ "no idx", ISS, "0.0", "\"uri\":\"" ISS "/s/0\"",
		  MM_ERR_MALFORMED },
		{ "no id", ISS, "", "\"idx\":0,\"uri\":\"" ISS "/s/0\"",
		  MM_ERR_MALFORMED },
		{ "no id", ISS, "x", "\"idx\":0,\"uri\":\"" ISS "/s/0\"",
		  MM_ERR_MALFORMED },
		{ "no issuer", "", "0.0", "\"idx\":0,\"uri\":\"/s/0\"",
		  MM_ERR_MALFORMED },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b = buf_new(JSON_TEXT_MAX);
		struct claims c;
		buf_fmt(&b,
			"{\"iss\":\"%s\",%s,%s,%s,\"jti\":\"%s\","
			"\"status\":{\"status_list\":{%s}}}",
			rows[i].iss, good[C_SUB], good[C_IAT], good[C_EXP],
			rows[i].jti, rows[i].list);
		expect(rows[i].what, claims_read(done(&b), TOKEN_PAT, &c),
		       rows[i].want);
	}
}

/* ---- access tokens ---- */

#define ACCESS_JTI    "\"jti\":\"3.4711.k3_Z\""
#define ACCESS_AUD    "\"aud\":\"files\""
#define ACCESS_CLIENT "\"client_id\":\"3.4711\""

static enum mm_err read_access(const char *jti, const char *aud,
			       const char *client, struct claims *out)
{
	AUTO_BUF struct buf b = buf_new(JSON_TEXT_MAX);
	buf_fmt(&b, "{%s,%s,%s,%s,%s,%s,%s%s}", good[C_ISS], good[C_SUB],
		good[C_IAT], good[C_EXP], good[C_STATUS], jti, aud, client);
	return claims_read(done(&b), TOKEN_ACCESS, out);
}

static void test_access(void **state)
{
	struct claims c;
	(void)state;
	expect("good",
	       read_access(ACCESS_JTI, ACCESS_AUD, "," ACCESS_CLIENT, &c),
	       MM_OK);
	assert_true(c.access && c.list == 3 && c.idx == 4711);
	assert_string_equal(claims_text(&c, c.jti), "3.4711.k3_Z");
	assert_string_equal(claims_text(&c, c.client_id), "3.4711");
	assert_int_equal(c.aud.count, 1);
	expect("a PAT", read_with(-1, NULL, "", &c), MM_OK);
	assert_false(c.access);
}

/* Neither kind has the form of the other (RFC 8725 s3.12). */
static void test_access_wrong(void **state)
{
	static const struct {
		const char *what, *jti, *aud, *client;
	} rows[] = {
		{ "a PAT's id", "\"jti\":\"3.4711\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "another's id", "\"jti\":\"3.4712.k3_Z\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "3 characters", "\"jti\":\"3.4711.k3_\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "5 characters", "\"jti\":\"3.4711.k3_Zx\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "no dot", "\"jti\":\"3.4711-k3_Z\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "not base64url", "\"jti\":\"3.4711.k3+Z\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "four parts", "\"jti\":\"3.4711.k.Z_\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "only a part", "\"jti\":\"k3_Z\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "no parent", "\"jti\":\".k3_Z\"", ACCESS_AUD,
		  "," ACCESS_CLIENT },
		{ "no aud", ACCESS_JTI, ACCESS_CLIENT, "" },
		{ "an aud of nobody", ACCESS_JTI, "\"aud\":[]",
		  "," ACCESS_CLIENT },
		{ "no client_id", ACCESS_JTI, ACCESS_AUD, "" },
		{ "an empty one", ACCESS_JTI, ACCESS_AUD,
		  ",\"client_id\":\"\"" },
		{ "it slides", ACCESS_JTI, ACCESS_AUD,
		  "," ACCESS_CLIENT ",\"auto_refresh\":60" },
	};
	struct claims c;
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect(rows[i].what,
		       read_access(rows[i].jti, rows[i].aud, rows[i].client,
				   &c),
		       MM_ERR_MALFORMED);
	expect("a PAT with an access token's id",
	       read_with(C_JTI, ACCESS_JTI, ACCESS_AUD "," ACCESS_CLIENT, &c),
	       MM_ERR_MALFORMED);
}

/* Nothing is written when the answer is no. */
static void test_untouched(void **state)
{
	struct claims c, before;
	(void)state;
	memset(&before, 0x5a, sizeof before);
	c = before;
	expect("exp", read_with(C_EXP, "\"exp\":0", "", &c), MM_ERR_MALFORMED);
	assert_memory_equal(&c, &before, sizeof c);
}

/* 1024 bytes of audiences, each with its NUL. */
static void test_many_audiences(void **state)
{
	(void)state;
	for (int n = 256; n <= 257; n++) {
		AUTO_BUF struct buf b = buf_new(JSON_TEXT_MAX);
		struct claims c;
		buf_str(&b, "\"aud\":[\"abc\"");
		for (int i = 1; i < n; i++)
			buf_str(&b, ",\"abc\"");
		buf_str(&b, "]");
		expect("aud",
		       read_with(-1, NULL, (const char *)done(&b).at, &c),
		       n == 256 ? MM_OK : MM_ERR_MALFORMED);
	}
}

static void test_long_sub(void **state)
{
	(void)state;
	for (int n = USER_SIZE - 1; n <= USER_SIZE; n++) {
		char sub[USER_SIZE + 16];
		struct claims c;
		snprintf(sub, sizeof sub, "\"sub\":\"%0*d\"", n, 0);
		expect("sub", read_with(C_SUB, sub, "", &c),
		       n < USER_SIZE ? MM_OK : MM_ERR_MALFORMED);
	}
}

/* ---- ids ---- */

static void test_ids(void **state)
{
	static const struct {
		const char *id;
		uint32_t list, idx;
	} rows[] = {
		{ "0.0", 0, 0 },
		{ "3.4711", 3, 4711 },
		{ "4294967295.1048575", UINT32_MAX, (1u << 20) - 1 },
	};
	static const char *const bad_ids[] = {
		"",
		".",
		"3",
		"3.",
		".4711",
		"03.1",
		"3.01",
		"00.1",
		"3.00",
		"-3.1",
		"+3.1",
		"3.-1",
		" 3.1",
		"3.1 ",
		"3. 1",
		"3.1.1",
		"3,1",
		"a.1",
		"3.a",
		"0x3.1",
		"3.1e2",
		"4294967296.1",
		"3.1048576",
		"3.4294967297",
		"18446744073709551619.1",
		"3.18446744073709551617",
	};
	uint32_t list, idx;
	char text[JTI_SIZE];
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		expect(rows[i].id,
		       token_id_read(span_str(rows[i].id), &list, &idx), MM_OK);
		assert_true(list == rows[i].list && idx == rows[i].idx);
		token_id_write(text, list, idx);
		assert_string_equal(text, rows[i].id);
	}
	for (size_t i = 0; i < ROWS(bad_ids); i++)
		expect(bad_ids[i],
		       token_id_read(span_str(bad_ids[i]), &list, &idx),
		       MM_ERR_MALFORMED);
	assert_int_equal(token_id_read(span_of("3.1\0", 4), &list, &idx),
			 MM_ERR_MALFORMED);
}

static void test_access_ids(void **state)
{
	static const uint8_t own[] = { 0xFF, 0xEF, 0xBE };
	char text[JTI_SIZE];
	(void)state;
	access_id_write(text, UINT32_MAX, (1u << 20) - 1, own);
	assert_string_equal(text, "4294967295.1048575._---");
	access_id_write(text, 0, 0, (const uint8_t[]){ 0, 0, 0 });
	assert_string_equal(text, "0.0.AAAA");
}

/* ---- whose, for whom, when ---- */

static void test_check(void **state)
{
	static const struct {
		const char *what, *more, *iss, *audience;
		int64_t now;
		enum mm_err want;
	} rows[] = {
		{ "good", "", ISS, NULL, IAT, MM_OK },
		{ "iss", "", "https://pat.example.or", NULL, IAT,
		  MM_ERR_WRONG_ISSUER },
		{ "iss", "", ISS "/", NULL, IAT, MM_ERR_WRONG_ISSUER },
		{ "iss", "", "HTTPS://PAT.EXAMPLE.ORG", NULL, IAT,
		  MM_ERR_WRONG_ISSUER },
		/* RFC 7519 s4.1.3; no aud: any audience */
		{ "no aud", "", ISS, "files", IAT, MM_OK },
		{ "one", "\"aud\":\"files\"", ISS, "files", IAT, MM_OK },
		{ "unasked", "\"aud\":\"files\"", ISS, NULL, IAT, MM_OK },
		{ "other", "\"aud\":\"files\"", ISS, "mail", IAT,
		  MM_ERR_WRONG_AUDIENCE },
		{ "part", "\"aud\":\"files\"", ISS, "file", IAT,
		  MM_ERR_WRONG_AUDIENCE },
		{ "case", "\"aud\":\"files\"", ISS, "Files", IAT,
		  MM_ERR_WRONG_AUDIENCE },
		{ "empty", "\"aud\":\"files\"", ISS, "", IAT,
		  MM_ERR_WRONG_AUDIENCE },
		{ "two", "\"aud\":[\"a\",\"files\"]", ISS, "files", IAT,
		  MM_OK },
		{ "none of two", "\"aud\":[\"a\",\"b\"]", ISS, "files", IAT,
		  MM_ERR_WRONG_AUDIENCE },
		/* exp: no leeway */
		{ "last second", "", ISS, NULL, EXP - 1, MM_OK },
		{ "expired", "", ISS, NULL, EXP, MM_ERR_EXPIRED },
		{ "long ago", "", ISS, NULL, EXP + 1, MM_ERR_EXPIRED },
		/* iat, nbf: 60 s */
		{ "60 s", "", ISS, NULL, IAT - 60, MM_OK },
		{ "61 s", "", ISS, NULL, IAT - 61, MM_ERR_NOT_YET_VALID },
		{ "nbf", "\"nbf\":1790001000", ISS, NULL, IAT + 940, MM_OK },
		{ "nbf", "\"nbf\":1790001000", ISS, NULL, IAT + 939,
		  MM_ERR_NOT_YET_VALID },
		/* the order of the reasons */
		{ "order", "\"aud\":\"a\"", "x", "b", EXP,
		  MM_ERR_WRONG_ISSUER },
		{ "order", "\"aud\":\"a\"", ISS, "b", EXP,
		  MM_ERR_WRONG_AUDIENCE },
		{ "order", "\"nbf\":1830000000", ISS, NULL, EXP,
		  MM_ERR_NOT_YET_VALID },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct claims c;
		expect(rows[i].more, read_with(-1, NULL, rows[i].more, &c),
		       MM_OK);
		expect(rows[i].what,
		       claims_check(&c, span_str(rows[i].iss), rows[i].audience,
				    rows[i].now),
		       rows[i].want);
	}
}

/* ---- from where ---- */

static void test_from(void **state)
{
	static const struct {
		const char *cidr, *from;
		enum mm_err want;
	} rows[] = {
		{ "", "", MM_OK },
		{ "", "192.0.2.7", MM_OK },
		{ "", "host.example.org", MM_OK },
		{ "\"cidr\":\"192.0.2.0/24 2001:db8::/32\"", "192.0.2.7",
		  MM_OK },
		{ "\"cidr\":\"192.0.2.0/24 2001:db8::/32\"", "::ffff:192.0.2.7",
		  MM_OK },
		{ "\"cidr\":\"192.0.2.0/24 2001:db8::/32\"", "2001:db8::7",
		  MM_OK },
		{ "\"cidr\":\"192.0.2.0/24 2001:db8::/32\"", "192.0.3.7",
		  MM_ERR_WRONG_ADDRESS },
		/* not known is not allowed */
		{ "\"cidr\":\"0.0.0.0/0 ::/0\"", "", MM_ERR_WRONG_ADDRESS },
		{ "\"cidr\":\"0.0.0.0/0 ::/0\"", "localhost",
		  MM_ERR_WRONG_ADDRESS },
		{ "\"cidr\":\"0.0.0.0/0 ::/0\"", "192.0.2.7:443",
		  MM_ERR_WRONG_ADDRESS },
		{ "\"cidr\":\"0.0.0.0/0 ::/0\"", "192.0.2.7", MM_OK },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct claims c;
		expect(rows[i].cidr, read_with(-1, NULL, rows[i].cidr, &c),
		       MM_OK);
		expect(rows[i].from,
		       claims_check_from(&c, span_str(rows[i].from)),
		       rows[i].want);
		expect(rows[i].from, claims_check_from(&c, span_of(NULL, 0)),
		       rows[i].cidr[0] ? MM_ERR_WRONG_ADDRESS : MM_OK);
	}
}

static void test_effective_expiry(void **state)
{
	static const struct {
		int64_t window, last_use, want;
	} rows[] = {
		{ 0, 0, EXP },		       /* fixed */
		{ 0, IAT + 5, EXP },	       /* a use changes nothing */
		{ WEEK, 0, IAT + WEEK },       /* never used */
		{ WEEK, IAT - 9, IAT + WEEK }, /* a use before iat */
		{ WEEK, IAT + 9, IAT + 9 + WEEK },
		{ WEEK, EXP - WEEK, EXP },
		{ WEEK, EXP - 1, EXP }, /* never passes exp */
		{ WEEK, EXP + WEEK, EXP },
		{ EXP, 0, EXP }, /* a window beyond exp */
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_true(effective_expiry(IAT, EXP, rows[i].window,
					     rows[i].last_use) == rows[i].want);
}

static void test_alive(void **state)
{
	static const struct {
		const char *what;
		int64_t window, last_use, now;
		unsigned status;
		enum mm_err want;
	} rows[] = {
		{ "fixed", 0, 0, EXP - 1, 0, MM_OK },
		{ "fixed", 0, 0, EXP, 0, MM_ERR_EXPIRED },
		{ "revoked", 0, 0, IAT, 1, MM_ERR_REVOKED },
		{ "suspended", 0, 0, IAT, 2, MM_ERR_SUSPENDED },
		{ "unknown is not innocent", 0, 0, IAT, 3, MM_ERR_REVOKED },
		{ "unused", WEEK, 0, IAT + WEEK - 1, 0, MM_OK },
		{ "idle", WEEK, 0, IAT + WEEK, 0, MM_ERR_IDLE },
		{ "used", WEEK, IAT + 5, IAT + WEEK + 4, 0, MM_OK },
		{ "idle again", WEEK, IAT + 5, IAT + WEEK + 5, 0, MM_ERR_IDLE },
		{ "capped", WEEK, EXP - 1, EXP, 0, MM_ERR_EXPIRED },
		{ "expired before idle", WEEK, 0, EXP, 0, MM_ERR_EXPIRED },
		{ "expired before revoked", WEEK, 0, EXP, 1, MM_ERR_EXPIRED },
		{ "idle before revoked", WEEK, 0, IAT + WEEK, 1, MM_ERR_IDLE },
		{ "revoked in use", WEEK, IAT + 5, IAT + 6, 1, MM_ERR_REVOKED },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct claims c = { .iat = IAT,
					  .exp = EXP,
					  .auto_refresh = rows[i].window };
		expect(rows[i].what,
		       claims_alive(&c, rows[i].status, rows[i].last_use,
				    rows[i].now),
		       rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_many_audiences),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_wrong_alone),
		cmocka_unit_test(test_optional),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_access_wrong),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_long_sub),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_access_ids),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_effective_expiry),
		cmocka_unit_test(test_alive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
