/* model_snapshot.c - what a snapshot says, as jansson, OpenSSL's base64 and
 * zlib's uncompress() have it. */
#include <openssl/evp.h>
#include <zlib.h>

#include "tests/fuzz/model_internal.h"

/* base64url and zlib, into out[0..size), zeros behind. */
static bool unpack(const json_t *packed, size_t unit, uint8_t *out, size_t size)
{
	const char *text = json_string_value(packed);
	size_t len = json_string_length(packed);
	uint8_t *raw = zeros(len + 4), *theirs = zeros(len + 4);
	size_t n = len;
	AUTO_BUF struct buf back = buf_new(2 * len + 8);
	for (size_t i = 0; i < len; i++)
		theirs[i] = (uint8_t)(text[i] == '-'   ? '+'
				      : text[i] == '_' ? '/'
						       : text[i]);
	while (n % 4 != 0)
		theirs[n++] = '=';
	bool good = len % 4 != 1 && EVP_DecodeBlock(raw, theirs, (int)n) >= 0;
	uLong used = len * 3 / 4;
	if (good) /* in its one spelling? */
		base64url_add(&back, span_of(raw, used));
	good = good && span_eq(span_of(back.at, back.len), span_of(text, len));
	uLongf room = size;
	memset(out, 0, size);
	good = good && uncompress2(out, &room, raw, &used) == Z_OK &&
	       used == len * 3 / 4 && room % unit == 0;
	free(raw);
	free(theirs);
	return good;
}

static bool read_status(const json_t *o, struct model_list *l)
{
	const json_t *v = json_object_get(o, "status");
	uint8_t *bits = zeros((size_t)l->size / 4);
	bool good =
		json_is_string(v) && unpack(v, 1, bits, (size_t)l->size / 4);
	for (int64_t i = 0; good && i < l->size; i++)
		l->status[i] = bits[i / 4] >> (i % 4 * 2) & 3;
	free(bits);
	return good;
}

static bool read_uses(const json_t *o, struct model_list *l)
{
	const json_t *v = json_object_get(o, "renewals");
	size_t size = (size_t)l->size * 4;
	uint8_t *bytes = zeros(size);
	bool good = json_is_string(v) && unpack(v, 4, bytes, size);
	for (size_t i = 0; good && i < size; i++)
		l->uses[i / 4] = l->uses[i / 4] << 8 | bytes[i];
	free(bytes);
	return good;
}

static enum model_answer read_list(json_t *o, struct model *m)
{
	struct model_event e;
	if (!json_is_object(o) || !model_new_list(o, &e) || e.size % 4 != 0 ||
	    model_find(m, e.list) != NULL)
		return MODEL_REFUSED;
	if (!model_has_room(m, e.size))
		return MODEL_TOO_MUCH;
	bool slides = strcmp(e.kind, "auto_refresh") == 0;
	struct model_list *l = model_add(m, e.list, slides, e.size, e.expires);
	return read_status(o, l) && (!slides || read_uses(o, l))
		       ? MODEL_TAKEN
		       : MODEL_REFUSED;
}

static bool read_keys(json_t *keys, struct model *m)
{
	size_t i;
	json_t *o;
	json_array_foreach(keys, i, o)
	{
		if (m->keys == MODEL_KEYS || !json_is_object(o) ||
		    !model_usable(o, JWK_TEXT_MAX, m->kid[m->keys]) ||
		    model_key_at(m, m->kid[m->keys]) != m->keys)
			return false;
		m->keys++;
	}
	return true;
}

enum model_answer model_read(struct span payload, struct model *out)
{
	json_auto_t *o = parse(payload);
	json_t *keys, *lists, *one;
	size_t i;
	enum model_answer a = MODEL_TAKEN;
	*out = (struct model){ .lists = 0 };
	if (!json_is_object(o) || !model_head(o, out) ||
	    json_unpack(o, "{s:o, s:o}", "keys", &keys, "lists", &lists) != 0 ||
	    !json_is_array(keys) || !json_is_array(lists) ||
	    !read_keys(keys, out))
		return MODEL_REFUSED;
	json_array_foreach(lists, i, one) if (a == MODEL_TAKEN) a =
		read_list(one, out);
	return a;
}
