/* settings.c - settings from defaults, file, environment and flags.
 *
 * The sources are asked in rising order of precedence, so what comes later
 * stays.  Each hands its texts to setting_take(), with a word for where
 * they stand.
 */
#include "common/settings.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/environment.h"
#include "common/log.h"
#include "common/settings_internal.h"
#include "common/text.h"

#define FILE_MAX (256 * 1024)

/* ---- defaults ---- */

static void clear(const struct reading *r, const struct setting *row)
{
	static const size_t size[] = {
		[SET_TEXT] = SETTING_SIZE,
		[SET_NAME] = SETTING_SIZE,
		[SET_BOOL] = sizeof(bool),
		[SET_INT] = sizeof(int64_t),
		[SET_DURATION] = sizeof(int64_t),
		[SET_TEXTS] = sizeof(struct setting_texts),
	};
	memset((char *)r->out + row->offset, 0, size[row->kind]);
}

static enum mm_err read_standards(struct reading *r)
{
	r->source = FROM_STANDARD;
	for (size_t i = 0; i < r->table->count; i++) {
		const struct setting *row = &r->table->rows[i];
		snprintf(r->from, sizeof r->from, "the default of %s",
			 row->name);
		clear(r, row);
		if (row->standard[0] != '\0')
			TRY(setting_take(r, i, span_str(row->standard)));
	}
	return MM_OK;
}

/* ---- the file ---- */

static struct span trim(struct span s)
{
	while (s.len != 0 && strchr(" \t\r", s.at[s.len - 1]) != NULL &&
	       s.at[s.len - 1] != '\0')
		s.len--;
	while (s.len != 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = span_of(s.at + 1, s.len - 1);
	return s;
}

/* The next line off *rest. */
static struct span next_line(struct span *rest)
{
	struct span line;
	if (!span_cut(rest, '\n', &line)) {
		line = *rest;
		rest->len = 0;
	}
	return trim(line);
}

static bool says_nothing(struct span line)
{
	return line.len == 0 || line.at[0] == '#';
}

/* "name = value".  False: it is none. */
static bool split_line(struct span line, struct span *name, struct span *value)
{
	*value = line;
	if (!span_cut(value, '=', name))
		return false;
	*name = trim(*name);
	*value = trim(*value);
	return true;
}

static enum mm_err read_line(struct reading *r, struct span line)
{
	char quoted[QUOTE_SIZE];
	struct span name, value;
	if (says_nothing(line))
		return MM_OK;
	if (!split_line(line, &name, &value))
		return setting_refuse(r, NULL,
				      "not a line of the form name = value");
	if (setting_has_comment(value))
		return setting_refuse(r, NULL,
				      "a comment needs a line of its own");
	for (size_t i = 0; i < r->table->count; i++)
		if (span_is(name, r->table->rows[i].name))
			return setting_take(r, i, value);
	text_quote(quoted, name);
	return why_say(r->why, MM_ERR_INVALID, NULL,
		       "%s: unknown setting %s, see --help", r->from, quoted);
}

/* The end of a long path says more than its beginning. */
static const char *short_path(const char *path)
{
	size_t len = strlen(path);
	return len <= 160 ? path : path + len - 160;
}

static enum mm_err read_file(struct reading *r, const char *path, bool required)
{
	AUTO_BUF struct buf file = buf_new(FILE_MAX);
	struct span rest;
	if (path == NULL)
		return MM_OK;
	enum mm_err e = buf_read_our_file(&file, path, r->why);
	if (e == MM_ERR_NOT_FOUND && !required)
		return MM_OK;
	if (e != MM_OK)
		return e;
	TRY(buf_done(&file, &rest));

