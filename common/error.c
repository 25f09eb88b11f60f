/* error.c - the texts of the one error list, and the sentence beside it. */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *word;
	unsigned http;
} errors[MM_ERR_COUNT] = {
#define X(name, http, word) [name] = { word, http },
	MM_ERRORS(X)
#undef X
};

_Noreturn void mm_bug(const char *what, const char *file, int line)
{
	fprintf(stderr, "mintmark: bug at %s:%d: %s\n", file, line, what);
	abort();
}

const char *mm_err_word(enum mm_err e)
{
	return (unsigned)e < MM_ERR_COUNT ? errors[e].word : "unavailable";
}

unsigned mm_err_http(enum mm_err e)
{
	return (unsigned)e < MM_ERR_COUNT ? errors[e].http : 503;
}

enum mm_err why_say(struct why *why, enum mm_err e, const char *field,
		    const char *fmt, ...)
{
	if (why == NULL)
		return e;
	snprintf(why->field, sizeof why->field, "%s", field ? field : "");

	va_list args;
	va_start(args, fmt);
	vsnprintf(why->text, sizeof why->text, fmt, args);
	va_end(args);
	return e;
}
