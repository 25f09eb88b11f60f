/* json.h - a strict reader of small JSON objects, without a heap.
 *
 * For what strangers send us on the verify path: the JOSE header and the
 * claims.  The shape is a table; the values land in a struct.  (Larger
 * documents, behind a signature or a size limit, are jansson's.)
 *
 * Strict: RFC 8259, valid UTF-8, no duplicate member anywhere (escaped
 * twins included, RFC 8725 s2.4), no NUL in a string, no lone surrogate,
 * integers are integers and fit int64, nothing behind the object, at most
 * JSON_MEMBERS_MAX members an object and JSON_DEPTH_MAX levels.  What this
 * reader accepts, jansson with JSON_REJECT_DUPLICATES accepts too.
 */
#ifndef MM_COMMON_JSON_H
#define MM_COMMON_JSON_H

#include "common/error.h"
#include "common/span.h"

#define JSON_TEXT_MAX	 4096
#define JSON_MEMBERS_MAX 32
#define JSON_DEPTH_MAX	 8

enum json_kind {
	JSON_KIND_STR,	  /* char[size], NUL-ended                           */
	JSON_KIND_INT,	  /* int64_t                                         */
	JSON_KIND_TEXT,	  /* struct json_text: its place in the texts        */
	JSON_KIND_TEXTS,  /* string or array of strings: struct json_strs    */
	JSON_KIND_OBJECT, /* `sub` is its table, into the same struct        */
};

/* Strings one behind the other, each ended by NUL, so that what is in use
 * can be copied as it is.  All strings of a text that is not too long fit:
 * its quotes alone take more than the NULs. */
struct json_texts {
	uint16_t used; /* the caller's to begin with */
	char text[JSON_TEXT_MAX];
};

/* One of them, without its NUL. */
struct json_text {
	uint16_t at;
	uint16_t len;
};

/* Several. */
struct json_strs {
	uint16_t at; /* where the first begins */
	uint16_t count;
};

struct json_field {
	const char *name;
	enum json_kind kind;
	uint16_t offset;
	uint16_t size; /* of strings: bytes, NULs included, at most */
	uint32_t bit;  /* set in *seen when the member is there */
	const struct json_table *sub;
};

struct json_table {
	const struct json_field *fields;
	size_t count;
	bool exact;	/* a member that is not in the table is refused */
	uint16_t texts; /* offset of the struct json_texts; 0: there is none */
};

/* Read `text`, which must be one object and nothing else, into *out.
 * *seen gets the bits of the members found (also those of `sub` tables).
 * MM_ERR_MALFORMED whatever is wrong. */
MM_MUST_USE enum mm_err strict_json_read(struct span text,
					 const struct json_table *table,
					 void *out, uint32_t *seen);

#endif
