/* grant.c - the rules of minting: who, how long, for what. */
#include "issuer/grant.h"

#include <stddef.h>

#include "common/duration.h"
#include "common/scope.h"
#include "issuer/policy.h"

#define FIELD(member, kind)                                                    \
	{                                                                      \
#member, (kind), offsetof(struct grant, member),               \
			sizeof(((struct grant *)0)->member)                    \
	}

static const struct body_field fields[] = {
	FIELD(user, BODY_TEXT),
	FIELD(label, BODY_TEXT),
	FIELD(expires_in, BODY_SECONDS),
	FIELD(expires_at, BODY_TIME),
	FIELD(auto_refresh, BODY_SECONDS),
	FIELD(scopes, BODY_TEXTS_OF),
	FIELD(audience, BODY_TEXTS_OF),
	FIELD(cidr, BODY_TEXTS_OF),
	FIELD(allow_long, BODY_BOOL),
};

enum mm_err grant_read(struct span json, struct grant *out, struct why *why)
{
	memset(out, 0, sizeof *out);
	return body_read(json, fields, sizeof fields / sizeof fields[0], out,
			 why);
}

enum mm_err user_check(const char *user, struct why *why)
{
	size_t n = strlen(user);
	if (n == 0)
		return why_say(why, MM_ERR_INVALID, "user",
			       "user is missing: whose token is it?");
	if (n >= USER_SIZE)
		return why_say(why, MM_ERR_INVALID, "user",
			       "user has more than %d bytes", USER_SIZE - 1);
	if (strchr(user, ':') != NULL || !text_is_plain(user))
		return why_say(why, MM_ERR_INVALID, "user",
			       "a user name holds no colon (Basic "
			       "authentication cuts there) and no control "
			       "character");
	if (strcmp(user, ".") == 0 || strcmp(user, "..") == 0)
		return why_say(why, MM_ERR_INVALID, "user",
			       "a user name is not only dots: it stands in "
			       "URLs");
	if (user[0] == ' ' || user[n - 1] == ' ')
		return why_say(why, MM_ERR_INVALID, "user",
			       "a user name does not begin or end with a "
			       "space");
	return MM_OK;
}

/* ---- times ---- */

/* What was asked for, or what the house gives who asks for nothing: with a
 * window the longest, without one the usual life (0: there is none). */
static int64_t expiry_of(const struct grant *g,
			 const struct issuer_settings *set, int64_t now)
{
	return g->expires_at	   ? g->expires_at
	       : g->expires_in	   ? now + g->expires_in
	       : g->auto_refresh   ? now + set->max_life
	       : set->default_life ? now + set->default_life
				   : 0;
}

static enum mm_err fill_expiry(const struct grant *g,
			       const struct issuer_settings *set, int64_t now,
			       struct token_row *out, struct why *why)
{
	const char *field = g->expires_at ? "expires_at" : "expires_in";
	char life[32];
	duration_write(life, set->max_life);
	out->exp = expiry_of(g, set, now);
	if (g->expires_in && g->expires_at)
		return why_say(why, MM_ERR_INVALID, "expires_at",
			       "give expires_in or expires_at, not both");
	if (out->exp == 0)
		return why_say(why, MM_ERR_INVALID, "expires_in",
			       "say how long the token lives: expires_in or "
			       "expires_at (-e), or auto_refresh (-a)");
	if (out->exp <= now)
		return why_say(why, MM_ERR_INVALID, field,
			       "that is in the past");
	if (out->exp > now + set->max_life)
		return why_say(why, MM_ERR_INVALID, field,
			       "at most %s from now is allowed here "
			       "(setting max_life)",
			       life);
	if (g->auto_refresh > out->exp - now)
		return why_say(why, MM_ERR_INVALID, "auto_refresh",
			       "the window is longer than the token's whole "
			       "life: shorten it, or let the token live "
			       "longer");
	out->iat = now;
	out->auto_refresh = g->auto_refresh;
	return MM_OK;
}

/* ---- scopes, audience, networks ---- */

/* Append a word and a space before it; false when it does not fit. */
static bool add_word(char *text, size_t size, const char *word)
{
	size_t n = strlen(text);
	int more = snprintf(text + n, size - n, "%s%s", n ? " " : "", word);
	return more >= 0 && (size_t)more < size - n;
}

/* The scopes that open this issuer's own administration. */
static const char *const reserved[] = { "mintmark:admin", "mintmark:agent" };

