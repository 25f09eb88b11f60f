/* key_reissue.c - new tokens in place of those whose key is gone.
 *
 * Each old token is rotated, to the same hard limit: the mint makes the new
 * one and revokes the old in one transaction.  The plan (which tokens) is
 * written down before the first, each new one is on the disk before the next,
 * and the mint is asked under an idempotency key for each: the same run
 * after a crash does the rest, and makes nothing twice.
 */
#include <stdio.h>

#include "cli/key.h"
#include "cli/key_handout.h"
#include "cli/output.h"
#include "common/json_heap.h"

#define PLAN	  "plan.json"
#define MANIFEST  "manifest.tsv"
#define PATH_SIZE 4096

struct reissue {
	struct key_place *p;
	const char *kid, *folder; /* folder NULL: to standard output */
	struct handout *out;	  /* the caller's */
	struct buf manifest;
	json_t *results; /* for -o json */
	size_t made, missed;
};

static void reissue_end(struct reissue *r)
{
	buf_free(&r->manifest);
	json_decref(r->results);
}
#define AUTO_REISSUE __attribute__((cleanup(reissue_end)))

/* ---- the plan ---- */

static enum mm_err path_of(const char *folder, const char *name,
			   char out[PATH_SIZE], struct why *why)
{
	int n = snprintf(out, PATH_SIZE, "%s/%s", folder, name);
	return n > 0 && n < PATH_SIZE ? MM_OK
				      : why_say(why, MM_ERR_INVALID, NULL,
						"the path of the folder is "
						"too long");
}

static enum mm_err save_plan(const struct reissue *r, const char *path,
			     const json_t *tokens, struct why *why)
{
	AUTO_JSON json_t *plan =
		json_pack("{s:s, s:O}", "key", r->kid, "tokens", tokens);
	char *text = json_heap_dump(plan, JSON_INDENT(1));
	if (text == NULL)
		return MM_ERR_NOMEM;
	enum mm_err e = file_replace(path, span_str(text), 0600, why);
	free(text);
	return e;
}

/* What an earlier run wrote down, or NULL. */
static enum mm_err load_plan(const char *folder, const char *kid, json_t **plan,
			     struct why *why)
{
	char path[PATH_SIZE];
	TRY(path_of(folder, PLAN, path, why));
	*plan = json_load_file(path, 0, NULL);
	if (*plan == NULL || strcmp(json_text(*plan, "key", ""), kid) == 0)
		return MM_OK;
	json_decref(*plan);
	*plan = NULL;
	return why_say(why, MM_ERR_CONFLICT, NULL,
		       "%.250s holds the new tokens for another key: name "
		       "another folder",
		       folder);
}

static const char *folder_of(const struct args *a)
{
	return strcmp(a->reissue, "-") == 0 ? NULL : a->reissue;
}

enum mm_err key_reissue_open(struct handout *out, const char *kid,
			     const struct args *a, struct why *why)
{
	AUTO_JSON json_t *plan = NULL;
	TRY(handout_open(out, folder_of(a), why));
	out->json = a->json;
	return folder_of(a) ? load_plan(a->reissue, kid, &plan, why) : MM_OK;
}

/* Whose turn it is: as it was written down at the first run. */
static enum mm_err make_plan(const struct reissue *r, json_t **tokens,
			     struct why *why)
{
	char path[PATH_SIZE];
	AUTO_JSON json_t *plan = NULL;
	if (r->folder == NULL)
		return key_tokens(r->p, r->kid, tokens, why);
	TRY(load_plan(r->folder, r->kid, &plan, why));
	*tokens = json_incref(json_object_get(plan, "tokens"));
	if (plan != NULL)
		return MM_OK;
	TRY(path_of(r->folder, PLAN, path, why));
	TRY(key_tokens(r->p, r->kid, tokens, why));
	return save_plan(r, path, *tokens, why);
}

/* ---- one token after the other ---- */

/* What users have written; a spreadsheet shall not take it for a formula. */
static void add_cell(struct buf *b, const char *text)
{
	buf_fmt(b, "%s%s\t", text[0] && strchr("=+-@", text[0]) ? "'" : "",
		text);
}

static void note(struct reissue *r, const json_t *old, const char *new)
{
	buf_fmt(&r->manifest, "%s\t%s\t", json_text(old, "id", "-"),
		new ? new : "-");
	add_cell(&r->manifest, json_text(old, "user", ""));
	add_cell(&r->manifest, json_text(old, "label", ""));
	buf_fmt(&r->manifest, "%s\t%s\n", json_text(old, "expires_at", "-"),
		key_token_of_agent(old) ? "mintmark-agent" : "-");
	json_array_append_new(r->results,
			      json_pack("{s:s, s:s?, s:s, s:b}", "old",
					json_text(old, "id", "-"), "new", new,
					"user", json_text(old, "user", "-"),
					"agent", key_token_of_agent(old)));
}

/* An agent's old token must stay: with it, one that was cut off still comes
 * to the feed, and hears there that the key is gone.  It opens nothing
 * else any more.  (The longest overlap that there is, and the same in each
 * run: the same question must be asked again.) */
static enum mm_err replace(struct reissue *r, const json_t *old, json_t **reply,
			   struct why *why)
{
	char path[64], *once = r->p->client.once;
	const char *id = json_text(old, "id", "-");
	AUTO_JSON json_t *body = json_pack("{s:b}", "keep_expiry", 1);
	if (key_token_of_agent(old))
		json_object_set_new(body, "overlap", json_string("30d"));
	snprintf(path, sizeof path, "/v1/tokens/%.30s/rotate", id);
	snprintf(once, sizeof r->p->client.once, "%.11s-%.18s", r->kid, id);
	enum mm_err e =
		client_call(&r->p->client, "POST", path, body, reply, why);
	once[0] = '\0';
	return e;
}

