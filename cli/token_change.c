/* token_change.c - mintmark token revoke, suspend, reinstate.
 *
 * One id after the other: a failure is said and does not stop the rest.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/token.h"

struct changes {
	const struct args *args;
	struct client client;
	const char *method, *suffix; /* of /v1/tokens/ID */
	bool many;		     /* JSON: an array, even of one */
	enum mm_err failed;	     /* MM_OK: none has */
	size_t count;
	size_t line; /* of standard input; 0: they are operands */
};

static void close_changes(struct changes *c)
{
	client_close(&c->client);
}
#define AUTO_CHANGES __attribute__((cleanup(close_changes)))

static void put_change(struct changes *c, const json_t *reply)
{
	warn_unpublished(reply);
	if (c->args->json) {
		printf("%s", c->count ? "," : "");
		json_dumpf(reply, stdout, JSON_COMPACT);
		return;
	}
	bool changed = json_is_true(json_object_get(reply, "changed"));
	put_text(stdout, json_text(reply, "id", "-"));
	printf(": ");
	put_text(stdout, json_text(reply, "status", "-"));
	puts(changed ? "" : " already");
}

/* A list comes from others, who are not to name our own token. */
static enum mm_err check_id(const struct changes *c, const char *id,
			    struct why *why)
{
	if (c->line != 0 && strcmp(id, "self") == 0)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "self is not taken from a list: say it as a "
			       "word, without --stdin");
	return token_id_check(id, why);
}

/* A mint that is gone stays gone: only refusals let the others be tried. */
static enum mm_err change_one(struct changes *c, const char *id,
			      struct why *why)
{
	char path[64];
	AUTO_JSON json_t *reply = NULL;
	struct why inner = { .text = "" };
	enum mm_err e = check_id(c, id, &inner);
	snprintf(path, sizeof path, "/v1/tokens/%.30s%s", id, c->suffix);
	if (e == MM_OK)
		e = client_call(&c->client, c->method, path, NULL, &reply,
				&inner);
	if (e == MM_ERR_UNAVAILABLE || e == MM_ERR_UNAUTHENTICATED)
		return why_say(why, e, NULL, "%s", inner.text);
	if (e == MM_OK) {
		put_change(c, reply);
		c->count++;
		return MM_OK;
	}
	fflush(stdout);
	fprintf(stderr, "mintmark: ");
	if (c->line != 0)
		fprintf(stderr, "line %zu: ", c->line);
	put_text(stderr, inner.text);
	fputc('\n', stderr);
	c->failed = c->failed == MM_ERR_IO ? MM_ERR_IO : e;
	return MM_OK;
}

static enum mm_err check_operands(const struct args *a, struct why *why)
{
	for (size_t i = 0; i < a->operand_count; i++)
		TRY(token_id_check(a->operand[i], why));
	return MM_OK;
}

static enum mm_err change_operands(struct changes *c, struct why *why)
{
	for (size_t i = 0; i < c->args->operand_count; i++)
		TRY(change_one(c, c->args->operand[i], why));
	return MM_OK;
}

static void free_line(char **line)
{
	free(*line);
}

static enum mm_err change_stdin(struct changes *c, struct why *why)
{
	__attribute__((cleanup(free_line))) char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, stdin) > 0) {
		char *id = line + strspn(line, " \t");
		id[strcspn(id, " \t\r\n")] = '\0';
		c->line++;
		if (id[0] != '\0')
			TRY(change_one(c, id, why));
	}
	if (ferror(stdin))
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot read the ids from standard input: %s",
			       strerror(errno));
	return MM_OK;
}

/* What was refused for one id, among several, is a refusal of the whole;
 * that it was no id at all too: the user's flags were right. */
static enum mm_err change_ids(struct changes *c, struct why *why)
{
	bool brackets = c->args->json && c->many;
	TRY(check_operands(c->args, why));
	TRY(token_client(&c->client, c->args, why));
	fputs(brackets ? "[" : "", stdout);
	enum mm_err e = c->args->from_stdin ? change_stdin(c, why)
					    : change_operands(c, why);
	fputs(brackets ? "]" : "", stdout);
	fputs(c->args->json && (brackets || c->count) ? "\n" : "", stdout);
	TRY(e);
	return c->failed == MM_ERR_INVALID ? MM_ERR_CONFLICT : c->failed;
}

static enum mm_err one_id(const struct args *a, struct why *why)
{
	if (a->operand_count != 1)
		return why_say(why, MM_ERR_INVALID, NULL, "the ID is missing");
	return MM_OK;
}

enum mm_err token_suspend(const struct args *a, struct why *why)
{
	AUTO_CHANGES struct changes c = { .args = a,
					  .method = "POST",
					  .suffix = "/suspend" };
	TRY(one_id(a, why));
	return change_ids(&c, why);
}

enum mm_err token_reinstate(const struct args *a, struct why *why)
{
	AUTO_CHANGES struct changes c = { .args = a,
					  .method = "POST",
					  .suffix = "/reinstate" };
	TRY(one_id(a, why));
	return change_ids(&c, why);
}

/* ---- revoke ---- */

static enum mm_err revoke_user(const struct args *a, struct why *why)
{
	AUTO_CLIENT struct client c = { .curl = NULL };
	AUTO_BUF struct buf path = buf_new(2048);
	AUTO_JSON json_t *reply = NULL;
	struct span text;
	buf_str(&path, "/v1/users/");
	client_escape(&path, a->user);
	buf_str(&path, "/tokens");
	TRY(buf_done(&path, &text));
	TRY(client_open(&c, a->data, why));
	TRY(client_call(&c, "DELETE", (const char *)text.at, NULL, &reply,
			why));
	warn_unpublished(reply);
	if (a->json) {
		put_json(reply);
		return MM_OK;
	}
	put_text(stdout, json_text(reply, "user", "-"));
	printf(": %lld tokens revoked\n",
	       (long long)json_integer_value(
		       json_object_get(reply, "revoked")));
	return MM_OK;
}

enum mm_err token_revoke(const struct args *a, struct why *why)
{
	int ways = (a->operand_count != 0) + (a->user != NULL) + a->from_stdin;
	AUTO_CHANGES struct changes c = {
		.args = a, .method = "DELETE", .suffix = "", .many = true
	};
	if (ways != 1)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "say what to revoke: ID..., or --user U, or "
			       "--stdin");
	return a->user ? revoke_user(a, why) : change_ids(&c, why);
}
