/* link.c - requests to the issuer, and what its refusals mean. */
#include "verifier/link.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/jws.h"

/* A relay that was left is tried again after so long; then doubled. */
#define TRY_MIN_MS (5 * 1000)
#define TRY_MAX_MS (5 * 60 * 1000)

enum mm_err link_init(struct link *l, const struct link_target *to)
{
	*l = (struct link){ .to = to, .fetch = fetch_new() };
	return l->fetch == NULL ? MM_ERR_NOMEM : MM_OK;
}

void link_free(struct link *l)
{
	fetch_free(l->fetch);
	l->fetch = NULL;
}

/* ---- which address ---- */

static size_t preferred(const struct link *l)
{
	return l->at < l->to->relays ? l->at : l->to->relays;
}

static void try_in(struct link *l, int64_t ms)
{
	l->try_ms = ms;
	l->try_at = clock_ms() + ms;
}

void link_try_back(struct link *l)
{
	size_t better = preferred(l);
	if (l->trying || better == 0 || clock_ms() < l->try_at)
		return;
	l->trying = true;
	l->left = l->at;
	l->at = l->tries++ % better;
}

void link_worked(struct link *l)
{
	if (l->trying)
		try_in(l, TRY_MIN_MS);
	l->trying = false;
}

void link_next(struct link *l)
{
	if (l->trying) {
		l->trying = false;
		l->at = l->left;
		try_in(l,
		       l->try_ms * 2 < TRY_MAX_MS ? l->try_ms * 2 : TRY_MAX_MS);
		return;
	}
	l->at = (l->at + 1) % (l->to->relays + l->to->count);
	l->own = (l->own + 1) % l->to->count;
	try_in(l, TRY_MIN_MS);
}

/* ---- asking ---- */

enum mm_err link_read_token(const char *path, struct buf *out, struct why *why)
{
	struct span text;
	TRY(buf_read_others_file(out, path, true, why)); /* no pipe: it waits */
	TRY(buf_done(out, &text));
	while (out->len != 0 &&
	       (out->at[out->len - 1] == '\n' || out->at[out->len - 1] == '\r'))
		out->at[--out->len] = '\0';
	/* It becomes part of a header: nothing but a token may. */
	for (size_t i = 0; i < out->len; i++)
		if (out->at[i] <= ' ' || out->at[i] > '~')
			return why_say(why, MM_ERR_INVALID, "token-file",
				       "%s holds more than one token: it "
				       "should be a single line",
				       path);
	if (out->len == 0)
		return why_say(why, MM_ERR_INVALID, "token-file",
			       "%s is empty: put a token with scope "
			       "mintmark:agent there",
			       path);
	return MM_OK;
}

/* clang-format off */
static const struct {
	unsigned status;
	enum mm_err means;
	const char *text;
} answers[] = {
	{ 401, MM_ERR_UNAUTHENTICATED,
	  "refuses this agent's token (401: it is revoked, over, or another "
	  "mint's): put another into --token-file, from the mint: mintmark "
	  "token create -u agent -e 365d -s mintmark:agent -q" },
	{ 403, MM_ERR_FORBIDDEN,
	  "says that this agent's token lacks the scope mintmark:agent (403): "
	  "put another into --token-file, from the mint: mintmark token "
	  "create -u agent -e 365d -s mintmark:agent -q" },
	{ 410, MM_ERR_GONE,
	  "no longer keeps the events that follow ours (410)" },
	{ 507, MM_ERR_UNAVAILABLE, "has no room on its disk (507)" },
};
/* clang-format on */

static enum mm_err judge(const char *url, unsigned status, struct why *why)
{
	if (status >= 200 && status <= 299)
		return MM_OK;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (answers[i].status == status)
			return why_say(why, answers[i].means, NULL, "%.200s %s",
				       url, answers[i].text);
	return why_say(why, MM_ERR_UNAVAILABLE, NULL,
		       "%.200s answers %u: is it a Mintmark issuer, and is it "
		       "well?",
		       url, status);
}

enum mm_err link_run(struct link *l, const struct link_ask *ask,
		     struct buf *body, struct why *why)
{
	AUTO_BUF struct buf token = buf_new(TOKEN_MAX);
	char url[LINK_TEXT + 128];
	const char *at = ask->no_relay ? l->to->url[l->own] : link_url(l);
	unsigned status = 0;
	if (ask->with_token)
		TRY(link_read_token(l->to->token_file, &token, why));
	snprintf(url, sizeof url, "%s%s", at, ask->path);
	struct fetch_request rq = {
		.url = url,
		.bearer =
			ask->with_token ? (const char *)token.at : ask->bearer,
		.post = ask->post,
		.timeout_ms = ask->timeout_ms,
		.via = ask->via,
	};
	enum mm_err e = fetch_run(l->fetch, &rq, body, &status, why);
	l->busy = e == MM_OK && status == 503;
	if (ask->status != NULL)
		*ask->status = e == MM_OK ? status : 0;
	return e == MM_OK ? judge(at, status, why) : e;
}
