/* test_jws.c - the compact form: one reading of a token, and no other.
 *
 * The refusals of a header are tried on tokens with a good signature over
 * that very header, so that it is the header they are refused for.
 */
#include "common/jws.h"

#include "tests/unit/forge.h"

#define AUTO_SET __attribute__((cleanup(jwk_set_clear)))
#define PAYLOAD	 "{\"sub\":\"alice\",\"n\":[1,2,3]}"

static const enum jwk_alg algs[] = { JWK_ES256, JWK_EDDSA, JWK_RS256 };

/* One new key, added to *set; the set owns it. */
static struct jwk *new_key(enum jwk_alg alg, struct jwk_set *set)
{
	AUTO_JWK struct jwk *k = NULL;
	assert_int_equal(jwk_generate(alg, &k), MM_OK);
	assert_int_equal(jwk_set_add(set, k), MM_OK);
	return k;
}

/* The same each time, as making an RSA key takes long. */
static struct jwk_set made;

static struct jwk *one_key(enum jwk_alg alg, struct jwk_set *set)
{
	for (size_t i = 0; i < made.count; i++)
		if (jwk_alg(made.key[i]) == alg) {
			assert_int_equal(jwk_set_add(set, made.key[i]), MM_OK);
			return made.key[i];
		}
	new_key(alg, &made);
	return one_key(alg, set);
}

static int drop_keys(void **state)
{
	(void)state;
	jwk_set_clear(&made);
	return 0;
}

static enum mm_err open_token(struct span token, const struct jwk_set *set)
{
	AUTO_BUF struct buf payload = buf_new(TOKEN_MAX);
	enum mm_err e = jws_open(token, TYP_PAT, set, &payload);
	if (e != MM_OK)
		assert_int_equal(payload.len, 0);
	return e;
}

static struct span sign(const struct jwk *k, struct buf *t)
{
	expect("sign", jws_sign(k, TYP_PAT, span_str(PAYLOAD), t), MM_OK);
	return done(t);
}

/* A header of forge.h's kind over PAYLOAD, signed. */
static struct span forge(const struct jwk *k, const char *header, struct buf *t)
{
	add_header(t, header, k);
	buf_str(t, ".");
	base64url_add(t, span_str(PAYLOAD));
	add_signature(t, k);
	return done(t);
}

/* ---- round trip, and every character changed ---- */

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(algs); i++) {
		AUTO_SET struct jwk_set set = { .count = 0 };
		AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
		AUTO_BUF struct buf p = buf_new(TOKEN_MAX);
		struct span token = sign(one_key(algs[i], &set), &t);
		expect("open", jws_open(token, TYP_PAT, &set, &p), MM_OK);
		assert_true(span_is(done(&p), PAYLOAD));
		expect("typ", jws_open(token, TYP_FEED, &set, &p),
		       MM_ERR_MALFORMED);
	}
}

static void test_every_character_changed(void **state)
{
	(void)state;
	static const char others[] = "AQgw_-9.= +/\n\x80"; /* and NUL */
	for (size_t i = 0; i < ROWS(algs); i++) {
		AUTO_SET struct jwk_set set = { .count = 0 };
		AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
		struct span token = sign(one_key(algs[i], &set), &t);
		for (size_t at = 0; at < token.len; at++) {
			uint8_t keep = t.at[at];
			for (size_t c = 0; c < sizeof others; c++) {
				t.at[at] = (uint8_t)others[c];
				if (t.at[at] != keep &&
				    open_token(token, &set) == MM_OK)
					fail_msg("byte %zu as 0x%02x", at,
						 t.at[at]);
			}
			t.at[at] = keep;
			struct span cut = span_of(t.at, at);
			assert_int_not_equal(open_token(cut, &set), MM_OK);
		}
		expect("as it was", open_token(token, &set), MM_OK);
	}
}

/* ---- headers ---- */

