/* link.c - requests to the issuer, and what its refusals mean. */
#include "verifier/link.h"

#include <stdio.h>

#include "common/jws.h"

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

void link_next(struct link *l)
{
	l->at = (l->at + 1) % l->to->count;
}

enum mm_err link_read_token(const char *path, struct buf *out, struct why *why)
{
	struct span text;
	TRY(buf_read_file(out, path, why));
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
	  "refuses this agent's token (401): check --token-file" },
	{ 403, MM_ERR_FORBIDDEN,
	  "says that this agent's token lacks the scope mintmark:agent "
	  "(403): check --token-file" },
	{ 410, MM_ERR_GONE,
	  "no longer keeps the events that follow ours (410)" },
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
	unsigned status = 0;
	if (ask->with_token)
		TRY(link_read_token(l->to->token_file, &token, why));
	snprintf(url, sizeof url, "%s%s", link_url(l), ask->path);
	struct fetch_request rq = {
		.url = url,
		.bearer = ask->with_token ? (const char *)token.at : NULL,
		.post = ask->post,
		.timeout_ms = ask->timeout_ms,
	};
	TRY(fetch_run(l->fetch, &rq, body, &status, why));
	return judge(link_url(l), status, why);
}
