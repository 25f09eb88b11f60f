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

enum mm_err base64url_decode(struct span text, uint8_t *out, size_t size,
			     size_t *len)
{
	*len = 0;
	if (text.len % 4 == 1)
		return MM_ERR_MALFORMED; /* no byte string is that long */
	if (text.len / 4 * 3 + (text.len % 4 ? text.len % 4 - 1 : 0) > size)
		return MM_ERR_TOO_LARGE;

	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned v = value_of[text.at[i]];
		if (v == 0)
			return MM_ERR_MALFORMED;
		bits = bits << 6 | (v - 1);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	/* RFC 4648 s3.5: the unused bits of the last group must be zero. */
	if (bits != 0)
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