#define GOOD   "\"alg\":\"@\",\"kid\":\"$\",\"typ\":\"JWT\""
#define ALG(a) "{\"alg\":\"" a "\",\"kid\":\"$\",\"typ\":\"JWT\"}"
#define TYP(t) "{\"alg\":\"@\",\"kid\":\"$\",\"typ\":" t "}"
#define KID(k) "{\"alg\":\"@\",\"kid\":" k ",\"typ\":\"JWT\"}"

/* clang-format off */
static const struct {
	const char *header;
	enum mm_err want;
} headers[] = {
	{ "{" GOOD "}", MM_OK },
	{ "{\"typ\":\"JWT\",\"kid\":\"$\",\"alg\":\"@\"}", MM_OK },
	{ " { \"\\u0061lg\" : \"@\" , \"kid\":\"$\",\"typ\":\"\\u004aWT\" }\n", MM_OK },
	/* the key decides the algorithm */
	{ ALG("none"), MM_ERR_BAD_SIGNATURE }, { ALG("None"), MM_ERR_BAD_SIGNATURE },
	{ ALG("NONE"), MM_ERR_BAD_SIGNATURE }, { ALG("nOnE"), MM_ERR_BAD_SIGNATURE },
	{ ALG(""), MM_ERR_BAD_SIGNATURE }, { ALG("@ "), MM_ERR_BAD_SIGNATURE },
	{ ALG("HS256"), MM_ERR_BAD_SIGNATURE }, { ALG("ES384"), MM_ERR_BAD_SIGNATURE },
	{ ALG("PS256"), MM_ERR_BAD_SIGNATURE }, { ALG("ES256K"), MM_ERR_BAD_SIGNATURE },
	{ ALG("es256"), MM_ERR_BAD_SIGNATURE }, { ALG("Ed25519"), MM_ERR_BAD_SIGNATURE },
	{ ALG("eddsa"), MM_ERR_BAD_SIGNATURE }, { ALG("rs256"), MM_ERR_BAD_SIGNATURE },
	{ ALG("ES256-and-more-of-it"), MM_ERR_MALFORMED },
	{ "{\"alg\":null,\"kid\":\"$\",\"typ\":\"JWT\"}", MM_ERR_MALFORMED },
	{ "{\"alg\":256,\"kid\":\"$\",\"typ\":\"JWT\"}", MM_ERR_MALFORMED },
	{ "{\"alg\":[\"@\"],\"kid\":\"$\",\"typ\":\"JWT\"}", MM_ERR_MALFORMED },
	/* members that others act upon */
	{ "{" GOOD ",\"crit\":[\"exp\"],\"exp\":1}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"crit\":[]}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"b64\":false}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"b64\":true}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"jwk\":{\"kty\":\"oct\"}}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"jku\":\"https://x.example\"}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"x5u\":\"https://x.example\"}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"x5c\":[\"AA\"]}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"x5t\":\"AA\"}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"zip\":\"DEF\"}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"cty\":\"JWT\"}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"\":0}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"ALG\":\"none\"}", MM_ERR_MALFORMED },
	/* the same member twice */
	{ "{" GOOD ",\"alg\":\"@\"}", MM_ERR_MALFORMED },
	{ "{\"alg\":\"none\"," GOOD "}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"\\u0061lg\":\"none\"}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"kid\":\"$\"}", MM_ERR_MALFORMED },
	{ "{" GOOD ",\"typ\":\"JWT\"}", MM_ERR_MALFORMED },
	/* a member missing */
	{ "{}", MM_ERR_MALFORMED },
	{ "{\"kid\":\"$\",\"typ\":\"JWT\"}", MM_ERR_MALFORMED },
	{ "{\"alg\":\"@\",\"typ\":\"JWT\"}", MM_ERR_MALFORMED },
	{ "{\"alg\":\"@\",\"kid\":\"$\"}", MM_ERR_MALFORMED },
	/* another kind of object (RFC 8725 s3.11) */
	{ TYP("\"at+jwt\""), MM_ERR_MALFORMED }, { TYP("\"jwt\""), MM_ERR_MALFORMED },
	{ TYP("\"statuslist+jwt\""), MM_ERR_MALFORMED }, { TYP("\"\""), MM_ERR_MALFORMED },
	{ TYP("\"mintmark-feed+jwt\""), MM_ERR_MALFORMED }, { TYP("null"), MM_ERR_MALFORMED },
	{ TYP("\"mintmark-snapshot+jwt\""), MM_ERR_MALFORMED },
	{ TYP("\"application/jwt\""), MM_ERR_MALFORMED }, { TYP("\"JWT \""), MM_ERR_MALFORMED },
	/* keys that nobody has */
	{ KID("\"\""), MM_ERR_UNKNOWN_KEY }, { KID("\"$x\""), MM_ERR_UNKNOWN_KEY },
	{ KID("\"../../dev/null\""), MM_ERR_UNKNOWN_KEY }, { KID("0"), MM_ERR_MALFORMED },
	{ KID("\"$\\u0000\""), MM_ERR_MALFORMED }, { KID("null"), MM_ERR_MALFORMED },
	{ KID("\"0123456789012345678901234567890123456789012345678901234567890123\""), MM_ERR_MALFORMED },
	/* not one strict JSON object */
	{ "", MM_ERR_MALFORMED }, { "null", MM_ERR_MALFORMED },
	{ "[{" GOOD "}]", MM_ERR_MALFORMED }, { "{" GOOD "}{}", MM_ERR_MALFORMED },
	{ "{" GOOD ",}", MM_ERR_MALFORMED }, { "\xEF\xBB\xBF{" GOOD "}", MM_ERR_MALFORMED },
};
/* clang-format on */

