/* verify_jws.c - mintmark verify --jws: is this compact JWS signed by a key
 * of that set?
 *
 * For anybody's JWS and anybody's keys, so that test vectors go through the
 * program that people run.  A token of ours is held to much more; nothing
 * here is on its way.  RFC 7515 decides: header members that are not
 * understood are passed over, "crit" is refused, the payload is bytes.
 */
#include "cli/verify_jws.h"

#include <jansson.h>

#include "cli/input.h"
#include "cli/output.h"
#include "common/json.h"
#include "common/jwk.h"
#include "common/signature.h"

#define JWS_MAX	   (1u << 20)
#define SET_MAX	   (256u << 10)
#define HEADER_MAX 4096 /* decoded; some have certificates in it */
#define KEYS_MAX   64

/* A key of the set, or why it is of no use. */
struct foreign_key {
	const char *kid; /* NULL: it has none; the set's text owns it */
	struct jwk *key;
	struct why why;
};

struct foreign_set {
	json_t *json;
	struct foreign_key at[KEYS_MAX];
	size_t count;
};

static void set_free(struct foreign_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		jwk_drop(s->at[i].key);
	json_decref(s->json);
}
#define AUTO_SET __attribute__((cleanup(set_free)))

struct foreign_jws {
	json_t *header;
	const char *alg, *kid; /* kid NULL: it names none */
	struct span input, payload, signature;
};

static void jws_free(struct foreign_jws *t)
{
	json_decref(t->header);
}
#define AUTO_JWS __attribute__((cleanup(jws_free)))

static enum mm_err refuse(struct why *why, enum mm_err e, const char *text)
{
	return why_say(why, e, NULL, "refused: %s (%s)", mm_err_word(e), text);
}

/* ---- the header ---- */

static enum mm_err parse_header(struct span text, json_t **out, struct why *why)
{
	uint8_t raw[HEADER_MAX];
	size_t n;
	json_error_t error;
	enum mm_err e = base64url_decode(text, raw, sizeof raw, &n);
	if (e == MM_ERR_TOO_LARGE)
		return refuse(why, MM_ERR_MALFORMED,
			      "the header has over 4096 bytes");
	if (e != MM_OK)
		return refuse(why, MM_ERR_MALFORMED,
			      "the header is not base64url without padding");
	/* RFC 7515 s4: names are unique, or the whole is refused */
	*out = json_loadb((const char *)raw, n, JSON_REJECT_DUPLICATES, &error);
	return json_is_object(*out)
		       ? MM_OK
		       : refuse(why, MM_ERR_MALFORMED,
				"the header is not one JSON object without "
				"a member twice");
}

/* s4.1.11: who does not understand all that is in "crit" must refuse, and
 * we understand none.  RFC 7797 s3: without "b64" the payload is encoded. */
static enum mm_err check_members(const json_t *header, struct why *why)
{
	const json_t *b64 = json_object_get(header, "b64");
	if (json_object_get(header, "crit") != NULL)
		return refuse(why, MM_ERR_MALFORMED,
			      "its header has \"crit\": what it asks to be "
			      "understood is not understood here");
	if (b64 != NULL && !json_is_true(b64))
		return refuse(why, MM_ERR_MALFORMED,
			      "its header has \"b64\" (RFC 7797): only encoded "
			      "payloads are read");
	return MM_OK;
}

/* clang-format off */
static const struct { const char *alg, *text; } algs[] = {
	{ "ES256", NULL }, { "RS256", NULL }, { "EdDSA", NULL },
	{ "none", "alg is none: it is not signed" },
	{ "HS256", "alg is HS256: a shared secret proves nothing to a third" },
	{ "HS384", "alg is HS384: a shared secret proves nothing to a third" },
	{ "HS512", "alg is HS512: a shared secret proves nothing to a third" },
};
/* clang-format on */

