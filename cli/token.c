/* token.c - mintmark token create, rotate, show.
 *
 * The token goes to standard output, alone on its line, and what there is
 * to say about it to standard error: `TOKEN=$(mintmark token create ...)`
 * works with and without -q.
 */
#include "cli/token.h"

#include "cli/commands.h"
#include "cli/output.h"
#include "common/claims.h"
#include "common/duration.h"
#include "common/scope.h"

enum mm_err token_id_check(const char *text, struct why *why)
{
	uint32_t list, idx;
	if (token_id_read(span_str(text), &list, &idx) == MM_OK ||
	    strcmp(text, "self") == 0) /* the one in MINTMARK_TOKEN */
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "an ID looks like 3.4711: mintmark token list shows "
		       "them, and mintmark inspect the one of a token");
}

enum mm_err token_client(struct client *c, const struct args *a,
			 struct why *why)
{
	for (size_t i = 0; i < a->operand_count && a->data == NULL; i++)
		if (strcmp(a->operand[i], "self") == 0)
			return client_open_self(c, why);
	return client_open(c, a->data, why);
}

/* ---- about a token ---- */

static void put_words(FILE *to, const char *name, const json_t *t,
		      const char *member, const char *other)
{
	AUTO_BUF struct buf words = buf_new(SCOPE_SIZE * 2);
	struct span text;
	json_words(t, member, other, &words);
	if (buf_done(&words, &text) == MM_OK)
		put_field(to, name, (const char *)text.at);
}

static void put_model(FILE *to, const json_t *t)
{
	char window[32], text[96];
	int64_t seconds =
		json_integer_value(json_object_get(t, "auto_refresh"));
	duration_write(window, seconds);
	snprintf(text, sizeof text,
		 seconds ? "auto_refresh: lives on while used every %s"
			 : "fixed",
		 window);
	put_field(to, "model", text);
}

static void put_token(FILE *to, const json_t *t)
{
	put_field(to, "id", json_text(t, "id", "-"));
	put_field(to, "user", json_text(t, "user", "-"));
	put_field(to, "label", json_text(t, "label", "-"));
	put_model(to, t);
	put_field(to, "expires", json_text(t, "expires_at", "-"));
	put_words(to, "scopes", t, "scopes", "(all that the user may do)");
	put_words(to, "audience", t, "audience", "(any)");
	put_words(to, "cidr", t, "cidr", "(from any address)");
}

/* The last change; or the next, when it is known. */
static void put_change(FILE *to, const json_t *t)
{
	char text[96];
	if (!json_is_true(json_object_get(t, "replaced"))) {
		put_field(to, "changed", json_text(t, "changed_at", "never"));
		put_field(to, "changed by", json_text(t, "changed_by", "-"));
		return;
	}
	snprintf(text, sizeof text, "by a new token; good until %.32s",
		 json_text(t, "dies_at", "-"));
	put_field(to, "replaced", text);
}

static void put_history(FILE *to, const json_t *t)
{
	char used[USED_SIZE];
	json_used(t, "never seen", used);
	put_field(to, "status", json_text(t, "status", "-"));
	put_field(to, "dies", json_text(t, "dies_at", "-"));
	put_field(to, "issued", json_text(t, "issued_at", "-"));
	put_field(to, "last used", used);
	put_field(to, "used at", json_text(t, "last_used_door", "-"));
	put_field(to, "used from", json_text(t, "last_used_from", "-"));
	put_field(to, "created by", json_text(t, "created_by", "-"));
	put_change(to, t);
	put_field(to, "key", json_text(t, "key", "-"));
}

/* The one moment at which a token is seen. */
static enum mm_err put_new(const struct args *a, const json_t *t,
			   struct why *why)
{
	const char *token = json_text(t, "token", NULL);
	if (token == NULL)
		return why_say(why, MM_ERR_IO, NULL,
			       "the mint answered without a token");
	if (a->json) {
		put_json(t);
		return MM_OK;
	}
	printf("%s\n", token);
	fflush(stdout);
	if (a->quiet)
		return MM_OK;
	put_token(stderr, t);
	fputs("  The token is shown this once and kept nowhere.\n", stderr);
	return MM_OK;
}

static enum mm_err check_forms(const struct args *a, struct why *why)
{
	if (a->quiet && a->json)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "-q and -o json exclude each other");
	return MM_OK;
}

/* ---- create ---- */

/* -e takes a duration or a date; a date has its dash at the fifth place. */
static enum mm_err add_expiry(const char *text, json_t *body, struct why *why)
{
	int64_t t;
	struct why inner = { .text = "" };
	struct span s = span_str(text);
	bool date = s.len > 4 && text[4] == '-';
	enum mm_err e =
		date ? date_read(s, &t, &inner) : duration_read(s, &t, &inner);
	if (e != MM_OK)
		return why_say(why, MM_ERR_INVALID, NULL, "-e: %s", inner.text);
	json_object_set_new(body, date ? "expires_at" : "expires_in",
			    json_integer(t));
	return MM_OK;
}

