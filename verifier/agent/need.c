/* need.c - what a door asks: read from parameters, compared with a token. */
#include "verifier/agent/need.h"

#include <stdio.h>

#include "common/cidr.h"
#include "common/text.h"

/* ---- methods ---- */

/* RFC 9110 s9.2.1 and RFC 4918: those that change nothing. */
static const char *const reading[] = { "GET", "HEAD", "OPTIONS", "PROPFIND" };
/* RFC 4918 s9.8: those with a Destination. */
static const char *const moving[] = { "COPY", "MOVE" };

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
	while (n != 0 && strcmp(word, list[n - 1]) != 0)
		n--;
	return n != 0;
}

void need_add_method(struct need_methods *m, const char *method)
{
	bool reads =
		is_one_of(method, reading, sizeof reading / sizeof *reading);
	m->perm |= reads ? MM_READ : MM_WRITE;
	m->moves |= is_one_of(method, moving, sizeof moving / sizeof *moving);
}

/* ---- reading ---- */

/* What is long may be a token that went astray: it is not said again. */
static enum mm_err wrong(struct why *why, const char *what, const char *value)
{
	char quoted[QUOTE_SIZE] = "something longer than 32 bytes";
	if (strlen(value) <= 32)
		text_quote(quoted, span_str(value));
	return why_say(why, MM_ERR_SETUP, NULL, "%s: %s", what, quoted);
}

/* What is read besides the struct need itself. */
struct reading {
	struct need *need;
	struct need_methods methods;
	unsigned perm; /* as given; 0: it was not */
	struct why *why;
};

static enum mm_err take_scope(struct reading *r, const char *value)
{
	struct why grammar;
	if (scope_check(span_str(value), &grammar) != MM_OK)
		return why_say(r->why, MM_ERR_SETUP, NULL, "%s", grammar.text);
	r->need->scope = value;
	return MM_OK;
}

static enum mm_err take_type(struct reading *r, const char *value)
{
	if (value[0] == '\0' || strpbrk(value, ": ") != NULL)
		return wrong(r->why, "type is one word without colons", value);
	r->need->type = value;
	return MM_OK;
}

static enum mm_err take_audience(struct reading *r, const char *value)
{
	if (value[0] == '\0')
		return wrong(r->why, "audience is empty", value);
	r->need->audience = value;
	return MM_OK;
}

/* For proxies whose X-Forwarded-For does not end with their client. */
static enum mm_err take_from(struct reading *r, const char *value)
{
	struct address a;
	if (!address_parse(span_str(value), &a))
		return wrong(r->why, "from is an address", value);
	r->need->from = value;
	return MM_OK;
}

static enum mm_err take_method(struct reading *r, const char *value)
{
	need_add_method(&r->methods, value);
	return MM_OK;
}

static enum mm_err take_perm(struct reading *r, const char *value)
{
	static const char *const words[] = { "", "r", "w", "rw" };
	for (unsigned perm = MM_READ; perm <= (MM_READ | MM_WRITE); perm++)
		if (strcmp(value, words[perm]) == 0)
			r->perm = perm;
	return r->perm ? MM_OK : wrong(r->why, "perm is r, w or rw", value);
}

/* Cut at spaces: no id holds one. */
static enum mm_err cut_ids(struct reading *r, const char *value,
			   struct need_ids *ids)
{
	char *at = ids->text;
	ids->given = true;
	if (!span_copy(ids->text, sizeof ids->text, span_str(value)))
		return wrong(r->why, "the ids are too long", value);
	for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
		if (ids->count == NEED_IDS)
			return wrong(r->why, "too many ids", value);
		ids->at[ids->count++] = at;
		at += strcspn(at, " ");
		if (*at != '\0')
			*at++ = '\0';
	}
	return MM_OK;
}

static enum mm_err take_ids(struct reading *r, const char *value)
{
	return cut_ids(r, value, &r->need->ids);
}