static void test_headers(void **state)
{
	(void)state;
	for (size_t a = 0; a < ROWS(algs); a++) {
		AUTO_SET struct jwk_set set = { .count = 0 };
		struct jwk *k = one_key(algs[a], &set);
		for (size_t i = 0; i < ROWS(headers); i++) {
			AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
			struct span token = forge(k, headers[i].header, &t);
			expect(headers[i].header, open_token(token, &set),
			       headers[i].want);
		}
	}
}

/* A token under another's key, or calling itself by another's algorithm. */
static void mix_up(struct jwk *k, struct jwk *other)
{
	AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
	struct jws s;
	expect("split", jws_split(sign(k, &t), &s), MM_OK);
	expect("own key", jws_verify(&s, TYP_PAT, k), MM_OK);
	expect("other key", jws_verify(&s, TYP_PAT, other),
	       MM_ERR_BAD_SIGNATURE);
	snprintf(s.header.alg, sizeof s.header.alg, "%s", jwk_alg_name(other));
	expect("other key and alg", jws_verify(&s, TYP_PAT, other),
	       MM_ERR_BAD_SIGNATURE);
	expect("other alg", jws_verify(&s, TYP_PAT, k),
	       jwk_alg(k) == jwk_alg(other) ? MM_OK : MM_ERR_BAD_SIGNATURE);
}

static void test_keys_mixed_up(void **state)
{
	(void)state;
	AUTO_SET struct jwk_set a = { .count = 0 }, b = { .count = 0 };
	for (size_t i = 0; i < ROWS(algs); i++) {
		AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
		struct span token = sign(one_key(algs[i], &a), &t);
		new_key(algs[i], &b);
		expect("unknown", open_token(token, &b), MM_ERR_UNKNOWN_KEY);
	}
	for (size_t i = 0; i < a.count; i++)
		for (size_t j = 0; j < b.count; j++)
			mix_up(a.key[i], b.key[j]);
}

/* ---- spellings of a good token ---- */

