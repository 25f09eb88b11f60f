/* text.c - strangers' text quoted back without its surprises. */
#include "common/text.h"

#include <stdio.h>

void text_quote(char out[QUOTE_SIZE], struct span text)
{
	size_t room = QUOTE_SIZE - sizeof "\"...\"";
	size_t shown = text.len > room ? room : text.len;
	char *to = out;

	*to++ = '"';
	for (size_t i = 0; i < shown; i++) {
		uint8_t c = text.at[i];
		*to++ = c < 0x20 || c > 0x7E || c == '"' ? '?' : (char)c;
	}
	const char *end = shown < text.len ? "...\"" : "\"";
	memcpy(to, end, strlen(end) + 1);
}

bool text_number(struct span s, uint64_t max, uint64_t *out)
{
	if (s.len == 0 || s.len > 19 || (s.len > 1 && s.at[0] == '0'))
		return false;
	*out = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		*out = *out * 10 + (s.at[i] - '0');
	}
	return *out <= max;
}

/* RFC 3629 s4: what the first byte may be, and then the second; all others
 * are 80 to BF. */
static const struct form {
	uint8_t lo, hi, second_lo, second_hi, length;
} forms[] = {
	{ 0x00, 0x7F, 0x00, 0x00, 1 }, { 0xC2, 0xDF, 0x80, 0xBF, 2 },
	{ 0xE0, 0xE0, 0xA0, 0xBF, 3 }, { 0xE1, 0xEC, 0x80, 0xBF, 3 },
	{ 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
	{ 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 },
	{ 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

static const struct form *form_of(uint8_t first)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (first >= forms[i].lo && first <= forms[i].hi)
			return &forms[i];
	return NULL;
}

size_t text_char_length(struct span s)
{
	const struct form *f = s.len == 0 ? NULL : form_of(s.at[0]);
	if (f == NULL || s.len < f->length)
		return 0;
	if (f->length > 1 && (s.at[1] < f->second_lo || s.at[1] > f->second_hi))
		return 0;
	for (size_t i = 2; i < f->length; i++)
		if ((s.at[i] & 0xC0) != 0x80)
			return 0;
	return f->length;
}

/* Controls must be escaped; those behind ASCII (C1) and DEL need not, but
 * there are terminals that obey them. */
static bool is_control(unsigned code)
{
	return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

struct span text_json_char(struct span *rest, char spelt[8])
{
	size_t n = text_char_length(*rest);
	struct span c = span_of(rest->at, n);
	*rest = span_of(rest->at + (n ? n : 1), rest->len - (n ? n : 1));
	if (n == 0)
		return span_str("\xEF\xBF\xBD"); /* U+FFFD */
	if (n > 2)
		return c;

	unsigned code =
		n == 2 ? (c.at[0] & 0x1Fu) << 6 | (c.at[1] & 0x3Fu) : c.at[0];
	if (is_control(code))
		return span_of(spelt,
			       (size_t)snprintf(spelt, 8, "\\u%04x", code));
	if (code == '"' || code == '\\')
		return span_of(spelt,
			       (size_t)snprintf(spelt, 8, "\\%c", (int)code));
	return c;
}

void text_json(struct buf *b, struct span text)
{
	char spelt[8];
	buf_str(b, "\"");
	while (text.len != 0)
		buf_add(b, text_json_char(&text, spelt));
	buf_str(b, "\"");
}
