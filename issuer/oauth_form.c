/* oauth_form.c - forms in, RFC 6749 section 5.2 out. */
#include "issuer/oauth_form.h"

#include <stdarg.h>
#include <strings.h>

#include "issuer/reply.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

/* ---- refusing ---- */

/* Without quotes, backslashes and what is not ASCII (RFC 6749 s5.2). */
static void clean(char *text)
{
	for (char *p = text; *p != '\0'; p++)
		if (*p == '"')
			*p = '\'';
		else if (*p == '\\' || *p < 0x20 || *p > 0x7E)
			*p = '?';
}

enum mm_err oauth_refuse(struct http_request *rq, const char *error,
			 const char *fmt, ...)
{
	char text[400];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	clean(text);
	TRY(reply_json(rq, 400,
		       json_pack("{s:s, s:s}", "error", error,
				 "error_description", text)));
	return MM_ERR_INVALID;
}

/* ---- reading ---- */

static bool is_form(const char *type)
{
	size_t n = strlen(FORM_TYPE);
	return type != NULL && strncasecmp(type, FORM_TYPE, n) == 0 &&
	       strchr(" \t;", type[n]) != NULL; /* ";charset=UTF-8" */
}

/* RFC 6749 s3.2, RFC 7662 s2.1, RFC 7009 s2.1, RFC 8693 s2.1: a form, in the
 * body only.  What stands in the URL stands in logs. */
static enum mm_err check_carrier(struct http_request *rq)
{
	if (http_query_form(rq)->count != 0)
		return oauth_refuse(rq, "invalid_request",
				    "parameters go into the body: a token in "
				    "the URL has been seen by logs, revoke it");
	if (!is_form(http_header(rq, "Content-Type")))
		return oauth_refuse(rq, "invalid_request",
				    "the body must be " FORM_TYPE);
	return MM_OK;
}

static const struct oauth_param *find(const struct oauth_param *params,
				      size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(params[i].name, name) == 0)
			return &params[i];
	return NULL;
}

/* False: there already. */
static bool take(const struct oauth_param *p, const char *value, void *out)
{
	void *at = (char *)out + p->offset;
	const char **one = at;
	struct oauth_texts *all = at;
	if (p->kind == OAUTH_TEXTS) {
		all->at[all->count++] = value; /* at most FORM_MAX */
		return true;
	}
	if (*one != NULL)
		return false;
	*one = value;
	return true;
}

enum mm_err oauth_read(struct http_request *rq,
		       const struct oauth_param *params, size_t n,
		       struct buf *room, void *out)
{
	struct form f;
	struct span text = http_body_bytes(rq);
	const char *name = NULL, *value;
	TRY(check_carrier(rq));
	*room = buf_new(FORM_ROOM(text.len));
	char *to = (char *)buf_room(room, FORM_ROOM(text.len));
	if (to == NULL)
		return room->failed;
	buf_grew(room, FORM_ROOM(text.len)); /* so that it will be wiped */
	if (!form_read_repeats(text, to, &f))
		return oauth_refuse(rq, "invalid_request",
				    "the form is not well encoded, or has "
				    "more than %d parameters",
				    FORM_MAX);
	while (form_next(&f, &name, &value)) {
		const struct oauth_param *p = find(params, n, name);
		if (p != NULL && value[0] != '\0' && !take(p, value, out))
			return oauth_refuse(rq, "invalid_request",
					    "%s is there twice", p->name);
	}
	return MM_OK;
}
