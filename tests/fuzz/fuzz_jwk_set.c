/* fuzz_jwk_set.c - a set of keys beside jansson: one key for each member of
 * "keys" whose kty is one of ours, in their order, each as fuzz_jwk.c wants
 * it; written and read again, the same; and nothing of it when one is bad.
 */
#include "common/jwk.h"

#include <jansson.h>

#include "common/json.h"
#include "tests/fuzz/fuzz.h"

static bool is_ours(const json_t *key)
{
	const char *kty = json_string_value(json_object_get(key, "kty"));
	return kty == NULL || !strcmp(kty, "EC") || !strcmp(kty, "OKP") ||
	       !strcmp(kty, "RSA") || !strcmp(kty, "oct");
}

/* The same key by itself, as jwk_from_json() sees it. */
static void check_alone(const json_t *key, const struct jwk *got)
{
	char text[JSON_TEXT_MAX];
	AUTO_JWK struct jwk *alone = NULL;
	size_t n = json_dumpb(key, text, sizeof text, JSON_COMPACT);
	MM_ASSERT(n != 0 && n <= sizeof text);
	MM_ASSERT(jwk_from_json(span_of(text, n), &alone, NULL) == MM_OK);
	MM_ASSERT(strcmp(jwk_kid(alone), jwk_kid(got)) == 0);
	MM_ASSERT(json_object_get(key, "d") == NULL && !jwk_is_private(got));
}

static void check_keys(struct span input, const struct jwk_set *set)
{
	json_t *all = json_loadb((const char *)input.at, input.len,
				 JSON_REJECT_DUPLICATES, NULL);
	const json_t *keys = json_object_get(all, "keys"), *key;
	size_t i, n = 0;
	MM_ASSERT(json_is_object(all) && json_is_array(keys));
	json_array_foreach(keys, i, key)
	{
		if (!is_ours(key))
			continue;
		MM_ASSERT(n < set->count);
		check_alone(key, set->key[n++]);
	}
	MM_ASSERT(n == set->count && n <= 64);
	json_decref(all);
}

static void check_lookup(const struct jwk_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const char *kid = jwk_kid(set->key[i]);
		MM_ASSERT(jwk_is_kid(kid));
		/* the first of that name: no other has it */
		MM_ASSERT(jwk_set_find(set, kid) == set->key[i]);
	}
	MM_ASSERT(jwk_set_find(set, "AAAAAAAAAAA") == NULL);
}

static void check_written(const struct jwk_set *set)
{
	AUTO_BUF struct buf b = buf_new(64 * JWK_TEXT_MAX + 64);
	struct jwk_set back = { .count = 0 };
	struct span text;
	MM_ASSERT(jwk_set_to_json(set, &b) == MM_OK);
	MM_ASSERT(buf_done(&b, &text) == MM_OK);
	MM_ASSERT(jwk_set_from_json(text, &back, NULL) == MM_OK);
	MM_ASSERT(back.count == set->count);
	for (size_t i = 0; i < set->count; i++)
		MM_ASSERT(!strcmp(jwk_kid(back.key[i]), jwk_kid(set->key[i])));
	jwk_set_clear(&back);
}

bool fuzz_one(struct span input)
{
	struct why why = { .text = "" };
	struct jwk_set set = { .count = 77 };
	bool good = jwk_set_from_json(input, &set, &why) == MM_OK;
	MM_ASSERT(good == (why.text[0] == '\0'));
	MM_ASSERT(strlen(why.text) < sizeof why.text - 1);
	MM_ASSERT(good || set.count == 77);
	if (!good)
		return false;
	check_keys(input, &set);
	check_lookup(&set);
	check_written(&set);
	jwk_set_clear(&set);
	return true;
}
