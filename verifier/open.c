/* open.c - mm_open() and mm_close(): on the agent's state file, or on one of
 * our own that a follower in this process keeps. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "verifier/follow.h"
#include "verifier/verifier.h"

#define WAIT_MS	      10000
#define MAX_STALENESS 86400 /* as the agent's default */

static bool is_url(const char *state)
{
	return !strncmp(state, "https://", 8) || !strncmp(state, "http://", 7);
}

/* ---- our own follower ---- */

static const char *const suffixes[] = { "",	   ".new",     ".lock",
					".sock",   ".journal", ".checkpoint",
					".pending" };

static void remove_folder(const char *folder)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		snprintf(path, sizeof path, "%s/state%s", folder, suffixes[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* mkdtemp() makes it for us alone (0700). */
static char *make_folder(void)
{
	const char *places[] = { secure_getenv("TMPDIR"), "/run", "/tmp" };
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		char path[PATH_MAX];
		int n = places[i] == NULL
				? 0
				: snprintf(path, sizeof path,
					   "%s/mintmark-XXXXXX", places[i]);
		if (n > 0 && (size_t)n < sizeof path && mkdtemp(path) != NULL)
			return strdup(path);
	}
	return NULL;
}

static enum mm_err fill_options(const struct mm_options *opt, const char *state,
				struct follower_options *to, struct why *why)
{
	*to = (struct follower_options){
		.state = state,
		.jwks_file = opt->jwks_file,
		.max_staleness = opt->max_staleness > 0 ? opt->max_staleness
							: MAX_STALENESS,
	};
	if (opt->token_file == NULL)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "an issuer's URL needs token_file: a token with "
			       "scope mintmark:agent");
	struct span url = span_str(opt->state);
	while (url.len != 0 && url.at[url.len - 1] == '/')
		url.len--;
	to->issuer.count = 1;
	if (span_copy(to->issuer.url[0], LINK_TEXT, url) &&
	    span_copy(to->issuer.token_file, LINK_TEXT,
		      span_str(opt->token_file)))
		return MM_OK;
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "the URL or token_file is too long");
}

struct own {
	char *folder;
	struct follower *follower;
};

/* The follower goes first: it writes into the folder until it ends. */
static void own_end(struct own *o)
{
	follower_stop(o->follower, true);
	if (o->folder != NULL)
		remove_folder(o->folder);
	free(o->folder);
}
#define AUTO_OWN __attribute__((cleanup(own_end)))

static enum mm_err open_url(const struct mm_options *opt,
			    struct mm_verifier **out, struct why *why)
{
	AUTO_OWN struct own own = { .folder = make_folder() };
	struct follower_options fo;
	char state[PATH_MAX];
	if (own.folder == NULL)
		return why_say(
			why, MM_ERR_UNAVAILABLE, NULL,
			"no folder can be made in $TMPDIR, /run or /tmp");
	snprintf(state, sizeof state, "%.*s/state", PATH_MAX - 8, own.folder);
	TRY(fill_options(opt, state, &fo, why));
	TRY(follower_start(&fo, &own.follower, why));
	TRY(follower_wait(own.follower, WAIT_MS, why));
	TRY(verifier_open_state(opt, state, out, why));
	(*out)->follower = own.follower;
	(*out)->folder = own.folder;
	own = (struct own){ NULL, NULL }; /* transferred */
	return MM_OK;
}

/* ---- the public pair ---- */

enum mm_err mm_open(const struct mm_options *opt, struct mm_verifier **out)
{
	struct why why = { .text = "" };
	enum mm_err e = MM_ERR_UNAVAILABLE;
	*out = NULL;
	if (opt->state == NULL)
		(void)why_say(&why, e, NULL,
			      "no state: name the agent's state file or the "
			      "issuer's URL");
	else if ((opt->flags & MM_ACCESS_TOKENS) != 0 && opt->audience == NULL)
		(void)why_say(&why, e, NULL,
			      "MM_ACCESS_TOKENS needs an audience: an access "
			      "token is for one service, by name");
	else if (is_url(opt->state))
		e = open_url(opt, out, &why);
	else
		e = verifier_open_state(opt, opt->state, out, &why);
	if (opt->why != NULL && opt->why_size != 0)
		snprintf(opt->why, opt->why_size, "%s",
			 why.text[0] || e == MM_OK ? why.text : mm_err_word(e));
	return e == MM_OK ? MM_OK : MM_ERR_UNAVAILABLE;
}

void mm_close(struct mm_verifier *v)
{
	if (v == NULL)
		return;
	struct own own = { v->folder, v->follower };
	verifier_close(v);
	own_end(&own);
}
