/* text.h - strangers' text, made fit for sentences and for JSON. */
#ifndef MM_COMMON_TEXT_H
#define MM_COMMON_TEXT_H

#include "common/buf.h"

#define QUOTE_SIZE 48

/* "text" in double quotes: bytes that do not print become '?', and what is
 * too long ends in "...". */
void text_quote(char out[QUOTE_SIZE], struct span text);

/* A number in decimal, of at most 19 digits, without signs or leading zeros.
 * False: it is none, or more than `max`. */
bool text_number(struct span s, uint64_t max, uint64_t *out);

/* The length of the UTF-8 character at the front of s (RFC 3629 s4); 0 if
 * there is none. */
size_t text_char_length(struct span s);

/* Take one character off the front of *rest (which is not empty), as it is
 * to stand in a JSON string: itself, or an escape in `spelt`.  A byte that
 * is no UTF-8 becomes U+FFFD. */
struct span text_json_char(struct span *rest, char spelt[8]);
/* Append all of it so, in quotes. */
void text_json(struct buf *b, struct span text);

#endif
