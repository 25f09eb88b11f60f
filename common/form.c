/* form.c - percent-encoded text and parameters, read once. */
#include "common/form.h"

#include "common/text.h"

/* ---- percent-decoding ---- */

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool good_text(struct span s)
{
	while (s.len != 0) {
		size_t n = text_char_length(s);
		if (n == 0 || s.at[0] < 0x20 || s.at[0] == 0x7F)
			return false;
		s = span_of(s.at + n, s.len - n);
	}
	return true;
}

/* Take one byte off the front of *raw; -1 for a bad escape. */
static int decode_byte(struct span *raw)
{
	size_t n = raw->at[0] == '%' ? 3 : 1;
	int c = raw->at[0];
	if (n > raw->len)
		return -1;
	if (n == 3) {
		int high = hex(raw->at[1]), low = hex(raw->at[2]);
		c = high < 0 || low < 0 ? -1 : high * 16 + low;
	}
	*raw = span_of(raw->at + n, raw->len - n);
	return c;
}

bool percent_decode(struct span raw, bool form, char **room)
{
	char *to = *room;
	while (raw.len != 0) {
		bool plus = form && raw.at[0] == '+';
		int c = decode_byte(&raw);
		if (c < 0)
			return false;
		*to++ = plus ? ' ' : (char)c;
	}
	*to = '\0';
	if (!good_text(span_of(*room, (size_t)(to - *room))))
		return false;
	*room = to + 1;
	return true;
}

/* ---- parameters ---- */

static bool add_param(struct form *f, struct span piece, bool repeats,
		      char **room)
{
	struct span name = piece, value = piece;
	const char *decoded = *room;
	if (piece.len == 0)
		return true;
	if (f->count == FORM_MAX)
		return false;
	if (!span_cut(&value, '=', &name))
		value.len = 0;
	if (!percent_decode(name, true, room) ||
	    !percent_decode(value, true, room) ||
	    (!repeats && form_value(f, decoded) != NULL))
		return false;
	f->count++;
	f->end = *room;
	return true;
}

static bool read_params(struct span text, bool repeats, char *room,
			struct form *out)
{
	struct span piece;
	*out = (struct form){ .at = room, .end = room };
	while (span_cut(&text, '&', &piece))
		if (!add_param(out, piece, repeats, &room))
			return false;
	return add_param(out, text, repeats, &room);
}

bool form_read(struct span text, char *room, struct form *out)
{
	return read_params(text, false, room, out);
}

bool form_read_repeats(struct span text, char *room, struct form *out)
{
	return read_params(text, true, room, out);
}

static const char *param_after(const char *name)
{
	const char *value = name + strlen(name) + 1;
	return value + strlen(value) + 1;
}

const char *form_value(const struct form *f, const char *name)
{
	const char *at = NULL, *value;
	while (form_next(f, &at, &value))
		if (strcmp(at, name) == 0)
			return value;
	return NULL;
}

bool form_next(const struct form *f, const char **name, const char **value)
{
	*name = *name == NULL ? f->at : param_after(*name);
	if (*name == f->end)
		return false;
	*value = *name + strlen(*name) + 1;
	return true;
}
