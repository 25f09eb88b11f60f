/* json_lex.c - JSON strings and numbers, read strictly (RFC 8259 s6, s7). */
#include "common/json_lex.h"

#include "common/text.h"

void lex_skip_space(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' ||
				  *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

bool lex_take(struct reader *r, uint8_t c)
{
	lex_skip_space(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool sink_put(struct sink *s, const uint8_t *bytes, size_t n)
{
	if (s->at != NULL) {
		if (n > s->size - s->len)
			return false;
		memcpy(s->at + s->len, bytes, n);
	}
	s->len += n;
	return true;
}

/* ---- strings ---- */

static bool read_hex4(struct reader *r, uint32_t *out)
{
	if (r->end - r->at < 4)
		return false;
	uint32_t v = 0;
	for (int i = 0; i < 4; i++) {
		uint8_t c = *r->at++;
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

static bool put_utf8(struct sink *s, uint32_t c)
{
	uint8_t u[4];
	size_t n = 0;
	if (c < 0x80) {
		u[n++] = (uint8_t)c;
	} else if (c < 0x800) {
		u[n++] = (uint8_t)(0xC0 | c >> 6);
	} else if (c < 0x10000) {
		u[n++] = (uint8_t)(0xE0 | c >> 12);
		u[n++] = (uint8_t)(0x80 | (c >> 6 & 63));
	} else {
		u[n++] = (uint8_t)(0xF0 | c >> 18);
		u[n++] = (uint8_t)(0x80 | (c >> 12 & 63));
		u[n++] = (uint8_t)(0x80 | (c >> 6 & 63));
	}
	if (c >= 0x80)
		u[n++] = (uint8_t)(0x80 | (c & 63));
	return sink_put(s, u, n);
}

/* After "\u": one code point, surrogate pairs joined (RFC 8259 s7). */
static bool read_unicode(struct reader *r, struct sink *s)
{
	uint32_t c, low;
	if (!read_hex4(r, &c) || c == 0)
		return false; /* a NUL would cut the string short in C */
	if (c >= 0xDC00 && c <= 0xDFFF)
		return false;
	if (c >= 0xD800 && c <= 0xDBFF) {
		if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u')
			return false;
		r->at += 2;
		if (!read_hex4(r, &low) || low < 0xDC00 || low > 0xDFFF)
			return false;
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	return put_utf8(s, c);
}

static bool read_escape(struct reader *r, struct sink *s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (r->at == r->end)
		return false;
	uint8_t c = *r->at++;
	if (c == 'u')
		return read_unicode(r, s);
	const char *hit = c ? strchr(from, c) : NULL;
	return hit != NULL && sink_put(s, (const uint8_t *)&to[hit - from], 1);
}

/* How many bytes from here on stand for themselves: a run of ASCII, or one
 * character of several bytes; 0 if what is there must not be. */
static size_t literal_length(const struct reader *r)
{
	const uint8_t *p = r->at;
	while (p < r->end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	if (p != r->at || *p < 0x80)
		return (size_t)(p - r->at);
	return text_char_length(span_of(p, (size_t)(r->end - p)));
}

bool lex_string(struct reader *r, struct sink *s)
{
	if (!lex_take(r, '"'))
		return false;
	while (r->at < r->end && *r->at != '"') {
		if (*r->at == '\\') {
			r->at++;
			if (!read_escape(r, s))
				return false;
			continue;
		}
		size_t n = literal_length(r);
		if (n == 0 || !sink_put(s, r->at, n))
			return false;
		r->at += n;
	}
	return lex_take(r, '"');
}

/* ---- numbers and words ---- */

static size_t skip_digits(struct reader *r)
{
	const uint8_t *from = r->at;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return (size_t)(r->at - from);
}

bool lex_number(struct reader *r, struct span *text, bool *integer)
{
	lex_skip_space(r);
	const uint8_t *from = r->at;
	if (r->at < r->end && *r->at == '-')
		r->at++;
	bool zero = r->at < r->end && *r->at == '0';
	size_t n = skip_digits(r);
	if (n == 0 || (zero && n > 1))
		return false;
	*integer = true;
	if (r->at < r->end && *r->at == '.') {
		*integer = false;
		r->at++;
		if (skip_digits(r) == 0)
			return false;
	}
	if (r->at < r->end && (*r->at | 32) == 'e') {
		*integer = false;
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		n = skip_digits(r);
		if (n == 0 || n > 2) /* 1e100 overflows nothing but sense */
			return false;
	}
	*text = span_of(from, (size_t)(r->at - from));
	return text->len <= 32;
}

bool lex_int64(struct span s, int64_t *out)
{
	bool minus = s.len != 0 && s.at[0] == '-';
	int64_t v = 0;
	for (size_t i = minus; i < s.len; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, s.at[i] - '0', &v))
			return false;
	if (!minus && v == INT64_MIN)
		return false;
	*out = minus ? v : -v;
	return true;
}