/* For spell(). */
/* clang-format off */
static const char *const spellings[] = {
	"", ".", "..", "...", "1", "1.", "1.2", "1.2.", "1..3", ".2.3",
	"..3", ".2.", "1..", "@.", "@.3", "@..", ".@", "@.2.3.3", "1.3.2",
	"2.1.3", "1.2.2", "@=", "@==", "1=.2.3", "1.2=.3", "1==.2.3", "@A",
	"@AA", "@AAAA", "@ ", " @", "@\n", "\n@", "@\r\n", "1 .2.3",
	"1. 2.3", "1.2\n.3", "1.2.\t3", "A1.2.3", "1.A2.3", "1.2A.3", "@+",
	"@/", "Bearer @", "\"@\"", "1:2:3", "1,2,3", "@\x80", "{@}",
	"1.2%2E3",
};
/* clang-format on */

static void test_spellings(void **state)
{
	(void)state;
	AUTO_SET struct jwk_set set = { .count = 0 };
	AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
	struct span token = sign(one_key(JWK_ES256, &set), &t);
	expect("as it is", open_token(token, &set), MM_OK);
	for (size_t i = 0; i < ROWS(spellings); i++) {
		AUTO_BUF struct buf b;
		if (open_token(spell(&b, spellings[i], token), &set) == MM_OK)
			fail_msg("accepted: %s", spellings[i]);
	}
	/* a NUL behind it, and the C string in front of one */
	struct span more = span_of(token.at, token.len + 1);
	assert_int_not_equal(open_token(more, &set), MM_OK);
}

/* Not only refused: what has no payload or no signature is no token. */
static void test_parts_missing(void **state)
{
	(void)state;
	static const char *const tails[] = {
		"", ".", "..", "..x", ".x.", ".x"
	};
	AUTO_SET struct jwk_set set = { .count = 0 };
	AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
	struct span rest = sign(one_key(JWK_ES256, &set), &t), header;
	assert_true(span_cut(&rest, '.', &header));
	for (size_t i = 0; i < ROWS(tails); i++) {
		AUTO_BUF struct buf b = buf_new(TOKEN_MAX);
		struct jws s;
		buf_add(&b, header);
		buf_str(&b, tails[i]);
		expect(tails[i], jws_split(done(&b), &s), MM_ERR_MALFORMED);
	}
}

/* The same bits in the other alphabet, with a signature that has some. */
static void test_other_alphabet(void **state)
{
	(void)state;
	AUTO_SET struct jwk_set set = { .count = 0 };
	struct jwk *k = one_key(JWK_ES256, &set);
	for (size_t changed = 0; changed == 0;) {
		AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
		struct span token = sign(k, &t);
		for (size_t i = token.len - 86; i < token.len; i++) {
			changed += t.at[i] == '-' || t.at[i] == '_';
			t.at[i] = t.at[i] == '-'   ? '+'
				  : t.at[i] == '_' ? '/'
						   : t.at[i];
		}
		expect("alphabet", open_token(token, &set),
		       changed ? MM_ERR_MALFORMED : MM_OK);
	}
}

/* Signed by us, and yet not the spelling that its bytes have. */
static void test_signed_nonsense(void **state)
{
	(void)state;
	static const char *const payloads[] = { "Zh", "Zg==", "Z", "+w",
						"Zg " };
	AUTO_SET struct jwk_set set = { .count = 0 };
	struct jwk *k = one_key(JWK_ES256, &set);
	for (size_t i = 0; i < ROWS(payloads); i++) {
		AUTO_BUF struct buf good = buf_new(TOKEN_MAX);
		AUTO_BUF struct buf t = buf_new(TOKEN_MAX);
		struct span rest = sign(k, &good), header;
		assert_true(span_cut(&rest, '.', &header));
		buf_add(&t, header);
		buf_fmt(&t, ".%s", payloads[i]);
		add_signature(&t, k);
		expect(payloads[i], open_token(done(&t), &set),
		       MM_ERR_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_character_changed),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_keys_mixed_up),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_parts_missing),
		cmocka_unit_test(test_other_alphabet),
		cmocka_unit_test(test_signed_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, drop_keys);
}
