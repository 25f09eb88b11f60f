/* test_base64url.c - one byte string, one spelling. */
#include "common/base64url.h"
#include "tests/unit/unit.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789-_";

static void test_known(void **state)
{
	/* RFC 4648 s10 without padding, and what only this alphabet has */
	static const struct {
		const char *text, *bytes;
	} rows[] = {
		{ "", "" },
		{ "Zg", "f" },
		{ "Zm8", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9vYg", "foob" },
		{ "Zm9vYmE", "fooba" },
		{ "Zm9vYmFy", "foobar" },
		{ "-_-_", "\xfb\xff\xbf" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t bytes[16];
		char text[16];
		size_t n;
		expect(rows[i].text,
		       base64url_decode(span_str(rows[i].text), bytes,
					sizeof bytes, &n),
		       MM_OK);
		assert_int_equal(n, strlen(rows[i].bytes));
		assert_memory_equal(bytes, rows[i].bytes, n);
		n = base64url_encode(span_str(rows[i].bytes), text,
				     sizeof text);
		assert_int_equal(n, strlen(rows[i].text));
		assert_memory_equal(text, rows[i].text, n);
		assert_int_equal(BASE64URL_LEN(strlen(rows[i].bytes)), n);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
#define CUT(s, n) { s, n }
#define ROW(s)	  CUT(s, sizeof(s) - 1)
		ROW("A"),	 ROW("AAAAA"), ROW("Z"),
		ROW("Zm9vY"), /* impossible lengths */
		ROW("Zg=="),	 ROW("Zm8="),  ROW("Zg="),
		ROW("Zh"),	 ROW("Zm9"),  /* bits behind the last byte */
		ROW("Zm+v"),	 ROW("Zm/v"), /* the other alphabet */
		ROW(" Zm9v"),	 ROW("Zm9v "), ROW("Zm9v\n"),
		ROW("Zm\r\n9v"), ROW("Zm 9v"), ROW("Zm9v\0"),
		ROW("Zm\0v"),	 ROW("Zm.v"),  ROW("Zm9\xc3"),
		ROW("Zm9\xff"),	 ROW(".A"),    ROW("A.A"),
		CUT("Zg", 1), /* and more behind it */
#undef ROW
#undef CUT
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t out[16];
		size_t n = 99;
		expect(rows[i].text,
		       base64url_decode(span_of(rows[i].text, rows[i].len), out,
					sizeof out, &n),
		       MM_ERR_MALFORMED);
		assert_int_equal(n, 0);
	}
}

/* Each of the 256 bytes in each place of a group. */
static void test_every_byte(void **state)
{
	(void)state;
	for (size_t place = 0; place < 4; place++)
		for (unsigned c = 0; c < 256; c++) {
			char text[] = "AAAA";
			uint8_t out[3];
			size_t n;
			text[place] = (char)c;
			bool legal = c != 0 && strchr(alphabet, (int)c);
			assert_int_equal(
				base64url_decode(span_of(text, 4), out, 3, &n),
				legal ? MM_OK : MM_ERR_MALFORMED);
		}
}

/* How many of all texts of `len` characters are accepted; each must be what
 * its bytes are written as. */
static size_t accepted(size_t len)
{
	size_t total = 1, count = 0;
	for (size_t i = 0; i < len; i++)
		total *= 64;
	for (size_t k = 0; k < total; k++) {
		char text[3], again[3];
		uint8_t out[2];
		size_t n, rest = k;
		for (size_t i = 0; i < len; i++, rest /= 64)
			text[i] = alphabet[rest % 64];
		if (base64url_decode(span_of(text, len), out, 2, &n) != MM_OK)
			continue;
		count++;
		assert_int_equal(base64url_encode(span_of(out, n), again, 3),
				 len);
		assert_memory_equal(text, again, len);
	}
	return count;
}

/* As many texts pass as there are byte strings: no twins. */
static void test_twins(void **state)
{
	(void)state;
	assert_int_equal(accepted(1), 0);
	assert_int_equal(accepted(2), 256);
	assert_int_equal(accepted(3), 65536);
}

static void test_room(void **state)
{
	uint8_t out[4] = { 0, 0, 0, 0x55 };
	size_t n;
	(void)state;
	assert_int_equal(base64url_decode(span_str("Zm9v"), out, 3, &n), MM_OK);
	assert_int_equal(base64url_decode(span_str("Zm9v"), out, 2, &n),
			 MM_ERR_TOO_LARGE);
	assert_int_equal(base64url_decode(span_str("Zm8"), out, 1, &n),
			 MM_ERR_TOO_LARGE);
	assert_int_equal(base64url_decode(span_str("Zg"), out, 0, &n),
			 MM_ERR_TOO_LARGE);
	assert_int_equal(base64url_decode(span_str(""), NULL, 0, &n), MM_OK);
	assert_int_equal(out[3], 0x55);
}

static void test_round_trip(void **state)
{
	uint8_t bytes[300], back[300];
	char text[BASE64URL_LEN(300)];
	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 167 + (i >> 3));
	for (size_t len = 0; len <= sizeof bytes; len++) {
		size_t n, m = base64url_encode(span_of(bytes, len), text,
					       sizeof text);
		assert_int_equal(base64url_decode(span_of(text, m), back,
						  sizeof back, &n),
				 MM_OK);
		assert_int_equal(n, len);
		assert_memory_equal(back, bytes, len);
	}
}

static void test_add(void **state)
{
	AUTO_BUF struct buf b = buf_new(8);
	(void)state;
	base64url_add(&b, span_str("foo"));
	base64url_add(&b, span_str("bar"));
	assert_true(span_is(done(&b), "Zm9vYmFy"));
	base64url_add(&b, span_str("!"));
	assert_int_equal(b.failed, MM_ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_add),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