/* Whatever came back, nobody gets another's token. */
static enum mm_err hand_out(struct reissue *r, const json_t *old,
			    const json_t *reply, struct why *why)
{
	if (strcmp(json_text(reply, "user", ""), json_text(old, "user", "-")) !=
	    0)
		return why_say(why, MM_ERR_IO, NULL,
			       "the mint answered with another user's token "
			       "in place of %s",
			       json_text(old, "id", "-"));
	return handout_put(r->out, json_text(old, "id", "-"), reply, why);
}

/* What an earlier run, which was cut off, had made may have been revoked
 * since: that is nothing to hand out. */
static enum mm_err check_lives(const json_t *reply, struct why *why)
{
	const char *status = json_text(reply, "status", "active");
	if (strcmp(status, "active") == 0)
		return MM_OK;
	return why_say(why, MM_ERR_CONFLICT, NULL,
		       "the one that an earlier run made for it, %s, is %s",
		       json_text(reply, "id", "-"), status);
}

/* What its row said when the plan was made. */
static enum mm_err check_replaceable(const json_t *old, struct why *why)
{
	if (strcmp(json_text(old, "status", ""), "suspended") == 0)
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "it is suspended, and stays so");
	if (json_is_true(json_object_get(old, "replaced")))
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "it had been rotated already, with an overlap; "
			       "its user has the one that took its place");
	return MM_OK;
}

/* A token that is not replaced (see there; or dead by now, or revoked) is
 * said and does not stop the rest. */
static enum mm_err reissue_one(struct reissue *r, const json_t *old,
			       struct why *why)
{
	const char *id = json_text(old, "id", "-");
	const char *new = json_string_value(json_object_get(r->out->done, id));
	struct why inner = { .text = "" };
	AUTO_JSON json_t *reply = NULL;
	enum mm_err e = new ? MM_OK : check_replaceable(old, &inner);
	if (e == MM_OK && new == NULL)
		e = replace(r, old, &reply, &inner);
	if (e == MM_OK)
		e = check_lives(reply, &inner);
	if (e == MM_ERR_CONFLICT || e == MM_ERR_NOT_FOUND) {
		put_text(r->p->say, id);
		fputs(" of ", r->p->say);
		put_text(r->p->say, json_text(old, "user", "-"));
		fputs(" was not replaced: ", r->p->say);
		put_text(r->p->say, inner.text);
		fputc('\n', r->p->say);
		r->missed++;
		note(r, old, NULL);
		return MM_OK;
	}
	if (e != MM_OK)
		return why_say(why, e, NULL, "%s: run it again", inner.text);
	if (new == NULL)
		TRY(hand_out(r, old, reply, why));
	r->made++;
	note(r, old, new ? new : json_text(reply, "id", "-"));
	return MM_OK;
}

/* They come by user. */
static enum mm_err reissue_all(struct reissue *r, const json_t *tokens,
			       struct why *why)
{
	size_t i;
	const json_t *t;
	const char *user = NULL;
	json_array_foreach(tokens, i, t)
	{
		const char *of = json_text(t, "user", "-");
		if (user == NULL || strcmp(user, of) != 0)
			TRY(handout_begin(r->out, of, json_text(t, "id", "-"),
					  why));
		user = of;
		TRY(reissue_one(r, t, why));
	}
	return MM_OK;
}

/* ---- the whole ---- */

static enum mm_err put_manifest(struct reissue *r, struct why *why)
{
	char path[PATH_SIZE];
	struct span text;
	TRY(path_of(r->folder, MANIFEST, path, why));
	TRY(buf_done(&r->manifest, &text));
	return file_replace(path, text, 0600, why);
}

static void say_done(const struct reissue *r)
{
	if (r->made == 0)
		fputs("Made no new tokens.\n", r->p->say);
	else
		fprintf(r->p->say,
			"Made %zu new token%s, each in place of an "
			"old one.\n",
			r->made, r->made == 1 ? "" : "s");
	if (r->missed != 0)
		fprintf(r->p->say,
			"Not replaced: %zu (said above). Where one is needed, "
			"mintmark token create makes it; or,\nof those that "
			"are too long only, mintmark token rotate "
			"--allow-long.\n",
			r->missed);
	if (r->folder == NULL || r->made == 0)
		return;
	fprintf(r->p->say,
		"Next: hand each file %s/USER.tokens to its user, and "
		"remove the folder.\n%s/" MANIFEST " lists old and new "
		"ids.\n",
		r->folder, r->folder);
	r->p->said_next = true;
}

static enum mm_err finish(struct reissue *r, bool json, struct why *why)
{
	if (r->folder != NULL)
		TRY(put_manifest(r, why));
	say_done(r);
	if (!json || r->folder == NULL)
		return MM_OK;
	AUTO_JSON json_t *whole =
		json_pack("{s:s, s:O}", "key", r->kid, "replaced", r->results);
	put_json(whole);
	return MM_OK;
}

enum mm_err key_reissue(struct key_place *p, const char *kid,
			struct handout *out, const struct args *a,
			struct why *why)
{
	AUTO_REISSUE struct reissue r = {
		.p = p,
		.kid = kid,
		.folder = folder_of(a),
		.out = out,
		.manifest = buf_new(256u << 20),
		.results = json_array(),
	};
	AUTO_JSON json_t *tokens = NULL;
	TRY(make_plan(&r, &tokens, why));
	buf_str(&r.manifest, "old\tnew\tuser\tlabel\texpires\tof\n");
	TRY(reissue_all(&r, tokens, why));
	return finish(&r, a->json, why);
}
