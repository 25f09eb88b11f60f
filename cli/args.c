/* args.c - getopt_long() driven by a command's rows. */
#include "cli/args.h"

#include <getopt.h>
#include <stdio.h>

#include "common/duration.h"
#include "common/jwk.h"
#include "common/text.h"

#define FLAGS_MAX 16
#define HELP_FLAG 1000
#define LONG_ONLY 2000 /* + the row's number */

static void *place(const struct flag *f, struct args *a)
{
	return (char *)a + f->offset;
}

/* "--user", as messages call it. */
static void flag_name(char out[40], const struct flag *f)
{
	snprintf(out, 40, "--%s", f->name);
}

/* ---- values ---- */

static enum mm_err set_text(const struct flag *f, const char *value,
			    struct args *a, struct why *why)
{
	const char **to = place(f, a);
	if (*to != NULL)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--%s was given twice", f->name);
	if (value[0] == '\0' && f->kind == FLAG_TEXT)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--%s was given an empty value (a variable that "
			       "is not set?)",
			       f->name);
	*to = value;
	return MM_OK;
}

static enum mm_err add_text(const struct flag *f, const char *value,
			    struct args *a, struct why *why)
{
	struct arg_texts *to = place(f, a);
	if (to->count == ARG_TEXTS_MAX)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "--%s was given more than %d times", f->name,
			       ARG_TEXTS_MAX);
	to->at[to->count++] = value;
	return MM_OK;
}

static enum mm_err set_duration(const struct flag *f, const char *value,
				struct args *a, struct why *why)
{
	struct why inner = { .text = "" };
	enum mm_err (*read)(struct span, int64_t *, struct why *) =
		f->kind == FLAG_DURATION ? duration_read
					 : duration_or_none_read;
	if (read(span_str(value), place(f, a), &inner) == MM_OK)
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL, "--%s: %s", f->name,
		       inner.text);
}

static enum mm_err set_value(const struct flag *f, const char *value,
			     struct args *a, struct why *why)
{
	bool *yes = place(f, a);
	switch (f->kind) {
	case FLAG_TEXT:
	case FLAG_LABEL:
		return set_text(f, value, a, why);
	case FLAG_TEXTS:
		return add_text(f, value, a, why);
	case FLAG_DURATION:
	case FLAG_DURATION_OR_0:
		return set_duration(f, value, a, why);
	case FLAG_JSON:
		if (strcmp(value, "json") != 0)
			return why_say(why, MM_ERR_INVALID, NULL,
				       "-o knows one form: json");
		*yes = true;
		return MM_OK;
	case FLAG_BOOL:
		*yes = true;
		return MM_OK;
	}
	return MM_ERR_INVALID;
}

/* ---- getopt's tables, from ours ---- */

struct getopt_tables {
	char letters[3 + 2 * FLAGS_MAX];
	struct option names[FLAGS_MAX + 2];
};

static void make_tables(const struct command *c, struct getopt_tables *t)
{
	char *letter = t->letters;
	MM_ASSERT(c->flag_count <= FLAGS_MAX);
	*t = (struct getopt_tables){ .letters = "" };
	*letter++ = ':'; /* tell a missing value from an unknown flag */
	*letter++ = 'h';
	for (size_t i = 0; i < c->flag_count; i++) {
		const struct flag *f = &c->flags[i];
		int takes = f->kind != FLAG_BOOL;
		t->names[i] = (struct option){ f->name, takes, NULL,
					       LONG_ONLY + (int)i };
		if (f->letter == 0)
			continue;
		*letter++ = f->letter;
		if (takes)
			*letter++ = ':';
	}
	t->names[c->flag_count] =
		(struct option){ "help", no_argument, NULL, HELP_FLAG };
}

static const struct flag *flag_of(const struct command *c, int hit)
{
	for (size_t i = 0; i < c->flag_count; i++)
		if (hit == LONG_ONLY + (int)i ||
		    (c->flags[i].letter != 0 && hit == c->flags[i].letter))
			return &c->flags[i];
	return NULL;
}

/* A key that was made in a PKCS#11 token may be called "-AbC...".  getopt is
 * still at that word, or just behind it. */
