/* use_file.c - the tables as JSON, written and read side by side. */
#include "verifier/use_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "common/json_heap.h"
#include "common/text.h"

/* ---- writing ---- */

struct writing {
	struct buf *out;
	bool any;
};

static void write_entry(void *ctx, const struct use_entry *e)
{
	struct writing *w = ctx;
	char id[JTI_SIZE];
	token_id_write(id, e->list, e->idx);
	buf_fmt(w->out,
		"%s\n{\"id\":\"%s\",\"iat\":%" PRId64 ",\"exp\":%" PRId64
		",\"window\":%" PRId64 ",\"sent\":%" PRId64
		",\"latest\":%" PRId64 ",\"at\":[",
		w->any ? "," : "", id, e->iat, e->exp, e->window, e->sent,
		e->latest);
	for (uint32_t i = 0; i < e->count; i++)
		buf_fmt(w->out, "%s%" PRId64, i ? "," : "", e->at[i]);
	buf_str(w->out, "]}");
	w->any = true;
}

#define SEEN_LINE 256 /* more than one takes */

static void write_seen(void *ctx, const struct sighting *s)
{
	struct writing *w = ctx;
	char id[JTI_SIZE];
	if (w->out->len + SEEN_LINE > USE_FILE_MAX)
		return;
	token_id_write(id, s->list, s->idx);
	buf_fmt(w->out,
		"%s\n{\"id\":\"%s\",\"hour\":%" PRId64
		",\"door\":\"%s\",\"from\":\"%s\"}",
		w->any ? "," : "", id, s->hour, s->door, s->from);
	w->any = true;
}

enum mm_err use_file_write(struct use_tables t, const char *iss,
			   struct buf *out)
{
	struct writing uses = { .out = out }, seen = { .out = out };
	buf_str(out, "{\"version\":1,\"iss\":");
	text_json(out, span_str(iss));
	buf_str(out, ",\"tokens\":[");
	use_table_each(t.uses, write_entry, &uses);
	buf_str(out, "],\"seen\":[");
	seen_table_each(t.seen, write_seen, &seen);
	buf_str(out, "]}\n");
	return out->failed;
}

/* ---- reading ---- */

#define AUTO_JSON __attribute__((cleanup(json_decref_at)))
static void json_decref_at(json_t **j)
{
	json_decref(*j);
}

/* A time: an integer from 0 to what a last_use can hold. */
static bool read_time(const json_t *object, const char *name, int64_t *out)
{
	const json_t *v = json_object_get(object, name);
	if (!json_is_integer(v))
		return false;
	*out = json_integer_value(v);
	return *out >= 0 && *out <= INT64_C(253402300799);
}

static bool read_chain(const json_t *array, struct use_entry *e)
{
	size_t n = json_array_size(array);
	if (!json_is_array(array) || n > USE_CHAIN_MAX)
		return false;
	e->count = (uint32_t)n;
	e->at = calloc(n + 1, sizeof *e->at);
	for (size_t i = 0; i < n && e->at != NULL; i++) {
		const json_t *v = json_array_get(array, i);
		if (!json_is_integer(v))
			return false;
		e->at[i] = json_integer_value(v);
	}
	return e->at != NULL;
}

static void entry_clear(struct use_entry *e)
{
	free(e->at);
}

static bool read_entry(const json_t *object, struct use_tables t)
{
	__attribute__((cleanup(entry_clear))) struct use_entry e = { 0 };
	const char *id = json_string_value(json_object_get(object, "id"));
	return id != NULL &&
	       token_id_read(span_str(id), &e.list, &e.idx) == MM_OK &&
	       read_time(object, "iat", &e.iat) &&
	       read_time(object, "exp", &e.exp) &&
	       read_time(object, "window", &e.window) && e.window > 0 &&
	       read_time(object, "sent", &e.sent) &&
	       read_time(object, "latest", &e.latest) &&
	       read_chain(json_object_get(object, "at"), &e) &&
	       use_table_put(t.uses, &e) == MM_OK;
}

static bool read_text(const json_t *object, const char *name, char *out,
		      size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL && span_copy(out, size, span_str(text));
}

static bool read_from(const json_t *object, char out[FROM_SIZE])
{
	const char *text = json_string_value(json_object_get(object, "from"));
	from_write(out, span_str(text ? text : ""));
	return text != NULL && (text[0] == '\0' || out[0] != '\0');
}

/* Where there is no room, it is not kept. */
static bool read_seen(const json_t *object, struct use_tables t)
{
	struct sighting s = { 0 };
	const char *id = json_string_value(json_object_get(object, "id"));
	if (id == NULL ||
	    token_id_read(span_str(id), &s.list, &s.idx) != MM_OK ||
	    !read_time(object, "hour", &s.hour) ||
	    !read_text(object, "door", s.door, sizeof s.door) ||
	    !read_from(object, s.from) ||
	    (s.door[0] != '\0' && !door_is_word(span_str(s.door))))
		return false;
	s.hour = seen_hour(s.hour);
	(void)!seen_table_add(t.seen, &s);
	return true;
}

static enum mm_err read_all(const json_t *array,
			    bool (*read)(const json_t *, struct use_tables),
			    struct use_tables t, const char *path,
			    struct why *why)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!read(json_array_get(array, i), t))
			return why_say(why, MM_ERR_INVALID, NULL,
				       "%s is damaged at its token %zu", path,
				       i);
	return MM_OK;
}

enum mm_err use_file_load(struct use_tables t, const char *path,
			  const char *iss, struct why *why)
{
	AUTO_BUF struct buf text = buf_new(USE_FILE_MAX);
	struct span whole;
	TRY(buf_read_kept_file(&text, path, why));
	TRY(buf_done(&text, &whole));
	AUTO_JSON json_t *root = NULL;
	enum mm_err e = json_heap_load(whole, &root, NULL);
	if (e == MM_ERR_NOMEM)
		return e;
	const char *of = json_string_value(json_object_get(root, "iss"));
	const json_t *tokens = json_object_get(root, "tokens");
	if (json_integer_value(json_object_get(root, "version")) != 1 ||
	    of == NULL || strcmp(of, iss) != 0 || !json_is_array(tokens))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s is no list of uses for this issuer", path);
	TRY(read_all(tokens, read_entry, t, path, why));
	return read_all(json_object_get(root, "seen"), read_seen, t, path, why);
}
