/* test_status_list.c - lists packed and unpacked: the draft's known answers,
 * and texts made to do harm.
 */
#include "common/status_list.h"

#include <jansson.h>
#include <stdlib.h>
#include <zlib.h>

#include "tests/unit/unit.h"

#define BOMB (100u << 20)

static void free_at(uint8_t **p)
{
	free(*p);
}
#define AUTO_BYTES __attribute__((cleanup(free_at)))

/* As who reads a list, which begins with zeros. */
static enum mm_err unpack(struct span text, uint8_t *out, size_t size)
{
	size_t n;
	memset(out, 0, size);
	return unpack_bytes(text, out, size, &n);
}

static enum mm_err unpack_uses(struct span text, uint32_t *out, size_t size)
{
	size_t n;
	memset(out, 0, size * sizeof *out);
	return unpack_renewals(text, out, size, &n);
}

/* ---- two bits a token ---- */

static void test_bits(void **state)
{
	(void)state;
	uint8_t bits[4] = { 0 };
	const unsigned values[16] = { 1, 2, 0, 3, 0, 1, 0, 1,
				      1, 2, 3, 3, 0, 0, 0, 2 };
	for (uint32_t i = 0; i < 16; i++)
		status_set(bits, i, values[i]);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(status_get(bits, i), values[i]);
	/* least significant bits first: the draft's 2-bit example */
	assert_memory_equal(bits, "\xC9\x44\xF9", 3);

	status_set(bits, 3, STATUS_VALID); /* its neighbours stay */
	assert_memory_equal(bits, "\x09\x44\xF9\x80", 4);
}

/* ---- known answers ---- */

static uint8_t hex_at(const char *s)
{
	const char two[3] = { s[0], s[1], '\0' };
	return (uint8_t)strtoul(two, NULL, 16);
}

static void test_known_answers(void **state)
{
	(void)state;
	AUTO_BUF struct buf file;
	struct span text = vector("status_list.json", &file);
	json_t *all = json_loadb((const char *)text.at, text.len, 0, NULL);
	assert_int_equal(json_array_size(all), 2);
	for (size_t i = 0; i < json_array_size(all); i++) {
		AUTO_BUF struct buf packed = buf_new(256);
		const char *hex, *lst;
		int bits;
		uint8_t want[8], got[8];
		assert_int_equal(json_unpack(json_array_get(all, i),
					     "{s:i,s:s,s:s}", "bits", &bits,
					     "bytes", &hex, "lst", &lst),
				 0);
		size_t n = strlen(hex) / 2;
		for (size_t k = 0; k < n; k++)
			want[k] = hex_at(hex + 2 * k);
		expect(lst, unpack(span_str(lst), got, n), MM_OK);
		assert_memory_equal(got, want, n);
		expect(lst, pack_bytes(span_of(want, n), true, &packed), MM_OK);
		assert_true(span_is(done(&packed), lst));
	}
	json_decref(all);
}

/* ---- round trips ---- */

static void fill(uint8_t *bytes, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		bytes[i] = (uint8_t)(seed >> 16);
	}
}

/* Around the sizes of the pieces that it is packed and unpacked in. */
static const size_t sizes[] = {
	0,     1,     2,     3,	    4,	   5,	  255,	 9215,	 9216,	 9217,
	12287, 12288, 12289, 24575, 24576, 24577, 65536, 100000, 262144,
};

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(sizes); i++)
		for (unsigned noise = 0; noise < 2; noise++) {
			size_t n = sizes[i];
			AUTO_BUF struct buf text = buf_new(1 << 20);
			AUTO_BYTES uint8_t *in = calloc(n + 1, 1);
			AUTO_BYTES uint8_t *out = malloc(n + 1);
			if (noise)
				fill(in, n, (unsigned)n);
			expect("pack", pack_bytes(span_of(in, n), true, &text),
			       MM_OK);
			out[n] = 0xEE;
			expect("unpack", unpack(done(&text), out, n), MM_OK);
			assert_memory_equal(in, out, n);
			assert_int_equal(out[n], 0xEE);
			if (n != 0)
				expect("one too few",
				       unpack(done(&text), out, n - 1),
				       MM_ERR_TOO_LARGE);
		}
}