static enum mm_err take_to(struct reading *r, const char *value)
{
	return cut_ids(r, value, &r->need->to);
}

static const struct param {
	const char *name;
	enum mm_err (*take)(struct reading *r, const char *value);
} params[] = {
	{ "scope", take_scope },       { "type", take_type },
	{ "ids", take_ids },	       { "perm", take_perm },
	{ "method", take_method },     { "to", take_to },
	{ "audience", take_audience }, { "from", take_from },
};

static enum mm_err take(struct reading *r, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof params / sizeof *params; i++)
		if (strcmp(name, params[i].name) == 0)
			return params[i].take(r, value);
	return wrong(r->why, "there is no such parameter", name);
}

/* Does what was given make sense together? */
static enum mm_err settle(struct reading *r)
{
	struct need *n = r->need;
	n->perm = r->perm ? r->perm : r->methods.perm;
	n->moves = r->methods.moves;
	if (n->type == NULL && !n->ids.given && !n->to.given && r->perm == 0)
		return MM_OK;
	if (n->type == NULL || !n->ids.given)
		return why_say(r->why, MM_ERR_SETUP, NULL,
			       "type and ids go together, and perm and to "
			       "only with them");
	if (n->perm == 0)
		return why_say(r->why, MM_ERR_SETUP, NULL,
			       "a resource needs method or perm, or the "
			       "header X-Forwarded-Method");
	return MM_OK;
}

enum mm_err need_read(const struct form *f, struct need_methods m,
		      struct need *out, struct why *why)
{
	struct reading r = { .need = out, .methods = m, .why = why };
	const char *name = NULL, *value;
	/* field by field: most of it is room */
	out->scope = out->audience = out->type = out->from = NULL;
	out->ids.given = out->to.given = false;
	out->ids.count = out->to.count = 0;
	while (form_next(f, &name, &value))
		TRY(take(&r, name, value));
	return settle(&r);
}

/* ---- comparing ---- */

static enum mm_err lacks(char missing[NEED_MISSING], struct span word)
{
	(void)span_copy(missing, NEED_MISSING, word);
	return MM_ERR_INSUFFICIENT_SCOPE;
}

static enum mm_err check_scope(struct span need, const struct mm_token *t,
			       char missing[NEED_MISSING])
{
	struct span has = span_str(t->scope), word;
	while (span_cut(&need, ' ', &word))
		if (!scope_covers(has, word))
			return lacks(missing, word);
	return scope_covers(has, need) ? MM_OK : lacks(missing, need);
}

static enum mm_err check_resource(const struct need *n,
				  const struct need_ids *ids, unsigned perm,
				  const struct mm_token *t,
				  char missing[NEED_MISSING])
{
	static const char *const words[] = { "", "r", "w", "rw" };
	struct scope_word w;
	if (mm_allow(t, n->type, ids->at, ids->count, perm) == MM_OK)
		return MM_OK;
	int len = ids->count == 0 ? 0
				  : snprintf(missing, NEED_MISSING, "%s:%s:%s",
					     n->type, ids->at[0], words[perm]);
	/* an id that no scope can name cannot be said */
	if (len <= 0 || len >= NEED_MISSING ||
	    scope_word_read(span_str(missing), &w, NULL) != MM_OK ||
	    w.perm == 0)
		missing[0] = '\0';
	return MM_ERR_INSUFFICIENT_SCOPE;
}

enum mm_err need_check(const struct need *n, const struct mm_token *t,
		       char missing[NEED_MISSING])
{
	missing[0] = '\0';
	if (!t->has_scope)
		return MM_OK;
	if (n->scope != NULL)
		TRY(check_scope(span_str(n->scope), t, missing));
	if (n->type == NULL)
		return MM_OK;
	TRY(check_resource(n, &n->ids, n->perm, t, missing));
	return n->moves ? check_resource(n, &n->to, MM_WRITE, t, missing)
			: MM_OK;
}
