/* fuzz_settings.c - a configuration file, and behind the first NUL flags,
 * one a line, for a program with a setting of each kind.
 *
 * What is taken is printed as a file that says the same, and reads as the
 * same.  What is refused is refused for the line that is named: up to there
 * the file is good, and with that line it is refused in the same words,
 * whatever comes behind it.
 */
#include "common/settings.h"

#include <stddef.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

enum { FLAGS_MAX = 16 };

/* clang-format off */
#define SETTINGS(X) \
	X(text, SET_TEXT,     "here",  "WORD", "a text") \
	X(none, SET_TEXT,     "",      "WORD", "another") \
	X(yes,  SET_BOOL,     "false", "",     "a boolean") \
	X(many, SET_INT,      "7",     "N",    "a number") \
	X(life, SET_DURATION, "",      "DUR",  "a time") \
	X(list, SET_TEXTS,    "",      "WORD", "several texts") \
	X(file_only, SET_INT, "0",     NULL,   "no flag")
/* clang-format on */

struct values {
#define X(name, kind, standard, arg, help) SETTING_FIELD_##kind(name)
	SETTINGS(X)
#undef X
};

static const struct setting rows[] = {
#define X(name, kind, standard, arg, help)                                     \
	{ #name, kind, standard, arg, help, offsetof(struct values, name) },
	SETTINGS(X)
#undef X
};

static const struct settings_table table = {
	.program = "fuzz",
	.usage = "fuzz",
	.rows = rows,
	.count = sizeof rows / sizeof rows[0],
};

/* ---- asking ---- */

/* The flags' text is cut in place. */
static enum mm_err ask(struct span file, char *flags, struct values *out,
		       enum settings_wish *wish, struct why *why)
{
	char program[] = "fuzz", config[] = "--config";
	char path[64];
	snprintf(path, sizeof path, "%s", fuzz_file(file));
	char *argv[FLAGS_MAX + 4] = { program, config, path };
	int argc = 3;
	while (flags != NULL && argc < FLAGS_MAX + 3)
		argv[argc++] = strsep(&flags, "\n");
	*why = (struct why){ .text = "" };
	enum mm_err e = settings_read(&table, argc, argv, out, wish, why);
	MM_ASSERT((e == MM_OK) == (why->text[0] == '\0'));
	MM_ASSERT(strlen(why->text) < sizeof why->text - 1);
	return e;
}

/* ---- what was taken ---- */

/* The caller's to free. */
static char *printed(const struct values *v, size_t *len)
{
	char *text = NULL;
	FILE *before = stdout;
	stdout = open_memstream(&text, len);
	MM_ASSERT(stdout != NULL);
	settings_print_values(&table, v);
	fclose(stdout);
	stdout = before;
	return text;
}

static void check_printed(const struct values *v)
{
	struct values again;
	struct why why;
	enum settings_wish wish;
	size_t len, len_again;
	char *text = printed(v, &len);
	MM_ASSERT(ask(span_of(text, len), NULL, &again, &wish, &why) == MM_OK);
	char *text_again = printed(&again, &len_again);
	MM_ASSERT(len == len_again && memcmp(text, text_again, len) == 0);
	MM_ASSERT(strcmp(v->text, again.text) == 0 && v->yes == again.yes &&
		  v->many == again.many && v->life == again.life &&
		  v->list.count == again.list.count);
	free(text_again);
	free(text);
}

/* An address, put together again, is the same one. */
static void check_address(const char *text)
{
	char host[256], host_again[256], whole[300];
	uint16_t port, port_again;
	if (address_read(text, host, &port, NULL) != MM_OK)
		return;
	snprintf(whole, sizeof whole, strchr(host, ':') ? "[%s]:%u" : "%s:%u",
		 host, port);
	MM_ASSERT(address_read(whole, host_again, &port_again, NULL) == MM_OK);
	MM_ASSERT(port == port_again && strcmp(host, host_again) == 0);
}

/* ---- what was refused ---- */

/* The line that the sentence names; 0: none of this file's. */
static size_t line_named(const struct why *why)
{
	static const char before[] = "/proc/self/fd/";
	if (strncmp(why->text, before, strlen(before)) != 0)
		return 0;
	const char *colon = strchr(why->text, ':');
	return colon ? strtoul(colon + 1, NULL, 10) : 0;
}

/* The first n lines. */
static struct span lines(struct span file, size_t n)
{
	struct span rest = file, line;
	while (n != 0 && span_cut(&rest, '\n', &line))
		n--;
	return n == 0 ? span_of(file.at, file.len - rest.len) : file;
}

static void check_refused(struct span file, const struct why *first)
{
	struct values v;
	struct why why;
	enum settings_wish wish;
	size_t n = line_named(first);
	MM_ASSERT(n != 0);
	MM_ASSERT(ask(lines(file, n - 1), NULL, &v, &wish, &why) == MM_OK);
	MM_ASSERT(ask(lines(file, n), NULL, &v, &wish, &why) != MM_OK);
	MM_ASSERT(strcmp(why.text, first->text) == 0);
}

/* A flag would lead to another file, or print to our own output. */
static bool leads_away(const char *flags)
{
	return strstr(flags, "--config") || strstr(flags, "--help") ||
	       strstr(flags, "--version");
}

bool fuzz_one(struct span input)
{
	static char flags[8192];
	struct span file = input, rest = input;
	static struct values v;
	struct why why;
	enum settings_wish wish;
	bool has_flags = span_cut(&rest, '\0', &file);
	if (has_flags &&
	    (!span_copy(flags, sizeof flags, rest) || leads_away(flags)))
		return false;
	bool good =
		ask(file, has_flags ? flags : NULL, &v, &wish, &why) == MM_OK;
	if (good) {
		check_printed(&v);
		check_address(v.text);
	} else if (!has_flags) {
		check_refused(file, &why);
	}
	return good;
}