/* Whole or not, the reader makes the same list of it. */
static void test_zeros_at_the_end(void **state)
{
	(void)state;
	AUTO_BUF struct buf whole = buf_new(4096), cut = buf_new(4096);
	AUTO_BUF struct buf again = buf_new(4096);
	uint8_t in[1000] = { 1, 0, 2 }, out[1000];
	expect("whole", pack_bytes(span_of(in, 1000), true, &whole), MM_OK);
	expect("cut", pack_bytes(span_of(in, 1000), false, &cut), MM_OK);
	expect("again", pack_bytes(span_of(in, 3), true, &again), MM_OK);
	assert_true(span_eq(done(&cut), done(&again)));
	assert_false(span_eq(done(&cut), done(&whole)));
	expect("unpack", unpack(done(&cut), out, 1000), MM_OK);
	assert_memory_equal(in, out, 1000);
	expect("whole in 3", unpack(done(&whole), out, 3), MM_ERR_TOO_LARGE);

	AUTO_BUF struct buf none = buf_new(4096);
	memset(in, 0, sizeof in);
	expect("zeros", pack_bytes(span_of(in, 1000), false, &none), MM_OK);
	expect("zeros", unpack(done(&none), out, 1000), MM_OK);
	assert_memory_equal(in, out, 1000);
}

/* A page that no token has touched is not there, and stays so. */
static void test_what_is_behind_stays(void **state)
{
	(void)state;
	AUTO_BUF struct buf b = buf_new(256), uses = buf_new(256);
	const uint8_t bits[8] = { 1, 0, 2 };
	const uint32_t last_use[4] = { 5, 6 };
	uint8_t out[8];
	uint32_t out_uses[4];
	size_t n;
	expect("pack", pack_bytes(span_of(bits, 8), false, &b), MM_OK);
	memset(out, 0xEE, sizeof out);
	expect("unpack", unpack_bytes(done(&b), out, 8, &n), MM_OK);
	assert_int_equal(n, 3);
	assert_memory_equal(out, "\1\0\2\xEE\xEE\xEE\xEE\xEE", 8);
	expect("pack", pack_renewals(last_use, 4, &uses), MM_OK);
	memset(out_uses, 0xEE, sizeof out_uses);
	expect("unpack", unpack_renewals(done(&uses), out_uses, 4, &n), MM_OK);
	assert_int_equal(n, 2);
	assert_int_equal(out_uses[2], 0xEEEEEEEE);
}

static void test_pack_keeps_the_limit(void **state)
{
	(void)state;
	AUTO_BUF struct buf b = buf_new(1000);
	uint8_t noise[2000];
	fill(noise, sizeof noise, 7);
	expect("limit", pack_bytes(span_of(noise, sizeof noise), true, &b),
	       MM_ERR_TOO_LARGE);
}

/* ---- made to do harm ---- */

static void test_A26_bomb(void **state)
{
	(void)state;
	AUTO_BUF struct buf text = buf_new(1 << 20);
	AUTO_BYTES uint8_t *zeros = calloc(BOMB, 1);
	AUTO_BYTES uint8_t *out = malloc(LIST_SIZE_MAX / 4);
	uint32_t last_use[16];
	expect("pack", pack_bytes(span_of(zeros, BOMB), true, &text), MM_OK);
	struct span bomb = done(&text);
	assert_true(bomb.len < 200000);
	expect("bomb", unpack(bomb, out, LIST_SIZE_MAX / 4), MM_ERR_TOO_LARGE);
	expect("bomb", unpack(bomb, out, 0), MM_ERR_TOO_LARGE);
	expect("bomb", unpack_uses(bomb, last_use, 16), MM_ERR_TOO_LARGE);
}

/* base64url(zlib(bytes)) in a format of zlib's own; 15 is the right one. */
static void deflate_as(int window, struct span bytes, struct buf *out)
{
	z_stream z;
	uint8_t raw[256], copy[128];
	memset(&z, 0, sizeof z);
	memcpy(copy, bytes.at, bytes.len);
	assert_int_equal(
		deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY),
		Z_OK);
	z.next_in = copy;
	z.avail_in = (uInt)bytes.len;
	z.next_out = raw;
	z.avail_out = sizeof raw;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	base64url_add(out, span_of(raw, z.total_out));
	deflateEnd(&z);
}

static void test_other_formats(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int window;
		enum mm_err want;
	} cases[] = {
		{ "zlib", 15, MM_OK },
		{ "small window", 9, MM_OK },
		{ "raw deflate", -15, MM_ERR_MALFORMED },
		{ "gzip", 31, MM_ERR_MALFORMED },
	};
	for (size_t i = 0; i < ROWS(cases); i++) {
		AUTO_BUF struct buf b = buf_new(1024);
		uint8_t out[16];
		deflate_as(cases[i].window, span_str("0123456789abcdef"), &b);
		expect(cases[i].name, unpack(done(&b), out, 16), cases[i].want);
	}
}

