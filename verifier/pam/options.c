/* options.c - the words behind pam_mintmark.so, by table. */
#include "verifier/pam/options.h"

#include "common/duration.h"
#include "common/scope.h"
#include "common/text.h"

#define STATE_STANDARD "/run/mintmark/state"

/* ---- values ---- */

/* The host process may stand in any folder. */
static enum mm_err path_read(const char *value, const char **out,
			     struct why *why)
{
	if (value[0] != '/')
		return why_say(why, MM_ERR_INVALID, NULL,
			       "it must be an absolute path");
	*out = value;
	return MM_OK;
}

static enum mm_err set_state(const char *value, struct options *o,
			     struct why *why)
{
	return path_read(value, &o->state, why);
}

static enum mm_err set_user_map(const char *value, struct options *o,
				struct why *why)
{
	return path_read(value, &o->user_map, why);
}

static enum mm_err set_audience(const char *value, struct options *o,
				struct why *why)
{
	if (value[0] == '\0' || strpbrk(value, " \t") != NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "it must be one word, as in the token's aud");
	o->audience = value;
	return MM_OK;
}

static enum mm_err add_scope(const char *value, struct options *o,
			     struct why *why)
{
	struct scope_word word;
	if (o->scopes == OPTIONS_SCOPES)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "it may be given %d times", OPTIONS_SCOPES);
	o->scope[o->scopes++] = value;
	return scope_word_read(span_str(value), &word, why);
}

static enum mm_err set_max_staleness(const char *value, struct options *o,
				     struct why *why)
{
	return duration_read(span_str(value), &o->max_staleness, why);
}

/* ---- rows ---- */

#define KNOWN                                                                  \
	"state=PATH audience=WORD scope=SCOPE user_map=PATH max_staleness=DUR"

static const struct row {
	const char *name; /* with its '=' */
	enum mm_err (*set)(const char *value, struct options *o,
			   struct why *why);
	bool again; /* may be given more than once */
} rows[] = {
	{ "state=", set_state, false },
	{ "audience=", set_audience, false },
	{ "scope=", add_scope, true },
	{ "user_map=", set_user_map, false },
	{ "max_staleness=", set_max_staleness, false },
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static size_t find(const char *word)
{
	size_t i = 0;
	while (i < ROW_COUNT &&
	       strncmp(word, rows[i].name, strlen(rows[i].name)) != 0)
		i++;
	return i;
}

static enum mm_err read_one(const char *word, struct options *o,
			    unsigned *given, struct why *why)
{
	char quoted[QUOTE_SIZE];
	struct why inner = { .text = "" };
	size_t i = find(word);
	text_quote(quoted, span_str(word));
	if (i == ROW_COUNT)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "no option %s: known are " KNOWN, quoted);
	if (*given & 1u << i && !rows[i].again)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "option %s: given twice", quoted);
	*given |= 1u << i;
	if (rows[i].set(word + strlen(rows[i].name), o, &inner) == MM_OK)
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL, "option %s: %s", quoted,
		       inner.text);
}

enum mm_err options_read(int argc, const char **argv, struct options *out,
			 struct why *why)
{
	unsigned given = 0;
	*out = (struct options){ .state = STATE_STANDARD };
	for (int i = 0; i < argc; i++)
		TRY(read_one(argv[i], out, &given, why));
	return MM_OK;
}
