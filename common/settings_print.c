/* settings_print.c - what --help, --version and --print say. */
#include "common/settings_internal.h"

#include <stdio.h>

#include "common/duration.h"

/* ---- help ---- */

static void help_row(const char *left, const char *help, const char *standard)
{
	if (strlen(left) > 27)
		printf("  %s\n  %-28s%s", left, "", help);
	else
		printf("  %-28s%s", left, help);
	if (standard[0] != '\0')
		printf(" (default %s)", standard);
	putchar('\n');
}

static void help_flag(const struct setting *row)
{
	char left[128];
	snprintf(left, sizeof left, "--%s %s", row->name, row->arg);
	for (char *c = left; *c != ' '; c++)
		if (*c == '_')
			*c = '-';
	help_row(left, row->help, row->kind == SET_BOOL ? "" : row->standard);
}

static void help_file_only(const struct settings_table *t)
{
	const char *head = "\nIn the configuration file or the environment "
			   "only:\n\n";
	for (size_t i = 0; i < t->count; i++) {
		const struct setting *row = &t->rows[i];
		if (row->arg != NULL)
			continue;
		fputs(head, stdout);
		head = "";
		help_row(row->name, row->help, row->standard);
	}
}

void settings_print_help(const struct settings_table *t)
{
	printf("%s\n\n", t->usage);
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i].arg != NULL)
			help_flag(&t->rows[i]);
	putchar('\n');
	help_row("--config FILE", "read settings from FILE", "");
	help_row("--print", "print the settings in force, as such a file", "");
	help_row("--test", "check the settings and exit", "");
	help_row("--version", "print the version and exit", "");
	help_row("--help", "print this and exit", "");
	help_file_only(t);
	puts("\nA flag goes before the environment (--some-name is "
	     "MINTMARK_SOME_NAME), and that\nbefore the file (some_name = "
	     "...).  Durations: 45s, 30m, 12h, 20d, 2w, 1h30m.");
}

void settings_print_version(const struct settings_table *t)
{
	printf("%s " MM_VERSION "\n", t->program);
}

/* ---- the settings in force ---- */

static void print_texts(const char *name, const struct setting_texts *texts)
{
	if (texts->count == 0)
		printf("%s =\n", name);
	for (size_t i = 0; i < texts->count; i++)
		printf("%s = %s\n", name, texts->at[i]);
}

static void print_duration(const char *name, int64_t seconds)
{
	char text[32];
	duration_write(text, seconds);
	if (seconds == 0) /* which cannot be said: there is none */
		printf("# %s =\n", name);
	else
		printf("%s = %s\n", name, text);
}

static void print_value(const struct setting *row, const void *at)
{
	switch (row->kind) {
	case SET_TEXT:
	case SET_NAME:
		printf("%s = %s\n", row->name, (const char *)at);
		return;
	case SET_BOOL:
		printf("%s = %s\n", row->name,
		       *(const bool *)at ? "true" : "false");
		return;
	case SET_INT:
		printf("%s = %lld\n", row->name,
		       (long long)*(const int64_t *)at);
		return;
	case SET_DURATION:
		print_duration(row->name, *(const int64_t *)at);
		return;
	case SET_TEXTS:
		print_texts(row->name, at);
		return;
	}
}

void settings_print_values(const struct settings_table *t, const void *values)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct setting *row = &t->rows[i];
		printf("%s# %s\n", i == 0 ? "" : "\n", row->help);
		print_value(row, (const char *)values + row->offset);
	}
}
