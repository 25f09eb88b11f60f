/* subrequest.c - the headers and the query of an auth subrequest. */
#include "verifier/agent/subrequest.h"

#include <strings.h>

struct heard {
	const char *authorization, *need;
	struct span from;
	struct need_methods methods;
	bool foreign; /* an X-Mintmark header that no proxy sends */
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* As the server behind the proxy may read it: CGI has _ for -, PHP for a dot
 * as well, and there may be others. */
static bool is_ours(const char *name)
{
	static const char ours[] = "x-mintmark-";
	size_t i = 0;
	while (ours[i] == '-' ? name[i] != '\0' && !is_word(name[i])
			      : ours[i] == (name[i] | 0x20))
		i++;
	return ours[i] == '\0';
}

/* The server lets no second Authorization get here. */
static bool hear(void *ctx, const char *name, const char *value)
{
	struct heard *h = ctx;
	if (strcasecmp(name, "Authorization") == 0)
		h->authorization = value;
	else if (strcasecmp(name, "X-Forwarded-For") == 0)
		h->from = http_forwarded(value);
	else if (strcasecmp(name, "X-Forwarded-Method") == 0 ||
		 strcasecmp(name, "X-Original-Method") == 0)
		need_add_method(&h->methods, value);
	else if (strcasecmp(name, "X-Mintmark-Need") == 0 && h->need == NULL)
		h->need = value;
	else
		h->foreign |= is_ours(name);
	return true;
}

/* Is the header the proxy's own word?  Only its configuration can say so, in
 * the address that it asks at: what comes along may be the client's. */
static bool is_by_header(struct http_request *rq, bool prefixed)
{
	const char *need = http_query(rq, "need");
	return prefixed || (need != NULL && strcmp(need, "header") == 0 &&
			    http_query_form(rq)->count == 1);
}

static enum mm_err read_header(const char *value, struct subrequest *out,
			       struct form *form, struct why *why)
{
	if (value == NULL || value[0] == '\0')
		return why_say(
			why, MM_ERR_SETUP, NULL,
			"X-Mintmark-Need is empty or not there: the proxy "
			"has to set it wherever it asks at "
			"/auth?need=header or behind /auth/");
	struct span text = span_str(value);
	if (text.len <= NEED_HEADER_MAX && form_read(text, out->room, form))
		return MM_OK;
	return why_say(why, MM_ERR_SETUP, NULL,
		       "X-Mintmark-Need is too long or not well encoded, or "
		       "repeats a parameter");
}

static enum mm_err refuse_strangers(const struct heard *h, bool by_header,
				    struct why *why)
{
	if (h->foreign)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the client must not send X-Mintmark headers");
	if (h->need != NULL && !by_header)
		return why_say(
			why, MM_ERR_INVALID, NULL,
			"the client must not send X-Mintmark-Need; if it "
			"is the proxy's, let that ask at "
			"/auth?need=header");
	return MM_OK;
}

enum mm_err subrequest_read(struct http_request *rq, bool prefixed,
			    struct subrequest *out)
{
	struct heard h = { .foreign = false };
	struct form form = *http_query_form(rq);
	bool by_header = is_by_header(rq, prefixed);
	http_headers(rq, hear, &h);
	if (prefixed)
		need_add_method(&h.methods, http_method(rq));
	TRY(refuse_strangers(&h, by_header, http_why(rq)));
	if (by_header)
		TRY(read_header(h.need, out, &form, http_why(rq)));
	out->authorization = h.authorization;
	TRY(need_read(&form, h.methods, &out->need, http_why(rq)));
	out->from = out->need.from ? span_str(out->need.from) : h.from;
	return MM_OK;
}