static enum mm_err check_alg(const char *alg, struct why *why)
{
	for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++)
		if (strcmp(alg, algs[i].alg) == 0)
			return algs[i].text == NULL
				       ? MM_OK
				       : refuse(why, MM_ERR_BAD_SIGNATURE,
						algs[i].text);
	return why_say(why, MM_ERR_BAD_SIGNATURE, NULL,
		       "refused: %s (alg is %.32s: ES256, RS256 and EdDSA are "
		       "checked here)",
		       mm_err_word(MM_ERR_BAD_SIGNATURE), alg);
}

static enum mm_err read_header(struct span text, struct foreign_jws *out,
			       struct why *why)
{
	TRY(parse_header(text, &out->header, why));
	TRY(check_members(out->header, why));
	const json_t *alg = json_object_get(out->header, "alg");
	const json_t *kid = json_object_get(out->header, "kid");
	if (!json_is_string(alg) || (kid != NULL && !json_is_string(kid)))
		return refuse(why, MM_ERR_MALFORMED,
			      "its header needs an alg, and alg and kid are "
			      "strings");
	out->alg = json_string_value(alg);
	out->kid = json_string_value(kid);
	return check_alg(out->alg, why);
}

/* RFC 7515 s7.1 */
static enum mm_err split(struct span text, struct foreign_jws *out,
			 struct why *why)
{
	struct span rest = text, header;
	if (!span_cut(&rest, '.', &header) ||
	    !span_cut(&rest, '.', &out->payload) ||
	    memchr(rest.at, '.', rest.len) != NULL)
		return refuse(why, MM_ERR_MALFORMED,
			      "a compact JWS has three parts, with dots "
			      "between them");
	out->input = span_of(text.at, header.len + 1 + out->payload.len);
	out->signature = rest;
	return read_header(header, out, why);
}

/* ---- the keys ---- */

/* A key that is no use here may stand beside others that are, but for one
 * that should not have been published. */
static enum mm_err add_key(struct foreign_set *s, const json_t *json,
			   struct why *why)
{
	char text[JSON_TEXT_MAX];
	struct foreign_key *k = &s->at[s->count];
	const json_t *kid = json_object_get(json, "kid");
	size_t n = json_dumpb(json, text, sizeof text, JSON_COMPACT);
	if (n == 0 || n > sizeof text || (kid && !json_is_string(kid)))
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "the key set: key %zu is no JWK of at most %d "
			       "bytes with a text for its kid",
			       s->count + 1, JSON_TEXT_MAX);
	k->kid = json_string_value(kid);
	for (size_t i = 0; k->kid != NULL && i < s->count; i++)
		if (s->at[i].kid && strcmp(s->at[i].kid, k->kid) == 0)
			return why_say(why, MM_ERR_MALFORMED, NULL,
				       "the key set: keys %zu and %zu have the "
				       "same kid",
				       i + 1, s->count + 1);
	enum mm_err e =
		jwk_from_json_foreign(span_of(text, n), &k->key, &k->why);
	explicit_bzero(text, sizeof text);
	s->count++;
	if (e == MM_ERR_NOMEM)
		return e;
	bool secret = k->why.field[0] == 'd' || k->why.field[0] == 'k';
	if (e != MM_OK && secret && k->why.field[1] == '\0')
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "the key set: key %zu: %s", s->count,
			       k->why.text);
	return MM_OK;
}

static enum mm_err read_set(const char *path, struct foreign_set *out,
			    struct why *why)
{
	AUTO_BUF struct buf bytes = buf_new(SET_MAX);
	struct span text;
	json_error_t error;
	enum mm_err e = buf_read_file(&bytes, path, why);
	if (e == MM_ERR_NOT_FOUND) /* not the JWS was refused */
		return MM_ERR_IO;
	TRY(e);
	TRY(buf_done(&bytes, &text));
	out->json = json_loadb((const char *)text.at, text.len,
			       JSON_REJECT_DUPLICATES, &error);
	const json_t *keys = json_object_get(out->json, "keys");
	if (!json_is_array(keys))
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "%s is no JSON Web Key Set: {\"keys\":[...]}, "
			       "no member twice",
			       path);
	if (json_array_size(keys) > KEYS_MAX)
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "%s has %zu keys, at most %d are taken", path,
			       json_array_size(keys), KEYS_MAX);
	for (size_t i = 0; i < json_array_size(keys); i++)
		TRY(add_key(out, json_array_get(keys, i), why));
	return MM_OK;
}