static const char *key_name(char **argv)
{
	for (int i = optind; i >= optind - 1; i--)
		if (argv[i] != NULL && argv[i][0] == '-' && jwk_is_kid(argv[i]))
			return argv[i];
	return NULL;
}

/* What getopt stumbled over.  A value never gets into the sentence: it may
 * be a token that slipped. */
static enum mm_err say_unknown(int hit, char **argv, struct why *why)
{
	char name[40];
	const char *text = argv[optind - 1];
	bool spelled = text[0] == '-' && text[1] == '-';
	if (spelled)
		snprintf(name, sizeof name, "%.*s",
			 (int)(strcspn(text, "=") < 30 ? strcspn(text, "=")
						       : 30),
			 text);
	else
		snprintf(name, sizeof name, "-%c", hit == 'h' ? hit : optopt);
	if (hit == ':')
		return why_say(why, MM_ERR_INVALID, NULL, "%s needs a value",
			       name);
	const char *kid = key_name(argv);
	return kid ? why_say(why, MM_ERR_INVALID, NULL,
			     "unknown flag %s (if %s is a key, say it last: "
			     "-- %s)",
			     name, kid, kid)
		   : why_say(why, MM_ERR_INVALID, NULL, "unknown flag %s",
			     name);
}

/* getopt takes the beginning of a name for it: --re for --reissue, until there
 * is another one that begins so.  `hit` is a long one, at the word before
 * optind or, where the value is a word of its own, before that. */
static enum mm_err check_whole(const struct getopt_tables *t, int hit,
			       char **argv, struct why *why)
{
	const struct option *o = t->names;
	const char *text = argv[optind - (optarg == argv[optind - 1] ? 2 : 1)];
	size_t len = strcspn(text + 2, "=");
	while (o->val != hit)
		o++;
	if (len == strlen(o->name))
		return MM_OK;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "unknown flag %.*s: is --%s meant?", (int)(2 + len),
		       text, o->name);
}

static enum mm_err check_all(const struct command *c, struct args *a,
			     struct why *why)
{
	for (size_t i = 0; i < c->flag_count; i++) {
		const struct flag *f = &c->flags[i];
		const char *const *text = place(f, a);
		if (f->mandatory && *text == NULL)
			return why_say(why, MM_ERR_INVALID, NULL,
				       "-%c %s is missing", f->letter,
				       f->value);
	}
	if (a->operand_count <= c->operands_max)
		return MM_OK;
	size_t more = a->operand_count - c->operands_max;
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%zu more word%s than mintmark %s takes", more,
		       more == 1 ? "" : "s", c->name);
}

enum mm_err args_read(const struct command *c, int argc, char **argv,
		      struct args *out, bool *help, struct why *why)
{
	struct getopt_tables t;
	make_tables(c, &t);
	opterr = 0;
	for (int hit;
	     (hit = getopt_long(argc, argv, t.letters, t.names, NULL)) != -1;) {
		if (hit >= HELP_FLAG)
			TRY(check_whole(&t, hit, argv, why));
		*help = hit == HELP_FLAG ||
			(hit == 'h' && strcmp(argv[optind - 1], "-h") == 0);
		if (*help)
			return MM_OK;
		const struct flag *f = flag_of(c, hit);
		if (f == NULL)
			return say_unknown(hit, argv, why);
		TRY(set_value(f, optarg, out, why));
	}
	out->operand = argv + optind;
	out->operand_count = (size_t)(argc - optind);
	return check_all(c, out, why);
}

/* ---- help ---- */

static void print_flag(const struct flag *f)
{
	char left[64], name[40];
	flag_name(name, f);
	snprintf(left, sizeof left, "%s%c%s %s%s%s", f->letter ? "-" : "",
		 f->letter ? f->letter : ' ', f->letter ? "," : "  ", name,
		 f->value ? " " : "", f->value ? f->value : "");
	printf("  %-26s  %s\n", left, f->help);
}

void args_print_help(const struct command *c)
{
	printf("usage: mintmark %s %s\n\n%s\n\n", c->name, c->synopsis,
	       c->about);
	for (size_t i = 0; i < c->flag_count; i++)
		print_flag(&c->flags[i]);
	printf("  %-26s  %s\n", "-h, --help", "this");
	printf("\nExamples:\n%s", c->examples);
}
