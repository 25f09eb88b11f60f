/* key_compromise.c - mintmark key compromise: a key goes, now.
 *
 * The report first (the tokens are known by it), then the files, then the
 * mint, then the replacements.  Nothing keeps the key in but its owner's no:
 * not a report that cannot be made, nor a mint that does not answer.  It is
 * done when the mint has been told, since until then verifiers accept what
 * the key signs.  After a crash the same command does what is left; the
 * store knows for good which key signed a token.
 */
#include <unistd.h>

#include "cli/commands.h"
#include "cli/key.h"
#include "cli/key_handout.h"
#include "cli/output.h"
#include "keys/rotation.h"

#define ASK_SECONDS  10 /* for all that is asked before the key is out */
#define TELL_SECONDS 30 /* it opens key files, and waits for agents */

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

/* Tells what can be told; *tokens stays NULL when nothing can, because of
 * `silence` if the mint did not answer. */
static void report(struct key_place *p, const struct args *a, const char *kid,
		   const struct why *silence, json_t **tokens)
{
	struct why why = *silence;
	enum mm_err e = MM_ERR_UNAVAILABLE;
	if (p->running)
		e = key_tokens(p, kid, tokens, &why);
	if (e == MM_OK)
		e = put_report(p, a, kid, *tokens);
	fflush(stdout);
	if (e == MM_OK)
		return;
	fputs("mintmark: its tokens cannot be listed now (", stderr);
	put_text(stderr, why.text[0] ? why.text : "no mintmarkd runs");
	fprintf(stderr, "); mintmark key report %s does it later\n", kid);
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

/* One that is gone may have been thrown out by a run that was cut off, or
 * that found nobody to tell: then this was begun, and nobody is asked again.
 * Or its file was lost, and mintmarkd does not start before it knows what
 * became of it. */
static enum mm_err check_was_there(struct key_place *p, const char *kid,
				   bool *begun, struct why *why)
{
	enum key_end end;
	*begun = key_former(p, kid);
	if (*begun)
		return MM_OK;
	if (p->running && !key_published(p, kid))
		return why_say(why, MM_ERR_NOT_FOUND, NULL,
			       "there is no such key, and there was none: "
			       "mintmark key list shows all");
	TRY(key_refusal(keyring_marked(p->dir, kid, &end, why)));
	*begun = end == KEY_END_STOLEN;
	return MM_OK;
}

/* Only the mint knows whether there was such a key. */
static enum mm_err mark_lost(const struct key_place *p, const char *kid,
			     struct why *why)
{
	TRY(key_refusal(keyring_mark(p->dir, kid, KEY_END_STOLEN, why)));
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "the key %.20s is not in %.150s; it is marked as stolen "
		       "there now, and if it was one, mintmarkd says so as "
		       "soon as it reads the keys: start or reload it, and "
		       "run this again",
		       kid, p->keys);
}

static enum mm_err take_out(struct key_place *p, const struct keyring *ring,
			    const char *kid, struct why *why)
{
	struct keyring_thrown did;
	TRY(key_refusal(keyring_compromise(p->dir, kid, rotation_alg(ring),
					   &did, why)));
	fprintf(p->say, "Threw out the key %s.\n", kid);
	if (did.no_next)
		fprintf(p->say,
			"No next key was made: %s.\nNext: mintmark key "
			"rotate makes one, when that is mended.\n",
			why->text);
	p->said_next = did.no_next;
	if (did.no_mark)
		fprintf(p->say,
			"There was no room to write down why: if mintmarkd is "
			"not told now, make room and run this again.\n");
	key_say_left(p, ring, kid);
	return MM_OK;
}

/* A key that went never returns: with its file back, from a backup say, the
 * mint would refuse the whole keyring, and go on with the stolen key. */
static enum mm_err take_out_former(struct key_place *p,
				   const struct keyring *ring, struct why *why)
{
	for (size_t i = 0; i < ring->count; i++) {
		const char *kid = jwk_kid(ring->at[i].key);
		if (!key_former(p, kid))
			continue;
		fprintf(p->say,
			"The key %s was retired or thrown out before, and its "
			"file is back: it goes again.\n",
			kid);
		TRY(take_out(p, ring, kid, why));
	}
	return MM_OK;
}

/* Two lines: what the mint says may be as long as a sentence can be. */
static enum mm_err say_untold(const char *kid, const char *what,
			      const char *next, struct why *why)
{
	fputs("mintmark: ", stderr);
	put_text(stderr, what);
	fputc('\n', stderr);
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "verifiers accept what the key %.11s signs until "
		       "mintmarkd knows that it is out. Next: %s",
		       kid, next);
}

