/* policy.c - the house's rules for tokens, from its settings. */
#include "issuer/policy.h"

#include "common/duration.h"
#include "common/text.h"

/* ---- lists of words and patterns ---- */

/* Calls hit(ctx, word) for the words of a text until one says yes. */
static bool any_word(const char *text, bool (*hit)(void *, struct span),
		     void *ctx)
{
	struct span rest = span_str(text), word;
	while (span_word(&rest, &word))
		if (word.len != 0 && hit(ctx, word))
			return true;
	return false;
}

/* The same for all the lines of a setting. */
static bool any_in(const struct setting_texts *list,
		   bool (*hit)(void *, struct span), void *ctx)
{
	for (size_t i = 0; i < list->count; i++)
		if (any_word(list->at[i], hit, ctx))
			return true;
	return false;
}

/* A star at its end stands for whatever follows. */
static bool matches(struct span pattern, struct span word)
{
	size_t n = pattern.len;
	if (n == 0 || pattern.at[n - 1] != '*')
		return span_eq(pattern, word);
	return word.len >= n - 1 && memcmp(word.at, pattern.at, n - 1) == 0;
}

static bool pattern_matches(void *word, struct span pattern)
{
	return matches(pattern, *(const struct span *)word);
}

static bool listed(const struct setting_texts *list, struct span word)
{
	return any_in(list, pattern_matches, &word);
}

/* ---- settings ---- */

static bool star_inside(void *ctx, struct span pattern)
{
	(void)ctx;
	const uint8_t *star = memchr(pattern.at, '*', pattern.len);
	return star != NULL && star != pattern.at + pattern.len - 1;
}

static bool no_minter(void *ctx, struct span rule)
{
	struct span pattern = rule, minter;
	(void)ctx;
	return !span_cut(&pattern, ':', &minter) || minter.len == 0 ||
	       pattern.len == 0;
}

static enum mm_err settle_life(const struct issuer_settings *set,
			       struct why *why)
{
	if (set->default_life > set->max_life)
		return why_say(why, MM_ERR_INVALID, "default_life",
			       "default_life is longer than max_life");
	if (set->max_window > set->max_life)
		return why_say(why, MM_ERR_INVALID, "max_window",
			       "max_window is longer than max_life: no token "
			       "could have it");
	return set->max_tokens <= UINT32_MAX
		       ? MM_OK
		       : why_say(why, MM_ERR_INVALID, "max_tokens",
				 "max_tokens is at most 4294967295");
}

enum mm_err policy_settle(const struct issuer_settings *set, struct why *why)
{
	const struct {
		const char *name;
		const struct setting_texts *list;
	} lists[] = {
		{ "allowed_scopes", &set->allowed_scopes },
		{ "forbidden_scopes", &set->forbidden_scopes },
		{ "allowed_audiences", &set->allowed_audiences },
		{ "mint_for", &set->mint_for },
	};
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (any_in(lists[i].list, star_inside, NULL))
			return why_say(why, MM_ERR_INVALID, lists[i].name,
				       "%s: a * stands at the end of a word, "
				       "for whatever follows",
				       lists[i].name);
	if (any_in(&set->mint_for, no_minter, NULL))
		return why_say(why, MM_ERR_INVALID, "mint_for",
			       "mint_for is MINTER:USER, such as "
			       "helpdesk:* or ci:ci-*");
	return settle_life(set, why);
}

/* ---- a token ---- */

static enum mm_err check_window(const struct issuer_settings *set,
				const struct token_row *t, struct why *why)
{
	char most[32];
	if (set->max_window == 0 || t->auto_refresh <= set->max_window)
		return MM_OK;
	duration_write(most, set->max_window);
	return why_say(why, MM_ERR_FORBIDDEN, "auto_refresh",
		       "the window is at most %s here (setting max_window)",
		       most);
}

struct scope_rules {
	const struct issuer_settings *set;
	struct span word; /* that is against one */
	const char *rule;
};

/* The mint's own scopes open its own doors: nobody has to list them. */
static bool is_own(struct span word)
{
	static const char own[] = "mintmark:";
	return word.len > sizeof own - 1 &&
	       memcmp(word.at, own, sizeof own - 1) == 0;
}

static bool breaks_rule(void *ctx, struct span word)
{
	struct scope_rules *r = ctx;
	r->word = word;
	r->rule = listed(&r->set->forbidden_scopes, word) ? "forbidden_scopes"
		  : r->set->allowed_scopes.count != 0 && !is_own(word) &&
				  !listed(&r->set->allowed_scopes, word)
			  ? "allowed_scopes"
			  : NULL;
	return r->rule != NULL;
}

static enum mm_err check_scopes(const struct issuer_settings *set,
				const struct token_row *t, struct why *why)
{
	struct scope_rules r = { .set = set };
	char word[QUOTE_SIZE];
	if (!t->has_scope && (set->require_scopes || set->allowed_scopes.count))
		return why_say(why, MM_ERR_FORBIDDEN, "scopes",
			       "name what the token may do: none with all of "
			       "its user's rights is made here (setting %s)",
			       set->require_scopes ? "require_scopes"
						   : "allowed_scopes");
	if (!any_word(t->scope, breaks_rule, &r))
		return MM_OK;
	text_quote(word, r.word);
	return why_say(why, MM_ERR_FORBIDDEN, "scopes",
		       "no token with the scope %s is made here (setting %s)",
		       word, r.rule);
}

static bool is_foreign(void *ctx, struct span word)
{
	const struct issuer_settings *set = ctx;
	return !listed(&set->allowed_audiences, word) &&
	       !span_is(word, set->issuer);
}

static enum mm_err check_audience(const struct issuer_settings *set,
				  const struct token_row *t, struct why *why)
{
	if (set->allowed_audiences.count == 0)
		return MM_OK;
	if (t->audience[0] == '\0')
		return why_say(why, MM_ERR_FORBIDDEN, "audience",
			       "name the services that the token is for "
			       "(setting allowed_audiences; the mint itself "
			       "is %s)",
			       set->issuer);
	if (!any_word(t->audience, is_foreign, (void *)(uintptr_t)set))
		return MM_OK;
	return why_say(why, MM_ERR_FORBIDDEN, "audience",
		       "no token for this audience is made here (setting "
		       "allowed_audiences)");
}

enum mm_err policy_check(const struct issuer_settings *set,
			 const struct token_row *t, struct why *why)
{
	TRY(check_window(set, t, why));
	TRY(check_scopes(set, t, why));
	return check_audience(set, t, why);
}

/* ---- who for whom ---- */

struct pair {
	struct span minter, user;
};

static bool rule_allows(void *ctx, struct span rule)
{
	const struct pair *p = ctx;
	struct span users = rule, minter;
	return span_cut(&users, ':', &minter) && span_eq(minter, p->minter) &&
	       matches(users, p->user);
}

enum mm_err policy_may_mint(const struct issuer_settings *set,
			    const char *minter, const char *user,
			    struct why *why)
{
	struct pair p = { span_str(minter), span_str(user) };
	bool self = strcmp(minter, user) == 0;
	if ((self && set->self_service) ||
	    any_in(&set->mint_for, rule_allows, &p))
		return MM_OK;
	return why_say(why, MM_ERR_FORBIDDEN, "user",
		       self ? "users do not make tokens for themselves here: "
			      "ask an administrator (setting self_service)"
			    : "only an administrator makes tokens for "
			      "others, or whom the setting mint_for names");
}
