/* encoding.c - a token has one spelling and one structure: every other string
 * of bytes is refused, even when we have signed it. */
#include "tests/attacks/attack.h"

#define MALFORMED MM_ERR_MALFORMED

/* Its claims end with a name of so many characters: the lengths of the parts
 * decide where base64url has bits to spare. */
static struct span good_token(struct buf *b, const struct jwk *k, int more)
{
	AUTO_BUF struct buf claims = buf_new(4096);
	buf_fmt(&claims, CLAIMS_WITH(",\"x\":\"%0*d\""), more + 1, 0);
	return with_claims(b, k, done(&claims));
}

/* By both verifiers, once: where thousands are tried. */
static bool passes(const struct scene *s, struct span t)
{
	struct mm_token out;
	return by_door(s->d.v, 0, t, &out) == MM_OK ||
	       by_door(s->forgetful, 0, t, &out) == MM_OK;
}

/* ---- A15: bytes that are no base64url ---- */

static void test_A15_put_in_anywhere(void **state)
{
	const struct scene *s = *state;
	static const char junk[] = "= \n\r\t+/.%\\\x80"; /* and NUL */
	AUTO_BUF struct buf b;
	struct span token = good_token(&b, s->key[0], 0);
	uint8_t longer[1024];
	assert_true(passes(s, token)); /* and is remembered */
	for (size_t at = 0; at <= token.len; at++)
		for (size_t i = 0; i < sizeof junk; i++) {
			memcpy(longer, token.at, at);
			longer[at] = (uint8_t)junk[i];
			memcpy(longer + at + 1, token.at + at, token.len - at);
			if (passes(s, span_of(longer, token.len + 1)))
				fail_msg("0x%02x before byte %zu", longer[at],
					 at);
		}
}

static void test_A15_around_it(void **state)
{
	const struct scene *s = *state;
	static const char *const spellings[] = {
		"@=",	     "@==",	  "@\n",
		"@\r\n",     " @",	  "\n@",
		"1=.2.3",    "1.2=.3",	  "1==.2.3",
		"1.2\n.3",   "1. 2.3",	  "@\\n",
		"\"@\"",     "Bearer @",  "bearer @",
		"@ @",	     "@,@",	  "@;",
		"1%2E2%2E3", "@\xC2\xA0", "\xEF\xBB\xBF@",
		"@\x80",
	};
	AUTO_BUF struct buf good;
	struct span token = good_token(&good, s->key[0], 0);
	for (size_t i = 0; i < ROWS(spellings); i++) {
		AUTO_BUF struct buf b;
		refuse_forged(s, spellings[i], spell(&b, spellings[i], token));
	}
}

/* The same bits, spelled with the other alphabet's two signs. */
static void test_A15_other_alphabet(void **state)
{
	const struct scene *s = *state;
	for (size_t changed = 0, i = 0; changed < 3; i++) {
		AUTO_BUF struct buf b;
		struct span token = good_token(&b, s->key[0], (int)(i % 9));
		size_t n = 0;
		for (size_t at = token.len - 86; at < token.len; at++) {
			n += b.at[at] == '-' || b.at[at] == '_';
			b.at[at] = b.at[at] == '-'   ? '+'
				   : b.at[at] == '_' ? '/'
						     : b.at[at];
		}
		expect("alphabet", answer(s, "alphabet", token),
		       n ? MALFORMED : MM_OK);
		changed += n != 0;
	}
}

/* Signed by us over just these characters: only its form is wrong. */
static void test_A15_signed_payloads(void **state)
{
	const struct scene *s = *state;
	static const char *const tails[] = { "=",  "==",  "\n", " ", "+",   "/",
					     "\t", "%3D", "*",	",", "\x80" };
	for (size_t i = 0; i < ROWS(tails); i++) {
		AUTO_BUF struct buf b;
		draft(&b, GOOD_HEADER, s->key[0], span_str(CLAIMS_WITH("")));
		buf_str(&b, tails[i]);
		add_signature(&b, s->key[0]);
		expect(tails[i], answer(s, tails[i], done(&b)), MALFORMED);
	}
}

/* ---- A16: bits to spare ---- */

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* How many bits of the last of so many characters mean nothing. */
static unsigned spare_bits(size_t len)
{
	return len % 4 == 2 ? 4 : len % 4 == 3 ? 2 : 0;
}