/* What the mint itself signs with that key ends now, too. */
static enum mm_err tell(struct key_place *p, const char *kid, struct why *why)
{
	AUTO_JSON json_t *reply = NULL;
	struct why inner = { .text = "" };
	client_hurry(&p->client, p->running ? TELL_SECONDS : ASK_SECONDS);
	enum mm_err e = key_tell(p, kid, &reply, &inner);
	p->client.until = 0;
	if (e == MM_ERR_UNAVAILABLE && key_check_stopped(p, &inner) == MM_OK)
		return say_untold(kid, "no mintmarkd runs", "start it", why);
	if (e == MM_ERR_UNAVAILABLE)
		return say_untold(kid, inner.text,
				  "run this again; if it does not pass, reload "
				  "it, and look for key.compromised in its log",
				  why);
	if (e == MM_ERR_NOT_FOUND) {
		fputs("mintmarkd has read the keys. It has never announced "
		      "this one, so no verifier takes it.\n",
		      p->say);
		p->running = true;
		return MM_OK;
	}
	if (e != MM_OK)
		return say_untold(kid, inner.text, "run this again", why);
	if (json_is_false(json_object_get(reply, "published")))
		return say_untold(kid, "the mint cannot publish it now",
				  "see its log, and run this again", why);
	p->running = true;
	fputs("mintmarkd has read the keys and tells the verifiers.\n", p->say);
	return MM_OK;
}

static enum mm_err throw_out(struct key_place *p, const struct keyring *ring,
			     const char *kid, struct why *why)
{
	TRY(take_out_former(p, ring, why));
	if (keyring_find(ring, kid) == NULL)
		fprintf(p->say, "The key %s is not in %s any more.\n", kid,
			p->keys);
	else if (!key_former(p, kid))
		TRY(take_out(p, ring, kid, why));
	fflush(p->say); /* whatever comes now, this is done */
	return tell(p, kid, why);
}

static void say_agents(const struct key_place *p, const json_t *tokens)
{
	size_t i;
	const json_t *t;
	json_array_foreach(tokens, i, t)
	{
		if (!key_token_of_agent(t))
			continue;
		fputs("  ", p->say);
		put_text(p->say, json_text(t, "id", "-"));
		fputs(", of the user ", p->say);
		put_text(p->say, json_text(t, "user", "-"));
		fputs(" (", p->say);
		put_text(p->say, json_text(t, "label", "no label"));
		fputs("), may be a mintmark-agent's own, or a service's that "
		      "introspects. Until it\n    has a new one, it can follow "
		      "the feed, and nothing else: reports of use and\n    "
		      "introspection are refused.\n",
		      p->say);
	}
}

/* Whether an earlier run came so far as to say it, nobody knows. */
static void say_next(const struct key_place *p, const struct args *a,
		     const char *kid, const json_t *tokens, bool again)
{
	if (tokens != NULL && json_array_size(tokens) == 0)
		fputs("It has no live tokens: there is nothing to replace.\n",
		      p->say);
	fprintf(p->say,
		"%s find out how the key got out, and which others lay beside "
		"it: they go too.\n",
		p->said_next ? "Then"
		: again	     ? "It was thrown out before. Still to be done, if "
			       "nobody has:"
			     : "Next:");
	if (a->reissue == NULL && json_array_size(tokens) != 0)
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
	AUTO_HANDOUT struct handout out = { .folder = -1, .fd = -1 };
	AUTO_JSON json_t *tokens = NULL;
	struct why silence = { .text = "" };
	if (a->operand_count != 1)
		return why_say(why, MM_ERR_INVALID, NULL, "the KID is missing");
	const char *kid = a->operand[0];
	TRY(key_place_find(&p, a, why));
	if (a->json || (a->reissue != NULL && strcmp(a->reissue, "-") == 0))
		p.say = stderr; /* the other one is for programs */
	if (a->reissue != NULL) /* nothing is done for a folder that is wrong */
		TRY(key_reissue_open(&out, kid, a, why));
	client_hurry(&p.client, ASK_SECONDS);
	key_place_ask(&p, &silence);
	TRY(key_place_load(&p, &ring, why));
	bool is_here = keyring_find(&ring, kid) != NULL, begun = false;
	if (!is_here)
		TRY(check_was_there(&p, kid, &begun, why));
	report(&p, a, kid, &silence, &tokens);
	if (!begun)
		TRY(confirm(a, kid, why));
	if (!is_here && !begun && !p.running)
		return mark_lost(&p, kid, why);
	TRY(throw_out(&p, &ring, kid, why));
	if (a->reissue != NULL)
		TRY(key_reissue(&p, kid, &out, a, why));
	say_next(&p, a, kid, tokens, !is_here);
	return MM_OK;
}
