/* fuzz_claims.c - claims_read() beside jansson, which shares no code with
 * it: what we accept jansson accepts too, and every value in the struct is
 * the one that jansson read.  We may be stricter; then *out is untouched.
 * Nothing is a token of both kinds.
 *
 * Limits are said again here, in figures of their own.
 */
#include "common/claims.h"

#include <jansson.h>

#include "tests/fuzz/fuzz.h"

#define YEAR_9999_ENDS INT64_C(253402300799)
#define CENTURY	       INT64_C(3162240000) /* in seconds, 366 days a year */

/* A text in the struct is what jansson read; absent (NULL), it is empty. */
static void check_text(const struct claims *c, struct json_text t,
		       const json_t *want, size_t size)
{
	MM_ASSERT(t.at + t.len < c->texts.used && t.len < size);
	MM_ASSERT(strlen(claims_text(c, t)) == t.len);
	if (want == NULL) {
		MM_ASSERT(t.len == 0);
		return;
	}
	MM_ASSERT(json_is_string(want));
	MM_ASSERT(
		span_eq(claims_span(c, t), span_of(json_string_value(want),
						   json_string_length(want))));
}

/* A number likewise; absent, it is 0. */
static void check_int(int64_t got, const json_t *want, int64_t max)
{
	if (want == NULL) {
		MM_ASSERT(got == 0);
		return;
	}
	MM_ASSERT(json_is_integer(want) && json_integer_value(want) == got);
	MM_ASSERT(got >= 1 && got <= max);
}

/* One string, or several in their order (RFC 7519 s4.1.3). */
static void check_aud(const struct claims *c, json_t *want)
{
	size_t n = json_is_array(want) ? json_array_size(want) : want != NULL;
	size_t at = c->aud.at;
	MM_ASSERT(c->aud.count == n && (want == NULL || n != 0));
	for (size_t i = 0; i < n; i++) {
		const json_t *one =
			json_is_array(want) ? json_array_get(want, i) : want;
		MM_ASSERT(at < c->texts.used && json_is_string(one));
		MM_ASSERT(!strcmp(c->texts.text + at, json_string_value(one)));
		at += json_string_length(one) + 1;
	}
	MM_ASSERT(at <= c->texts.used && at - c->aud.at <= AUD_SIZE);
}

/* jti and status say one list and index between them. */
static void check_id(const struct claims *c, const json_t *all)
{
	const json_t *list =
		json_object_get(json_object_get(all, "status"), "status_list");
	const json_t *idx = json_object_get(list, "idx");
	const char *uri = json_string_value(json_object_get(list, "uri"));
	char want[ISS_SIZE + 32];

	MM_ASSERT(c->idx < (1u << 20) && json_is_integer(idx));
	MM_ASSERT(json_integer_value(idx) == (json_int_t)c->idx);
	snprintf(want, sizeof want, "%u.%u%s", c->list, c->idx,
		 c->access ? "." : "");
	const char *jti = claims_text(c, c->jti), *own = jti + strlen(want);
	MM_ASSERT(!strncmp(jti, want, strlen(want)));
	MM_ASSERT(strlen(own) == (c->access ? 4 : 0));
	MM_ASSERT(own[strspn(own, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789-_")] ==
		  '\0');
	snprintf(want, sizeof want, "%s/s/%u", claims_text(c, c->iss), c->list);
	MM_ASSERT(uri != NULL && !strcmp(uri, want));
}

/* RFC 6749 s3.3: words of legal characters, one space between two. */
static void check_scope(const struct claims *c, const json_t *want)
{
	MM_ASSERT(c->has_scope == (want != NULL));
	if (want == NULL)
		return;
	struct span s = claims_span(c, c->scope);
	uint8_t before = ' ';
	for (size_t i = 0; i < s.len; before = s.at[i++]) {
		MM_ASSERT(s.at[i] >= 0x20 && s.at[i] < 0x7F);
		MM_ASSERT(s.at[i] != '"' && s.at[i] != '\\');
		MM_ASSERT(s.at[i] != ' ' || before != ' ');
	}
	MM_ASSERT(before != ' ');
}

static void check_accepted(const struct claims *c, const json_t *all)
{
	MM_ASSERT(json_is_object(all));
	MM_ASSERT(claims_size(c) <= sizeof *c && c->iss.len && c->sub.len);
	check_text(c, c->iss, json_object_get(all, "iss"), 256);
	check_text(c, c->sub, json_object_get(all, "sub"), 256);
	check_text(c, c->jti, json_object_get(all, "jti"), 24);
	check_text(c, c->scope, json_object_get(all, "scope"), 2048);
	check_text(c, c->cidr, json_object_get(all, "cidr"), 400);
	MM_ASSERT((c->cidr.len != 0) == (json_object_get(all, "cidr") != NULL));
	check_text(c, c->client_id, json_object_get(all, "client_id"), 256);
	if (c->access)
		MM_ASSERT(c->aud.count && c->client_id.len && !c->auto_refresh);
	check_int(c->iat, json_object_get(all, "iat"), YEAR_9999_ENDS);
	check_int(c->exp, json_object_get(all, "exp"), YEAR_9999_ENDS);
	check_int(c->nbf, json_object_get(all, "nbf"), YEAR_9999_ENDS);
	check_int(c->auto_refresh, json_object_get(all, "auto_refresh"),
		  CENTURY);
	MM_ASSERT(c->iat && c->exp); /* these two are never absent */
	check_aud(c, json_object_get(all, "aud"));
	check_scope(c, json_object_get(all, "scope"));
	check_id(c, all);
}

static bool fuzz_as(struct span input, enum token_kind kind)
{
	static struct claims before, out;
	memset(&before, 0x5a, sizeof before);
	memcpy(&out, &before, sizeof out);
	if (claims_read(input, kind, &out) != MM_OK) {
		MM_ASSERT(!memcmp(&out, &before, sizeof out));
		return false;
	}
	json_auto_t *all = json_loadb((const char *)input.at, input.len,
				      JSON_REJECT_DUPLICATES, NULL);
	MM_ASSERT(out.access == (kind == TOKEN_ACCESS));
	check_accepted(&out, all);
	return true;
}

bool fuzz_one(struct span input)
{
	bool pat = fuzz_as(input, TOKEN_PAT);
	bool access = fuzz_as(input, TOKEN_ACCESS);
	MM_ASSERT(!(pat && access));
	return pat || access;
}