/* The part that ends before `end`: refused in each of its twins. */
static size_t refuse_twins(const struct scene *s, struct buf *b, size_t end,
			   size_t len)
{
	size_t twins = 0;
	uint8_t keep = b->at[end - 1];
	size_t value = (size_t)(strchr(alphabet, keep) - alphabet);
	for (unsigned i = 1; i < 1u << spare_bits(len); i++, twins++) {
		b->at[end - 1] = (uint8_t)alphabet[value ^ i];
		refuse_forged(s, "twin", done(b));
	}
	b->at[end - 1] = keep;
	return twins;
}

static void test_A16_twins(void **state)
{
	const struct scene *s = *state;
	size_t twins[3] = { 0 }; /* of headers, payloads, signatures */
	for (size_t k = 0; k < KEYS; k++)
		for (int more = 0; more < 3; more++) {
			AUTO_BUF struct buf b;
			struct span token = good_token(&b, s->key[k], more),
				    part[4];
			expect("good", answer(s, "good", token), MM_OK);
			cut_parts(token, part);
			size_t a = part[1].len, c = a + 1 + part[2].len;
			twins[0] += refuse_twins(s, &b, a, part[1].len);
			twins[1] += refuse_twins(s, &b, c, part[2].len);
			twins[2] += refuse_twins(s, &b, b.len, part[3].len);
		}
	assert_true(twins[0] != 0 && twins[1] == 3 * (15 + 3));
	assert_int_equal(twins[2], 2 * 3 * 15); /* 384 bytes have none */
}

/* Signed over the twin, so that nothing but the spare bits is wrong. */
static void test_A16_signed_twins(void **state)
{
	const struct scene *s = *state;
	size_t twins = 0;
	for (int more = 0; more < 3; more++) {
		AUTO_BUF struct buf good;
		struct span token = good_token(&good, s->key[0], more), part[4];
		cut_parts(token, part);
		size_t n = part[1].len + 1 + part[2].len;
		size_t value =
			(size_t)(strchr(alphabet, good.at[n - 1]) - alphabet);
		for (unsigned i = 1; i < 1u << spare_bits(part[2].len); i++) {
			AUTO_BUF struct buf b = buf_new(4096);
			buf_add(&b, span_of(good.at, n));
			b.at[n - 1] = (uint8_t)alphabet[value ^ i];
			add_signature(&b, s->key[0]);
			expect("twin", answer(s, "twin", done(&b)), MALFORMED);
			twins++;
		}
	}
	assert_int_equal(twins, 15 + 3);
}

/* ---- A17: structure ---- */

static void test_A17_parts(void **state)
{
	const struct scene *s = *state;
	static const char *const spellings[] = {
		"",	 ".",	    "..",      "...",	  "....",  "1",
		"1.",	 "1..",	    "1.2",     "1.2.",	  "1..3",  ".2.3",
		"..3",	 ".2.",	    "@.",      "@..",	  "@.3",   "@.2.3",
		".@",	 "1.2.3.3", "1.1.2.3", "1.2.2.3", "1:2:3", "1,2,3",
		"1/2/3", "1 2 3",   "2.1.3",   "3.2.1",	  "@@",	   "@.@",
	};
	static const char *const others[] = { "1.3.2", "1.2.2", "1.2.1" };
	AUTO_BUF struct buf good;
	struct span token = good_token(&good, s->key[0], 0);
	for (size_t i = 0; i < ROWS(spellings); i++) {
		AUTO_BUF struct buf b;
		struct span t = spell(&b, spellings[i], token);
		expect(spellings[i], answer(s, spellings[i], t), MALFORMED);
	}
	for (size_t i = 0; i < ROWS(others); i++) {
		AUTO_BUF struct buf b;
		refuse_forged(s, others[i], spell(&b, others[i], token));
	}
}

/* RFC 7515 s7.2 and RFC 7516: a signature that is good elsewhere. */
static void test_A17_serializations(void **state)
{
	const struct scene *s = *state;
	static const char flat[] = "{'payload':'2','protected':'1',"
				   "'signature':'3'}";
	static const char general[] = "{'payload':'2','signatures':[{"
				      "'protected':'1','signature':'3'}]}";
	static const char *const spellings[] = {
		flat,	     general,	 "[@]",	   "{'token':'@'}", "'@'",
		"1.2.3.2.3", "1..2.3.2", "1....3", /* a JWE has five parts */
	};
	AUTO_BUF struct buf good;
	struct span token = good_token(&good, s->key[0], 0);
	for (size_t i = 0; i < ROWS(spellings); i++) {
		AUTO_BUF struct buf b;
		spell(&b, spellings[i], token);
		for (size_t at = 0; at < b.len; at++)
			b.at[at] = b.at[at] == '\'' ? '"' : b.at[at];
		expect(spellings[i], answer(s, spellings[i], done(&b)),
		       MALFORMED);
	}
}

