/* base64url.c - RFC 4648 section 5, the canonical spelling and no other. */
#include "common/base64url.h"

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of each character plus one; 0 is "not in the alphabet". */
/* clang-format off */
static const uint8_t value_of[256] = {
	['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
	['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};
/* clang-format on */

/* A character's six bits; more than six if it has none. */
static uint32_t six_bits(uint8_t c)
{
	return value_of[c] - 1u;
}

/* The last 2 or 3 characters.  RFC 4648 s3.5: the bits that are left over
 * must be zero. */
static bool decode_rest(const uint8_t *in, size_t n, uint8_t *out)
{
	uint32_t a = six_bits(in[0]), b = six_bits(in[1]);
	uint32_t c = n == 3 ? six_bits(in[2]) : 0;
	if ((a | b | c) > 63)
		return false;
	uint32_t bits = a << 18 | b << 12 | c << 6;
	out[0] = (uint8_t)(bits >> 16);
	if (n == 3)
		out[1] = (uint8_t)(bits >> 8);
	return (bits & (n == 3 ? 0xFFu : 0xFFFFu)) == 0;
}

enum mm_err base64url_decode(struct span text, uint8_t *out, size_t size,
			     size_t *len)
{
	size_t rest = text.len % 4;
	const uint8_t *in = text.at, *end = in + (text.len - rest);
	*len = 0;
	if (rest == 1)
		return MM_ERR_MALFORMED; /* no byte string is that long */
	size_t n = text.len / 4 * 3 + (rest ? rest - 1 : 0);
	if (n > size)
		return MM_ERR_TOO_LARGE;

	for (; in < end; in += 4, out += 3) {
		uint32_t a = six_bits(in[0]), b = six_bits(in[1]);
		uint32_t c = six_bits(in[2]), d = six_bits(in[3]);
		if ((a | b | c | d) > 63)
			return MM_ERR_MALFORMED;
		uint32_t bits = a << 18 | b << 12 | c << 6 | d;
		out[0] = (uint8_t)(bits >> 16);
		out[1] = (uint8_t)(bits >> 8);
		out[2] = (uint8_t)bits;
	}
	if (rest != 0 && !decode_rest(in, rest, out))
		return MM_ERR_MALFORMED;
	*len = n;
	return MM_OK;
}

size_t base64url_encode(struct span bytes, char *out, size_t size)
{
	MM_ASSERT(size >= BASE64URL_LEN(bytes.len));

	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;
	for (size_t i = 0; i < bytes.len; i++) {
		bits = bits << 8 | bytes.at[i];
		for (have += 8; have >= 6; bits &= (1u << have) - 1) {
			have -= 6;
			out[n++] = alphabet[bits >> have & 63];
		}
	}
	if (have != 0)
		out[n++] = alphabet[bits << (6 - have) & 63];
	return n;
}

void base64url_add(struct buf *b, struct span bytes)
{
	size_t n = BASE64URL_LEN(bytes.len);
	char *to = (char *)buf_room(b, n);
	if (to == NULL)
		return;
	buf_grew(b, base64url_encode(bytes, to, n));
}