	r->source = FROM_FILE;
	for (size_t number = 1; rest.len != 0; number++) {
		struct span line = next_line(&rest);
		snprintf(r->from, sizeof r->from, "%s:%zu", short_path(path),
			 number);
		TRY(read_line(r, line));
	}
	return MM_OK;
}

/* The next value of that name, off *rest. */
static bool next_value(struct span *rest, const char *name, struct span *value)
{
	struct span has;
	while (rest->len != 0) {
		struct span line = next_line(rest);
		if (!says_nothing(line) && split_line(line, &has, value) &&
		    span_is(has, name))
			return true;
	}
	return false;
}

enum mm_err settings_peek(const char *path, const char *name,
			  char out[SETTING_SIZE], struct why *why)
{
	AUTO_BUF struct buf file = buf_new(FILE_MAX);
	struct span rest, value;
	out[0] = '\0';
	TRY(buf_read_file(&file, path, why));
	TRY(buf_done(&file, &rest));
	if (!next_value(&rest, name, &value))
		return MM_ERR_NOT_FOUND;
	return span_copy(out, SETTING_SIZE, value) ? MM_OK : MM_ERR_TOO_LARGE;
}

void settings_peek_all(const char *path, const char *name,
		       struct setting_texts *out)
{
	AUTO_BUF struct buf file = buf_new(FILE_MAX);
	struct span rest, value;
	out->count = 0;
	if (buf_read_file(&file, path, NULL) != MM_OK ||
	    buf_done(&file, &rest) != MM_OK)
		return;
	while (next_value(&rest, name, &value) && out->count < SETTING_LISTS)
		if (value.len == 0)
			out->count = 0;
		else if (span_copy(out->at[out->count], SETTING_SIZE, value))
			out->count++;
}

/* ---- the environment ---- */

static void warn_unknown(void)
{
	char sentence[UNKNOWN_SIZE];
	for (size_t at = 0; environment_unknown(&at, sentence);)
		log_event(LOG_WARNING, "settings.unknown", "detail=%s",
			  sentence);
}

/* Before anything can be refused: what is missing may be what is mistyped. */
static enum mm_err read_environment(struct reading *r)
{
	r->source = FROM_ENV;
	warn_unknown();
	for (size_t i = 0; i < r->table->count; i++) {
		snprintf(r->from, sizeof r->from, "MINTMARK_%s",
			 r->table->rows[i].name);
		for (char *c = r->from; *c != '\0'; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 'a' + 'A');
		const char *value = getenv(r->from);
		if (value != NULL)
			TRY(setting_take(r, i, span_str(value)));
	}
	return MM_OK;
}

/* ---- flags ---- */

/* What the flags that every program has lead to. */
struct common_flags {
	const char *config;
	bool help, version, print, test;
};

struct arguments {
	int argc, next;
	char **argv;
};

/* One flag, taken apart: "--name", "--name=text" or "--name text". */
struct flag {
	struct span name;
	const char *text; /* behind the =, or NULL */
};

static bool flag_is(const struct flag *f, const char *name)
{
	if (f->name.len != strlen(name))
		return false;
	for (size_t i = 0; i < f->name.len; i++)
		if (f->name.at[i] != (name[i] == '_' ? '-' : name[i]))
			return false;
	return true;
}

/* Arguments that are no flags are not quoted: one may be a secret. */
static enum mm_err take_flag(struct reading *r, struct arguments *a,
			     struct flag *f)
{
	const char *arg = a->argv[a->next++];
	char quoted[QUOTE_SIZE];
	if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0')
		return why_say(r->why, MM_ERR_INVALID, NULL,
			       "argument %d is not a flag, see --help",
			       a->next - 1);
	f->name = span_str(arg + 2);
	f->text = NULL;
	if (strchr(arg, '=') != NULL) {
		struct span rest = f->name;
		span_cut(&rest, '=', &f->name);
		f->text = (const char *)rest.at;
	}
	text_quote(quoted, span_of(arg, f->name.len + 2));
	snprintf(r->from, sizeof r->from, "%.*s", (int)strlen(quoted) - 2,
		 quoted + 1);
	return MM_OK;
}

/* The text of a flag that needs one. */
static enum mm_err flag_text(const struct reading *r, struct arguments *a,
			     struct flag *f)
{
	if (f->text == NULL && a->next < a->argc &&
	    strncmp(a->argv[a->next], "--", 2) == 0)
		return setting_refuse(r, NULL,
				      "a value must follow, and not a flag "
				      "(for one that begins so: --name=value)");
	if (f->text == NULL && a->next < a->argc)
		f->text = a->argv[a->next++];
	if (f->text == NULL)
		return setting_refuse(r, NULL,
				      "a value must follow, see --help");
	return MM_OK;
}

static enum mm_err take_common_flag(const struct reading *r,
				    struct arguments *a, struct flag *f,
				    struct common_flags *common, bool *taken)
{
	const struct {
		const char *name;
		bool *to;
	} bare[] = {
		{ "help", &common->help },
		{ "version", &common->version },
		{ "print", &common->print },
		{ "test", &common->test },
	};
	*taken = true;
	if (flag_is(f, "config")) {
		TRY(flag_text(r, a, f));
		common->config = f->text;
		return MM_OK;
	}
	for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
		if (flag_is(f, bare[i].name)) {
			*bare[i].to = true;
			return f->text == NULL
				       ? MM_OK
				       : setting_refuse(r, NULL,
							"takes no value");
		}
	*taken = false;
	return MM_OK;
}

/* The flag's value, if it is one of the program's: into *out when `keep`. */
static enum mm_err take_own_flag(struct reading *r, struct arguments *a,
				 struct flag *f, bool keep)
{
	for (size_t i = 0; i < r->table->count; i++) {
		const struct setting *row = &r->table->rows[i];
		if (row->arg == NULL || !flag_is(f, row->name))
			continue;
		if (row->kind == SET_BOOL && f->text == NULL)
			f->text = "true";
		TRY(flag_text(r, a, f));
		return keep ? setting_take(r, i, span_str(f->text)) : MM_OK;
	}
	return setting_refuse(r, NULL, "no such flag, see --help");
}

/* All flags are read twice: first to know which file to read and whether
 * --help is wanted, then, above all other sources, for their values. */
static enum mm_err read_flags(struct reading *r, int argc, char **argv,
			      struct common_flags *common, bool keep)
{
	struct arguments a = { argc, 1, argv };
	r->source = FROM_FLAG;
	while (a.next < a.argc && !common->help && !common->version) {
		struct flag f = { .text = NULL };
		bool taken;
		TRY(take_flag(r, &a, &f));
		TRY(take_common_flag(r, &a, &f, common, &taken));
		if (!taken)
			TRY(take_own_flag(r, &a, &f, keep));
	}
	return MM_OK;
}

/* ---- all of them ---- */

enum mm_err settings_read(const struct settings_table *t, int argc, char **argv,
			  void *out, enum settings_wish *wish, struct why *why)
{
	struct reading r = { .table = t, .out = out, .why = why };
	struct common_flags common = { .config = NULL };
	MM_ASSERT(t->count <= SETTINGS_MAX);

	*wish = SETTINGS_HELP;
	TRY(read_flags(&r, argc, argv, &common, false));
	if (common.help || common.version) {
		(common.help ? settings_print_help : settings_print_version)(t);
		return MM_OK;
	}
	TRY(read_standards(&r));
	TRY(read_file(&r, common.config ? common.config : t->config,
		      common.config != NULL));
	TRY(read_environment(&r));
	TRY(read_flags(&r, argc, argv, &common, true));
	*wish = common.print  ? SETTINGS_PRINT
		: common.test ? SETTINGS_TEST
			      : SETTINGS_RUN;
	return MM_OK;
}
