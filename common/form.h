/* form.h - name=value&name=value, as queries and forms write it
 * (application/x-www-form-urlencoded, WHATWG URL s5.1). */
#ifndef MM_COMMON_FORM_H
#define MM_COMMON_FORM_H

#include "common/span.h"

#define FORM_MAX 16 /* parameters of one text */
/* The bytes that a text of `len` takes up when it is read: each parameter
 * may lack its "=", and still has an end. */
#define FORM_ROOM(len) ((len) + 1 + FORM_MAX)

struct form {
	const char *at, *end; /* name NUL value NUL ... */
	size_t count;
};

/* Read a text into `room`, which is to outlive *out.  False: a bad escape, a
 * control character, invalid UTF-8, a name given twice, too many. */
bool form_read(struct span text, char *room, struct form *out);
/* The same, but a name may come again: form_next() shows all of them. */
bool form_read_repeats(struct span text, char *room, struct form *out);
/* The first of that name; NULL: there is none. */
const char *form_value(const struct form *f, const char *name);
/* One after the other; begin with *name NULL.  False after the last. */
bool form_next(const struct form *f, const char **name, const char **value);

/* Decode %XX, and in a form + as a space, to *room, which moves behind the
 * NUL.  False as for form_read(); then *room has not moved. */
bool percent_decode(struct span raw, bool form, char **room);

#endif
