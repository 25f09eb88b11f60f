/* settings.h - one list makes the struct, the parser, --print and --help.
 *
 * A program lists its settings once, and makes of the list what it needs:
 *
 *	//   name      type                     kind
 *	//   default   argument   help
 *	#define ISSUER_SETTINGS(X)
 *		X(data,     char[..], SET_TEXT,
 *		  "/var/lib/mintmark", "DIR", "where the mint keeps its files")
 *		X(max_life, int64_t,  SET_DURATION,
 *		  "366d",              "DUR", "the longest life of a token")
 *
 * Values come, in rising precedence, from the default, the configuration
 * file, the environment (MINTMARK_MAX_LIFE) and the flag (--max-life 30d,
 * --max-life=30d).  Every program has these flags besides its own:
 *
 *	--config FILE  --help  --version  --print  --test
 *
 * The file has lines "name = value", empty lines, and comments: lines that
 * begin with #.  An unknown name, a name given twice or a bad value is an
 * error with file and line, and so is a file that others than root and our
 * user can write to: it says what is believed, and run.  A MINTMARK_ variable
 * that names no setting of this program is ignored: other programs share the
 * prefix.  One that none of them reads is logged (settings.unknown): variables
 * are left behind, too, and are no reason not to start.
 *
 * A boolean is true or false; its flag may stand alone (--dev).  A SET_TEXTS
 * gathers all values of one source (flags, lines); a higher source replaces
 * what a lower one gathered.  "" is a good value only of SET_TEXT, and of
 * SET_TEXTS, which it empties; and of SET_NAME in a file, as --print writes
 * one.  No value holds control characters, or what a line of the file could
 * not say: a space at an end, or before a #.
 */
#ifndef MM_COMMON_SETTINGS_H
#define MM_COMMON_SETTINGS_H

#include "common/error.h"
#include "common/span.h"

#define SETTING_SIZE  512
#define SETTING_LISTS 8
#define SETTINGS_MAX  64 /* rows of a table */

enum setting_kind {
	SET_TEXT,     /* char[SETTING_SIZE]                               */
	SET_NAME,     /* the same, of somebody: said, it is not empty     */
	SET_BOOL,     /* bool: true or false                              */
	SET_INT,      /* int64_t, 0 or more                               */
	SET_DURATION, /* int64_t, seconds; 0 if there is no default       */
	SET_TEXTS,    /* struct setting_texts: may be given several times */
};

struct setting_texts {
	char at[SETTING_LISTS][SETTING_SIZE];
	size_t count;
};

/* The member of the program's struct that a row's value goes into. */
#define SETTING_FIELD_SET_TEXT(name)	 char name[SETTING_SIZE];
#define SETTING_FIELD_SET_NAME(name)	 char name[SETTING_SIZE];
#define SETTING_FIELD_SET_BOOL(name)	 bool name;
#define SETTING_FIELD_SET_INT(name)	 int64_t name;
#define SETTING_FIELD_SET_DURATION(name) int64_t name;
#define SETTING_FIELD_SET_TEXTS(name)	 struct setting_texts name;

struct setting {
	const char *name; /* "max_life"; the flag is --max-life */
	enum setting_kind kind;
	const char *standard; /* the default, as text; "": none, zero, false */
	const char *arg;      /* "DIR", for --help, "" for a boolean; NULL:
			       * no flag, file and environment only */
	const char *help;     /* one line */
	size_t offset;	      /* in the program's struct */
};

struct settings_table {
	const char *program; /* "mintmarkd" */
	const char *usage;   /* the first lines of --help */
	const char
		*config; /* the file when --config is not given; NULL: none */
	const struct setting *rows;
	size_t count;
};

enum settings_wish {
	SETTINGS_RUN,	/* go on */
	SETTINGS_HELP,	/* --help or --version was printed: exit 0 */
	SETTINGS_PRINT, /* --print: print them, exit 0 */
	SETTINGS_TEST,	/* --test: the settings are good: exit 0 */
};

/* Fill *out from all four places.  MM_ERR_INVALID with one sentence that
 * names file and line, variable or flag; what *out holds is then of no use.
 * t->config may be missing, a --config may not. */
MM_MUST_USE enum mm_err settings_read(const struct settings_table *t, int argc,
				      char **argv, void *out,
				      enum settings_wish *wish,
				      struct why *why);

/* The first value that a configuration file has for one name, for who is not
 * the program that it belongs to: what else is in there is passed over.
 * MM_ERR_NOT_FOUND: there is no such file, or no such line in it, and *out is
 * "". */
MM_MUST_USE enum mm_err settings_peek(const char *path, const char *name,
				      char out[SETTING_SIZE], struct why *why);

/* All that it has for a SET_TEXTS, likewise; a file that cannot be read has
 * none. */
void settings_peek_all(const char *path, const char *name,
		       struct setting_texts *out);

/* The settings as a file that says the same: what --print is answered
 * with, once the program has settled how they go together. */
void settings_print_values(const struct settings_table *t, const void *values);

/* "HOST:PORT", "[::1]:PORT" -> host (without brackets) and port, 0 to
 * 65535; MM_ERR_INVALID otherwise. */
MM_MUST_USE enum mm_err address_read(const char *text, char host[256],
				     uint16_t *port, struct why *why);

#endif
