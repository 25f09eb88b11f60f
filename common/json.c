/* json.c - the strict reader of small JSON objects.
 *
 * A recursive descent over one cursor.  Names are decoded into a small
 * arena, so that "sub" and "\u0073ub" are seen to be the same name; an
 * object's names leave the arena with it.  Nothing is allocated.
 */
#include "common/json.h"

#include "common/json_lex.h"

static enum mm_err skip_value(struct reader *r, unsigned depth);

static bool skip_number(struct reader *r)
{
	struct span text;
	bool integer;
	int64_t v;
	return lex_number(r, &text, &integer) &&
	       (!integer || lex_int64(text, &v));
}

static bool skip_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

/* ---- objects ---- */

/* The names seen so far in one object, as pieces of the arena. */
struct names {
	struct span seen[JSON_MEMBERS_MAX];
	size_t count;
};

/* Read a name and its colon; it must be new in this object. */
static bool read_name(struct reader *r, struct names *names, struct span *name)
{
	struct sink s = { r->names + r->names_used,
			  sizeof r->names - r->names_used, 0 };
	if (names->count == JSON_MEMBERS_MAX || !lex_string(r, &s))
		return false;
	*name = span_of(s.at, s.len);
	for (size_t i = 0; i < names->count; i++)
		if (span_eq(names->seen[i], *name))
			return false; /* RFC 8725 s2.4 */
	names->seen[names->count++] = *name;
	r->names_used += s.len;
	return lex_take(r, ':');
}

static enum mm_err skip_object(struct reader *r, unsigned depth)
{
	struct names names = { .count = 0 };
	size_t mark = r->names_used;
	struct span name;
	if (lex_take(r, '}'))
		return MM_OK;
	do {
		if (!read_name(r, &names, &name))
			return MM_ERR_MALFORMED;
		TRY(skip_value(r, depth));
	} while (lex_take(r, ','));
	r->names_used = mark;
	return lex_take(r, '}') ? MM_OK : MM_ERR_MALFORMED;
}

static enum mm_err skip_array(struct reader *r, unsigned depth)
{
	if (lex_take(r, ']'))
		return MM_OK;
	do
		TRY(skip_value(r, depth));
	while (lex_take(r, ','));
	return lex_take(r, ']') ? MM_OK : MM_ERR_MALFORMED;
}

/* Any value that nobody asked for: still checked. */
static enum mm_err skip_value(struct reader *r, unsigned depth)
{
	struct sink nowhere = { 0 };
	if (depth == JSON_DEPTH_MAX)
		return MM_ERR_MALFORMED;
	if (lex_take(r, '{'))
		return skip_object(r, depth + 1);
	if (lex_take(r, '['))
		return skip_array(r, depth + 1);
	bool good = r->at < r->end && (*r->at == '"'   ? lex_string(r, &nowhere)
				       : *r->at == 't' ? skip_word(r, "true")
				       : *r->at == 'f' ? skip_word(r, "false")
				       : *r->at == 'n' ? skip_word(r, "null")
						       : skip_number(r));
	return good ? MM_OK : MM_ERR_MALFORMED;
}

/* ---- by table ---- */

static bool read_str(struct reader *r, char *out, size_t size)
{
	struct sink s = { (uint8_t *)out, size - 1, 0 };
	if (!lex_string(r, &s))
		return false;
	out[s.len] = '\0';
	return true;
}

static bool read_int(struct reader *r, int64_t *out)
{
	struct span text;
	bool integer;
	return lex_number(r, &text, &integer) && integer &&
	       lex_int64(text, out);
}

/* One more string behind the others, of at most size - 1 bytes. */
static bool read_text(struct reader *r, struct json_texts *to, size_t size,
		      struct json_text *out)
{
	size_t room = sizeof to->text - to->used;
	struct sink s = { (uint8_t *)to->text + to->used, 0, 0 };
	if (size < room)
		room = size;
	if (room == 0)
		return false;
	s.size = room - 1;
	if (!lex_string(r, &s))
		return false;
	s.at[s.len] = '\0';
	*out = (struct json_text){ to->used, (uint16_t)s.len };
	to->used = (uint16_t)(to->used + s.len + 1);
	return true;
}

static bool read_texts(struct reader *r, struct json_strs *out,
		       struct json_texts *to, size_t size)
{
	size_t end = to->used + size;
	struct json_text one;
	*out = (struct json_strs){ .at = to->used };
	if (!lex_take(r, '[')) {
		out->count = 1;
		return read_text(r, to, size, &one);
	}
	if (lex_take(r, ']'))
		return true;
	do {
		if (!read_text(r, to, end - to->used, &one))
			return false;
		out->count++;
	} while (lex_take(r, ','));
	return lex_take(r, ']');
}

static bool read_leaf(struct reader *r, const struct json_table *t,
		      const struct json_field *f, void *out)
{
	void *at = (char *)out + f->offset;
	struct json_texts *texts = (void *)((char *)out + t->texts);
	switch (f->kind) {
	case JSON_KIND_STR:
		return read_str(r, at, f->size);
	case JSON_KIND_INT:
		return read_int(r, at);
	case JSON_KIND_TEXT:
		return read_text(r, texts, f->size, at);
	case JSON_KIND_TEXTS:
	case JSON_KIND_OBJECT: /* no leaf: read_object() goes on into it */
		break;
	}
	return read_texts(r, at, texts, f->size);
}

static const struct json_field *find_field(const struct json_table *t,
					   struct span name)
{
	for (size_t i = 0; i < t->count; i++)
		if (span_is(name, t->fields[i].name))
			return &t->fields[i];
	return NULL;
}

static enum mm_err read_object(struct reader *r, const struct json_table *t,
			       void *out, uint32_t *seen, unsigned depth)
{
	struct names names = { .count = 0 };
	size_t mark = r->names_used;
	struct span name;
	if (depth == JSON_DEPTH_MAX || !lex_take(r, '{'))
		return MM_ERR_MALFORMED;
	if (lex_take(r, '}'))
		return MM_OK;
	do {
		if (!read_name(r, &names, &name))
			return MM_ERR_MALFORMED;
		const struct json_field *f = find_field(t, name);
		if (f == NULL && t->exact)
			return MM_ERR_MALFORMED;
		if (f == NULL)
			TRY(skip_value(r, depth + 1));
		else if (f->kind == JSON_KIND_OBJECT)
			TRY(read_object(r, f->sub, out, seen, depth + 1));
		else if (!read_leaf(r, t, f, out))
			return MM_ERR_MALFORMED;
		*seen |= f ? f->bit : 0;
	} while (lex_take(r, ','));
	r->names_used = mark;
	return lex_take(r, '}') ? MM_OK : MM_ERR_MALFORMED;
}

enum mm_err strict_json_read(struct span text, const struct json_table *table,
			     void *out, uint32_t *seen)
{
	struct reader r;
	*seen = 0;
	if (text.len == 0 || text.len > JSON_TEXT_MAX)
		return MM_ERR_MALFORMED;
	r.at = text.at;
	r.end = text.at + text.len;
	r.names_used = 0;
	TRY(read_object(&r, table, out, seen, 0));
	lex_skip_space(&r);
	return r.at == r.end ? MM_OK : MM_ERR_MALFORMED;
}
