/* narrow.c - scopes, audiences and time of an access token. */
#include "issuer/narrow.h"

#include "common/scope.h"
#include "issuer/grant.h"

/* ---- scope ---- */

static enum mm_err no_scope(struct why *why, const char *what)
{
	return why_say(why, MM_ERR_INSUFFICIENT_SCOPE, NULL, "%s", what);
}

/* The parent's, word by word: named scopes whole, of resources some of what
 * it may.  One without scopes may do all that its user may, who is no
 * administrator by being one. */
static enum mm_err check_scope(const struct claims *parent, struct span asked,
			       struct why *why)
{
	struct why inner = { .text = "" };
	struct span parts = claims_span(parent, parent->scope), word;
	if (scope_check(asked, &inner) != MM_OK)
		return no_scope(why, inner.text);
	if (!parent->has_scope)
		return grant_reserves(asked)
			       ? no_scope(why, "the token does not have that "
					       "scope")
			       : MM_OK;
	while (span_word(&asked, &word))
		if (!scope_covers(parts, word))
			return no_scope(why, "the token does not have all of "
					     "these scopes");
	return MM_OK;
}

static enum mm_err fill_scope(const struct claims *parent, const char *asked,
			      struct narrow_grant *out, struct why *why)
{
	struct span scope =
		asked ? span_str(asked) : claims_span(parent, parent->scope);
	if (asked != NULL)
		TRY(check_scope(parent, scope, why));
	out->has_scope = asked != NULL || parent->has_scope;
	if (!span_copy(out->scope, sizeof out->scope, scope))
		return no_scope(why, "the scopes are too long");
	return MM_OK;
}

/* ---- audience ---- */

static bool has_text(const char *first, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++, first += strlen(first) + 1)
		if (strcmp(first, text) == 0)
			return true;
	return false;
}

static enum mm_err no_target(struct why *why, const char *what)
{
	return why_say(why, MM_ERR_WRONG_AUDIENCE, NULL, "%s", what);
}

static enum mm_err add_target(const struct claims *parent, const char *target,
			      struct narrow_grant *out, struct why *why)
{
	size_t n = strlen(target) + 1;
	const char *parts = parent->texts.text + parent->aud.at;
	if (parent->aud.count != 0 &&
	    !has_text(parts, parent->aud.count, target))
		return no_target(why, "the token is not for that audience");
	if (strchr(target, ' ') != NULL)
		return no_target(why, "an audience is a word without spaces: "
				      "say the parameter once for each");
	if (has_text(out->aud, out->aud_count, target))
		return MM_OK;
	if (n > sizeof out->aud - out->aud_used)
		return no_target(why, "the audiences are too long together");
	memcpy(out->aud + out->aud_used, target, n);
	out->aud_used += n;
	out->aud_count++;
	return MM_OK;
}

/* RFC 8693 s2.1, RFC 8707 s2: an absolute URI (RFC 3986 s4.3), so without a
 * fragment. */
static bool is_resource(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
	return n != 0 && strchr("0123456789+-.", s[0]) == NULL && s[n] == ':' &&
	       s[n + 1] != '\0' && strchr(s, '#') == NULL;
}

static enum mm_err add_asked(const struct claims *parent,
			     const struct narrow_ask *ask,
			     struct narrow_grant *out, struct why *why)
{
	for (size_t i = 0; i < ask->audience.count; i++)
		TRY(add_target(parent, ask->audience.at[i], out, why));
	for (size_t i = 0; i < ask->resource.count; i++) {
		if (!is_resource(ask->resource.at[i]))
			return no_target(why, "a resource is an absolute URI "
					      "without a fragment");
		TRY(add_target(parent, ask->resource.at[i], out, why));
	}
	return MM_OK;
}

static enum mm_err fill_audience(const struct claims *parent,
				 const struct narrow_ask *ask,
				 struct narrow_grant *out, struct why *why)
{
	const char *own = parent->texts.text + parent->aud.at;
	TRY(add_asked(parent, ask, out, why));
	if (out->aud_count != 0)
		return MM_OK;
	if (parent->aud.count == 0) /* RFC 9068 s2.2 */
		return no_target(why, "the token is for any audience: say "
				      "which one is meant");
	for (size_t i = 0; i < parent->aud.count; i++, own += strlen(own) + 1)
		TRY(add_target(parent, own, out, why));
	return MM_OK;
}

/* ---- all of it ---- */

enum mm_err narrow(const struct claims *parent, int64_t dies_at,
		   const struct narrow_ask *ask, struct narrow_grant *out,
		   struct why *why)
{
	int64_t exp = ask->now + ask->life;
	*out = (struct narrow_grant){ .exp = exp < dies_at ? exp : dies_at };
	TRY(fill_scope(parent, ask->scope, out, why));
	return fill_audience(parent, ask, out, why);
}
