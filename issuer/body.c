/* body.c - request bodies by table, on jansson. */
#include "issuer/body.h"

#include <jansson.h>

#include "common/duration.h"
#include "common/json_heap.h"

static void json_free_at(json_t **j)
{
	json_decref(*j);
}
#define AUTO_JSON __attribute__((cleanup(json_free_at)))

/* U+0080..9F (C1), U+061C, 200E/F, 202A..E, 2066..9 (direction), as UTF-8. */
static bool is_hostile(const uint8_t *p)
{
	if (p[0] < 0x20 || p[0] == 0x7F)
		return true;
	if (p[0] == 0xC2)
		return p[1] >= 0x80 && p[1] <= 0x9F;
	if (p[0] == 0xD8)
		return p[1] == 0x9C;
	if (p[0] != 0xE2)
		return false;
	if (p[1] == 0x80)
		return p[2] == 0x8E || p[2] == 0x8F ||
		       (p[2] >= 0xA8 && p[2] <= 0xAE);
	return p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9;
}

bool text_is_plain(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (is_hostile((const uint8_t *)p))
			return false;
	return true;
}

/* ---- one value of each kind ---- */

static enum mm_err read_text(const json_t *v, const char *name, char *to,
			     size_t size, struct why *why)
{
	if (!json_is_string(v))
		return why_say(why, MM_ERR_INVALID, name, "%s must be a string",
			       name);
	if (json_string_length(v) >= size)
		return why_say(why, MM_ERR_INVALID, name,
			       "%s has %zu bytes, at most %zu are allowed",
			       name, json_string_length(v), size - 1);
	if (!text_is_plain(json_string_value(v)))
		return why_say(why, MM_ERR_INVALID, name,
			       "%s holds a control character: use printable "
			       "text",
			       name);
	(void)span_copy(to, size, span_str(json_string_value(v)));
	return MM_OK;
}

static enum mm_err read_seconds(const json_t *v, const struct body_field *f,
				int64_t *out, struct why *why)
{
	struct why inner;
	const char *name = f->name;
	bool none = f->kind == BODY_SECONDS_OR_0;
	*out = json_integer_value(v);
	if (json_is_integer(v) && *out >= !none && *out <= DURATION_MAX)
		return MM_OK;
	if (!json_is_string(v))
		return why_say(why, MM_ERR_INVALID, name,
			       "%s must be a number of seconds%s, or a "
			       "duration such as \"20d\"",
			       name, none ? "" : " above 0");
	struct span text = span_str(json_string_value(v));
	if ((none ? duration_or_none_read : duration_read)(text, out, &inner) !=
	    MM_OK)
		return why_say(why, MM_ERR_INVALID, name, "%s: %s", name,
			       inner.text);
	return MM_OK;
}

static enum mm_err read_time(const json_t *v, const char *name, int64_t *out,
			     struct why *why)
{
	struct why inner;
	*out = json_integer_value(v);
	if (json_is_integer(v) && *out > 0)
		return MM_OK;
	if (!json_is_string(v))
		return why_say(why, MM_ERR_INVALID, name,
			       "%s must be seconds since 1970, or a date "
			       "such as \"2026-12-31T00:00:00Z\"",
			       name);
	if (date_read(span_str(json_string_value(v)), out, &inner) != MM_OK)
		return why_say(why, MM_ERR_INVALID, name, "%s: %s", name,
			       inner.text);
	return MM_OK;
}

static enum mm_err read_texts(const json_t *v, const char *name,
			      struct body_texts *out, struct why *why)
{
	if (!json_is_array(v))
		return why_say(why, MM_ERR_INVALID, name,
			       "%s must be a list of strings", name);
	if (json_array_size(v) > BODY_TEXTS)
		return why_say(why, MM_ERR_INVALID, name,
			       "%s has %zu entries, at most %d are allowed",
			       name, json_array_size(v), BODY_TEXTS);
	out->count = 0;
	out->given = true;
	for (size_t i = 0; i < json_array_size(v); i++) {
		char *to = out->at[out->count];
		TRY(read_text(json_array_get(v, i), name, to, sizeof out->at[0],
			      why));
		out->count++;
	}
	return MM_OK;
}

static enum mm_err read_value(const struct body_field *f, const json_t *v,
			      void *out, struct why *why)
{
	void *at = (char *)out + f->offset;
	switch (f->kind) {
	case BODY_TEXT:
		return read_text(v, f->name, at, f->size, why);
	case BODY_SECONDS:
	case BODY_SECONDS_OR_0:
		return read_seconds(v, f, at, why);
	case BODY_TIME:
		return read_time(v, f->name, at, why);
	case BODY_TEXTS_OF:
		return read_texts(v, f->name, at, why);
	case BODY_BOOL:
		break;
	}
	if (!json_is_boolean(v))
		return why_say(why, MM_ERR_INVALID, f->name,
			       "%s must be true or false", f->name);
	*(bool *)at = json_is_true(v);
	return MM_OK;
}

/* ---- the object ---- */

static const struct body_field *find(const struct body_field *fields, size_t n,
				     const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

enum mm_err body_read(struct span json, const struct body_field *fields,
		      size_t n, void *out, struct why *why)
{
	json_error_t error;
	if (json.len == 0)
		return MM_OK;
	AUTO_JSON json_t *all = NULL;
	enum mm_err e = json_heap_load(json, &all, &error);
	if (e == MM_ERR_NOMEM)
		return e;
	if (e != MM_OK)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the body is not JSON: %s (line %d)", error.text,
			       error.line);
	if (!json_is_object(all))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the body must be a JSON object");

	const char *name;
	json_t *v;
	json_object_foreach(all, name, v)
	{
		const struct body_field *f = find(fields, n, name);
		if (f == NULL)
			return why_say(why, MM_ERR_INVALID,
				       text_is_plain(name) ? name : NULL,
				       "there is no such field here");
		if (!json_is_null(v))
			TRY(read_value(f, v, out, why));
	}
	return MM_OK;
}
