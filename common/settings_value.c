/* settings_value.c - the texts of settings, read into the program's struct,
 * and the texts of addresses.
 */
#include <stdio.h>

#include "common/duration.h"
#include "common/settings_internal.h"
#include "common/text.h"

enum mm_err setting_refuse(const struct reading *r, const char *name,
			   const char *what)
{
	return why_say(r->why, MM_ERR_INVALID, name, "%s: %s", r->from, what);
}

/* ---- one value ---- */

static enum mm_err take_text(const struct reading *r, const char *name,
			     struct span value, char *to)
{
	if (!span_copy(to, SETTING_SIZE, value))
		return setting_refuse(r, name,
				      "the value is longer than 511 bytes");
	return MM_OK;
}

/* `--user "$NOT_SET"` is not meant to be nobody. */
static enum mm_err take_name(const struct reading *r, const char *name,
			     struct span value, char *to)
{
	if (value.len == 0 && r->source > FROM_FILE)
		return setting_refuse(r, name,
				      "the name is empty: say it, or leave "
				      "the setting out");
	return take_text(r, name, value, to);
}

static enum mm_err take_texts(const struct reading *r, const char *name,
			      struct span value, struct setting_texts *to)
{
	if (value.len == 0) {
		to->count = 0;
		return MM_OK;
	}
	if (to->count == SETTING_LISTS)
		return setting_refuse(r, name, "given more than 8 times");
	TRY(take_text(r, name, value, to->at[to->count]));
	to->count++;
	return MM_OK;
}

static enum mm_err take_bool(const struct reading *r, const char *name,
			     struct span value, bool *to)
{
	*to = span_is(value, "true");
	if (*to || span_is(value, "false"))
		return MM_OK;
	return setting_refuse(r, name, "the value must be true or false");
}

static enum mm_err take_int(const struct reading *r, const char *name,
			    struct span value, int64_t *to)
{
	bool good = value.len != 0 && value.len <= 18; /* no overflow */
	*to = 0;
	for (size_t i = 0; good && i < value.len; i++) {
		good = value.at[i] >= '0' && value.at[i] <= '9';
		*to = *to * 10 + (value.at[i] - '0');
	}
	return good ? MM_OK
		    : setting_refuse(r, name,
				     "the value must be a whole number");
}

static enum mm_err take_duration(const struct reading *r, const char *name,
				 struct span value, int64_t *to)
{
	struct why why;
	if (duration_read(value, to, &why) != MM_OK)
		return setting_refuse(r, name, why.text);
	return MM_OK;
}

static enum mm_err take_value(const struct reading *r,
			      const struct setting *row, struct span value)
{
	void *to = (char *)r->out + row->offset;
	switch (row->kind) {
	case SET_TEXT:
		return take_text(r, row->name, value, to);
	case SET_NAME:
		return take_name(r, row->name, value, to);
	case SET_BOOL:
		return take_bool(r, row->name, value, to);
	case SET_INT:
		return take_int(r, row->name, value, to);
	case SET_DURATION:
		return take_duration(r, row->name, value, to);
	case SET_TEXTS:
		return take_texts(r, row->name, value, to);
	}
	return setting_refuse(r, row->name, "a setting of no known kind");
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < 0x20 || s.at[i] == 0x7F)
			return true;
	return false;
}

bool setting_has_comment(struct span value)
{
	for (size_t i = 1; i < value.len; i++)
		if (value.at[i] == '#' &&
		    (value.at[i - 1] == ' ' || value.at[i - 1] == '\t'))
			return true;
	return false;
}

/* What a flag or a variable says, a file can say, or --print would print
 * one that says something else. */
static bool fits_file(struct span value)
{
	return !setting_has_comment(value) &&
	       (value.len == 0 ||
		(value.at[0] != ' ' && value.at[value.len - 1] != ' '));
}

/* The value of row i, from the source that is being asked. */
enum mm_err setting_take(struct reading *r, size_t i, struct span value)
{
	const struct setting *row = &r->table->rows[i];
	bool again = r->given[i] == r->source;

	if (has_control(value))
		return setting_refuse(r, row->name,
				      "the value holds a control character");
	if (!fits_file(value))
		return setting_refuse(r, row->name,
				      "the value begins or ends with a space, "
				      "or has one before a #, which no file "
				      "could say");
	if (again && r->source == FROM_FILE && row->kind != SET_TEXTS)
		return setting_refuse(r, row->name, "set a second time");
	if (!again && row->kind == SET_TEXTS)
		((struct setting_texts *)(void *)((char *)r->out + row->offset))
			->count = 0;
	r->given[i] = r->source;
	return take_value(r, row, value);
}

/* ---- addresses ---- */

static bool host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static bool host_good(struct span host, bool brackets)
{
	for (size_t i = 0; i < host.len; i++)
		if (!host_char((char)host.at[i]) &&
		    !(brackets && host.at[i] == ':'))
			return false;
	return host.len != 0 && host.len < 256;
}

static bool port_read(const char *text, uint16_t *port)
{
	unsigned n = 0;
	size_t i = 0;
	for (; text[i] >= '0' && text[i] <= '9' && i < 5; i++)
		n = n * 10 + (unsigned)(text[i] - '0');
	*port = (uint16_t)n;
	return i != 0 && text[i] == '\0' && n <= 65535;
}

enum mm_err address_read(const char *text, char host[256], uint16_t *port,
			 struct why *why)
{
	char quoted[QUOTE_SIZE];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
	struct span name =
		brackets ? span_of(text + 1, len - 2) : span_of(text, len);

	if (colon != NULL && host_good(name, brackets) &&
	    port_read(colon + 1, port) && span_copy(host, 256, name))
		return MM_OK;
	text_quote(quoted, span_str(text));
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%s is not an address: write HOST:PORT or [::1]:PORT",
		       quoted);
}