static bool is_reserved(const char *word)
{
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (strcmp(word, reserved[i]) == 0)
			return true;
	return false;
}

bool grant_reserves(struct span scope)
{
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (scope_has(scope, span_str(reserved[i])))
			return true;
	return false;
}

bool grant_is_reserved(const struct token_row *t)
{
	return grant_reserves(span_str(t->scope));
}

static enum mm_err add_scope(const char *text, const struct caller *by,
			     struct token_row *out, struct why *why)
{
	struct scope_word w;
	TRY(scope_word_read(span_str(text), &w, why));
	if (is_reserved(text) && !by->admin)
		return why_say(why, MM_ERR_FORBIDDEN, "scopes",
			       "only an administrator gives %s", text);
	if (scope_has(span_str(out->scope), w.whole))
		return MM_OK; /* said twice */
	if (!add_word(out->scope, sizeof out->scope, text))
		return why_say(why, MM_ERR_INVALID, "scopes",
			       "the scopes are longer than %d bytes together",
			       SCOPE_SIZE - 1);
	return MM_OK;
}

static enum mm_err fill_scope(const struct grant *g, const struct caller *by,
			      struct token_row *out, struct why *why)
{
	if (g->scopes.given && g->scopes.count == 0)
		return why_say(why, MM_ERR_INVALID, "scopes",
			       "the list is empty: name what the token may "
			       "do, or leave scopes out for all that its "
			       "user may");
	out->has_scope = g->scopes.count != 0;
	for (size_t i = 0; i < g->scopes.count; i++)
		TRY(add_scope(g->scopes.at[i], by, out, why));
	return MM_OK;
}

static enum mm_err fill_audience(const struct grant *g, struct token_row *out,
				 struct why *why)
{
	if (g->audience.given && g->audience.count == 0)
		return why_say(why, MM_ERR_INVALID, "audience",
			       "the list is empty: name the services that "
			       "the token is for, or leave audience out for "
			       "all of them");
	for (size_t i = 0; i < g->audience.count; i++) {
		const char *a = g->audience.at[i];
		if (a[0] == '\0' || strchr(a, ' ') != NULL)
			return why_say(why, MM_ERR_INVALID, "audience",
				       "an audience is a word without "
				       "spaces");
		if (!add_word(out->audience, sizeof out->audience, a))
			return why_say(why, MM_ERR_INVALID, "audience",
				       "the audiences are too long together");
	}
	return MM_OK;
}

/* In the one way to write them. */
static enum mm_err fill_cidr(const struct grant *g, struct token_row *out,
			     struct why *why)
{
	struct why inner = { .text = "" };
	if (g->cidr.given && g->cidr.count == 0)
		return why_say(why, MM_ERR_INVALID, "cidr",
			       "the list is empty: name the networks that "
			       "the token may come from, or leave cidr out "
			       "for any address");
	if (g->cidr.count > CIDR_MAX)
		return why_say(why, MM_ERR_INVALID, "cidr",
			       "at most %d networks", CIDR_MAX);
	for (size_t i = 0; i < g->cidr.count; i++) {
		struct cidr c;
		char text[CIDR_WORD];
		if (cidr_read(span_str(g->cidr.at[i]), &c, &inner) != MM_OK)
			return why_say(why, MM_ERR_INVALID, "cidr", "%s",
				       inner.text);
		cidr_write(&c, text);
		MM_ASSERT(add_word(out->cidr, sizeof out->cidr, text));
	}
	return MM_OK;
}

enum mm_err grant_row(const struct grant *g, const struct caller *by,
		      const struct issuer_settings *set, int64_t now,
		      struct token_row *out, struct why *why)
{
	memset(out, 0, sizeof *out);
	TRY(user_check(g->user, why));
	if (!by->admin)
		TRY(policy_may_mint(set, by->user, g->user, why));
	TRY(fill_expiry(g, set, now, out, why));
	TRY(fill_scope(g, by, out, why));
	TRY(fill_audience(g, out, why));
	TRY(fill_cidr(g, out, why));
	TRY(policy_check(set, out, why));
	out->most = set->max_tokens;
	memcpy(out->user, g->user, sizeof out->user);
	memcpy(out->label, g->label, sizeof out->label);
	snprintf(out->created_by, sizeof out->created_by, "%s", by->actor);
	out->by_list = by->list;
	out->by_idx = by->idx;
	return MM_OK;
}
