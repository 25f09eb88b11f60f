/* fuzz_form.c - parameters: what was read is text, no name is there twice
 * (or only where it may be), and written again, every byte escaped, it is
 * read as the same.
 */
#include "common/form.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/text.h"
#include "tests/fuzz/fuzz.h"

static void check_text(struct span s)
{
	while (s.len != 0) {
		size_t n = text_char_length(s);
		MM_ASSERT(n != 0 && s.at[0] >= 0x20 && s.at[0] != 0x7F);
		s = span_of(s.at + n, s.len - n);
	}
}

static void escape(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		buf_fmt(b, "%%%02x", (unsigned)(uint8_t)*text);
}

static void check(const struct form *f, bool repeats, struct buf *again)
{
	const char *name = NULL, *value;
	size_t count = 0;
	while (form_next(f, &name, &value)) {
		check_text(span_str(name));
		check_text(span_str(value));
		MM_ASSERT(repeats || form_value(f, name) == value);
		escape(again, name);
		buf_str(again, "=");
		escape(again, value);
		buf_str(again, "&");
		count++;
	}
	MM_ASSERT(count == f->count && count <= FORM_MAX);
}

/* In memory of exactly the size that was promised to be enough. */
static bool read(struct span text, bool repeats, char **room, struct form *f)
{
	*room = malloc(FORM_ROOM(text.len));
	MM_ASSERT(*room != NULL);
	return repeats ? form_read_repeats(text, *room, f)
		       : form_read(text, *room, f);
}

static bool fuzz_as(struct span input, bool repeats)
{
	AUTO_BUF struct buf text = buf_new(1 << 20);
	char *room, *room_again = NULL;
	struct form f, again;
	struct span written;
	bool good = read(input, repeats, &room, &f);
	if (good) {
		check(&f, repeats, &text);
		MM_ASSERT(buf_done(&text, &written) == MM_OK);
		MM_ASSERT(read(written, repeats, &room_again, &again));
		MM_ASSERT(again.count == f.count &&
			  again.end - again.at == f.end - f.at &&
			  memcmp(again.at, f.at, (size_t)(f.end - f.at)) == 0);
	}
	free(room_again);
	free(room);
	return good;
}

/* What is read when no name may come again is read when it may. */
bool fuzz_one(struct span input)
{
	bool repeats = fuzz_as(input, true), good = fuzz_as(input, false);
	MM_ASSERT(repeats || !good);
	return good;
}
