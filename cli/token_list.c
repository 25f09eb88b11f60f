/* token_list.c - mintmark token list: all pages, printed as they come. */
#include "cli/token.h"

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "common/claims.h"
#include "common/duration.h"
#include "common/ending.h"

#define PAGE 500

static const char *const heads[] = { "ID",	  "USER",    "LABEL",
				     "STATUS",	  "EXPIRES", "REFRESH",
				     "LAST USED", "AT",	     "SCOPES" };
#define COLUMNS (sizeof heads / sizeof heads[0])

struct listing {
	const struct args *args;
	struct table *table;
	size_t count;
};

/* Is it listed for its hard limit, however much it is used? */
static bool for_its_limit(const struct args *a, int64_t window)
{
	return a->expiring != 0 && ending_for(0, 1, window, a->expiring) == 1;
}

static void add_row(struct table *t, const struct args *a, const json_t *token)
{
	char window[32], used[USED_SIZE];
	struct span text;
	AUTO_BUF struct buf scopes = buf_new(SCOPE_SIZE * 2);
	int64_t seconds =
		json_integer_value(json_object_get(token, "auto_refresh"));
	duration_write(window, seconds);
	json_used(token, "-", used);
	json_words(token, "scopes", "(all)", &scopes);
	bool fits = buf_done(&scopes, &text) == MM_OK;

	table_cell(t, json_text(token, "id", "-"));
	table_cell(t, json_text(token, "user", "-"));
	table_cell(t, json_text(token, "label", "-"));
	table_cell(t, json_text(token, "status", "-"));
	table_cell(t, json_text(token,
				for_its_limit(a, seconds) ? "expires_at"
							  : "dies_at",
				"-"));
	table_cell(t, seconds ? window : "-");
	table_cell(t, used);
	table_cell(t, json_text(token, "last_used_door", "-"));
	table_cell(t, fits ? (const char *)text.at : "?");
}

static enum mm_err put_page(void *listing, const json_t *tokens)
{
	struct listing *l = listing;
	size_t i;
	const json_t *token;
	json_array_foreach(tokens, i, token)
	{
		l->count++;
		if (!l->args->json) {
			add_row(l->table, l->args, token);
			continue;
		}
		if (l->count > 1)
			putchar(',');
		json_dumpf(token, stdout, JSON_COMPACT);
	}
	return l->args->json || l->count == 0 ? MM_OK : table_print(l->table);
}

static enum mm_err make_path(const struct args *a, const char *cursor,
			     struct buf *path)
{
	struct span text;
	*path = buf_new(4096);
	buf_fmt(path, "/v1/tokens?limit=%d&status=", PAGE);
	client_escape(path, a->status ? a->status : "active");
	if (a->expiring)
		buf_fmt(path, "&expiring=%lld", (long long)a->expiring);
	if (a->user) {
		buf_str(path, "&user=");
		client_escape(path, a->user);
	}
	if (a->kid) {
		buf_str(path, "&key=");
		client_escape(path, a->kid);
	}
	if (cursor) {
		buf_str(path, "&cursor=");
		client_escape(path, cursor);
	}
	return buf_done(path, &text);
}

static enum mm_err get_page(struct client *c, const struct args *a,
			    const char *cursor, json_t **page, struct why *why)
{
	AUTO_BUF struct buf path = buf_new(0);
	TRY(make_path(a, cursor, &path));
	return client_call(c, "GET", (const char *)path.at, NULL, page, why);
}

/* The cursor lives in the page that gave it. */
enum mm_err token_pages(struct client *c, const struct args *which,
			token_page *each, void *ctx, struct why *why)
{
	AUTO_JSON json_t *page = NULL;
	TRY(get_page(c, which, NULL, &page, why));
	for (;;) {
		TRY(each(ctx, json_object_get(page, "tokens")));
		const char *cursor = json_text(page, "next_cursor", NULL);
		if (cursor == NULL)
			return MM_OK;
		json_t *next;
		enum mm_err e = get_page(c, which, cursor, &next, why);
		json_decref(page);
		page = next;
		TRY(e);
	}
}

static enum mm_err check_status(const char *word, struct why *why)
{
	static const char *const words[] = { "active",	    "revoked",
					     "suspended",   "expired",
					     "unknown_key", "all" };
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (word == NULL || strcmp(word, words[i]) == 0)
			return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "--status is one of active, revoked, suspended, "
		       "expired, unknown_key, all");
}

/* For cron: what there is to do something about is a no. */
static enum mm_err say_expiring(const struct listing *l)
{
	char within[32];
	if (l->count != 0)
		return MM_ERR_EXPIRED;
	duration_write(within, l->args->expiring);
	fprintf(stderr, "no token expires within %s\n", within);
	return MM_OK;
}

static enum mm_err check_expiring(const struct args *a, struct why *why)
{
	return a->expiring == 0 || (a->status == NULL && a->kid == NULL)
		       ? MM_OK
		       : why_say(why, MM_ERR_INVALID, NULL,
				 "--expiring goes with neither --status nor "
				 "--key");
}

enum mm_err token_list(const struct args *a, struct why *why)
{
	AUTO_CLIENT struct client c = { .curl = NULL };
	AUTO_TABLE struct table table = table_new(heads, COLUMNS);
	struct listing l = { .args = a, .table = &table };
	TRY(check_status(a->status, why));
	TRY(check_expiring(a, why));
	TRY(client_open(&c, a->data, why));
	if (a->json)
		putchar('[');
	TRY(token_pages(&c, a, put_page, &l, why));
	if (a->json)
		puts("]");
	if (a->expiring != 0)
		return say_expiring(&l);
	if (l.count == 0 && !a->json)
		fprintf(stderr, "no %s tokens%s\n",
			a->status ? a->status : "active",
			a->status ? "" : " (--status all shows every one)");
	return MM_OK;
}
