/* span.h - bytes that somebody else owns: a pointer never travels without
 * its length.  Passed by value, owns nothing, need not end in NUL. */
#ifndef MM_COMMON_SPAN_H
#define MM_COMMON_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *at;
	size_t len;
};

static inline struct span span_of(const void *at, size_t len)
{
	return (struct span){ at, len };
}

static inline struct span span_str(const char *s)
{
	return span_of(s, strlen(s));
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.at, b.at, a.len));
}

static inline bool span_is(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

/* Take everything before `sep` off the front of *rest, and the separator
 * with it.  False, and nothing moved, if `sep` is not there. */
static inline bool span_cut(struct span *rest, uint8_t sep, struct span *head)
{
	const uint8_t *hit =
		rest->len ? memchr(rest->at, sep, rest->len) : NULL;
	if (hit == NULL)
		return false;
	size_t n = (size_t)(hit - rest->at);
	*head = span_of(rest->at, n);
	*rest = span_of(hit + 1, rest->len - n - 1);
	return true;
}

/* The words of *rest, one space between each, one after the other; false after
 * the last.  They may be empty: "" is one such, and only NULL is none. */
static inline bool span_word(struct span *rest, struct span *word)
{
	if (rest->at == NULL)
		return false;
	if (!span_cut(rest, ' ', word)) {
		*word = *rest;
		*rest = span_of(NULL, 0);
	}
	return true;
}

/* The next line, off *rest, without its newline; the last may have none. */
static inline struct span span_line(struct span *rest)
{
	struct span line;
	if (span_cut(rest, '\n', &line))
		return line;
	line = *rest;
	rest->len = 0;
	return line;
}

/* Copy into a NUL-ended array.  False, and *to is "", if it does not fit. */
static inline bool span_copy(char *to, size_t size, struct span from)
{
	to[0] = '\0';
	if (from.len >= size)
		return false;
	if (from.len != 0)
		memcpy(to, from.at, from.len);
	to[from.len] = '\0';
	return true;
}

#endif
