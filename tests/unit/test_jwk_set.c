/* test_jwk_set.c - {"keys":[...]} (RFC 7517 s5), both ways. */
#include "common/jwk.h"
#include "tests/unit/unit.h"

#define AUTO_SET __attribute__((cleanup(jwk_set_clear)))

static void add_key(struct jwk_set *s, enum jwk_alg alg)
{
	AUTO_JWK struct jwk *k = NULL;
	assert_int_equal(jwk_generate(alg, &k), MM_OK);
	assert_int_equal(jwk_set_add(s, k), MM_OK);
}

static enum mm_err read(const char *text, struct jwk_set *out, struct why *why)
{
	*why = (struct why){ .text = "" };
	return jwk_set_from_json(span_str(text), out, why);
}

static void test_round_trip(void **state)
{
	AUTO_SET struct jwk_set set = { .count = 0 }, back = { .count = 0 };
	AUTO_BUF struct buf one = buf_new(8192), two = buf_new(8192);
	(void)state;
	add_key(&set, JWK_ES256);
	add_key(&set, JWK_EDDSA);
	add_key(&set, JWK_RS256);
	assert_int_equal(jwk_set_to_json(&set, &one), MM_OK);
	assert_int_equal(jwk_set_from_json(done(&one), &back, NULL), MM_OK);
	assert_int_equal(back.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(jwk_kid(back.key[i]), jwk_kid(set.key[i]));
		assert_int_equal(jwk_alg(back.key[i]), jwk_alg(set.key[i]));
		assert_false(jwk_is_private(back.key[i]));
	}
	/* the private keys' public halves, and nothing else */
	assert_int_equal(jwk_set_to_json(&back, &two), MM_OK);
	assert_true(span_eq(done(&one), done(&two)));
}

static void test_empty(void **state)
{
	AUTO_SET struct jwk_set set = { .count = 0 };
	AUTO_BUF struct buf b = buf_new(64);
	struct why why;
	(void)state;
	assert_int_equal(jwk_set_to_json(&set, &b), MM_OK);
	assert_true(span_is(done(&b), "{\"keys\":[]}"));
	assert_int_equal(read("{\"keys\":[]}", &set, &why), MM_OK);
	assert_int_equal(set.count, 0);
}

#define GOOD                                                                   \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\","                                \
	"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

/* RFC 7517 s5: what is not understood is passed over. */
static void test_passed_over(void **state)
{
	AUTO_SET struct jwk_set set = { .count = 0 };
	struct why why;
	(void)state;
	expect("more members",
	       read("{\"issued\":1,\"keys\":[{\"kty\":\"AKP\",\"pub\":\"x\"},"
		    "" GOOD ",{\"kty\":\"OKP2\",\"use\":\"enc\"}]}",
		    &set, &why),
	       MM_OK);
	assert_int_equal(set.count, 1);
	assert_string_equal(jwk_kid(set.key[0]), "kPrK_qmxVWa");
}

static void test_refused(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text, *field, *says;
	} rows[] = {
		{ "", "keys", "not a JSON Web Key Set" },
		{ "[]", "keys", "not a JSON Web Key Set" },
		{ "{}", "keys", "not a JSON Web Key Set" },
		{ GOOD, "keys", "not a JSON Web Key Set" },
		{ "[" GOOD "]", "keys", "not a JSON Web Key Set" },
		{ "{\"keys\":{}}", "keys", "not a JSON Web Key Set" },
		{ "{\"keys\":null}", "keys", "not a JSON Web Key Set" },
		{ "{\"keys\":[" GOOD "]", "keys", "not a JSON Web Key Set" },
		{ "{\"keys\":[" GOOD "]}]", "keys", "not a JSON Web Key Set" },
		{ "{\"keys\":[],\"keys\":[]}", "keys", "a member is there twice" },
		{ "{\"keys\":[{\"kty\":\"EC\",\"kty\":\"EC\"}]}", "keys", "a member is there twice" },
		{ "{\"keys\":[" GOOD "," GOOD "]}", "kid", "key 2 of the set (kPrK_qmxVWa) is there twice" },
		{ "{\"keys\":[1]}", "keys", "key 1 of the set is not a JWK" },
		{ "{\"keys\":[" GOOD ",null]}", "keys", "key 2 of the set is not a JWK" },
		{ "{\"keys\":[\"x\"]}", "keys", "key 1 of the set is not a JWK" },
		{ "{\"keys\":[{}]}", "kty", "key 1 of the set: kty is missing" },
		{ "{\"keys\":[{\"kty\":\"OKP\"}]}", "crv", "crv is missing" },
		{ "{\"keys\":[" GOOD ",{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A\",\"y\":\"A\"}]}",
		  "x", "key 2 of the set: x is not base64url" },
		{ "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"AAAA\",\"x\":"
		  "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}", "d", "private half" },
		{ "{\"keys\":[" GOOD ",{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "k", "key 2 of the set: the key is a shared secret" },
	};
	/* clang-format on */
	AUTO_SET struct jwk_set set = { .count = 0 };
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct why why;
		expect(rows[i].text, read(rows[i].text, &set, &why),
		       MM_ERR_INVALID);
		assert_string_equal(why.field, rows[i].field);
		if (strstr(why.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].text, why.text);
		assert_int_equal(set.count, 0); /* untouched */
	}
}

static void test_too_large(void **state)
{
	AUTO_SET struct jwk_set set = { .count = 0 }, out = { .count = 0 };
	AUTO_BUF struct buf b = buf_new(65536), all = buf_new(65536);
	AUTO_BUF struct buf big = buf_new(8192), bigger = buf_new(1 << 20);
	struct why why;
	(void)state;
	for (int i = 0; i < 64; i++)
		add_key(&set, JWK_EDDSA);
	assert_int_equal(jwk_set_to_json(&set, &b), MM_OK);
	expect("64", jwk_set_from_json(done(&b), &out, &why), MM_OK);
	assert_int_equal(out.count, 64);
	jwk_set_clear(&out);

	struct span s = done(&b);
	buf_add(&all, span_of(s.at, s.len - 2));
	buf_str(&all, "," GOOD "]}");
	expect("65", jwk_set_from_json(done(&all), &out, &why),
	       MM_ERR_TOO_LARGE);
	assert_int_equal(out.count, 0);

	expect("its sentence", why.text[0] ? MM_OK : MM_ERR_INVALID, MM_OK);

	buf_fmt(&big, "{\"keys\":[{\"kty\":\"EC\",\"x\":\"%04100d\"}]}", 0);
	expect("a long key", jwk_set_from_json(done(&big), &out, &why),
	       MM_ERR_INVALID);
	assert_string_equal(why.field, "keys");

	buf_fmt(&bigger, "{\"more\":\"%0262144d\",\"keys\":[]}", 0);
	expect("a long set", jwk_set_from_json(done(&bigger), &out, &why),
	       MM_ERR_INVALID);
	assert_non_null(strstr(why.text, "at most 262144"));
}

/* Certificates make a key long, and no worse. */
static void test_certificates(void **state)
{
	AUTO_SET struct jwk_set out = { .count = 0 };
	AUTO_BUF struct buf b = buf_new(8192);
	(void)state;
	buf_fmt(&b, "{\"keys\":[%.*s,\"x5c\":[\"%02000d\"]}]}",
		(int)(sizeof GOOD - 2), GOOD, 0);
	expect("x5c", jwk_set_from_json(done(&b), &out, NULL), MM_OK);
	assert_int_equal(out.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_passed_over),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_certificates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
