/* key_compromise.c - mintmark key compromise: a key goes, now.
 *
 * The report first (the tokens are known by it), then the files, then the
 * mint, then the replacements.  Nothing keeps the key in but its owner's no:
 * a report that cannot be made does not.  After a crash the same command
 * does what is left; the store knows for good which key signed a token.
 */
#include <unistd.h>

#include "cli/commands.h"
#include "cli/key.h"
#include "cli/output.h"
#include "keys/rotation.h"

/* A key that is gone already may have been thrown out by a run that was cut
 * off: there may be more to do. */
static bool ever_signed(struct key_place *p, const char *kid)
{
	AUTO_BUF struct buf path = buf_new(512);
	AUTO_JSON json_t *page = NULL;
	struct span text;
	if (key_known(p, kid) != NULL)
		return true;
	buf_str(&path, "/v1/tokens?status=all&limit=1&key=");
	client_escape(&path, kid);
	return buf_done(&path, &text) == MM_OK &&
	       client_call(&p->client, "GET", (const char *)text.at, NULL,
			   &page, NULL) == MM_OK &&
	       json_array_size(json_object_get(page, "tokens")) != 0;
}

/* To standard output, but not among the new tokens there. */
static enum mm_err put_report(const struct key_place *p, const struct args *a,
			      const char *kid, const json_t *tokens)
{
	if (a->json || p->say == stdout)
		return key_report_put(kid, tokens, a->json);
	fprintf(p->say, "Live tokens that the key %s has signed: %zu\n", kid,
		json_array_size(tokens));
	return MM_OK;
}

/* Tells what can be told; *tokens stays NULL when nothing can. */
static void report(struct key_place *p, const struct args *a, const char *kid,
		   json_t **tokens)
{
	struct why why = { .text = "" };
	enum mm_err e = MM_ERR_UNAVAILABLE;
	if (p->running)
		e = key_tokens(p, kid, tokens, &why);
	if (e == MM_OK)
		e = put_report(p, a, kid, *tokens);
	fflush(stdout);
	if (e == MM_OK)
		return;
	fprintf(stderr,
		"mintmark: its tokens cannot be listed now (%s); mintmark key "
		"report %s does it later\n",
		why.text[0] ? why.text : "no mintmarkd runs", kid);
}

static enum mm_err confirm(const struct args *a, const char *kid,
			   struct why *why)
{
	char answer[8] = "";
	fprintf(stderr,
		"This takes the key %s out for good: every token that it "
		"signed will be refused\neverywhere, and its users need new "
		"ones. There is no way back.\n",
		kid);
	if (a->yes)
		return MM_OK;
	if (!isatty(STDIN_FILENO))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "nothing was changed: run it again "
			       "with --yes to do it");
	fputs("Go on? [y/N] ", stderr);
	if (fgets(answer, sizeof answer, stdin) != NULL &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return MM_OK;
	return why_say(why, MM_ERR_CONFLICT, NULL, "nothing was changed");
}

/* Only the mint knows whether it has signed. */
static enum mm_err check_known(struct key_place *p, const char *kid,
			       struct why *why)
{
	if (p->running && ever_signed(p, kid))
		return MM_OK;
	if (p->running)
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "there is no such key, and no token that it "
			       "signed: mintmark key list shows all");
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "the key %.20s is not in %.400s, and only mintmarkd "
		       "knows whether it was: start it and run this again",
		       kid, p->keys);
}

static enum mm_err throw_out(struct key_place *p, const struct keyring *ring,
			     const char *kid, struct why *why)
{
	struct keyring_thrown did;
	if (keyring_find(ring, kid) != NULL) {
		TRY(key_refusal(keyring_compromise(
			p->dir, kid, rotation_alg(ring), &did, why)));
		fprintf(p->say, "Threw out the key %s.\n", kid);
		if (did.no_next)
			fprintf(p->say,
				"No next key was made: %s.\nNext: mintmark key "
				"rotate makes one, when that is mended.\n",
				why->text);
		key_say_left(p, ring, kid);
	} else {
		/* A crash may have kept an earlier run from telling. */
		fprintf(p->say, "The key %s is not in %s any more.\n", kid,
			p->keys);
	}
	fflush(p->say); /* whatever comes now, this is done */
	return key_reload(p, kid, why);
}

static void say_agents(const struct key_place *p, const json_t *tokens)
{
	size_t i;
	const json_t *t;
	json_array_foreach(tokens, i, t)
	{
		if (!key_token_of_agent(t))
			continue;
		fprintf(p->say, "  %s, of the user ", json_text(t, "id", "-"));
		put_text(p->say, json_text(t, "user", "-"));
		fputs(" (", p->say);
		put_text(p->say, json_text(t, "label", "no label"));
		fputs("), is a mintmark-agent's own: it follows the feed "
		      "still, but its\n    reports of use are refused until "
		      "its token file holds a new one.\n",
		      p->say);
	}
}

static void say_next(const struct key_place *p, const struct args *a,
		     const char *kid, const json_t *tokens)
{
	size_t n = json_array_size(tokens);
	fputs("Next: find out how the key got out, and which others lay beside "
	      "it: they go too.\n",
	      p->say);
	if (n != 0 && a->reissue == NULL)
		fprintf(p->say,
			"The users of its tokens need new ones: make them "
			"with\n  mintmark key compromise %s --reissue "
			"FOLDER\n",
			kid);
	say_agents(p, tokens);
}

enum mm_err key_compromise(const struct args *a, struct why *why)
{
	AUTO_PLACE struct key_place p = { .known = NULL };
	AUTO_RING struct keyring ring = { .count = 0 };
	AUTO_JSON json_t *tokens = NULL;
	if (a->operand_count != 1)
		return why_say(why, MM_ERR_INVALID, NULL, "the KID is missing");
	const char *kid = a->operand[0];
	TRY(key_place_open(&p, a, why));
	if (a->json || (a->reissue != NULL && strcmp(a->reissue, "-") == 0))
		p.say = stderr; /* the other one is for programs */
	TRY(key_place_load(&p, &ring, why));
	report(&p, a, kid, &tokens);
	if (keyring_find(&ring, kid) == NULL)
		TRY(check_known(&p, kid, why));
	TRY(confirm(a, kid, why));
	TRY(throw_out(&p, &ring, kid, why));
	if (a->reissue != NULL)
		TRY(key_reissue(&p, kid, a, why));
	say_next(&p, a, kid, tokens);
	return MM_OK;
}
