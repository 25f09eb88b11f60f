/* test_policy.c - the house's rules: each allows and refuses, and says which
 * rule it was. */
#include "issuer/policy.h"

#include "tests/unit/unit.h"

#define DAY INT64_C(86400)

static struct issuer_settings plain(void)
{
	return (struct issuer_settings){ .issuer = "https://pat.example.org",
					 .max_life = 366 * DAY,
					 .self_service = true };
}

/* ---- a token ---- */

struct token_case {
	int64_t window, max_window;
	const char *scope; /* NULL: no claim */
	bool require;
	const char *allowed, *forbidden; /* NULL: not set */
	const char *audience, *audiences;
	const char *rule; /* in the sentence; NULL: allowed */
};

static const struct token_case token_cases[] = {
	{ .rule = NULL },
	{ .window = 7 * DAY, .max_window = 7 * DAY },
	{ .window = 7 * DAY + 1, .max_window = 7 * DAY, .rule = "max_window" },
	{ .window = 90 * DAY, .max_window = 0 },
	{ .max_window = DAY },
	/* scopes */
	{ .require = true, .rule = "require_scopes" },
	{ .require = true, .scope = "photos:read" },
	{ .allowed = "photos:read", .rule = "allowed_scopes" },
	{ .allowed = "photos:read", .scope = "photos:read" },
	{ .allowed = "photos:read",
	  .scope = "photos:readall",
	  .rule = "allowed_scopes" },
	{ .allowed = "photos:read",
	  .scope = "photos:read photos:write",
	  .rule = "\"photos:write\"" },
	{ .allowed = "photos:* node:*", .scope = "node:1b9d:rw photos:x" },
	{ .allowed = "photos:*", .scope = "photo", .rule = "allowed_scopes" },
	{ .allowed = "*", .scope = "x" },
	{ .allowed = "photos:read", .scope = "mintmark:agent" },
	{ .forbidden = "mintmark:self",
	  .scope = "mintmark:self",
	  .rule = "forbidden_scopes" },
	{ .forbidden = "node:*", .scope = "photos:read" },
	{ .forbidden = "node:*",
	  .scope = "a node:1:r",
	  .rule = "forbidden_scopes" },
	{ .forbidden = "photos:write",
	  .allowed = "photos:*",
	  .scope = "photos:write",
	  .rule = "forbidden_scopes" },
	{ .forbidden = "photos:write" }, /* all rights: another rule's */
	/* audience */
	{ .audiences = "files", .rule = "allowed_audiences" },
	{ .audiences = "files", .audience = "files" },
	{ .audiences = "files mail*", .audience = "mail-2 files" },
	{ .audiences = "files",
	  .audience = "files mail",
	  .rule = "allowed_audiences" },
	{ .audiences = "files", .audience = "https://pat.example.org" },
	{ .audience = "anything" },
};

static void put(struct setting_texts *list, const char *text)
{
	list->count = text != NULL;
	if (text != NULL)
		snprintf(list->at[0], sizeof list->at[0], "%s", text);
}

static void test_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof token_cases / sizeof token_cases[0];
	     i++) {
		const struct token_case *c = &token_cases[i];
		struct issuer_settings set = plain();
		struct token_row t = { .auto_refresh = c->window,
				       .has_scope = c->scope != NULL };
		struct why why = { .text = "" };
		set.max_window = c->max_window;
		set.require_scopes = c->require;
		put(&set.allowed_scopes, c->allowed);
		put(&set.forbidden_scopes, c->forbidden);
		put(&set.allowed_audiences, c->audiences);
		snprintf(t.scope, sizeof t.scope, "%s",
			 c->scope ? c->scope : "");
		snprintf(t.audience, sizeof t.audience, "%s",
			 c->audience ? c->audience : "");
		assert_int_equal(policy_settle(&set, &why), MM_OK);
		enum mm_err e = policy_check(&set, &t, &why);
		if (e != (c->rule ? MM_ERR_FORBIDDEN : MM_OK))
			fail_msg("case %zu: %s %s", i, mm_err_word(e),
				 why.text);
		if (c->rule != NULL && strstr(why.text, c->rule) == NULL)
			fail_msg("case %zu: %s", i, why.text);
	}
}

