/* output.h - text for people, JSON for programs.
 *
 * Whatever came from elsewhere (labels, names, reasons) is made harmless
 * before a terminal sees it: control characters become '?', and so do those
 * that turn the direction of a line.
 */
#ifndef MM_CLI_OUTPUT_H
#define MM_CLI_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "common/buf.h"

/* Terminals measure and print by the locale's character set. */
void output_init(void);

/* Write text, made harmless; returns the columns that it takes. */
size_t put_text(FILE *to, const char *text);
size_t text_width(const char *text);
/* "  name      text\n", aligned. */
void put_field(FILE *to, const char *name, const char *text);

/* On one line. */
void put_json(const json_t *value);

/* A member's text, or `other` when it is missing, null or no text. */
const char *json_text(const json_t *object, const char *name,
		      const char *other);
/* A member's list of words, separated by spaces, or `other` when it is
 * missing, null or empty. */
void json_words(const json_t *object, const char *name, const char *other,
		struct buf *out);
/* When a token was last used, as the mint says it: "2026-11-28 17:00-18:00Z"
 * where the hour is all that is known, and not before it was issued. */
#define USED_SIZE 40
void json_used(const json_t *token, const char *other, char out[USED_SIZE]);
/* A member's time (RFC 3339), or 0. */
int64_t json_time(const json_t *object, const char *name);

static inline void json_drop_at(json_t **j)
{
	json_decref(*j);
}
#define AUTO_JSON __attribute__((cleanup(json_drop_at)))

/* To standard error, when a reply says that the change is durable, but that
 * verifiers have not heard of it. */
void warn_unpublished(const json_t *reply);
/* To the same, of each MINTMARK_ variable that nobody reads. */
void warn_unknown_variables(void);

#endif
