/* jwk_set.c - a set of public keys as JSON (RFC 7517 s5), both ways. */
#include "common/feed_json.h"

#define SET_MAX (64 * JWK_TEXT_MAX + 64)

#define AUTO_SET __attribute__((cleanup(jwk_set_clear)))

/* RFC 7517 s5: a key of a type that we do not know is passed over, so that
 * an issuer may add kinds that only newer verifiers use. */
static bool type_known(const json_t *key)
{
	static const char *const types[] = { "EC", "OKP", "RSA" };
	const char *kty = json_string_value(json_object_get(key, "kty"));
	for (size_t i = 0; kty && i < sizeof types / sizeof types[0]; i++)
		if (strcmp(kty, types[i]) == 0)
			return true;
	return kty == NULL; /* for jwk_from_json() to refuse */
}

static enum mm_err add_one(const json_t *key, size_t i, struct jwk_set *set,
			   struct why *why)
{
	char text[JWK_TEXT_MAX];
	AUTO_JWK struct jwk *k = NULL;
	size_t n = json_dumpb(key, text, sizeof text, JSON_COMPACT);
	if (n == 0 || n > sizeof text)
		return why_say(why, MM_ERR_INVALID, "keys",
			       "key %zu of the set is not a JWK of at most "
			       "%d bytes",
			       i + 1, JWK_TEXT_MAX);
	TRY(jwk_from_json(span_of(text, n), &k, why));
	enum mm_err e = jwk_set_add(set, k);
	if (e == MM_ERR_CONFLICT)
		return why_say(why, MM_ERR_INVALID, "kid",
			       "key %zu of the set (%s) is there twice", i + 1,
			       jwk_kid(k));
	if (e == MM_ERR_TOO_LARGE)
		return why_say(why, e, "keys", "the set has over 64 keys");
	return e;
}

enum mm_err jwk_set_from_json(struct span json, struct jwk_set *out,
			      struct why *why)
{
	AUTO_JSON json_t *o = NULL;
	AUTO_SET struct jwk_set set = { .count = 0 };
	const json_t *keys;
	if (feed_json_parse(json, SET_MAX, &o) != MM_OK ||
	    feed_json_array(o, "keys", &keys) != MM_OK)
		return why_say(why, MM_ERR_INVALID, "keys",
			       "not a JSON Web Key Set: {\"keys\":[...]} of "
			       "at most %d bytes, no member twice",
			       SET_MAX);
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
