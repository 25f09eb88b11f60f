/* settings_internal.h - what the files of settings share. */
#ifndef MM_COMMON_SETTINGS_INTERNAL_H
#define MM_COMMON_SETTINGS_INTERNAL_H

#include "common/settings.h"

enum source { FROM_NOWHERE, FROM_STANDARD, FROM_FILE, FROM_ENV, FROM_FLAG };

#define FROM_SIZE 200

struct reading {
	const struct settings_table *table;
	void *out;
	enum source source;		 /* being asked now */
	enum source given[SETTINGS_MAX]; /* who gave each row's value */
	char from[FROM_SIZE]; /* "FILE:LINE", "MINTMARK_NAME", "--flag" */
	struct why *why;
};

/* MM_ERR_INVALID: "FROM: what". */
enum mm_err setting_refuse(const struct reading *r, const char *name,
			   const char *what);
/* A comment behind a value would become part of a path or a URL without a
 * word; better to be told. */
bool setting_has_comment(struct span value);
/* The value of row i, from the source that is being asked. */
MM_MUST_USE enum mm_err setting_take(struct reading *r, size_t i,
				     struct span value);

/* All to standard output. */
void settings_print_help(const struct settings_table *t);
void settings_print_version(const struct settings_table *t);
/* The settings in `values`, as a configuration file that makes them so. */

#endif
