/* body.h - request bodies, read by table into a struct.
 *
 * The body must be one JSON object; a member that is not in the table, a
 * doubled one, or one of the wrong kind is refused by name.  Absent members
 * leave the struct as it was.
 */
#ifndef MM_ISSUER_BODY_H
#define MM_ISSUER_BODY_H

#include "common/error.h"
#include "common/span.h"

#define BODY_TEXTS 64

enum body_kind {
	BODY_TEXT,	   /* char[size]; text without control characters */
	BODY_BOOL,	   /* bool */
	BODY_SECONDS,	   /* int64_t: an integer, or a duration ("20d") */
	BODY_SECONDS_OR_0, /* int64_t: the same, and 0 */
	BODY_TIME,	   /* int64_t: seconds since 1970, or RFC 3339 */
	BODY_TEXTS_OF	   /* struct body_texts: a list of strings */
};

struct body_texts {
	bool given; /* the list was there, if only empty */
	char at[BODY_TEXTS][256];
	size_t count;
};

struct body_field {
	const char *name;
	enum body_kind kind;
	size_t offset, size;
};

/* MM_ERR_INVALID with the field's name.  An empty body is an empty
 * object. */
MM_MUST_USE enum mm_err body_read(struct span json,
				  const struct body_field *fields, size_t n,
				  void *out, struct why *why);

/* UTF-8 text that people and logs can bear: no control characters (C0, C1,
 * DEL), none that turn the direction of writing. */
bool text_is_plain(const char *text);

#endif