/* Several lines of a setting are one list. */
static void test_lines(void **state)
{
	struct issuer_settings set = plain();
	struct token_row t = { .has_scope = true, .scope = "b:1 c" };
	struct why why;
	(void)state;
	put(&set.allowed_scopes, "a b:*");
	set.allowed_scopes.count = 2;
	snprintf(set.allowed_scopes.at[1], SETTING_SIZE, " c ");
	assert_int_equal(policy_check(&set, &t, &why), MM_OK);
	snprintf(t.scope, sizeof t.scope, "b:1 d");
	assert_int_equal(policy_check(&set, &t, &why), MM_ERR_FORBIDDEN);
}

/* ---- who for whom ---- */

static void test_minters(void **state)
{
	static const struct {
		const char *rules, *minter, *user;
		bool self_service, allowed;
	} cases[] = {
		{ NULL, "alice", "alice", true, true },
		{ NULL, "alice", "bob", true, false },
		{ NULL, "alice", "alice", false, false },
		{ "helpdesk:*", "helpdesk", "bob", false, true },
		{ "helpdesk:*", "helpdesk", "helpdesk", false, true },
		{ "helpdesk:*", "helpdes", "bob", true, false },
		{ "ci:ci-* ops:web", "ci", "ci-7", true, true },
		{ "ci:ci-* ops:web", "ci", "web", true, false },
		{ "ci:ci-* ops:web", "ops", "web", true, true },
		{ "ci:ci-* ops:web", "ops", "web2", true, false },
		{ "alice:alice", "alice", "alice", false, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct issuer_settings set = plain();
		struct why why = { .text = "" };
		set.self_service = cases[i].self_service;
		put(&set.mint_for, cases[i].rules);
		assert_int_equal(policy_settle(&set, &why), MM_OK);
		enum mm_err e = policy_may_mint(&set, cases[i].minter,
						cases[i].user, &why);
		if (e != (cases[i].allowed ? MM_OK : MM_ERR_FORBIDDEN))
			fail_msg("case %zu: %s %s", i, mm_err_word(e),
				 why.text);
	}
}

/* ---- rules that cannot be kept ---- */

static void test_settings(void **state)
{
	static const struct {
		int64_t life, window, most;
		const char *scopes, *mint_for, *field;
	} cases[] = {
		{ .life = 366 * DAY, .window = 366 * DAY },
		{ .life = 366 * DAY + 1, .field = "default_life" },
		{ .window = 366 * DAY + 1, .field = "max_window" },
		{ .most = UINT32_MAX },
		{ .most = INT64_C(1) << 32, .field = "max_tokens" },
		{ .scopes = "*:read", .field = "allowed_scopes" },
		{ .scopes = "a**", .field = "allowed_scopes" },
		{ .mint_for = "helpdesk", .field = "mint_for" },
		{ .mint_for = "helpdesk:", .field = "mint_for" },
		{ .mint_for = ":bob", .field = "mint_for" },
		{ .mint_for = "a:b c", .field = "mint_for" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct issuer_settings set = plain();
		struct why why = { .text = "" };
		set.default_life = cases[i].life;
		set.max_window = cases[i].window;
		set.max_tokens = cases[i].most;
		put(&set.allowed_scopes, cases[i].scopes);
		put(&set.mint_for, cases[i].mint_for);
		enum mm_err e = policy_settle(&set, &why);
		if (e != (cases[i].field ? MM_ERR_INVALID : MM_OK))
			fail_msg("case %zu: %s %s", i, mm_err_word(e),
				 why.text);
		if (cases[i].field != NULL)
			assert_string_equal(why.field, cases[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_minters),
		cmocka_unit_test(test_settings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
