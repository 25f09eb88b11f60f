/* key_report.c - whose tokens go with a key: mintmark key report, and what
 * compromise says first. */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/key.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/token.h"
#include "common/duration.h"

#define AGENT_SCOPE "mintmark:agent"

static const char *const heads[] = { "USER",	"ID",	   "LABEL", "STATUS",
				     "EXPIRES", "REFRESH", "OF" };
#define COLUMNS (sizeof heads / sizeof heads[0])

/* ---- asking ---- */

static enum mm_err add_page(void *list, const json_t *tokens)
{
	return json_array_extend(list, (json_t *)(uintptr_t)tokens) == 0
		       ? MM_OK
		       : MM_ERR_NOMEM;
}

static int by_user(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	int order = strcmp(json_text(a, "user", ""), json_text(b, "user", ""));
	return order ? order
		     : strcmp(json_text(a, "id", ""), json_text(b, "id", ""));
}

/* It stays good for the feed alone: see key_reissue.c. */
static bool is_agents_old(const json_t *token)
{
	return key_token_of_agent(token) &&
	       json_is_true(json_object_get(token, "replaced"));
}

/* By user, without those that need nothing any more. */
static enum mm_err sort(const json_t *tokens, json_t *out)
{
	size_t n = json_array_size(tokens);
	json_t **at = calloc(n + 1, sizeof *at);
	if (at == NULL)
		return MM_ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		at[i] = json_array_get(tokens, i);
	qsort(at, n, sizeof *at, by_user);
	int rc = 0;
	for (size_t i = 0; i < n; i++)
		if (!is_agents_old(at[i]))
			rc |= json_array_append(out, at[i]);
	free(at);
	return rc == 0 ? MM_OK : MM_ERR_NOMEM;
}

enum mm_err key_tokens(struct key_place *p, const char *kid, json_t **out,
		       struct why *why)
{
	/* the last: when the key is gone */
	static const char *const live[] = { "active", "suspended",
					    "unknown_key" };
	AUTO_JSON json_t *all = json_array(), *sorted = json_array();
	struct args which = { .kid = kid };
	for (size_t i = 0; i < sizeof live / sizeof live[0]; i++) {
		which.status = live[i];
		TRY(token_pages(&p->client, &which, add_page, all, why));
	}
	TRY(sort(all, sorted));
	*out = json_incref(sorted);
	return MM_OK;
}

bool key_token_of_agent(const json_t *token)
{
	size_t i;
	const json_t *word, *scopes = json_object_get(token, "scopes");
	json_array_foreach(scopes, i, word)
	{
		const char *text = json_string_value(word);
		if (text != NULL && strcmp(text, AGENT_SCOPE) == 0)
			return true;
	}
	return false;
}

/* ---- showing ---- */

static void add_row(struct table *t, const json_t *token)
{
	char window[32];
	int64_t seconds =
		json_integer_value(json_object_get(token, "auto_refresh"));
	duration_write(window, seconds);
	table_cell(t, json_text(token, "user", "-"));
	table_cell(t, json_text(token, "id", "-"));
	table_cell(t, json_text(token, "label", "-"));
	table_cell(t, json_text(token, "status", "-"));
	table_cell(t, json_text(token, "expires_at", "-"));
	table_cell(t, seconds ? window : "-");
	table_cell(t, key_token_of_agent(token) ? "mintmark-agent" : "-");
}

static enum mm_err put_table(const char *kid, const json_t *tokens)
{
	AUTO_TABLE struct table t = table_new(heads, COLUMNS);
	size_t i;
	const json_t *token;
	if (json_array_size(tokens) == 0) {
		printf("No live token was signed by the key %s.\n", kid);
		return MM_OK;
	}
	printf("Live tokens that the key %s has signed: %zu\n", kid,
	       json_array_size(tokens));
	json_array_foreach(tokens, i, token) add_row(&t, token);
	return table_print(&t);
}

enum mm_err key_report_put(const char *kid, const json_t *tokens, bool json)
{
	AUTO_JSON json_t *whole = NULL;
	if (!json)
		return put_table(kid, tokens);
	whole = json_pack("{s:s, s:O}", "key", kid, "tokens", tokens);
	put_json(whole);
	return MM_OK;
}

enum mm_err key_report(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	AUTO_JSON json_t *tokens = NULL;
	if (a->operand_count != 1)
		return why_say(why, MM_ERR_INVALID, NULL, "the KID is missing");
	TRY(key_place_open(&p, a, why));
	TRY(key_tokens(&p, a->operand[0], &tokens, why));
	return key_report_put(a->operand[0], tokens, a->json);
}