/* ---- A27: bytes behind, before and between ---- */

#define BYTES(text)                                                            \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}
#define X(bytes) BYTES(CLAIMS_WITH(",\"x\":\"" bytes "\""))

static void test_A27_smuggled_bytes(void **state)
{
	const struct scene *s = *state;
	static const struct {
		const char *at;
		size_t n;
	} rows[] = {
		BYTES(CLAIMS_WITH("") "\0"),
		BYTES(CLAIMS_WITH("") "\0{\"sub\":\"root\"}"),
		BYTES(CLAIMS_WITH("") "junk"),
		BYTES(CLAIMS_WITH("") "{}"),
		BYTES(CLAIMS_WITH("") "//"),
		BYTES("\0" CLAIMS_WITH("")),
		BYTES("\xEF\xBB\xBF" CLAIMS_WITH("")), /* a BOM */
		BYTES("\xFE\xFF" CLAIMS_WITH("")),
		BYTES(CLAIMS_WITH(",\"x\":\"\0\"")),
		X("\\u0000"),
		X("\xC0\x80"), /* overlong: NUL, "/" twice, the last of 4 */
		X("\xC0\xAF"),
		X("\xE0\x80\xAF"),
		X("\xF0\x8F\xBF\xBF"),
		X("\xED\xA0\x80"), /* a surrogate, raw and escaped */
		X("\xED\xA0\x80\xED\xB0\x80"),
		X("\\ud800"),
		X("\\udc00"),
		X("\\udc00\\ud800"),
		X("\\ud800x"),
		X("\xF4\x90\x80\x80"), /* past the last character */
		X("\xFF"),
		X("\x80"),
		X("\xE2\x82"), /* cut short */
		X("\n"),       /* controls are escaped, or not there */
		X("\x1F"),
		X("\\x41"),
		BYTES(CLAIMS_WITH(",\"\\u0000\":1")),
		BYTES(CLAIMS_WITH(",\"sub\\u0000\":\"root\"")),
		BYTES(CLAIMS_WITH(",\"\xC0\x80\":1")),
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf b;
		struct span t = with_claims(&b, s->key[0],
					    span_of(rows[i].at, rows[i].n));
		expect(rows[i].at, answer(s, rows[i].at, t), MALFORMED);
	}
}

/* The same in the claims that name somebody, and behind the token itself. */
static void test_A27_smuggled_names(void **state)
{
	const struct scene *s = *state;
	static const char *const subs[] = {
		"alice\\u0000",	 "\\u0000alice",	 "alice\\u0000root",
		"alice\xC0\x80", "\xEF\xBB\xBF\xC0\xAF", "\\ud800alice",
	};
	for (size_t i = 0; i < ROWS(subs); i++) {
		AUTO_BUF struct buf b;
		struct span t = token_make(&s->d.m,
					   (struct says){ .sub = subs[i] }, &b);
		expect(subs[i], answer(s, subs[i], t), MALFORMED);
	}
	AUTO_BUF struct buf b;
	good_token(&b, s->key[0], 0);
	expect("good", answer(s, "good", done(&b)), MM_OK);
	buf_add(&b, span_of("\0junk", 5));
	expect("NUL and junk", answer(s, "NUL and junk", done(&b)), MALFORMED);
	b.len -= 4;
	expect("NUL", answer(s, "NUL", done(&b)), MALFORMED);
}

/* ---- the program ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_A15_put_in_anywhere),
		cmocka_unit_test(test_A15_around_it),
		cmocka_unit_test(test_A15_other_alphabet),
		cmocka_unit_test(test_A15_signed_payloads),
		cmocka_unit_test(test_A16_twins),
		cmocka_unit_test(test_A16_signed_twins),
		cmocka_unit_test(test_A17_parts),
		cmocka_unit_test(test_A17_serializations),
		cmocka_unit_test(test_A27_smuggled_bytes),
		cmocka_unit_test(test_A27_smuggled_names),
	};
	return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