static enum mm_err find_named(const struct foreign_set *s,
			      const struct foreign_jws *t,
			      const struct jwk **out, struct why *why)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct foreign_key *k = &s->at[i];
		if (k->kid == NULL || strcmp(k->kid, t->kid) != 0)
			continue;
		*out = k->key;
		return k->key ? MM_OK
			      : refuse(why, MM_ERR_UNKNOWN_KEY, k->why.text);
	}
	return refuse(why, MM_ERR_UNKNOWN_KEY,
		      "the set has no key of the kid that it names");
}

/* It names no key: the one that fits, if there is just one. */
static enum mm_err find_only(const struct foreign_set *s,
			     const struct foreign_jws *t,
			     const struct jwk **out, struct why *why)
{
	const struct jwk *found = NULL;
	for (size_t i = 0; i < s->count; i++) {
		const struct jwk *k = s->at[i].key;
		if (k == NULL || strcmp(jwk_alg_name(k), t->alg) != 0)
			continue;
		if (found != NULL)
			return refuse(why, MM_ERR_UNKNOWN_KEY,
				      "it names no key, and several of the "
				      "set fit");
		found = k;
	}
	*out = found;
	if (found != NULL)
		return MM_OK;
	return refuse(why, MM_ERR_UNKNOWN_KEY,
		      s->count == 1 && s->at[0].key == NULL
			      ? s->at[0].why.text
			      : "the set has no key for its alg");
}

/* ---- the question ---- */

static enum mm_err check_signature(const struct foreign_jws *t,
				   const struct jwk *key, struct why *why)
{
	uint8_t raw[SIGNATURE_MAX];
	size_t n;
	if (strcmp(t->alg, jwk_alg_name(key)) != 0) /* RFC 8725 s3.1 */
		return why_say(why, MM_ERR_BAD_SIGNATURE, NULL,
			       "refused: bad_signature (the key is for %s, "
			       "its alg says otherwise)",
			       jwk_alg_name(key));
	enum mm_err e = base64url_decode(t->signature, raw, sizeof raw, &n);
	if (e == MM_ERR_MALFORMED)
		return refuse(why, e,
			      "the signature is not base64url without "
			      "padding");
	if (e == MM_OK)
		e = signature_check(key, t->input, span_of(raw, n));
	if (e == MM_ERR_TOO_LARGE || e == MM_ERR_BAD_SIGNATURE)
		return refuse(why, MM_ERR_BAD_SIGNATURE,
			      "it was changed, or this key did not sign it");
	return e;
}

static enum mm_err put_payload(const struct foreign_jws *t, struct why *why)
{
	AUTO_BUF struct buf bytes = buf_new(JWS_MAX);
	size_t room = t->payload.len / 4 * 3 + 3, n;
	uint8_t *to = buf_room(&bytes, room);
	if (to == NULL)
		return bytes.failed;
	if (base64url_decode(t->payload, to, room, &n) != MM_OK)
		return refuse(why, MM_ERR_MALFORMED,
			      "the payload is not base64url without padding");
	fwrite(to, 1, n, stdout); /* main() asks whether it went well */
	return MM_OK;
}

enum mm_err verify_jws(const struct args *a, struct why *why)
{
	AUTO_BUF struct buf bytes = buf_new(JWS_MAX + 1);
	AUTO_SET struct foreign_set set = { .json = NULL };
	AUTO_JWS struct foreign_jws t = { .header = NULL };
	const struct jwk *key = NULL;
	struct span text;
	TRY(input_bytes(a, "JWS", &bytes, &text, why));
	if (text.len > JWS_MAX)
		return refuse(why, MM_ERR_MALFORMED, "it has over 1 MiB");
	TRY(split(text, &t, why));
	TRY(read_set(a->jwks, &set, why));
	TRY(t.kid ? find_named(&set, &t, &key, why)
		  : find_only(&set, &t, &key, why));
	TRY(check_signature(&t, key, why));
	return put_payload(&t, why);
}
