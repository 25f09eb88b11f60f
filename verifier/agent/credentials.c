/* credentials.c - the Authorization header, taken apart. */
#include "verifier/agent/credentials.h"

#include <strings.h>

#include "common/base64url.h"

/* RFC 7617 s2 has RFC 4648 s4: + and / for - and _, and padding, all of it.
 * Rewritten as base64url, whose reader takes no second spelling. */
static bool to_base64url(struct span text, char *out, size_t *len)
{
	size_t n = text.len;
	if (n % 4 != 0)
		return false;
	for (int padding = 0; padding < 2 && n && text.at[n - 1] == '='; n--)
		padding++;
	for (size_t i = 0; i < n; i++) {
		char c = (char)text.at[i];
		if (c == '-' || c == '_')
			return false;
		out[i] = c == '+' ? '-' : c == '/' ? '_' : c;
	}
	*len = n;
	return true;
}

/* Cut at the first colon: no user's name holds one. */
static enum mm_err read_basic(struct span text, struct credentials *out)
{
	char url[BASE64URL_LEN(CREDENTIALS_SIZE) + 3];
	size_t n, decoded;
	if (text.len > sizeof url || !to_base64url(text, url, &n))
		return MM_ERR_MALFORMED;
	out->used = sizeof out->room; /* also if it breaks off */
	enum mm_err e = base64url_decode(span_of(url, n), (uint8_t *)out->room,
					 sizeof out->room - 1, &decoded);
	explicit_bzero(url, n);
	if (e != MM_OK)
		return MM_ERR_MALFORMED;
	out->used = decoded + 1;
	out->room[decoded] = '\0';

	struct span user, rest = span_of(out->room, decoded);
	if (!span_cut(&rest, ':', &user) ||
	    memchr(user.at, '\0', user.len) != NULL)
		return MM_ERR_MALFORMED;
	out->room[user.len] = '\0';
	out->user = out->room;
	out->token = rest;
	return MM_OK;
}

static enum mm_err read_bearer(struct span text, struct credentials *out)
{
	out->token = text;
	return MM_OK;
}

static const struct scheme {
	const char *name; /* in any case: RFC 9110 s11.1 */
	enum mm_err (*read)(struct span text, struct credentials *out);
} schemes[] = {
	{ "Bearer", read_bearer },
	{ "Basic", read_basic },
};

enum mm_err credentials_read(const char *authorization, struct credentials *out)
{
	struct span scheme, rest;
	out->user = NULL;
	out->used = 0;
	if (authorization == NULL)
		return MM_ERR_UNAUTHENTICATED;
	rest = span_str(authorization);
	if (!span_cut(&rest, ' ', &scheme))
		return MM_ERR_UNAUTHENTICATED;
	while (rest.len != 0 && rest.at[0] == ' ')
		rest = span_of(rest.at + 1, rest.len - 1);
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (scheme.len == strlen(schemes[i].name) &&
		    strncasecmp((const char *)scheme.at, schemes[i].name,
				scheme.len) == 0)
			return schemes[i].read(rest, out);
	return MM_ERR_UNAUTHENTICATED;
}

void credentials_wipe(struct credentials *c)
{
	explicit_bzero(c->room, c->used);
}
