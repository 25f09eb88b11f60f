/* inspect.c - mintmark inspect: what a token says of itself, unchecked. */
#include <jansson.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "common/base64url.h"
#include "common/duration.h"

static enum mm_err decode(struct span part, const char *name, json_t **out,
			  struct why *why)
{
	uint8_t text[INPUT_MAX];
	size_t len;
	json_error_t where;
	if (base64url_decode(part, text, sizeof text, &len) != MM_OK)
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "malformed: the %s is not base64url", name);
	*out = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES,
			  &where);
	if (!json_is_object(*out))
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "malformed: the %s is not a JSON object", name);
	return MM_OK;
}

/* RFC 7515 s7.1: three parts.  The signature is not looked at. */
static enum mm_err split(struct span token, json_t **header, json_t **payload,
			 struct why *why)
{
	struct span rest = token, first, second;
	if (!span_cut(&rest, '.', &first) || !span_cut(&rest, '.', &second) ||
	    memchr(rest.at, '.', rest.len) != NULL)
		return why_say(why, MM_ERR_MALFORMED, NULL,
			       "malformed: a token has three parts, with dots "
			       "between them");
	TRY(decode(first, "header", header, why));
	return decode(second, "payload", payload, why);
}

/* In ASCII: a stranger's text may hold what a terminal obeys (U+009B), or what
 * turns its letters round. */
static void put_part(const char *title, const json_t *part)
{
	printf("%s (NOT VERIFIED)\n", title);
	json_dumpf(part, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
}

/* RFC 8725 s3.11: typ tells the kinds of token apart. */
static void put_kind(const json_t *header)
{
	const char *typ = json_string_value(json_object_get(header, "typ"));
	const char *kind = typ == NULL ? "says no typ: no token of Mintmark"
			   : strcmp(typ, "JWT") == 0 ? "a personal access token"
			   : strcmp(typ, "at+jwt") == 0
				   ? "a short-lived access token"
				   : "no token, but another object";
	printf("typ: %s\n", kind);
}

static void put_time(const json_t *payload, const char *claim,
		     const char *meaning)
{
	char text[32];
	const json_t *t = json_object_get(payload, claim);
	if (!json_is_integer(t))
		return;
	date_write(text, json_integer_value(t));
	printf("%s: %s %s\n", claim, meaning, text);
}

enum mm_err inspect_run(const struct args *a, struct why *why)
{
	AUTO_BUF struct buf bytes = buf_new(0);
	AUTO_JSON json_t *header = NULL, *payload = NULL;
	struct span token;
	TRY(input_token(a, &bytes, &token, why));
	TRY(split(token, &header, &payload, why));

	fputs("NOT VERIFIED: nothing was checked, anybody can write this "
	      "(mintmark verify checks)\n",
	      stderr);
	if (a->json) {
		AUTO_JSON json_t *out =
			json_pack("{s:b, s:O, s:O}", "verified", 0, "header",
				  header, "payload", payload);
		put_json(out);
		return MM_OK;
	}
	put_part("header", header);
	put_part("payload", payload);
	put_kind(header);
	put_time(payload, "iat", "issued");
	put_time(payload, "nbf", "not before");
	put_time(payload, "exp", "expires");
	return MM_OK;
}
