/* fuzz_status_list.c - what is packed unpacks to the same, and a text
 * unpacks to what OpenSSL's base64 and zlib's uncompress() make of it, which
 * share no line with our stream: as much as was allowed, never a byte more.
 *
 * The first byte of the input says how large the list is.
 */
#include "common/status_list.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <zlib.h>

#include "common/gzip.h"
#include "tests/fuzz/fuzz.h"

enum { LARGEST = 64 * 1024, TEXT_MAX = 64 * 1024 };

/* In memory that ends where it must. */
static void *exactly(size_t n)
{
	void *p = malloc(n ? n : 1);
	MM_ASSERT(p != NULL);
	memset(p, 0xA5, n);
	return p;
}

/* As a list begins. */
static void *zeros(size_t n)
{
	return memset(exactly(n), 0, n);
}

/* ---- unpacking ---- */

/* OpenSSL's alphabet is the other one, and it wants padding.  It is not
 * strict, so what comes of it has to encode to the same. */
static bool decode(struct span text, uint8_t *raw, size_t *len)
{
	static char theirs[TEXT_MAX + 4];
	size_t n = text.len;
	if (n % 4 == 1 || n > TEXT_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = (char)text.at[i];
		if (c == '+' || c == '/' || c == '=' || c <= ' ')
			return false;
		theirs[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
	}
	while (n % 4 != 0)
		theirs[n++] = '=';
	if (EVP_DecodeBlock(raw, (uint8_t *)theirs, (int)n) != (int)(n / 4 * 3))
		return false;
	*len = text.len * 3 / 4;
	static char again[TEXT_MAX + 8];
	EVP_EncodeBlock((uint8_t *)again, raw, (int)*len);
	return memcmp(again, theirs, n) == 0;
}

/* At most LARGEST bytes; *over: there are more. */
static bool oracle(struct span text, uint8_t *out, size_t *len, bool *over)
{
	static uint8_t raw[TEXT_MAX];
	size_t n = 0;
	uLongf room = LARGEST;
	*over = false;
	if (!decode(text, raw, &n))
		return false;
	uLong used = n;
	int r = uncompress2(out, &room, raw, &used);
	*len = room;
	*over = r == Z_BUF_ERROR && room == LARGEST;
	return r == Z_OK && used == n;
}

static bool all_zero(const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static bool check_unpack(struct span text, size_t size)
{
	static uint8_t want[LARGEST];
	size_t n = 0, len = 0;
	bool over, is = oracle(text, want, &n, &over);
	uint8_t *got = zeros(size);
	uint32_t *words = zeros(size / 4 * 4);
	enum mm_err e = unpack_bytes(text, got, size, &len);
	MM_ASSERT((e == MM_OK) == (is && n <= size));
	MM_ASSERT(!is || n <= size || e == MM_ERR_TOO_LARGE);
	if (e == MM_OK) {
		MM_ASSERT(len == n && memcmp(got, want, n) == 0);
		MM_ASSERT(all_zero(got + n, size - n));
	}
	enum mm_err w = unpack_renewals(text, words, size / 4, &len);
	MM_ASSERT((w == MM_OK) == (is && n % 4 == 0 && n <= size / 4 * 4));
	MM_ASSERT(w != MM_OK || len == n / 4);
	for (size_t i = 0; w == MM_OK && i < size / 4; i++) {
		const uint8_t *p = got + 4 * i;
		MM_ASSERT(words[i] ==
			  ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
			   (uint32_t)p[2] << 8 | p[3]));
	}
	free(words);
	free(got);
	return e == MM_OK;
}

/* ---- packing ---- */

static void check_bytes(struct span bytes, bool whole)
{
	static uint8_t want[LARGEST];
	AUTO_BUF struct buf b = buf_new(4 * LARGEST);
	struct span text;
	bool over;
	size_t n, cut = bytes.len;
	while (!whole && cut != 0 && bytes.at[cut - 1] == 0)
		cut--;
	MM_ASSERT(pack_bytes(bytes, whole, &b) == MM_OK);
	MM_ASSERT(buf_done(&b, &text) == MM_OK);
	MM_ASSERT(oracle(text, want, &n, &over));
	MM_ASSERT(span_eq(span_of(want, n), span_of(bytes.at, cut)));
	uint8_t *back = zeros(bytes.len);
	MM_ASSERT(unpack_bytes(text, back, bytes.len, &n) == MM_OK);
	MM_ASSERT(n == cut);
	MM_ASSERT(span_eq(span_of(back, bytes.len), bytes));
	free(back);
}

static void check_renewals(struct span bytes)
{
	size_t n = bytes.len / 4;
	uint32_t *words = zeros(n * 4), *back = zeros(n * 4);
	AUTO_BUF struct buf b = buf_new(4 * LARGEST);
	struct span text;
	size_t len;
	memcpy(words, bytes.at, n * 4);
	MM_ASSERT(pack_renewals(words, n, &b) == MM_OK);
	MM_ASSERT(buf_done(&b, &text) == MM_OK);
	MM_ASSERT(unpack_renewals(text, back, n, &len) == MM_OK);
	MM_ASSERT(memcmp(words, back, n * 4) == 0);
	free(words);
	free(back);
}

static void check_gzip(struct span bytes)
{
	AUTO_BUF struct buf b = buf_new(4 * LARGEST);
	struct span packed;
	uint8_t *back = exactly(bytes.len + 1);
	z_stream z = { .next_out = back, .avail_out = (uInt)bytes.len + 1 };
	MM_ASSERT(gzip_bytes(bytes, &b) == MM_OK);
	MM_ASSERT(buf_done(&b, &packed) == MM_OK);
	MM_ASSERT(inflateInit2(&z, 15 + 16) == Z_OK);
	z.next_in = b.at;
	z.avail_in = (uInt)packed.len;
	MM_ASSERT(inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0);
	MM_ASSERT(span_eq(span_of(back, z.total_out), bytes));
	inflateEnd(&z);
	free(back);
}

bool fuzz_one(struct span input)
{
	if (input.len == 0 || input.len > LARGEST / 2)
		return false;
	size_t size = (size_t)1 << (input.at[0] % 17);
	struct span rest = span_of(input.at + 1, input.len - 1);
	check_bytes(rest, true);
	check_bytes(rest, false);
	check_renewals(rest);
	check_gzip(rest);
	return check_unpack(rest, size);
}
