/* jwk_set.c - a set of public keys as JSON (RFC 7517 s5), both ways. */
#include "common/feed_json.h"
#include "common/json.h"
#include "common/json_heap.h"

#define SET_MAX (256 * 1024) /* some have certificates beside their keys */

#define AUTO_SET __attribute__((cleanup(jwk_set_clear)))

/* RFC 7517 s5: a key of a type that we do not know is passed over, so that
 * an issuer may add kinds that only newer verifiers use.  "oct" we know: a
 * secret that is published here. */
static bool type_known(const json_t *key)
{
	static const char *const types[] = { "EC", "OKP", "RSA", "oct" };
	const char *kty = json_string_value(json_object_get(key, "kty"));
	for (size_t i = 0; kty && i < sizeof types / sizeof types[0]; i++)
		if (strcmp(kty, types[i]) == 0)
			return true;
	return kty == NULL; /* for jwk_from_json() to refuse */
}

static enum mm_err add_one(const json_t *key, size_t i, struct jwk_set *set,
			   struct why *why)
{
	char text[JSON_TEXT_MAX];
	struct why inner = { .text = "out of memory" };
	AUTO_JWK struct jwk *k = NULL;
	size_t n = json_dumpb(key, text, sizeof text, JSON_COMPACT);
	if (n == 0 || n > sizeof text)
		return why_say(why, MM_ERR_INVALID, "keys",
			       "key %zu of the set is not a JWK of at most "
			       "%d bytes",
			       i + 1, JSON_TEXT_MAX);
	enum mm_err e = jwk_from_json(span_of(text, n), &k, &inner);
	if (e != MM_OK)
		return why_say(why, e, inner.field, "key %zu of the set: %s",
			       i + 1, inner.text);
	e = jwk_set_add(set, k);
	if (e == MM_ERR_CONFLICT)
		return why_say(why, MM_ERR_INVALID, "kid",
			       "key %zu of the set (%s) is there twice", i + 1,
			       jwk_kid(k));
	if (e == MM_ERR_TOO_LARGE)
		return why_say(why, e, "keys", "the set has over 64 keys");
	return e;
}

/* Why is it no set?  Twins are told apart: two readers may each take another
 * one of them (RFC 8725 s2.4). */
static enum mm_err no_set(struct span json, struct why *why)
{
	json_error_t error = { .line = 0 };
	AUTO_JSON json_t *o = NULL;
	if (json.len > SET_MAX)
		return why_say(why, MM_ERR_INVALID, "keys",
			       "the set has %zu bytes, at most %d are taken",
			       json.len, SET_MAX);
	if (json_heap_load(json, &o, &error) == MM_ERR_MALFORMED &&
	    json_error_code(&error) == json_error_duplicate_key)
		return why_say(why, MM_ERR_INVALID, "keys",
			       "a member is there twice (line %d)", error.line);
	return why_say(why, MM_ERR_INVALID, "keys",
		       "not a JSON Web Key Set: {\"keys\":[...]}");
}

enum mm_err jwk_set_from_json(struct span json, struct jwk_set *out,
			      struct why *why)
{
	AUTO_JSON json_t *o = NULL;
	AUTO_SET struct jwk_set set = { .count = 0 };
	const json_t *keys;
	enum mm_err e = feed_json_parse(json, SET_MAX, &o);
	if (e == MM_ERR_NOMEM)
		return why_say(why, e, "keys", "out of memory");
	if (e != MM_OK || feed_json_array(o, "keys", &keys) != MM_OK)
		return no_set(json, why);
	for (size_t i = 0; i < json_array_size(keys); i++) {
		const json_t *key = json_array_get(keys, i);
		if (type_known(key))
			TRY(add_one(key, i, &set, why));
	}
	*out = set;
	set.count = 0; /* transferred */
	return MM_OK;
}

enum mm_err jwk_set_to_json(const struct jwk_set *s, struct buf *out)
{
	buf_str(out, "{\"keys\":[");
	for (size_t i = 0; i < s->count; i++) {
		if (i != 0)
			buf_str(out, ",");
		TRY(jwk_to_json(s->key[i], out));
	}
	buf_str(out, "]}");
	return out->failed;
}
