/* fuzz_jwk.c - public keys beside jansson: what is taken as a key is one
 * object without a secret, whose members stand again, letter by letter, in
 * the key that is written; and what is refused is refused with a sentence.
 */
#include "common/jwk.h"

#include <jansson.h>

#include "common/json.h"
#include "tests/fuzz/fuzz.h"

static const char *const secrets[] = { "d", "p", "q", "dp", "dq", "qi", "k" };
static const char *const numbers[] = { "kty", "crv", "x", "y", "n", "e" };

/* The key as it is written, read by jansson. */
static json_t *written(const struct jwk *k)
{
	AUTO_BUF struct buf b = buf_new(JWK_TEXT_MAX);
	AUTO_JWK struct jwk *back = NULL;
	struct span text;
	MM_ASSERT(jwk_to_json(k, &b) == MM_OK);
	MM_ASSERT(buf_done(&b, &text) == MM_OK);
	MM_ASSERT(jwk_from_json(text, &back, NULL) == MM_OK);
	MM_ASSERT(strcmp(jwk_kid(back), jwk_kid(k)) == 0);
	return json_loadb((const char *)text.at, text.len, 0, NULL);
}

static void check_key(struct span input, const struct jwk *k)
{
	json_t *theirs = json_loadb((const char *)input.at, input.len,
				    JSON_REJECT_DUPLICATES, NULL);
	json_t *ours = written(k);
	MM_ASSERT(json_is_object(theirs) && json_is_object(ours));
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		MM_ASSERT(json_object_get(theirs, secrets[i]) == NULL);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		const json_t *v = json_object_get(ours, numbers[i]);
		MM_ASSERT(v == NULL ||
			  json_equal(v, json_object_get(theirs, numbers[i])));
	}
	json_decref(theirs);
	json_decref(ours);
}

bool fuzz_one(struct span input)
{
	struct why why = { .text = "" };
	AUTO_JWK struct jwk *k = NULL, *foreign = NULL;
	if (input.len > JSON_TEXT_MAX)
		return false;
	bool good = jwk_from_json(input, &k, &why) == MM_OK;
	MM_ASSERT(good == (k != NULL) && good == (why.text[0] == '\0'));
	bool any = jwk_from_json_foreign(input, &foreign, &why) == MM_OK;
	/* only its kid may be what makes a foreign key one that is not ours */
	MM_ASSERT(any == (good || strcmp(why.field, "kid") == 0));
	if (any)
		check_key(input, foreign);
	return good;
}
