/* output.c - see output.h. */
#include "cli/output.h"

#include <langinfo.h>
#include <locale.h>
#include <wchar.h>

#include "common/duration.h"
#include "common/environment.h"
#include "common/seen.h"

void output_init(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8"); /* cron has LANG=C */
}

/* It ends the line, or turns it round (UAX #9): it would read as
 * another. */
static bool turns_round(wchar_t c)
{
	return (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* One character off *text.  Columns 0 to 2; -1: not fit to be printed. */
static int next_char(const char **text, size_t *bytes)
{
	wchar_t c;
	mbstate_t state = { 0 };
	size_t n = mbrtowc(&c, *text, strlen(*text), &state);
	bool good = n != (size_t)-1 && n != (size_t)-2 && n != 0;
	*bytes = good ? n : 1;
	return good && !turns_round(c) ? wcwidth(c) : -1;
}

size_t text_width(const char *text)
{
	size_t width = 0, n;
	for (; *text != '\0'; text += n) {
		int columns = next_char(&text, &n);
		width += columns < 0 ? 1 : (size_t)columns;
	}
	return width;
}

size_t put_text(FILE *to, const char *text)
{
	const char *at = text;
	for (size_t n; *at != '\0'; at += n) {
		if (next_char(&at, &n) < 0)
			fputc('?', to);
		else
			fwrite(at, 1, n, to);
	}
	return text_width(text);
}

void put_field(FILE *to, const char *name, const char *text)
{
	fprintf(to, "  %-11s ", name);
	put_text(to, text);
	fputc('\n', to);
}

void put_json(const json_t *value)
{
	json_dumpf(value, stdout,
		   JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	putchar('\n');
}

const char *json_text(const json_t *object, const char *name, const char *other)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text && text[0] != '\0' ? text : other;
}

void json_words(const json_t *object, const char *name, const char *other,
		struct buf *out)
{
	size_t i;
	const json_t *word, *list = json_object_get(object, name);
	if (json_array_size(list) == 0)
		buf_str(out, other);
	json_array_foreach(list, i, word)
	{
		const char *text = json_string_value(word);
		buf_str(out, i ? " " : "");
		buf_str(out, text ? text : "?");
	}
}

int64_t json_time(const json_t *object, const char *name)
{
	int64_t t;
	const char *text = json_text(object, name, "");
	return date_read(span_str(text), &t, NULL) == MM_OK ? t : 0;
}

/* Of "2026-11-28T17:40:12Z": the day, and the hour and minute. */
void json_used(const json_t *token, const char *other, char out[USED_SIZE])
{
	int64_t used = json_time(token, "last_used_at");
	int64_t issued = json_time(token, "issued_at");
	char from[32];
	if (used == 0 || used % SEEN_GRAIN != 0) {
		snprintf(out, USED_SIZE, "%.32s",
			 json_text(token, "last_used_at", other));
		return;
	}
	date_write(from, used > issued ? used : issued);
	snprintf(out, USED_SIZE, "%.10s %.5s-%02d:00Z", from, from + 11,
		 (int)(used / SEEN_GRAIN % 24) + 1);
}

void warn_unpublished(const json_t *reply)
{
	if (json_is_false(json_object_get(reply, "published")))
		fputs("mintmark: it is done, but the mint cannot publish it "
		      "now: verifiers do not know yet.  See mintmarkd's log\n",
		      stderr);
}

void warn_unknown_variables(void)
{
	char sentence[UNKNOWN_SIZE];
	for (size_t at = 0; environment_unknown(&at, sentence);) {
		fputs("mintmark: ", stderr);
		put_text(stderr, sentence);
		fputc('\n', stderr);
	}
}