static enum mm_err add_scope(struct span word, json_t *list, struct why *why)
{
	struct scope_word parts;
	struct why inner = { .text = "" };
	if (scope_word_read(word, &parts, &inner) != MM_OK)
		return why_say(why, MM_ERR_INVALID, NULL, "-s: %s", inner.text);
	json_array_append_new(list,
			      json_stringn((const char *)word.at, word.len));
	return MM_OK;
}

/* One -s may hold several words, as the claim does. */
static enum mm_err add_scopes(const char *text, json_t *list, struct why *why)
{
	struct span rest = span_str(text), word;
	while (span_word(&rest, &word))
		TRY(add_scope(word, list, why));
	return MM_OK;
}

static enum mm_err add_cidrs(const struct args *a, json_t *body,
			     struct why *why)
{
	struct cidr c;
	struct why inner = { .text = "" };
	json_t *list = a->cidrs.count ? json_array() : NULL;
	if (list != NULL)
		json_object_set_new(body, "cidr", list);
	for (size_t i = 0; i < a->cidrs.count; i++) {
		if (cidr_read(span_str(a->cidrs.at[i]), &c, &inner) != MM_OK)
			return why_say(why, MM_ERR_INVALID, NULL, "--cidr: %s",
				       inner.text);
		json_array_append_new(list, json_string(a->cidrs.at[i]));
	}
	return MM_OK;
}

static enum mm_err add_lists(const struct args *a, json_t *body,
			     struct why *why)
{
	json_t *scopes = json_array(), *audience = json_array();
	if (a->scopes.count)
		json_object_set(body, "scopes", scopes);
	if (a->audiences.count)
		json_object_set(body, "audience", audience);
	for (size_t i = 0; i < a->audiences.count; i++)
		json_array_append_new(audience,
				      json_string(a->audiences.at[i]));
	enum mm_err e = MM_OK;
	for (size_t i = 0; i < a->scopes.count && e == MM_OK; i++)
		e = add_scopes(a->scopes.at[i], scopes, why);
	json_decref(scopes);
	json_decref(audience);
	return e;
}

static enum mm_err make_grant(const struct args *a, json_t *body,
			      struct why *why)
{
	if (json_object_set_new(body, "user", json_string(a->user)) != 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "-u: the user's name is no UTF-8");
	if (a->label &&
	    json_object_set_new(body, "label", json_string(a->label)) != 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "-l: the label is no UTF-8");
	if (a->expires)
		TRY(add_expiry(a->expires, body, why));
	if (a->auto_refresh)
		json_object_set_new(body, "auto_refresh",
				    json_integer(a->auto_refresh));
	if (a->allow_long)
		json_object_set_new(body, "allow_long", json_true());
	TRY(add_cidrs(a, body, why));
	return add_lists(a, body, why);
}

enum mm_err token_create(const struct args *a, struct why *why)
{
	AUTO_CLIENT struct client c = { .curl = NULL };
	AUTO_JSON json_t *body = json_object(), *reply = NULL;
	TRY(check_forms(a, why));
	TRY(make_grant(a, body, why));
	TRY(client_open(&c, a->data, why));
	TRY(client_once(&c, why));
	TRY(client_call(&c, "POST", "/v1/tokens", body, &reply, why));
	return put_new(a, reply, why);
}

/* ---- rotate, show ---- */

static enum mm_err one_id(const struct args *a, struct why *why)
{
	if (a->operand_count != 1)
		return why_say(why, MM_ERR_INVALID, NULL, "the ID is missing");
	return token_id_check(a->operand[0], why);
}

enum mm_err token_rotate(const struct args *a, struct why *why)
{
	char path[64];
	AUTO_CLIENT struct client c = { .curl = NULL };
	AUTO_JSON json_t *body = json_object(), *reply = NULL;
	TRY(check_forms(a, why));
	TRY(one_id(a, why));
	snprintf(path, sizeof path, "/v1/tokens/%.30s/rotate", a->operand[0]);
	if (a->overlap)
		json_object_set_new(body, "overlap", json_integer(a->overlap));
	if (a->keep_expiry)
		json_object_set_new(body, "keep_expiry", json_true());
	if (a->allow_long)
		json_object_set_new(body, "allow_long", json_true());
	TRY(token_client(&c, a, why));
	TRY(client_once(&c, why));
	TRY(client_call(&c, "POST", path, body, &reply, why));
	return put_new(a, reply, why);
}

enum mm_err token_show(const struct args *a, struct why *why)
{
	char path[64];
	AUTO_CLIENT struct client c = { .curl = NULL };
	AUTO_JSON json_t *reply = NULL;
	TRY(one_id(a, why));
	snprintf(path, sizeof path, "/v1/tokens/%.30s", a->operand[0]);
	TRY(token_client(&c, a, why));
	TRY(client_call(&c, "GET", path, NULL, &reply, why));
	if (a->json) {
		put_json(reply);
		return MM_OK;
	}
	put_token(stdout, reply);
	put_history(stdout, reply);
	return MM_OK;
}