static void test_broken(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"A",
		"AAAA",
		"eNrbuRgAAhcBXQ==",
		"eNrbuRgAAhcBXR",  /* stray low bits */
		"eNrbuRgAAhcBXQA", /* a byte behind the stream */
		"eNrbuRgAAhcBXQAA",
		"eNrbuRgAAhcBXQeNrbuRgAAhcBXQ",
		"eNrbuRgAAhcBXQ\n",
		" eNrbuRgAAhcBXQ",
		"eNrbuRgAAhcBXg", /* another check sum */
		"eLvbuRgAAhcBXQ", /* wants a dictionary, or is none */
		"e30",
	};
	for (size_t i = 0; i < ROWS(texts); i++) {
		uint8_t out[64];
		expect(texts[i], unpack(span_str(texts[i]), out, sizeof out),
		       MM_ERR_MALFORMED);
	}
}

/* Cut anywhere, or with a character changed, it is refused. */
static void test_every_character(void **state)
{
	(void)state;
	static const char others[] = "AQgw_-z.= +";
	AUTO_BUF struct buf b = buf_new(4096);
	uint8_t in[100], out[100];
	fill(in, sizeof in, 42);
	expect("pack", pack_bytes(span_of(in, 100), true, &b), MM_OK);
	for (size_t i = 0; i < b.len; i++) {
		uint8_t keep = b.at[i];
		expect("cut", unpack(span_of(b.at, i), out, 100),
		       MM_ERR_MALFORMED);
		for (size_t c = 0; others[c]; c++) {
			b.at[i] = (uint8_t)others[c];
			if (b.at[i] != keep &&
			    unpack(span_of(b.at, b.len), out, 100) == MM_OK)
				fail_msg("byte %zu as %c", i, others[c]);
		}
		b.at[i] = keep;
	}
	expect("as it was", unpack(done(&b), out, 100), MM_OK);
}

/* ---- renewals ---- */

static void test_renewals(void **state)
{
	(void)state;
	static const size_t counts[] = { 1, 2, 3071, 3072, 3073, 10000 };
	for (size_t i = 0; i < ROWS(counts); i++) {
		static uint32_t in[10000], out[10000];
		AUTO_BUF struct buf b = buf_new(1 << 20);
		size_t n = counts[i];
		memset(in, 0, sizeof in);
		for (size_t k = 0; k < n; k += 3)
			in[k] = (uint32_t)(1790000000 + 977 * k);
		in[n - 1] = UINT32_MAX;
		expect("pack", pack_renewals(in, n, &b), MM_OK);
		expect("unpack", unpack_uses(done(&b), out, n), MM_OK);
		assert_memory_equal(in, out, n * sizeof *in);
		expect("too many", unpack_uses(done(&b), out, n - 1),
		       MM_ERR_TOO_LARGE);
	}
}

/* Four bytes each, the highest first; what is not there is "never". */
static void test_renewals_by_byte(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 0, 0, 0, 1, 0x6A, 0xB1, 0x3B, 0x80 };
	AUTO_BUF struct buf b = buf_new(256), again = buf_new(256);
	AUTO_BUF struct buf odd = buf_new(256), none = buf_new(256);
	const uint32_t in[4] = { 1, 0x6AB13B80, 0, 0 };
	uint32_t out[4];
	expect("pack", pack_bytes(span_of(bytes, 8), true, &b), MM_OK);
	expect("unpack", unpack_uses(done(&b), out, 4), MM_OK);
	assert_memory_equal(in, out, sizeof in);
	expect("pack", pack_renewals(in, 4, &again), MM_OK);
	expect("unpack", unpack_uses(done(&again), out, 4), MM_OK);
	assert_memory_equal(in, out, sizeof in);

	expect("pack", pack_bytes(span_of(bytes, 7), true, &odd), MM_OK);
	expect("odd", unpack_uses(done(&odd), out, 4), MM_ERR_MALFORMED);
	expect("empty", unpack_uses(span_str(""), out, 4), MM_ERR_MALFORMED);
	expect("none", pack_renewals(in + 2, 2, &none), MM_OK);
	expect("none", unpack_uses(done(&none), out, 4), MM_OK);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(out[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_zeros_at_the_end),
		cmocka_unit_test(test_what_is_behind_stays),
		cmocka_unit_test(test_pack_keeps_the_limit),
		cmocka_unit_test(test_A26_bomb),
		cmocka_unit_test(test_other_formats),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_renewals),
		cmocka_unit_test(test_renewals_by_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
